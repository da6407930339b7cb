"""`firsthand exercise`: write a gradient by hand, and have it checked."""

import sys
from pathlib import Path

import click
import msgspec
from rich import box
from rich.table import Table

from firsthand.exercise import grade as grading
from firsthand.exercise.catalogue import catalogue
from firsthand.project import Project
from firsthand.report import console


@click.group()
def exercise() -> None:
    """Exercises: every backward of core and of the papers, for you to write."""


@exercise.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_exercises(as_json: bool) -> None:
    """All exercises: those of core, then those of each paper, the shortest first.

    \b
    --json prints a list of objects with the keys
      name, file, function
      lines    of the body, as it stands in the file
    """
    found = catalogue(Project.find()).values()
    if as_json:
        rows = [{"name": one.name, "file": one.file, "function": one.function, "lines": one.lines} for one in found]
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    table = Table("Name", "File", "Function", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Lines", justify="right")
    for one in found:
        table.add_row(one.name, one.file, one.function, str(one.lines))
    console().print(table)


@exercise.command()
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it; else NAME.py here.")
def start(name: str, to: Path | None) -> None:
    """Write a copy of the module in which the body of one backward is left for you to write."""
    path, line = grading.start(Project.find(), name, to)
    click.echo(f"wrote {path}: write the body at line {line}, then `firsthand exercise grade {path}`.")


@exercise.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def grade(path: Path) -> None:
    """Check your gradient against central differences, and say what is wrong with it. Exit code 0 if it is right."""
    result = grading.grade(Project.find(), path)
    click.echo(result.words)
    sys.exit(0 if result.right else 1)
