"""`firsthand review`: start and check reviews of designs."""

from collections.abc import Sequence

import click

from firsthand import review as reviews
from firsthand.design.cli import print_problems
from firsthand.project import Project
from firsthand.review.new import new_review


@click.group()
def review() -> None:
    """Reviews of designs: designs/reviews/NAME.md."""


@review.command("new")
@click.argument("design")
def new(design: str) -> None:
    """Start a review of a design, from the rubric."""
    path = new_review(Project.find(), design)
    click.echo(f"wrote {path}\nNow `firsthand review check {path.stem}` says what is to be filled in.")


@review.command("check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(names: Sequence[str], as_json: bool) -> None:
    """Refuse reviews without a verdict or a question, and answers that are empty or would fit any design."""
    project = Project.find()
    chosen = names or reviews.names(project)
    print_problems({name: reviews.check(project, name) for name in chosen}, "review", as_json)
