"""The figures of the page, drawn from the records."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from core.layer import Array
from firsthand.figures import BLUE, GREY, ORANGE, RED, Records

from .data import BITS, PEOPLE, TREE
from .symmetry import CODES, PAPER, margin


def detector(records: Records) -> Figure:
    """Weights and biases of one network of ordinary speed, and the sweeps that all networks took."""
    runs = records.all("symmetry")
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 5), width_ratios=(1.35, 1))
    _network(panels[0], np.array(runs[0].arrays["example"]))
    first = np.concatenate([run.arrays["first"] for run in runs])
    most = runs[0].unit.settings["sweeps"]
    edges = np.linspace(0, most, 26)
    panels[1].hist(first[first >= 0], edges, color=BLUE)
    panels[1].bar(most * 1.07, (first < 0).sum(), most * 0.04, color=ORANGE)
    panels[1].text(most * 1.07, (first < 0).sum() + 0.4, "not yet", ha="center", color=ORANGE)
    panels[1].axvline(PAPER, color=RED, linestyle="--", linewidth=1.2)
    panels[1].text(
        PAPER + most * 0.02, 0.97, "the paper's 1,425", color=RED, va="top", transform=panels[1].get_xaxis_transform()
    )
    panels[1].set(xlabel="sweeps until all 64 patterns are right", ylabel=f"networks, of {len(first)}")
    panels[1].set_xticks(np.arange(0, most + 1, 2500), [f"{tick:,}" for tick in np.arange(0, most + 1, 2500)])
    return figure


def _network(axes: Axes, weights: Array) -> None:
    """Two hidden units above six bits, the output on top, with the numbers on arcs and in nodes as in the paper."""
    below, above = weights[: 2 * (BITS + 1)].reshape(2, BITS + 1), weights[2 * (BITS + 1) :]
    places = np.array([0.0, 1.1, 2.2, 3.8, 4.9, 6.0])
    units, top = [0.6, 5.4], (3.0, 2.0)
    for unit, x in enumerate(units):
        for bit, place in enumerate(places):
            crossing = (place < 3) != (unit == 0)
            from_middle = min(bit, BITS - 1 - bit)  # 2 for the two bits in the middle
            at = (0.44, 0.3, 0.14)[from_middle] if crossing else 0.2
            _arc(axes, (place, 0.0), (x, 1.0), below[unit, bit], at, largest=np.abs(below).max())
        _arc(axes, (x, 1.0), top, above[unit], 0.5, largest=np.abs(above).max())
        _node(axes, (x, 1.0), f"{below[unit, BITS]:.1f}")
    _node(axes, top, f"{above[2]:.1f}")
    for bit, place in enumerate(places):
        _node(axes, (place, 0.0), f"bit {bit + 1}")
    axes.axvline(3.0, 0.04, 0.34, color=GREY, linestyle=":", linewidth=1)
    axes.text(3.0, 2.32, "symmetric?", ha="center", va="bottom")
    axes.plot([], [], color=BLUE, label="positive weight")
    axes.plot([], [], color=ORANGE, label="negative weight")
    axes.legend(loc="upper left", fontsize=9)
    axes.set(xlim=(-0.6, 6.6), ylim=(-0.35, 2.65))
    axes.axis("off")


def _arc(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], weight: float, at: float, largest: float
) -> None:
    """A line as wide as its weight, with the number `at` that share of the way."""
    colour = BLUE if weight > 0 else ORANGE
    axes.plot(*zip(start, end, strict=True), color=colour, linewidth=0.6 + 2.4 * abs(weight) / largest, zorder=1)
    x, y = (a + at * (b - a) for a, b in zip(start, end, strict=True))
    white = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    axes.text(x, y, f"{weight:.1f}", ha="center", va="center", fontsize=8.5, color=colour, bbox=white, zorder=2)


def _node(axes: Axes, place: tuple[float, float], text: str) -> None:
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "black"}
    axes.text(*place, text, ha="center", va="center", fontsize=9, bbox=box, zorder=3)


def ratios(records: Records) -> Figure:
    """The margin for every ratio of the three magnitudes, and where the networks that learned it ended."""
    figure, axes = plt.subplots(figsize=(6.6, 4.8))
    side = np.linspace(0, 1, 201)
    a, b = np.meshgrid(side, side)
    least = margin(np.stack([a.ravel(), b.ravel(), np.ones(a.size)], axis=1)).reshape(a.shape)
    least[a > b] = np.nan
    drawn = axes.contourf(a, b, least, levels=np.linspace(0, 0.25, 11), cmap="Greys", alpha=0.75)
    figure.colorbar(drawn, ax=axes, label="margin, as a share of the largest weight", ticks=[0, 0.1, 0.2, 0.25])
    learned = np.concatenate([run.arrays["ratios"] for run in records.all("symmetry") if len(run.arrays["ratios"])])
    for code, colour in zip(CODES, (BLUE, ORANGE), strict=True):
        peak = np.array(code[:2]) / code[2]
        near = np.abs(learned - peak).max(axis=1) < 0.1
        label = f"{':'.join(map(str, code))}, {near.sum()} of {len(learned)} networks"
        axes.plot(*learned[near].T, "o", color=colour, markersize=5, alpha=0.5, label=label)
    away = np.all([np.abs(learned - np.array(c[:2]) / c[2]).max(axis=1) >= 0.1 for c in CODES], axis=0)
    if away.any():
        axes.plot(*learned[away].T, "x", color=RED, label=f"others, {away.sum()}")
    axes.set(xlabel="smallest weight / largest", ylabel="middle weight / largest", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right")
    axes.grid(visible=False)
    return figure


def people(records: Records) -> Figure:
    """Weights of one network from the 24 people to the units that encode them, as in the paper's figure 4."""
    weights = np.array(records.all("family")[0].arrays["people"])  # (units, 24)
    figure, panels = plt.subplots(3, 2, figsize=(9, 5.2), sharex=True, sharey=True)
    for unit, (axes, row) in enumerate(zip(panels.T.flat, weights, strict=True)):
        for person, weight in enumerate(row):
            size = 0.95 * np.sqrt(abs(weight) / np.abs(weights).max())
            x, y = person % TREE, -(person // TREE)
            colour = "white" if weight > 0 else "black"
            axes.add_patch(Rectangle((x - size / 2, y - size / 2), size, size, facecolor=colour, edgecolor=colour))
        axes.set(xlim=(-0.6, TREE - 0.4), ylim=(-1.6, 0.6), aspect="equal", facecolor="#9a9a9a")
        axes.set_title(f"unit {unit + 1}", loc="left", fontsize=10)
        axes.set_yticks([0, -1], ["English", "Italian"])
        axes.set_xticks(range(TREE), PEOPLE, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axes.grid(visible=False)
    figure.suptitle("weights from each person: white positive, black negative, area their size", fontsize=10)
    return figure
