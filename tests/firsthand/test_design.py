"""A design is refused for each thing that a design must not be."""

from pathlib import Path

import pytest
from toy import Toy

from firsthand import design
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.records import write
from firsthand.run import execute

SLUG = "plan_2001"


@pytest.fixture
def planned(toy: Toy) -> Path:
    """A new paper from the template, run and accepted, and the path of its design."""
    toy("new", SLUG)
    project = toy.project
    manifest = project.manifest(SLUG)
    for unit in units_of(SLUG, manifest, manifest.claims):
        write(execute(project, unit), project.results(SLUG))
    return toy.root / "designs" / f"{SLUG}.md"


def problems(path: Path) -> list[str]:
    return [str(problem) for problem in design.check(Project(path.parent.parent), path.stem)]


def test_the_template_passes(planned: Path) -> None:
    assert problems(planned) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("because: [linear]", "because: []", "decision 'one_unit' has no reason"),
        ("because: [linear]", "because: [fashion]", "because of 'fashion', which names no property or constraint"),
        ("within: 2.0", "within: 0.001", "'linear' says 1, but the code gives"),
        ("measurement: start_error", "measurement: luck", "paper.yml declares no descent.quick.luck"),
        ("evidence: [C1]", "evidence: []", "has no evidence"),
        ("evidence: [C1]", "evidence: [C9]", "rests on the claim 'C9', which paper.yml does not have"),
        ("id: one_unit", "id: linear", "the id 'linear' is used twice"),
        ("## Failure modes\n", "", "the section '## Failure modes' is missing"),
    ],
)
def test_refusals_name_file_and_line(planned: Path, old: str, new: str, message: str) -> None:
    text = planned.read_text()
    planned.write_text(text.replace(old, new))
    found = problems(planned)
    assert any(message in problem for problem in found), found
    assert all(problem.startswith(f"{planned}:") for problem in found)


def test_the_line_is_that_of_the_decision(planned: Path) -> None:
    planned.write_text(planned.read_text().replace("because: [linear]", "because: []"))
    line = next(n for n, text in enumerate(planned.read_text().splitlines(), 1) if "id: one_unit" in text)
    assert problems(planned)[0].startswith(f"{planned}:{line}: ")


def test_numbers_need_records(planned: Path) -> None:
    for record in (planned.parent.parent / "papers" / SLUG / "results").iterdir():
        record.unlink()
    found = problems(planned)
    assert any("was not run; run `firsthand run plan_2001 --tier quick`" in problem for problem in found)
    assert any("rests on the claim C1, which does not hold (not run)" in problem for problem in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# No front matter\n", "line 1: there is no front matter"),
        ("---\ntitle: [\n---\n", "not valid YAML"),
        ("---\ntitle: x\nmood: good\n---\n", "unknown field `mood`"),
    ],
)
def test_front_matter(toy: Toy, planned: Path, text: str, message: str) -> None:
    planned.write_text(text)
    assert message in toy.refused("design", "check", SLUG)


def test_a_design_of_a_paper_that_does_not_exist(toy: Toy, planned: Path) -> None:
    planned.write_text(planned.read_text().replace(f"paper: {SLUG}", "paper: nobody_1900"))
    assert "There is no paper called 'nobody_1900'" in toy.refused("design", "check", SLUG)


def test_exit_code(toy: Toy, planned: Path) -> None:
    assert toy("design", "check", SLUG).returncode == 0
    planned.write_text(planned.read_text().replace("because: [linear]", "because: []"))
    done = toy("design", "check", SLUG)
    assert done.returncode == 1 and "1 problems" not in done.stdout.replace("1 problem", "one problem")
