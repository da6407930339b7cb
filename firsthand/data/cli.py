"""`firsthand data`: which data sets there are, where they are, and fetching them."""

from collections.abc import Sequence

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

import firsthand.data as sets
from firsthand.report import console


@click.group()
def data() -> None:
    """The data sets: where they are, and fetching them."""


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sets(as_json: bool) -> None:
    """All data sets, with their licences and where they are.

    \b
    --json prints a list of objects with the keys
      name, title, kind, licence, redistribution, source, citation, sha256,
      state    here, fetchable or missing
      files    list of {file, place, path}; place is one of
               vendored, FIRSTHAND_DATA, cache, system
      missing  list of files that are not on this machine
    """
    if as_json:
        rows = [_as_dict(sets.status(name)) for name in sets.names()]
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    table = Table("Name", "Data", "Licence", "Where", box=box.SIMPLE_HEAD)
    for name in sets.names():
        entry = sets.describe(name)
        table.add_row(name, entry.title, entry.licence.name, _where(sets.status(name)))
    console().print(table)


@data.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch(names: Sequence[str]) -> None:
    """Make sure that data sets are on this machine, and good; download what is missing."""
    for name in names:
        sets.describe(name)  # an unknown name is an error before any download
    for name in names:
        with Console(stderr=True).status(f"{name}: fetching and verifying"):
            paths = sets.fetch(name)
        for path in paths:
            click.echo(f"{name}: verified {path}")


@data.command()
@click.argument("name")
def path(name: str) -> None:
    """Print the files of a data set that are in use, one on a line."""
    for found in sets.locate(name):
        click.echo(found)


def _as_dict(now: sets.Status) -> dict[str, object]:
    entry = sets.describe(now.name)
    return {
        "name": now.name,
        "title": entry.title,
        "kind": entry.kind,
        "licence": entry.licence.name,
        "redistribution": entry.licence.redistribution,
        "source": entry.source,
        "citation": entry.citation,
        "sha256": entry.sha256,
        "state": now.state,
        "files": [{"file": found.file, "place": found.place.name, "path": str(found.path)} for found in now.found],
        "missing": list(now.missing),
    }


def _where(now: sets.Status) -> str:
    """The places in use, or what can be done."""
    if now.state == "here":
        return ", ".join(dict.fromkeys(found.place.name for found in now.found))
    if now.state == "fetchable":
        return f"firsthand data fetch {now.name}"
    return f"missing: {', '.join(now.missing)}"
