"""A paper from the template whose design has been filled in, run and accepted: a healthy design for tests to bend."""

import functools
import re
import tempfile
from pathlib import Path

from toy import Toy

from firsthand import design
from firsthand.frontmatter import Problem
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.records import Record, write
from firsthand.run import execute
from firsthand.scaffold import new_paper

SLUG = "plan_2001"


def fill_in(text: str) -> str:
    """A template with every place filled, and no draft any more."""
    text = re.sub(r"draft: true.*\n", "", text)
    text = re.sub(r"REPLACE with the alternative that you measured\.", "A single step.", text)
    text = re.sub(r" REPLACE with what (?:structure the data have|you refused)\.", "", text)
    text = re.sub(r"REPLACE with what is designed", "A line through points", text)
    return re.sub(r"REPLACE: [^#]*?\n\n|REPLACE: [^#]*\Z", "The slope is all that there is to find here.\n\n", text)


@functools.cache
def _records() -> list[Record]:
    """What the template's experiments measure, run once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        toy = Toy(Path(folder))
        new_paper(toy.project, SLUG)
        manifest = toy.project.manifest(SLUG)
        return [execute(toy.project, unit) for unit in units_of(SLUG, manifest, manifest.claims)]


def plan(toy: Toy) -> Path:
    """Write the paper and its records; the path of its design."""
    new_paper(toy.project, SLUG)
    path = toy.root / "designs" / f"{SLUG}.md"
    path.write_text(fill_in(path.read_text()))
    for record in _records():
        write(record, toy.project.results(SLUG))
    return path


def found(path: Path) -> list[Problem]:
    return design.check(Project(path.parent.parent), path.stem)


def refusals(path: Path) -> list[str]:
    return [str(problem) for problem in found(path) if not problem.note]


def notes(path: Path) -> list[str]:
    return [str(problem) for problem in found(path) if problem.note]
