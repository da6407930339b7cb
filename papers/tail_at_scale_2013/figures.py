"""The figures of the page, drawn from the records."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY, Records


def fan_out(records: Records) -> Figure:
    """Slow requests against the number of servers: formulas as lines, one run as dots, the paper's two marks."""
    arrays = records.all("slow")[0].arrays
    figure, axes = plt.subplots(figsize=(7, 4))
    servers = np.array(arrays["servers"])
    ends = ("1 answer in 100 is slow", "1 in 1,000", "1 in 10,000")
    for formula, dots, colour, label in zip(
        arrays["formulas"], arrays["simulated"], (RED, ORANGE, BLUE), ends, strict=True
    ):
        axes.plot(servers, formula, color=colour)
        axes.plot(servers, dots, ".", color=colour, markersize=7)
        axes.text(2030, formula[-1], label, color=colour, va="center")
    axes.plot([100], [0.63], "x", color="black", markersize=10, markeredgewidth=2)
    axes.plot([2000], [0.18], "o", color="black", markersize=11, markerfacecolor="none", markeredgewidth=1.5)
    axes.annotate("the paper: 63 %", (100, 0.63), (150, 0.61))
    axes.annotate("the paper: 18 %", (2000, 0.18), (1480, 0.2))
    axes.text(1000, 0.03, "lines: formula, dots: simulated", color=GREY)
    axes.set(xlabel="servers that a request waits for", ylabel="share of requests that are slow", ylim=(0, 1.03))
    axes.set(xlim=(0, 2000), xticks=[1, 500, 1000, 1500, 2000])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    return figure


def hedging(records: Records) -> Figure:
    """Survival functions with and without a hedge, and the high percentile against what the hedge costs."""
    own, common = (records.all("hedge", shared=shared)[0].arrays for shared in (0.0, 0.1))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    times = np.array(own["times"])
    left.plot(times, own["alone"], color=GREY, label="one copy")
    for arrays, colour, label in (
        (common, ORANGE, "hedged, 1 cause in 10 is shared"),
        (own, BLUE, "hedged, causes are independent"),
    ):
        left.plot(times, arrays["hedged"], color=colour, label=label)
        counted = np.array(arrays["counted"])
        seen = counted > 1e-5
        left.plot(times[::4][seen], counted[seen], "o", color=colour, markersize=4)
        right.plot(arrays["costs"], arrays["p999"], color=colour)
    left.axvline(1, color=GREY, linestyle=":", linewidth=1)
    left.text(1.05, 1.3e-5, "second copy sent", color=GREY, rotation=90, va="bottom")
    left.set(xscale="log", yscale="log", ylim=(1e-5, 8), xlabel="t, in units of the delay (a 95th percentile)")
    left.set(ylabel="share of answers slower than t")
    left.plot([], [], "o", color="black", markersize=4, label="counted in a simulation")
    left.legend(loc="upper right", fontsize=9)
    right.axvline(0.05, color=GREY, linestyle=":", linewidth=1)
    right.text(0.053, 0.9, "delay at the\n95th percentile", color=GREY, va="top")
    right.set(xscale="log", ylim=(0, 1), xlabel="second copies, share of the requests", xlim=(0.002, 1))
    right.set(ylabel="99.9th percentile, over that of one copy")
    right.set_xticks([0.002, 0.01, 0.05, 0.2, 1.0], ["0.2 %", "1 %", "5 %", "20 %", "100 %"])
    right.minorticks_off()
    return figure


def overload(records: Records) -> Figure:
    """The 99th percentile at each load under each policy, median over the runs, and the range of the runs."""
    runs = records.all("loads")
    names, loads = runs[0].arrays["names"], runs[0].arrays["loads"]
    p99 = np.array([run.arrays["p99"] for run in runs])  # (runs, policies, loads)
    figure, axes = plt.subplots(figsize=(8.5, 4.4))
    colours, heights = (GREY, RED, ORANGE, BLUE, GREEN), (0.85, 1.0, 1.25, 1.0, 1.05)
    for k, (name, colour, height) in enumerate(zip(names, colours, heights, strict=True)):
        middle = np.median(p99[:, k], axis=0)
        axes.fill_between(loads, p99[:, k].min(axis=0), p99[:, k].max(axis=0), color=colour, alpha=0.2, linewidth=0)
        axes.plot(loads, middle, "o-", color=colour, markersize=4)
        axes.text(loads[-1] + 0.015, middle[-1] * height, name, color=colour, va="center")
    axes.axhline(20, color=SKY, linestyle=":", linewidth=1)
    axes.text(1.25, 19, "a stall in service: 20 ms", color=SKY, va="top", ha="right")
    axes.set(yscale="log", ylim=(10, 5000), xlim=(0.08, 1.25), xticks=loads)
    axes.set(xlabel="load (work that comes, over work that the servers can do)", ylabel="99th percentile in ms")
    axes.set_yticks([10, 20, 50, 100, 1000], ["10", "20", "50", "100", "1,000"])
    axes.minorticks_off()
    return figure
