"""The figures of the page, drawn from the records."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREY, ORANGE, Records

CODINGS = (("01", BLUE, "units 0 or 1"), ("pm", ORANGE, "units −1 or 1"))


def errors(records: Records) -> Figure:
    """The paper's figure 2: wrong bits at rest, for 5, 10 and 15 patterns; mean over the seeds."""
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True)
    for axes, n in zip(panels, (5, 10, 15), strict=True):
        for shift, (coding, colour, label) in zip((-0.2, 0.2), CODINGS, strict=True):
            if (n, coding) == (5, "pm"):
                continue  # all without error, as the other coding
            runs = records.all("recall", N=100, n=n, coding=coding, share=0.5)
            shares = np.mean([run.arrays["shares"] for run in runs], axis=0)
            axes.bar(np.arange(len(shares)) + shift, shares, 0.4, color=colour, label=label)
        axes.set(title=f"{n} patterns in 100 units", xlabel="wrong bits at rest")
        axes.set_xticks(
            range(8), ["0", "1–4", "5–9", "10–19", "20–29", "30–39", "40–49", "≥ 50"], fontsize=8, rotation=45
        )
        axes.grid(axis="x", visible=False)
    panels[1].axhline(0.6, xmin=0.02, xmax=0.22, color="black", linestyle=":", linewidth=1.2)
    panels[1].text(1.3, 0.6, "the paper: 0.6 without error", va="center", fontsize=9)
    panels[0].text(0.7, 0.9, "units 0 or 1 only", fontsize=9)
    panels[0].set(ylabel="share of the patterns", ylim=(0, 1.03))
    panels[2].legend(loc="upper right")
    return figure


def load(records: Records) -> Figure:
    """Retained patterns against load: both codings, both sizes; mean over the seeds, and their range."""
    runs = records.all("capacity")
    names, loads = runs[0].arrays["names"], runs[0].arrays["loads"]
    retained = np.array([run.arrays["retained"] for run in runs])  # (runs, curves, loads)
    figure, axes = plt.subplots(figsize=(8, 4.2))
    colours, labels = ({coding: entry[k] for coding, *entry in CODINGS} for k in (0, 1))
    for k, name in enumerate(names):
        size, coding = name.split()
        curves, colour, line = retained[:, k], colours[coding], "o--" if size == "100" else "o-"
        axes.fill_between(loads, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        label = f"{labels[coding]}, N = {int(size):,}"
        axes.plot(loads, curves.mean(axis=0), line, color=colour, markersize=3.5, label=label)
    axes.axvline(0.15, color=GREY, linestyle=":", linewidth=1.2)
    axes.text(0.152, 1.05, "the paper: 0.15", color=GREY, va="bottom", ha="left")
    axes.plot([0.15], [0.5], "x", color="black", markersize=9, markeredgewidth=2, zorder=5)
    axes.annotate("half, for all\nlarge N (A1)", (0.15, 0.5), (0.188, 0.28), fontsize=9, arrowprops={"arrowstyle": "-"})
    axes.set(
        xlabel="load n / N", ylabel="share of the patterns retained\n(fewer than 1 wrong bit in 20)", ylim=(0, 1.13)
    )
    axes.set_xlim(0, 0.245)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def basins(records: Records) -> Figure:
    """Starts that reach their pattern, against their distance from it; mean over the seeds."""
    figure, axes = plt.subplots(figsize=(7, 4))
    for coding, colour, label in CODINGS:
        runs = records.all("basin", coding=coding, n=5)
        distances = runs[0].arrays["distances"]
        near, exact = (np.mean([run.arrays[name] for run in runs], axis=0) for name in ("near", "exact"))
        axes.plot(distances, near, "o-", color=colour, markersize=4, label=f"{label}: nearest to it at rest")
        axes.plot(distances, exact, ":", color=colour, label=f"{label}: exactly there")
    axes.annotate(
        "",
        (5.1, 0.9),
        (0.9, 0.9),
        arrowprops={"arrowstyle": "|-|", "color": "black", "linewidth": 1.2, "mutation_scale": 3},
    )
    axes.text(5.3, 0.92, "the paper: above 0.9 up to 5", va="bottom", fontsize=9)
    axes.plot([12], [0.2], "x", color="black", markersize=9, markeredgewidth=2, zorder=5)
    axes.annotate("the paper: 0.2 at 12", (12, 0.2), (12.1, 0.25), fontsize=9)
    axes.set(xlabel="wrong bits of 30 at the start", ylabel="share of the starts", ylim=(0, 1.05), xlim=(0.5, 15.5))
    axes.set_xticks([1, 5, 10, 15])
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.88), fontsize=9)
    return figure
