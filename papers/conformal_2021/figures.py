"""The figures of the page, drawn from the records."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, Records

from .model import beta_law


def coverage_law(records: Records) -> Figure:
    """Coverage over calibration sets of three sizes, one seed, each under its Beta law."""
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    for n, colour in ((1000, GREEN), (100, BLUE), (50, ORANGE)):
        record = records.all("law", n=n)[0]
        edges, alpha = np.array(record.arrays["edges"]), record.unit.settings["alpha"]
        axes.stairs(record.arrays["density"], edges, fill=True, color=colour, alpha=0.35, label=f"{n} examples")
        fine = np.linspace(0.7, 0.999, 600)
        middle = (fine[1:] + fine[:-1]) / 2
        axes.plot(middle, np.diff(beta_law(fine, n, alpha)) / np.diff(fine), color=colour, linewidth=1.5)
    axes.plot([], [], color=GREY, linewidth=1.5, label="Beta law")
    axes.axvline(1 - alpha, color=GREY, linestyle="--", linewidth=1)
    axes.text(1 - alpha - 0.003, axes.get_ylim()[1] * 0.97, "promised", ha="right", va="top", color=GREY)
    axes.set(xlim=(0.76, 1.0), xlabel="how often one calibration set covers", ylabel="density")
    axes.legend(loc="upper left")
    return figure


def through_a_jump(records: Records) -> Figure:
    """Local share of misses, and the level, on one seed."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(7.5, 5), sharex=True)
    small, large = records.all("jump")[0], records.all("jump", gamma=0.05)[0]
    settings, arrays = small.unit.settings, small.arrays
    for misses, colour, label in ((arrays["misses"][1], ORANGE, "without"), (arrays["misses"][0], BLUE, "controller")):
        above.plot(arrays["time"], misses, color=colour, label=label)
    above.axhline(settings["alpha"], color=GREY, linestyle="--", linewidth=1)
    above.set(ylabel="misses, last 200", ylim=(0, None))
    above.legend(loc="upper left")
    time = np.arange(0, settings["steps"], 3)
    below.plot(time, large.arrays["level"], color=RED, linewidth=0.6, alpha=0.8, label="controller, step 0.05")
    below.plot(time, arrays["level"], color=BLUE, label=f"controller, step {settings['gamma']}")
    below.axhline(0, color=GREY, linewidth=1)
    below.text(20, -0.035, "below 0 the set is everything", va="top", color=GREY)
    below.set(xlabel="examples", ylabel="level", xlim=(0, settings["steps"]), ylim=(-0.08, 0.33))
    below.legend(loc="upper right", ncols=2)
    for axes in (above, below):
        axes.axvline(settings["steps"] / 2, color=GREY, linestyle=":", linewidth=1)
    above.text(settings["steps"] / 2 + 20, above.get_ylim()[1] * 0.02, "the scale doubles", va="bottom", color=GREY)
    return figure


def not_for_each_class(records: Records) -> Figure:
    """Coverage by class; and misses against set size on noisy digits, for several steps."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    for which, colour, marker, shift in (("one", ORANGE, "o", -0.12), ("each class", BLUE, "s", 0.12)):
        found = np.array([r.arrays["per_class"] for r in records.all("digits", threshold=which)])  # (runs, 10)
        label = "one threshold" if which == "one" else "one for each class"
        left.plot(np.arange(10) + shift, found.mean(axis=0), marker, color=colour, label=label)
        left.vlines(np.arange(10) + shift, *np.quantile(found, (0.1, 0.9), axis=0), color=colour, linewidth=1)
    left.axhline(0.95, color=GREY, linestyle="--", linewidth=1)
    left.set(xticks=range(10), xlabel="digit (mean of ten networks, and the middle eight)", ylabel="covered")
    left.set(ylim=(0.8, 1.005))
    left.legend(loc="lower center")
    left.grid(axis="x", visible=False)
    for gamma, colour in ((0.0, ORANGE), (0.005, BLUE), (0.02, GREEN), (0.05, RED)):
        runs = [record.measurements for record in records.all("noise", gamma=gamma)]
        size, misses = [run["size_after"] for run in runs], [run["after"] for run in runs]
        right.plot(size, misses, "o", color=colour, alpha=0.6, label=f"step {gamma}" if gamma else "no controller")
    right.axhline(0.1, color=GREY, linestyle="--", linewidth=1)
    right.set(xlabel="labels in a set, mean", ylabel="misses, noisy digits", ylim=(0, None))
    right.legend(loc="upper right")
    return figure
