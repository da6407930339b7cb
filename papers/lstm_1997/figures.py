"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, FancyArrowPatch, FancyBboxPatch

from core.layer import Array
from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY, Records
from firsthand.records import Record

from . import data
from .model import memory_network

VARIANTS: dict[str, tuple[dict[str, Any], str]] = {
    "as published": ({}, BLUE),
    "full gradient": ({"gradient": "full"}, GREEN),
    "no bias of the input gates": ({"input_gate_bias": []}, ORANGE),
    "forget gate, bias 5": ({"forget": 5.0}, SKY),
    "forget gate, bias 0": ({"forget": 0.0, "most": 51000}, RED),
}


def cell(records: Records) -> Figure:
    """A memory cell: what is written passes the input gate, the carousel keeps it, what is read passes the other."""
    figure, axes = plt.subplots(figsize=(8, 3.5))
    for x, name, note in ((1.6, "g", "from -2 to 2"), (7.6, "h", "from -1 to 1")):
        axes.add_patch(FancyBboxPatch((x - 0.35, 1.65), 0.7, 0.7, boxstyle="round,pad=0.05", fc="white", ec=GREY))
        axes.text(x, 2, name, ha="center", va="center", fontsize=13, style="italic")
        axes.text(x, 1.32, note, ha="center", va="center", fontsize=8, color=GREY)
    for x, sign, colour in ((3.4, "×", ORANGE), (5.5, "+", BLUE), (9.4, "×", GREEN)):
        axes.add_patch(Circle((x, 2), 0.28, fc="white", ec=colour, lw=2))
        axes.text(x, 2, sign, ha="center", va="center", fontsize=14, color=colour)
    for start, end in ((0.3, 1.2), (2.0, 3.1), (3.7, 5.2), (5.8, 7.2), (8.0, 9.1), (9.7, 10.9)):
        _arrow(axes, (start, 2), (end, 2))
    axes.add_patch(Arc((5.5, 2.62), 1.1, 1.1, theta1=-50, theta2=218, lw=2, color=BLUE))  # from s back to the sum
    axes.add_patch(FancyArrowPatch((5.06, 2.29), (5.22, 2.12), arrowstyle="-|>", mutation_scale=14, lw=2, color=BLUE))
    axes.text(5.5, 2.62, "1", ha="center", va="center", color=BLUE, fontsize=12)
    axes.text(5.5, 3.4, "the carousel: weight 1,\none step later", ha="center", color=BLUE, fontsize=9)
    for x, name, label, colour in ((3.4, "input gate", "in", ORANGE), (9.4, "output gate", "out", GREEN)):
        axes.add_patch(Circle((x, 0.6), 0.32, fc=colour, ec=colour, alpha=0.25))
        axes.text(x, 0.6, "f", ha="center", va="center", fontsize=13, style="italic")
        axes.text(x + 0.45, 0.6, name, va="center", fontsize=9, color=colour)
        _arrow(axes, (x, 0.95), (x, 1.68))
        _arrow(axes, (x, -0.35), (x, 0.25))
        axes.text(x, -0.55, rf"$\mathrm{{net}}^{{{label}}}$", ha="center", va="center")
    axes.text(0.1, 2, r"$\mathrm{net}^c$", ha="right", va="center")
    axes.text(11.0, 2, "$y^c$", va="center")
    axes.text(6.5, 2.18, "s", ha="center", style="italic", color=BLUE)
    axes.set(xlim=(-0.8, 11.6), ylim=(-0.9, 4.2), aspect="equal")
    axes.axis("off")
    return figure


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=GREY, shrinkA=0, shrinkB=0))


