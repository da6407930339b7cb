"""`firsthand bench`: our training steps beside PyTorch's, and our layers beside plain loops."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from firsthand import records
from firsthand.bench import naive
from firsthand.bench.measure import TOLERANCE, TOLERANCE_32, Report, Row, measure_all
from firsthand.bench.registry import WORKLOADS, select
from firsthand.bench.worker import require_torch
from firsthand.project import Project, unknown
from firsthand.report import console
from firsthand.run import machine


@click.command(
    epilog=f"Workloads: {', '.join(WORKLOADS)}. With --naive, layers: {', '.join(naive.LAYERS)}.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--against", type=click.Choice(["torch"]), help="Time the same steps in PyTorch, eager, and compare.")
@click.option(
    "--threads",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="1: CPU time of the process. 2: wall clock, for a machine that does nothing else.",
)
@click.option("--workload", "names", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Rounds of both sides.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--naive", "as_loops", is_flag=True, help="Time layers against plain loops of their equations instead.")
def bench(against: str | None, threads: int, names: Sequence[str], rounds: int, as_json: bool, as_loops: bool) -> None:
    """Time training steps: forward, backward and optimiser, in milliseconds.

    Ours and PyTorch's run in a process each and take turns. The ratio, ours / PyTorch's, is the median over the rounds
    of the ratio of each, beside the lowest and the highest. In the same run the gradients and two whole steps of both
    are compared: in float64, where they must agree to 1e-7 of the largest number of each tensor, and the gradients in
    float32, to 0.1 (a single ReLU that rounding flips makes up to 0.02). If they do not, the row is invalid and the
    exit code is 1. No time is ever judged.

    Memory is the peak of each whole process; PyTorch's holds our initial weights too. The results are also written to
    build/bench/<date>.json.

    \b
    --json prints what is written there, an object with the keys
      format            1; changes when a key changes its meaning or goes
      date              UTC
      against, torch    "torch" and its version, or null
      threads, clock    "process CPU time" or "wall clock"
      rounds, tolerance, tolerance_float32, machine
      geometric_mean    of the ratios of the valid rows, or null
      workloads         list of objects with the keys
        workload, what
        ours_ms, torch_ms                medians over the rounds
        ratio, lowest, highest           of the rounds
        ours_mb, torch_mb                peak of each process
        ours_growth_mb, torch_growth_mb  the same less its libraries
        difference                       gradients and steps, float64
        difference_float32               gradients, float32
                                         (null where they have no end)
        valid
    With --naive: format, date, machine and layers, a list of objects with
      layer, what, ours_ms, loops_s (extrapolated from `examples` to `batch`),
      examples, batch, difference, valid
    """
    if as_loops and (against or threads > 1):
        raise click.UsageError("--naive compares with plain loops on one thread: leave out --against and --threads.")
    folder = Project.find().root / "build" / "bench"
    if as_loops:
        _naive(names, folder, as_json)
        return
    workloads = select(names)
    if against:
        require_torch()
    records.prepare(folder)
    with console(stderr=True).status("starting") as status:
        report = measure_all(workloads, bool(against), threads, rounds, status.update)
    content = msgspec.json.format(msgspec.json.encode(report), indent=2)
    path = write(content, folder, report.date)
    if as_json:
        click.echo(content.decode())
    else:
        _show(report, path)
    sys.exit(0 if all(row.valid for row in report.workloads) else 1)


def write(content: bytes, folder: Path, date: str, suffix: str = "") -> Path:
    path = folder / f"{date.replace(':', '-')}{suffix}.json"  # no colons in file names, for Windows
    try:
        records.write_atomically(path, content)
    except OSError as error:
        raise records.not_writable(folder, error) from None
    return path


def _show(report: Report, path: Path) -> None:
    out = console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("workload")
    names = ("ours ms", "torch ms", "ratio", "spread", "MB ours / torch", "difference") if report.against else None
    for name in names or ("ours ms", "MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.workloads:
        table.add_row(f"[bold]{row.workload}[/]  {row.what}", *_cells(row))
    out.print(table)
    out.print(
        f"{report.clock}, {report.threads} thread{'s' * (report.threads > 1)}, median of {report.rounds} rounds, "
        f"{report.machine['processor']}, {report.machine['cores']} cores",
        soft_wrap=True,
    )
    if report.against:
        invalid = [row.workload for row in report.workloads if not row.valid]
        if report.geometric_mean is not None:
            left_out = ", without the invalid rows" if invalid else ""
            out.print(f"geometric mean of the ratios to PyTorch {report.torch}: {report.geometric_mean:.2f}{left_out}")
        out.print("difference: gradients and two steps in float64, then gradients in float32")
        for name in invalid:
            out.print(
                f"[red]{name}: the two sides differ by more than {TOLERANCE:g} in float64 or {TOLERANCE_32:g} in "
                "float32, so that their times mean nothing.[/]",
                soft_wrap=True,
            )
    out.print(f"written to {path}", soft_wrap=True)


def _cells(row: Row) -> list[str | Text]:
    ours = f"{row.ours_ms:.2f}"
    if row.torch_ms is None or row.ratio is None or row.difference is None:
        return [ours, f"{row.ours_mb:.0f}"]
    gap = f"{row.difference:.0e}, {row.difference_float32:.0e}"
    return [
        ours,
        f"{row.torch_ms:.2f}",
        f"{row.ratio:.2f}" if row.valid else Text("invalid", "red"),
        f"{row.lowest:.2f}–{row.highest:.2f}",
        f"{row.ours_mb:.0f} / {row.torch_mb:.0f}",
        Text(gap, "" if row.valid else "red"),
    ]


def _naive(names: Sequence[str], folder: Path, as_json: bool) -> None:
    for name in names:
        if name not in naive.LAYERS:
            raise unknown("layer to time against loops", name, naive.LAYERS)
    records.prepare(folder)
    rows = [naive.compare(name) for name in dict.fromkeys(names or naive.LAYERS)]
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    report = naive.NaiveReport(date=date, machine=machine() | {"blas_threads": 1}, layers=rows)
    content = msgspec.json.format(msgspec.json.encode(report), indent=2)
    path = write(content, folder, date, "-naive")
    if as_json:
        click.echo(content.decode())
    else:
        out = console()
        table = Table("layer", box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("ours", "plain loops, extrapolated", "times", "difference"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            times = f"{1e3 * row.loops_s / row.ours_ms:,.0f}"
            gap = Text(f"{row.difference:.0e}", "" if row.valid else "red")
            table.add_row(row.what, f"{row.ours_ms:.2f} ms", f"{row.loops_s:.2f} s", times, gap)
        out.print(table)
        out.print(
            f"forward and backward; the loops ran on {rows[0].examples} examples, and their time for the batch is "
            f"extrapolated. Results must agree to {naive.TOLERANCE:g}.",
            soft_wrap=True,
        )
        out.print(f"written to {path}", soft_wrap=True)
    sys.exit(0 if all(row.valid for row in rows) else 1)
