"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, Records

from . import unit

VARIANTS: list[tuple[dict[str, Any], str, str]] = [
    ({"clip": "none", "omega": 0.0}, GREY, "plain descent"),
    ({"omega": 0.0}, ORANGE, "clipped"),
    ({}, BLUE, "clipped, with Ω"),
]


def powers(records: Records) -> Figure:
    """Norm of the product of Jacobians against the lag, for four kinds of recurrent weights, on every seed."""
    figure, axes = plt.subplots(figsize=(7.5, 4))
    kinds: list[tuple[dict[str, Any], str, str]] = [
        ({}, ORANGE, "random, radius 1.05"),
        ({"matrix": "triangular", "radius": 0.9}, BLUE, "triangular, radius 0.9"),
        ({"matrix": "normal", "radius": 0.9}, GREEN, "normal, radius 0.9"),
        ({"units": "tanh"}, GREY, "random, radius 1.05,\ntanh units and noise"),
    ]
    for settings, colour, label in kinds:
        for k, record in enumerate(records.all("growth", **settings)):
            lags, norms = (np.array(record.arrays[name]) for name in ("lags", "norms"))
            seen = (lags <= 200) & (norms > 1e-9)
            axes.semilogy(lags[seen], norms[seen], color=colour, alpha=0.75, linewidth=1.5, label="" if k else label)
    axes.axhline(1, color=GREY, linestyle=":", linewidth=1)
    axes.set(xlabel="steps back in time", ylabel="largest growth of an error", ylim=(1e-8, 1e6), xlim=(0, 200))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def wall(records: Records) -> Figure:
    """The states of one unit against its bias; and its error surface, with paths of descent."""
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4.3), width_ratios=(1, 1.35))
    arrays = records.all("folds")[0].arrays
    x, b, folds = (np.array(arrays[name]) for name in ("x", "b", "folds"))
    _states(panels[0], x, b, folds)
    w_grid, b_grid = np.meshgrid(np.linspace(4.9, 5.7, 161), np.linspace(-3.1, -2.45, 161))
    E, _ = unit.surface(w_grid.ravel(), b_grid.ravel())
    filled = panels[1].contourf(w_grid, b_grid, E.reshape(w_grid.shape), 24, cmap="Greys", alpha=0.8)
    figure.colorbar(filled, ax=panels[1], label="error after 50 steps", ticks=[0, 0.1, 0.2, 0.3, 0.4])
    for settings, colour, label in (({"clip": "none"}, ORANGE, "plain descent"), ({}, BLUE, "clipped")):
        for k, path in enumerate(np.array(records.all("descent", **settings)[0].arrays["paths"])):
            panels[1].plot(*path.T, color=colour, marker=".", markersize=3, linewidth=1, label="" if k else label)
            panels[1].plot(*path[0], "o", color="black", markersize=5, zorder=3)
    panels[1].set(xlabel="w", ylabel="b", xlim=(4.9, 5.7), ylim=(-3.1, -2.45), title="Down the error surface")
    panels[1].plot([], [], "o", color="black", markersize=5, label="starts")
    panels[1].legend(loc="lower left", frameon=True)
    panels[1].grid(visible=False)
    return figure


def _states(axes: Axes, x: Any, b: Any, folds: Any) -> None:
    """Fixed points by bias: stable where b rises with x, unstable in between; and the edge through x_0."""
    unstable = np.gradient(b, x) < 0
    for part, style, label in ((~unstable, "-", "stable"), (unstable, "--", "unstable: edge of two basins")):
        axes.plot(np.where(part, b, np.nan), x, style, color=BLUE, label=label)
    axes.plot(folds, [x[unstable].max(), x[unstable].min()], "o", color="black", markersize=5, label="folds")
    axes.plot(unit.edge(np.array(5.0)), unit.START, "D", color=ORANGE, label="$x_0$ = 0.5 on the edge")
    axes.set(xlabel="b", ylabel="fixed point x", xlim=(-3.2, -1.8), ylim=(-4, 4), title="One unit, w = 5")
    axes.legend(loc="upper left", fontsize=9)


def learning(records: Records) -> Figure:
    """Share of wrong training sequences over the updates at 50 symbols; and what is left of the error by lag."""
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4))
    for settings, colour, label in VARIANTS:
        for k, record in enumerate(records.all("order", **settings)):
            errors = np.array(record.arrays["errors"])
            updates = 250 * np.arange(1, len(errors) + 1)
            panels[0].plot(updates, errors, color=colour, alpha=0.85, linewidth=1.3, label="" if k else label)
            if record.measurements["solved"]:
                panels[0].plot(updates[-1], errors[-1], "*", color=colour, markersize=11)
            flow = np.array(record.arrays["flow_by_lag"])
            panels[1].semilogy(flow, color=colour, alpha=0.85, linewidth=1.3)
    for height, words in ((0.75, "chance"), (0.5, "one symbol\nknown")):
        panels[0].axhline(height, color=GREY, linestyle=":", linewidth=1)
        panels[0].text(10_150, height, words, va="center", color=GREY)
    panels[0].set(xlabel="updates (a star: solved)", ylabel="share of wrong answers", ylim=(0, 0.82), xlim=(0, 10_000))
    handles, names = panels[0].get_legend_handles_labels()
    panels[1].legend(handles, names, loc="lower left")
    panels[1].axvspan(40, 44, color=GREY, alpha=0.15, linewidth=0)
    panels[1].text(42, 1e-13, "first\nsymbol", ha="center", va="bottom", color=GREY)
    panels[1].set(xlabel="steps back in time", ylabel="length of the error (1 at the end)", xlim=(0, 49))
    panels[1].set_ylim(5e-14, 1e2)
    return figure
