"""The figures of the page, drawn from the records."""

import statistics
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY, Records
from firsthand.records import Record

COLOURS = np.array([BLUE, ORANGE, GREEN, RED])
MARKERS = "os^D"


def rules(records: Records) -> Figure:
    """Every run of every row of table 3, its mean, and the paper's number."""
    rows = {
        "renormalised": "T2",
        "first-order term": "T3-term",
        "Chebyshev 2": "T3-chebyshev2",
        "Chebyshev 3": "T3-chebyshev3",
        "first order": "T3-first",
        "single parameter": "T3-single",
        "none": "T3-mlp",
    }
    figure, axes = plt.subplots(figsize=(8, 3.9))
    for place, (rule, claim) in enumerate(rows.items()):
        runs = [100 * one for record in records.all("fixed_split", rule=rule) for one in record.arrays["accuracies"]]
        jitter = np.linspace(-0.25, 0.25, len(runs))
        axes.plot(runs, place + jitter, ".", color=SKY, markersize=4, label="one run" if not place else None)
        mean, paper = np.mean(runs), 100 * float(records.manifest.claim(claim).paper.value)
        axes.plot(mean, place, "|", color=BLUE, markersize=22, mew=2.5, label="mean of 100 runs" if not place else None)
        axes.plot(paper, place, "*", color=RED, markersize=12, label="the paper" if not place else None)
        axes.text(85.5, place, f"{mean:.1f}", va="center", color=BLUE)
        axes.text(88.5, place, f"{paper:.1f}", va="center", color=RED)
    names = [name.replace("none", "no graph").replace("Chebyshev ", "Chebyshev, K = ") for name in rows]
    axes.set(yticks=range(len(rows)), yticklabels=names, xlabel="test accuracy, %", xlim=(47, 91.5))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=3)
    return figure


def _ranked(runs: list[Record], measurement: str) -> list[Record]:
    return sorted(runs, key=lambda record: record.measurements[measurement])


def _club(axes: Axes, points: Any, record: Record, groups: Any, labelled: Any = ()) -> None:
    """Members at their points, a colour and a shape for each group, ties in grey, labelled members ringed."""
    points, groups = np.array(points), np.array(groups)
    lines = LineCollection([points[tie] for tie in record.arrays["edges"]], colors=GREY, alpha=0.25, linewidths=0.6)
    axes.add_collection(lines)
    for group in range(groups.max() + 1):
        own = points[groups == group]
        axes.plot(*own.T, MARKERS[group], color=COLOURS[group], markersize=5, markeredgecolor="white", mew=0.4)
    if len(labelled):
        axes.plot(*points[labelled].T, "o", markersize=11, fillstyle="none", color="black", mew=1.2)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.1)


def karate_untrained(records: Records) -> Figure:
    """Three draws of the random weights: the purest of 20, the middle one, the least pure."""
    runs = _ranked(records.all("karate_untrained"), "purity")
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.1))
    for axes, record, name in zip(
        panels, (runs[0], runs[len(runs) // 2], runs[-1]), ("lowest", "middle", "highest"), strict=True
    ):
        _club(axes, record.arrays["points"], record, record.arrays["community"])
        axes.set_title(f"{name} of {len(runs)}: purity {record.measurements['purity']:.2f}")
    return figure


def karate(records: Records) -> Figure:
    """The run of middle accuracy, at six moments of training."""
    runs = _ranked(records.all("karate"), "accuracy")
    record = runs[len(runs) // 2]
    arrays = record.arrays
    figure, panels = plt.subplots(2, 3, figsize=(9, 5.6))
    for axes, iteration, points in zip(panels.flat, arrays["iterations"], arrays["points"], strict=True):
        _club(axes, points, record, arrays["group"], arrays["labelled"])
        axes.set_title(f"iteration {iteration}")
    mean = statistics.fmean(one.measurements["accuracy"] for one in runs)
    figure.supxlabel(
        f"seed {record.unit.seed}: {record.measurements['accuracy']:.0%} of the unlabelled members; "
        f"mean of {len(runs)} seeds {mean:.0%}",
        fontsize=10,
    )
    return figure


def depth(records: Records) -> Figure:
    """Accuracy against the number of layers, as in figure 5: train and test, with and without residual connections."""
    figure, axes = plt.subplots(figsize=(6.5, 3.8))
    for residual, style, label in ((False, "--", ""), (True, "-", ", residual")):
        runs = records.all("depth", residual=residual)
        for part, colour in (("train", ORANGE), ("test", BLUE)):
            curves = 100 * np.array([record.arrays[part] for record in runs])
            depths = runs[0].arrays["depths"]
            axes.plot(depths, curves.T, style, color=colour, linewidth=0.8, alpha=0.35)
            axes.plot(depths, curves.mean(axis=0), style, marker="o", color=colour, label=part + label, markersize=4)
    axes.set(xlabel="layers", ylabel="accuracy, %", xticks=range(1, 11))
    axes.legend(loc="lower center")
    return figure


def rewiring(records: Records) -> Figure:
    """Test accuracy and homophily against the fraction of rewired edges; the network without a graph as a line."""
    runs, to_the_end = records.all("rewiring"), records.all("rewiring", stopping="never")
    fractions = runs[0].arrays["fractions"]
    figure, axes = plt.subplots(figsize=(6.5, 3.8))
    alone = statistics.fmean(100 * record.measurements["accuracy_alone"] for record in runs)
    axes.axhline(alone, color=ORANGE, linestyle="--", label="accuracy, no graph")
    for of, name, colour, label in (
        (runs, "accuracies", BLUE, "accuracy, early stopping"),
        (to_the_end, "accuracies", GREEN, "accuracy, 200 passes"),
        (runs, "homophily", GREY, "edges within one topic"),
    ):
        curves = 100 * np.array([record.arrays[name] for record in of])
        axes.plot(fractions, curves.T, ".", color=colour, markersize=4, alpha=0.6)
        axes.plot(fractions, curves.mean(axis=0), color=colour, label=label)
    axes.set(xlabel="fraction of the edges rewired", ylabel="%", xticks=fractions, ylim=(0, 90))
    axes.legend(loc="lower left", fontsize=9)
    return figure
