"""`firsthand design`: start, check and show design documents."""

import sys
from collections.abc import Sequence

import click
import msgspec

from firsthand import design as designs
from firsthand import report
from firsthand.design import probed
from firsthand.design.new import new_design
from firsthand.design.show import shown
from firsthand.frontmatter import Problem
from firsthand.project import Project


@click.group()
def design() -> None:
    """Design documents: designs/NAME.md."""


@design.command("new")
@click.argument("name")
@click.option("--data", "source", metavar="DATASET|FILE.npz", help="Measure these data with the probes.")
def new(name: str, source: str | None) -> None:
    """Start a design: for a paper of that name, else for a problem of your own with a study that runs as it is."""
    for path in new_design(Project.find(), name, source):
        click.echo(f"wrote {path}")
    click.echo(f"Now `firsthand design check {name}` says what is to be filled in.")


@design.command("check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--write", is_flag=True, help="Run the probes whose results are missing or stale, and keep them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(names: Sequence[str], write: bool, as_json: bool) -> None:
    """Refuse decisions without reasons, reasons that name nothing, and numbers that the code contradicts."""
    project = Project.find()
    chosen = list(names or designs.names(project))
    if write:
        for name in chosen:
            document = designs.read(project, name)
            wanted = [item.probe for item in document.design.quantities().values() if item.probe is not None]
            count = probed.write(wanted, document.path)
            if wanted and not as_json:
                click.echo(
                    f"{name}: {count} probe{'s' * (count != 1)} run, results in {probed.results_path(document.path)}"
                )
    print_problems({name: designs.check(project, name) for name in chosen}, "design", as_json)


@design.command("show")
@click.argument("name")
def show(name: str) -> None:
    """The decisions of a design with the numbers and verdicts of this moment."""
    project = Project.find()
    report.console().print(shown(designs.Grounds(project, designs.read(project, name))))


def print_problems(found: dict[str, list[Problem]], kind: str, as_json: bool) -> None:
    """Print what checks found, by name of what was checked; exit code 1 if anything was refused."""
    refused = {name: sum(not problem.note for problem in problems) for name, problems in found.items()}
    if as_json:
        rows = [
            {
                kind: name,
                "path": str(problem.path),
                "line": problem.line,
                "kind": "note" if problem.note else "problem",
                "message": problem.message,
            }
            for name, problems in found.items()
            for problem in problems
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    else:
        for name, problems in found.items():
            for problem in problems:
                click.echo(problem)
            count, notes = refused[name], len(problems) - refused[name]
            fine = f"nothing refused, {notes} note{'s' * (notes > 1)}" if notes else "nothing to object to"
            click.echo(f"{name}: {count} problem{'s' * (count > 1)}" if count else f"{name}: {fine}")
    sys.exit(1 if any(refused.values()) else 0)
