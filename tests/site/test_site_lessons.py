"""The learning path: every page runs, shows what it printed and drew, and says where it is wrong."""

import re
from pathlib import Path

import pytest

from firsthand.errors import FirsthandError
from firsthand.pages import Pages, lessons
from firsthand.project import Project


@pytest.mark.parametrize("name", lessons.ORDER)
def test_a_lesson_runs_and_shows_what_came_out(pages: Pages, project: Project, name: str) -> None:
    source = (project.root / "site" / "learn" / f"{name}.md").read_text(encoding="utf-8")
    page = pages[f"learn/{name}.md"]
    assert isinstance(page, str) and "{{" not in page
    assert page.count("```text") >= min(1, source.count("print("))
    figures = re.findall(r"!\[.+\]\((.+?\.svg)\)", page)
    assert figures == [f"{name}-{number}.svg" for number in range(1, source.count("\n# figure: ") + 1)]
    assert all(f"learn/{figure}" in pages for figure in figures)


def test_every_lesson_is_on_the_path(project: Project) -> None:
    assert {path.stem for path in (project.root / "site" / "learn").glob("*.md")} == set(lessons.ORDER)
    assert [list(entry.values()) for entry in lessons.navigation(project)] == [
        [f"learn/{name}.md"] for name in lessons.ORDER
    ]


def test_the_first_network_is_as_short_as_its_page_says(project: Project) -> None:
    page = (project.root / "site" / "learn" / "chain-rule.md").read_text(encoding="utf-8")
    blocks = [block for block in lessons.BLOCK.findall(page) if not lessons.FIGURE.match(block)]
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert "Fewer than a hundred lines, and no library but NumPy." in page and len(lines) < 100
    assert [line for line in lines if "import" in line] == ["import numpy as np"]


def test_blocks_share_their_names_and_output_stands_below() -> None:
    page, drawn, blocks = lessons.run(
        "two", "# Two\n\n```python\na = 20\n```\n\nText.\n\n```python\nprint(a + 1)\n```\n"
    )
    assert page.endswith("```python\nprint(a + 1)\n```\n\n```text\n21\n```\n\n") and not drawn
    assert blocks == [(4, "a = 20\n", ""), (10, "print(a + 1)\n", "21\n")]


def test_a_figure_is_shown_with_its_words() -> None:
    block = (
        "# figure: A line\nfrom matplotlib.figure import Figure\n\nfigure = Figure()\nfigure.subplots().plot([1, 2])\n"
    )
    page, drawn, blocks = lessons.run("line", f"```python\n{block}```\n")
    assert page.startswith("![A line](line-1.svg)\n\n<details") and b"<svg" in drawn[1] and not blocks


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings\nwarnings.warn('x')", "UserWarning"),
        ("x = = 1", "SyntaxError"),
    ],
)
def test_a_lesson_that_fails_names_its_line(code: str, said: str) -> None:
    with pytest.raises(FirsthandError, match=rf"site/learn/bad\.md: line \d: {said}.*correct the lesson"):
        lessons.run("bad", f"# Bad\n\n```python\n{code}\n```\n")


def test_a_lesson_without_a_title(tmp_path: Path) -> None:
    (tmp_path / "site/learn").mkdir(parents=True)
    (tmp_path / "site/learn/none.md").write_text("Text.\n")
    with pytest.raises(FirsthandError, match="line 1: a lesson begins with its title"):
        lessons.title(Project(tmp_path), "none")
