"""`firsthand new SLUG`: a paper that runs as it is, from the templates, for its author to replace piece by piece."""

import keyword
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from string import Template

from firsthand.errors import FirsthandError
from firsthand.project import Project


def new_paper(project: Project, slug: str) -> list[Path]:
    """Write papers/<slug>/, designs/<slug>.md and tests/papers/test_<slug>.py; nothing that exists is touched."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*_\d{4}", slug) or keyword.iskeyword(slug):
        raise FirsthandError(f"{slug!r} cannot be a paper's name: use lower-case words and a year, as in lstm_1997.")
    folder = project.root / "papers" / slug
    places = {f"paper/{name}": folder / name for name in ("__init__.py", "paper.yml", "model.py", "experiments.py")}
    places |= {
        "paper/design.md": project.root / "designs" / f"{slug}.md",
        "paper/test_paper.py": project.root / "tests" / "papers" / f"test_{slug}.py",
    }
    if folder.exists():
        raise FirsthandError(f"{folder}: exists already; choose another name or remove it.")
    return write_templates(places, slug=slug, year=datetime.now(UTC).year)


def write_templates(places: dict[str, Path], **values: object) -> list[Path]:
    """Fill in templates (name -> where the result goes); FirsthandError, before any is written, if a place is taken."""
    check_free(places.values())
    for name, place in places.items():
        text = Template(template(name)).safe_substitute(values, sections=template("design/sections.md"))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        except OSError as error:
            raise FirsthandError(f"{place}: cannot be written ({error.strerror}); make the folder writable.") from None
    return list(places.values())


def check_free(places: Iterable[Path]) -> None:
    """FirsthandError if one of the places is taken."""
    for place in places:
        if place.exists():
            raise FirsthandError(f"{place}: exists already; choose another name or remove it.")


def template(name: str) -> str:
    """The text of a template that comes with the package."""
    return (resources.files("firsthand") / "templates" / f"{name}.template").read_text(encoding="utf-8")
