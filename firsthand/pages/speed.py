"""The page on speed: tables and a figure from the benchmark results that are committed in site/measured."""

import inspect
from pathlib import Path
from typing import Any, TypeVar

import matplotlib
import msgspec
from matplotlib.figure import Figure

from firsthand.bench.costs import HEAD, CostReport, cells, peaks
from firsthand.bench.loops import conv_loops
from firsthand.bench.measure import Report
from firsthand.bench.naive import NaiveReport
from firsthand.errors import FirsthandError
from firsthand.figures import BLUE, ORANGE, STYLE, svg
from firsthand.pages.text import code, inline, table
from firsthand.project import Project

PASS = 60_000  # examples of one pass over MNIST
LOOPS, ONE, TWO, COSTS = "loops.json", "one-thread.json", "two-threads.json", "costs.json"
NOT_MEASURED = "*Not measured yet.*"

R = TypeVar("R")


def places(project: Project) -> dict[str, str]:
    """What stands in the places of site/speed.md."""
    loops = _read(project, LOOPS, NaiveReport)
    return {
        "loops": _loops_table(loops) if loops else NOT_MEASURED,
        "loops_code": code(inspect.getsource(conv_loops).rstrip(), "python", "firsthand/bench/loops.py"),
        "loops_alt": "Bars on a logarithmic scale: each layer's time in NumPy, and in plain loops",
        "one_thread": _torch_table(_read(project, ONE, Report)),
        "two_threads": _torch_table(_read(project, TWO, Report)),
        "costs": _costs_table(_read(project, COSTS, CostReport)),
    }


def figures(project: Project) -> dict[str, bytes]:
    """The figures of the page, by their path in the site."""
    loops = _read(project, LOOPS, NaiveReport)
    return {"speed-loops.svg": _bars(loops)} if loops else {}


def _read(project: Project, name: str, into: type[R]) -> R | None:
    path: Path = project.root / "site" / "measured" / name
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=into)
    except (msgspec.DecodeError, OSError) as error:
        raise FirsthandError(f"{path}: {error}; write it again with `firsthand bench --json`.") from None


def _loops_table(report: NaiveReport) -> str:
    rows = []
    for row in report.layers:
        ours = row.ours_ms / 1e3
        times = f"{row.loops_s / ours:,.0f}"
        passes = PASS / row.batch
        rows.append(
            [
                inline(row.what),
                duration(ours),
                duration(row.loops_s),
                times,
                duration(ours * passes),
                duration(row.loops_s * passes),
            ]
        )
    head = ["Layer", "Ours", "Loops", "Times faster", "60,000: ours", "60,000: loops"]
    return f"{table(head, rows)}\n{_circumstances(report.date, report.machine)}"


def _torch_table(report: Report | None) -> str:
    if report is None:
        return NOT_MEASURED
    rows = []
    for row in report.workloads:
        ratio = f"**{row.ratio:.2f}**" if row.valid and row.ratio is not None else "invalid"
        spread = "" if row.lowest is None else f"{row.lowest:.2f} to {row.highest:.2f}"
        memory = f"{row.ours_mb:.0f} / {row.torch_mb or 0:.0f}"
        torch = "" if row.torch_ms is None else f"{row.torch_ms:.2f}"
        rows.append([f"{row.workload}: {inline(row.what)}", f"{row.ours_ms:.2f}", torch, ratio, spread, memory])
    head = ["Step", "Ours, ms", "PyTorch, ms", "Ratio", "Rounds", "Peak MB, ours / PyTorch"]
    mean = "" if report.geometric_mean is None else f"Geometric mean of the ratios: **{report.geometric_mean:.2f}**. "
    clock = f"{report.clock[0].upper()}{report.clock[1:]}, median of {report.rounds} rounds, PyTorch {report.torch}. "
    return f"{table(head, rows)}\n{mean}{clock}{_circumstances(report.date, report.machine)}"


def _costs_table(report: CostReport | None) -> str:
    if report is None:
        return NOT_MEASURED
    rows = [[f"{row.workload}: {inline(row.what)}", *cells(row)] for row in report.models]
    words = f"One thread; {peaks(report)}. "
    return f"{table(['Model', *map(str.capitalize, HEAD)], rows)}\n{words}{_circumstances(report.date, report.machine)}"


def _circumstances(date: str, machine: dict[str, Any]) -> str:
    return (
        f"Measured on {date[:10]}: {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, NumPy {machine['numpy']}."
    )


def duration(seconds: float) -> str:
    """A duration in the unit in which it is between one and a thousand."""
    for unit, length in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g}&nbsp;{unit}"
    return f"{seconds * 1e6:.3g}&nbsp;µs"


def _bars(report: NaiveReport) -> bytes:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 0.5 * len(report.layers) + 1.2))
        axes = figure.subplots()
        rows = list(reversed(report.layers))
        axes.barh([k - 0.2 for k in range(len(rows))], [r.ours_ms / 1e3 for r in rows], 0.38, color=BLUE, label="ours")
        axes.barh([k + 0.2 for k in range(len(rows))], [r.loops_s for r in rows], 0.38, color=ORANGE, label="loops")
        axes.set_xscale("log")
        axes.set_yticks(range(len(rows)), [row.what for row in rows])
        axes.set_xlabel("seconds for a batch, forward and backward")
        axes.legend(loc="upper center", bbox_to_anchor=(0.3, 1.12), ncols=2)
        axes.grid(axis="y", visible=False)
        return svg(figure)