def error_flow(records: Records) -> Figure:
    """What is left of an error against the lag, in untrained networks."""
    runs = records.all("error_flow")
    lags, names = np.array(runs[0].arrays["lags"]), runs[0].arrays["names"]
    curves = np.array([record.arrays["curves"] for record in runs])  # (seeds, networks, lags)
    figure, axes = plt.subplots(figsize=(7, 3.8))
    styles = {"carousel": "-", "full gradient": ":"}
    for k, (name, colour) in enumerate(zip(names, (BLUE, GREEN, SKY, ORANGE, RED), strict=True)):
        seen = np.where(curves[:, k] > 1e-16, curves[:, k], np.nan)
        axes.plot(lags, seen.T, color=colour, linewidth=1, alpha=0.35)
        axes.plot(lags, np.median(seen, axis=0), styles.get(name, "-"), color=colour, linewidth=2.2, label=name)
    axes.axvspan(40, 90, color=GREY, alpha=0.12)
    axes.text(60, 1e-7, "lags of\ntask 6a", ha="center", color=GREY, fontsize=9)
    axes.set(xscale="log", yscale="log", ylim=(1e-16, 100), xlabel="steps back", ylabel="what is left of an error")
    axes.legend(loc="lower left", fontsize=9)
    return figure


def traces(records: Records) -> Figure:
    """Gates and states of a solved network of task 6a while it reads a sequence, X first and then Y."""
    record = records.all("order")[0]
    network = memory_network([np.random.default_rng(0)], 8, 2, 2, 4)
    for name, p in network.named_params():
        p.data = np.array(record.arrays[f"weights.{name}"], np.float32)[None]
    sequences = data.temporal_order(np.random.default_rng(record.unit.seed), 50, length=100)
    chosen = int(np.flatnonzero(sequences.targets[:, 1])[0])  # X Y
    x = sequences.x[chosen, : sequences.lengths[chosen]]
    y, _, states = network.hidden.activations(x[None, None], np.zeros((1, 1, 2, 2), np.float32))
    time, places = np.arange(len(x) + 1), np.flatnonzero(x[:, [data.X, data.Y]].any(axis=1)) + 1
    figure, panels = plt.subplots(3, 1, figsize=(8, 5.4), sharex=True)
    for axes, columns, title in ((panels[0], (0, 1), "input gates"), (panels[1], (2, 3), "output gates")):
        for block, (column, colour) in enumerate(zip(columns, (BLUE, ORANGE), strict=True)):
            axes.plot(time[1:], y[1:, column, 0, 0], color=colour, label=f"block {block + 1}")
        axes.set(ylim=(-0.05, 1.05), ylabel=title)
    for block, colour in enumerate((BLUE, ORANGE)):
        panels[2].plot(time, states[:, :, block, 0, 0], color=colour)
    panels[2].set(ylabel="states of the cells", xlabel="step")
    panels[0].legend(loc="upper center", bbox_to_anchor=(0.73, 0.9), ncols=2, fontsize=9)
    for axes in panels:
        for place in (*places, len(x)):
            axes.axvline(place, color=GREY, linestyle=":", linewidth=1)
    for place, symbol in ((1, "E"), (places[0], "X"), (places[1], "Y"), (len(x), "B")):
        panels[0].text(place, 1.12, symbol, ha="center", fontweight="bold")
    return figure


def _running(record: Record, name: str, window: int) -> Array:
    """Means over `window` of the values kept, one after the other."""
    values = np.array(record.arrays[name])
    return np.convolve(values, np.ones(window) / window, mode="valid")


def learning(records: Records) -> Figure:
    """Every trial of task 6a: the average error and the share right of the last 2,000 sequences."""
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.4))
    for record in records.all("order"):
        for axes, name in ((panels[0], "errors"), (panels[1], "right")):
            window = _running(record, name, 2)
            at = np.arange(2, len(window) + 2)
            axes.plot(at, window, color=BLUE, linewidth=1, alpha=0.5)
            axes.plot(at[-1], window[-1], ".", color=BLUE)
    panels[0].axhline(0.1, color=GREY, linestyle=":")
    panels[0].text(99, 0.085, "the rule asks for less than 0.1", color=GREY, fontsize=9, ha="right")
    panels[0].set(ylabel="average error, last 2,000", xlabel="thousands of training sequences", ylim=(0, None))
    panels[1].set(ylabel="share right, last 2,000", xlabel="thousands of training sequences", ylim=(-0.02, 1.04))
    return figure


