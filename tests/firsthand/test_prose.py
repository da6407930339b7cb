"""What the prose shows works, and the house keeps its layout."""

import re
from pathlib import Path

import pytest

from firsthand.project import Project

ROOT = Project.find(Path(__file__)).root
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "site").rglob("*.md"))]
BLOCKS = [  # those of the lessons run together, see tests/site/test_site_lessons.py
    (page, block)
    for page in PAGES
    if page.parent.name != "learn"
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
]


def test_there_is_something_to_run() -> None:
    assert any(page.name == "README.md" for page, _ in BLOCKS)


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{page.name}-{n}" for n, (page, _) in enumerate(BLOCKS)])
def test_python_in_prose_runs(page: Path, block: str) -> None:
    exec(compile(block, str(page), "exec"), {"__name__": "__prose__"})


def test_a_paper_has_a_design_and_tests_or_does_not_exist() -> None:
    papers = {path.parent.name for path in ROOT.glob("papers/*/paper.yml")}
    folders = {path.name for path in (ROOT / "papers").iterdir() if path.is_dir() and path.name != "__pycache__"}
    tests = {path.stem.removeprefix("test_") for path in ROOT.glob("tests/papers/test_*.py")}
    designs = {path.stem for path in ROOT.glob("designs/*.md")}
    assert papers == folders == tests and papers <= designs


def test_no_paper_imports_another() -> None:
    for path in ROOT.glob("papers/*/*.py"):
        for other in {p.name for p in (ROOT / "papers").iterdir()} - {path.parent.name}:
            assert other not in path.read_text(), f"{path} speaks of {other}"
