"""`firsthand review new DESIGN`: the rubric, with places for the answers."""

from datetime import UTC, datetime
from pathlib import Path

from firsthand import design as designs
from firsthand.project import Project, unknown
from firsthand.scaffold import write_templates


def new_review(project: Project, design: str) -> Path:
    """Write designs/reviews/<design>-<date>.md, with a number after the date if there is one of that day already."""
    if design not in designs.names(project):
        raise unknown("design", design, designs.names(project))
    today = datetime.now(UTC).date().isoformat()
    folder, number = project.root / "designs" / "reviews", 1
    path = folder / f"{design}-{today}.md"
    while path.exists():
        number += 1
        path = folder / f"{design}-{today}-{number}.md"
    write_templates({"review/review.md": path}, design=design, date=today)
    return path
