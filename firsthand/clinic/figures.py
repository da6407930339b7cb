"""Figures of what a probe recorded: functions of its `table()`, in the house style. The caller saves them."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from core.layer import Array
from firsthand.errors import FirsthandError
from firsthand.figures import BLUE, ORANGE, STYLE

Rows = Sequence[dict[str, Any]]


def gradient_flow(rows: Rows) -> Figure:
    """The root mean square over calls of the gradient's norm at the output of each layer, in the order of the forward
    pass, at the first and the last step that were recorded. What is zero or has no gradient has no point."""
    rows = _leaves(rows, "gradient_flow")
    names = list(dict.fromkeys(row["path"] for row in rows))
    steps = sorted({row["step"] for row in rows})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(5.0, 0.45 * len(names) + 2), 3.6))
        axes = figure.subplots()
        for step, colour, marker in list(zip((steps[0], steps[-1]), (BLUE, ORANGE), "os", strict=True))[: len(steps)]:
            norms = [
                _rms([r["grad_norm"] for r in rows if r["step"] == step and r["path"] == name]) or np.nan
                for name in names
            ]
            axes.plot(range(len(names)), norms, marker=marker, color=colour, label=f"step {step}")
        axes.set_yscale("log")
        axes.set_xticks(range(len(names)), [name or "the model" for name in names], rotation=60, ha="right")
        axes.set_xlabel("layer, from the input to the output")
        axes.set_ylabel("norm of dLoss/dy")
        axes.legend()
    return figure


def saturation(rows: Rows) -> Figure:
    """The share of saturated outputs of each bounded layer, step by step (the mean over the calls of a step)."""
    rows = [row for row in _leaves(rows, "saturation") if row["saturated"] is not None]
    if not rows:
        raise FirsthandError("saturation: no recorded layer has bounds; give them to the Probe, as bounds={path: ...}.")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 3.6))
        axes = figure.subplots()
        for i, name in enumerate(dict.fromkeys(row["path"] for row in rows)):
            own = [row for row in rows if row["path"] == name]
            steps = sorted({row["step"] for row in own})
            shares = [np.mean([row["saturated"] for row in own if row["step"] == step]) for step in steps]
            style = ("-", "--", ":")[i // 6 % 3]  # there are six colours
            axes.plot(steps, shares, style, marker="o" if len(steps) == 1 else None, label=name or "the model")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("step")
        axes.set_ylabel("saturated outputs (share)")
        axes.legend()
    return figure


def activation_histograms(rows: Rows, *, layers: Sequence[str] | None = None) -> Figure:
    """For each layer (all, or those named), its outputs over the steps: the darker, the more of them in the bin."""
    rows = [row for row in _leaves(rows, "activation_histograms") if row["histogram"] and row["output"] == 0]
    found = list(dict.fromkeys(row["path"] for row in rows))
    names = found if layers is None else list(layers)
    for name in names:
        if name not in found:
            raise FirsthandError(f"activation_histograms: {name!r} was not recorded; there are {', '.join(found)}.")
    columns = min(3, len(names))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3 * columns + 0.5, 2.4 * -(-len(names) // columns)))
        grid = figure.subplots(-(-len(names) // columns), columns, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            own = [row for row in rows if row["path"] == name]
            steps = sorted({row["step"] for row in own})
            shares = np.array([_share([r["histogram"] for r in own if r["step"] == step]) for step in steps])
            places = np.arange(len(steps) + 1) - 0.5
            edges = np.linspace(own[0]["low"], own[0]["high"], shares.shape[1] + 1)
            axes.pcolormesh(places, edges, shares.T, cmap="Blues", vmin=0, rasterized=True)
            ticks = sorted({0, len(steps) // 2, len(steps) - 1})
            axes.set_xticks(ticks, [str(steps[i]) for i in ticks])
            axes.set_title(name or "the model")
            axes.set_xlabel("step")
            axes.set_ylabel("output")
            axes.grid(False)
        for axes in list(grid.flat)[len(names) :]:
            axes.remove()
    return figure


def _leaves(rows: Rows, owner: str) -> Rows:
    found = [row for row in rows if row["what"] == "layer" and row["leaf"]]
    if not found:
        raise FirsthandError(f"{owner}: there are no rows of layers; run probe.model before probe.table().")
    return found


def _rms(norms: list[float | None]) -> float:
    known = [norm for norm in norms if norm is not None]
    return float(np.sqrt(np.mean(np.square(known)))) if known else 0.0


def _share(histograms: list[list[int]]) -> Array:
    total = np.sum(np.array(histograms), axis=0)
    return np.asarray(total / total.sum())
