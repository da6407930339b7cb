"""`firsthand probe`: what structure is in a data set, and what it suggests for a model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec
import numpy as np
from rich import box
from rich.table import Table

import firsthand.data as sets
from core.layer import Array
from firsthand import probes, records
from firsthand.probes.arrays import AXES, KINDS, NAMES, Kind
from firsthand.probes.checks import read_npz
from firsthand.probes.finding import PERMUTATIONS, STRONG, WEAK, Finding, NotApplicable, Strength
from firsthand.report import console

_COLOURS: dict[Strength, str] = {"strong": "green", "weak": "yellow", "none": "bright_black"}
_NAMES = "\n\n".join(
    f"\b\n{kind}:\n" + "\n".join(f"  {', '.join(aliases)}: {AXES[name][1]}" for name, aliases in names.items())
    for kind, names in NAMES.items()
)


@click.command(
    epilog=f"""Arrays of an .npz file, by kind, what else each may be called, and their shapes:

{_NAMES}

The first of a kind must be there (for text, one of the first two); the others are for the probes that need them.
Labels that are whole numbers or words are classes; floats are amounts. Edges are undirected, each given once.

Probes: {", ".join(probes.PROBES)}.""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("source", metavar="DATASET|FILE.npz")
@click.option("--kind", type=click.Choice(KINDS), help="What the data is, where its names do not tell.")
@click.option("--only", "names", multiple=True, metavar="NAME", help="Only this probe; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a figure of each finding there (SVG).",
)
def probe(source: str, kind: Kind | None, names: Sequence[str], as_json: bool, folder: Path | None) -> None:
    """Measure what structure is in data, each measurement beside a null model, and say what it suggests.

    DATASET is one of `firsthand data list`; FILE.npz holds arrays by the names below.

    \b
    --json prints an object with the keys
      data, kind
      findings      list of objects with the keys
        probe, kind, definition, sample, units
        measurements  name -> number
        null          name -> mean, standard deviation of the null model
        decides       the measurement on which the strength rests
        distance      of it from the null's mean, in standard deviations
                      (null: the null model does not vary)
        strength      strong, weak or none
        suggests      one sentence
        arrays        what the figure shows
      not_measured  probe -> why
    """
    arrays, known = _arrays(source)
    data = probes.recognise(arrays, kind or known, source)
    if folder:
        records.prepare(folder)
    wanted = dict.fromkeys(names or (name for name, entry in probes.PROBES.items() if data.kind in entry.kinds))
    findings, not_measured = [], {}
    with console(stderr=True).status("measuring") as status:
        for name in wanted:
            status.update(name)
            try:
                findings.append(probes.run(name, data))
            except NotApplicable as reason:
                if names:
                    raise
                not_measured[name] = str(reason)
    if folder:
        _draw(findings, source, folder)
    if as_json:
        content = {"data": source, "kind": data.kind, "findings": findings, "not_measured": not_measured}
        click.echo(msgspec.json.format(msgspec.json.encode(content, enc_hook=np.ndarray.tolist), indent=2).decode())
    else:
        _show(findings, not_measured)


def _arrays(source: str) -> tuple[Mapping[str, Array], Kind | None]:
    """The arrays of a data set or a file, and the kind that the registry gives."""
    path = Path(source)
    if source not in sets.names() and (path.suffix or path.exists()):
        return read_npz(path), None
    return sets.load(source).arrays, sets.describe(source).kind


def _show(findings: Sequence[Finding], not_measured: Mapping[str, str]) -> None:
    out = console()
    table = Table("Probe", "Measurement", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Measured", "Null", "± sd"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("Unit")
    for finding in findings:
        for row, (name, value) in enumerate(finding.measurements.items()):
            null = [_number(part) for part in finding.null.get(name, ())] or ["", ""]
            table.add_row("" if row else finding.probe, name, _number(value), *null, finding.units[name])
        table.add_section()
    out.print(table)
    for finding in findings:
        colour = _COLOURS[finding.strength]
        out.print(f"[{colour}]{finding.strength:6}[/] [bold]{finding.probe}[/] ({finding.sample}): {finding.suggests}")
    for reason in not_measured.values():
        out.print(f"[bright_black]not measured: {reason}[/]")
    out.print(
        f"\nNull: {PERMUTATIONS} draws. none: less than {WEAK:g} of their standard deviations from their mean; strong: "
        f"at least {STRONG:g}, and a large difference; weak: between."
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 and value != round(value) else f"{value:,.0f}"


def _draw(findings: Sequence[Finding], source: str, folder: Path) -> None:
    from firsthand.probes import figures  # matplotlib takes a second to load

    for finding in findings:
        figure = figures.draw(finding, probes.PROBES[finding.probe].sketch, Path(source).stem)
        try:
            records.write_atomically(folder / f"{finding.probe}.svg", figures.svg(figure))
        except OSError as error:
            raise records.not_writable(folder, error) from None