def lags(records: Records) -> Figure:
    """Every trial of task 2c: the average error and the share right of every other thousand sequences."""
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.7))
    for settings, colour, label in (({}, BLUE, "rate 0.01, as published"), ({"rate": 0.5}, ORANGE, "rate 0.5")):
        runs = records.all("distractors", **settings)
        for record in runs:
            for axes, name in ((panels[0], "errors"), (panels[1], "right")):
                values = record.arrays[name]
                axes.plot(np.arange(1, len(values) + 1, 2), values[::2], color=colour, linewidth=1, alpha=0.5)
        passed = [record.measurements["sequences"] / 1000 for record in runs if record.measurements["solved"]]
        panels[1].plot(passed, np.ones(len(passed)), "o", color=colour, markersize=5)
        panels[0].plot([], [], color=colour, label=label)
    panels[0].plot([], [], "o", color=GREY, markersize=5, label="10,000 fresh sequences right")
    paper = float(records.manifest.claim("T1").paper.value)
    for axes, label in ((panels[0], "average error"), (panels[1], "share right")):
        axes.axvline(paper / 1000, color=RED, linewidth=1.2)
        axes.set(xlabel="thousands of training sequences", ylabel=label)
    panels[0].text(paper / 1000 + 1, 0.45, f"table 3: {paper:,.0f}", color=RED, fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=9)
    return figure


def trials(records: Records) -> Figure:
    """Training sequences until the stopping rule was met: every trial, and the paper's mean."""
    figure, axes = plt.subplots(figsize=(8, 3.4))
    for row, (settings, colour) in enumerate(VARIANTS.values()):
        runs = records.all("order", **settings)
        spent = np.array([record.measurements["sequences"] for record in runs])
        solved = np.array([record.measurements["solved"] for record in runs]) == 1
        axes.barh(row, spent.mean(), color=colour, alpha=0.3, height=0.65)
        shift = np.linspace(-0.22, 0.22, len(runs))
        axes.plot(spent[solved], row + shift[solved], "o", color=colour, markersize=4)
        axes.plot(spent[~solved], row + shift[~solved], "x", color=colour, markersize=5)
        axes.text(spent.max() + 1500, row, f"{solved.sum()} of {len(runs)}", va="center", color=GREY, fontsize=9)
    paper = float(records.manifest.claim("O2").paper.value)
    axes.axvline(paper, color=RED, linewidth=1.2)
    axes.text(paper + 800, -0.55, f"table 9: {paper:,.0f}", color=RED, fontsize=9)
    axes.set(yticks=range(len(VARIANTS)), yticklabels=VARIANTS, xlabel="training sequences (× given up)")
    axes.set(xlim=(0, 115000), ylim=(len(VARIANTS) - 0.5, -0.8))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", visible=False)
    return figure


def sums(records: Records) -> Figure:
    """The adding problem: the average error against sequences, and where the misses are."""
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.4))
    kinds: list[tuple[dict[str, Any], str, str]] = [
        ({}, BLUE, "squared error"),
        ({"error": "cross-entropy", "rate": 0.1}, ORANGE, "cross-entropy"),
    ]
    for place, (settings, colour, label) in enumerate(kinds):
        runs = records.all("adding", **settings)
        for number, record in enumerate(runs):
            errors = record.arrays["errors"]
            panels[0].plot(
                2 * np.arange(1, len(errors) + 1),
                errors,
                color=colour,
                linewidth=1,
                alpha=0.5,
                label=None if number else label,
            )
        fresh, missed = (np.sum([record.arrays[name] for record in runs], axis=0) for name in ("fresh", "missed"))
        middle = 0.025 + 0.05 * np.arange(len(fresh)) + 0.01 * (2 * place - 1)
        panels[1].bar(middle, 100 * missed / np.maximum(fresh, 1), 0.018, color=colour, label=label)
    paper = float(records.manifest.claim("A1").paper.value)
    panels[0].plot(paper / 1000, 0.01, "*", color=RED, markersize=13, label=f"the paper: {paper:,.0f}")
    panels[0].axhline(0.01, color=GREY, linestyle=":")
    panels[0].set(yscale="log", xlabel="thousands of training sequences", ylabel="average error")
    panels[0].legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.14))
    panels[1].set(xlabel="distance of the target from 0.5", ylabel="fresh sequences missed, %")
    panels[1].legend(loc="upper left", fontsize=9)
    return figure
