"""The figure of a finding: what was measured, beside the mean and two standard deviations of the null model."""

import io
import textwrap

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from firsthand.figures import BLUE, GREY, ORANGE, STYLE
from firsthand.probes.finding import PERMUTATIONS, Finding, Sketch

CROWDED = 12  # with more bars than these, their names stand upright


def draw(finding: Finding, sketch: Sketch, source: str) -> Figure:
    """The figure of one finding in the data called `source`; the caller saves it."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.4))
        axes = figure.subplots()
        (_bars if sketch.form == "bars" else _curve)(axes, finding, sketch)
        axes.set_xlabel(sketch.x)
        axes.set_ylabel(sketch.y)
        figure.legend(loc="outside lower center", ncols=2)
        figure.suptitle(f"{sketch.title}  [{source}]", x=0.02, ha="left", fontsize=11)
        axes.set_title(textwrap.fill(finding.suggests, 88), loc="left", fontsize=8.5, color=GREY)
    return figure


def svg(figure: Figure) -> bytes:
    """The same bytes each time."""
    out = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _curve(axes: Axes, finding: Finding, sketch: Sketch) -> None:
    x, measured, mean, std = (finding.arrays[name] for name in ("x", "measured", "null_mean", "null_std"))
    low, high = mean - 2 * std, mean + 2 * std
    if sketch.log_y:
        seen = np.concatenate([measured, mean])
        floor = seen[seen > 0].min() / 2
        low, high, mean = np.maximum(low, floor), np.maximum(high, floor), np.where(mean > floor, mean, np.nan)
        axes.set_yscale("log")
    if sketch.log_x:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    elif x.dtype.kind == "i":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.fill_between(x, low, high, color=ORANGE, alpha=0.3, linewidth=0)
    axes.plot(x, mean, "--", color=ORANGE, label=_null(sketch))
    axes.plot(x, measured, marker="o" if len(x) <= 40 else None, markersize=4, color=BLUE, label="measured")


def _bars(axes: Axes, finding: Finding, sketch: Sketch) -> None:
    names, measured, mean, std = (finding.arrays[name] for name in ("x", "measured", "null_mean", "null_std"))
    places = np.arange(len(names))
    axes.bar(places, measured, 0.6, color=BLUE, label="measured")
    axes.errorbar(places, mean, 2 * std, fmt="D", markersize=5, capsize=6, color=ORANGE, label=_null(sketch))
    axes.set_xticks(places, [str(name) for name in names], rotation=90 if len(names) > CROWDED else 0)
    axes.set_xlim(-max(1, 0.5 * (4 - len(names))), len(names) - 1 + max(1, 0.5 * (4 - len(names))))
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.grid(axis="x", visible=False)


def _null(sketch: Sketch) -> str:
    return f"{sketch.null} ({PERMUTATIONS} times, mean ± 2 sd)"
