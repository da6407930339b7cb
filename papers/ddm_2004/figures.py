"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, Records

from .data import STREAMS
from .monitor import SILENT, Monitor


def one_stream(records: Records) -> Figure:
    """p + s along SINE1 as the monitor saw it, with its two levels; and the same, near the change."""
    record = records.all("network", sets=["SINE1"])[0]
    size = record.unit.settings["size"]
    wrong = np.zeros(2 * size, bool)
    wrong[record.arrays["first_wrong"]] = True
    seen, monitor = np.full((3, len(wrong)), np.nan), Monitor()  # p + s, and the two levels
    warned = []
    for now, error in enumerate(wrong):
        state = monitor.add(bool(error))
        if monitor.i > SILENT:
            p, least, s = monitor.errors / monitor.i, monitor.p_min, monitor.s_min
            seen[:, now] = p + (p * (1 - p) / monitor.i) ** 0.5, least + 2 * s, least + 3 * s
        if state == "warning":
            warned.append(now + 1)
        if state == "drift":
            monitor.reset()
    alarms = np.array(record.arrays["first_alarms"]) + 1
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.5), width_ratios=(2, 1))
    examples = np.arange(1, len(wrong) + 1)
    for axes in panels:
        axes.plot(examples, seen[2], color=RED, linestyle="--", linewidth=1.2, label="drift level")
        axes.plot(examples, seen[1], color=ORANGE, linestyle="-.", linewidth=1.2, label="warning level")
        axes.plot(examples, seen[0], color=BLUE, label="error + its deviation")
        axes.axvline(size + 0.5, color=GREY, linewidth=1)
        axes.set(xlabel="example")
    panels[0].text(size - 15, 0.42, "the labels are exchanged", ha="right", color=GREY)
    panels[0].set(ylim=(0, 0.5), xlim=(0, len(wrong)))
    panels[0].legend(loc="upper right")
    first = int(alarms[0])
    near = slice(size - 6, first)
    panels[1].set(xlim=(size - 5, first + 4))
    panels[1].set(ylim=(0.9 * np.nanmin(seen[0, near]), 1.1 * np.nanmax(seen[0, near])))
    begun = [number for number in warned if size < number < first]
    for number, colour, word in ((begun[0] if begun else first, ORANGE, "warning"), (first, RED, "alarm")):
        panels[1].plot(number, seen[0, number - 1], "o", color=colour)
        panels[1].annotate(
            word, (number, seen[0, number - 1]), (-7, 2), textcoords="offset points", ha="right", color=colour
        )
    return figure


def false_alarms(records: Records) -> Figure:
    """Share of streams that have had an alarm, against the examples seen, though nothing changes."""
    figure, axes = plt.subplots(figsize=(8, 3.8))
    curves: tuple[tuple[dict[str, Any], str, str, str], ...] = (
        ({"rate": 0.01}, RED, "-", "error rate 0.01"),
        ({}, BLUE, "-", "error rate 0.2"),
        ({"falling": 200}, GREEN, "-", "falling to 0.2"),
        ({"level": 6.0}, ORANGE, "--", "0.2, level of six deviations"),
    )
    for settings, colour, line, label in curves:
        arrays = [record.arrays for record in records.all("quiet", **settings)]
        share = np.mean([a["share"] for a in arrays], axis=0)
        axes.plot(arrays[0]["examples"], share, line, color=colour)
        above = {"falling to 0.2": -0.045}.get(label, 0.03)
        axes.text(1010, share[-1] + (above if share[-1] < 0.1 else 0), label, va="center", color=colour)
    axes.axhline(0.01, color=GREY, linestyle=":", linewidth=1.2)
    axes.text(500, 0.035, "one in a hundred", color=GREY, ha="center", va="bottom")
    axes.set(xlabel="examples seen", ylabel="share of streams with an alarm", ylim=(-0.06, 1), xlim=(0, 1000))
    return figure


def delays(records: Records) -> Figure:
    """Examples until the alarm, by the length of the context and by the share of labels; dots are seeds."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    monitors: tuple[tuple[dict[str, Any], str, str, str], ...] = (
        ({}, BLUE, "o", "DDM"),
        ({"detector": "cusum", "level": 6.0}, ORANGE, "s", "Page's sum, told both rates"),
    )
    for settings, colour, mark, label in monitors:
        for axes, name, values, rest in (
            (panels[0], "context", [100, 1000, 10000], {}),
            (panels[1], "every", [1, 10], {"context": 10000}),
        ):
            late = [
                [r.measurements["late"] for r in records.all("delay", **settings | rest | {name: value})]
                for value in values
            ]
            axes.plot(values, np.mean(late, axis=1), color=colour, marker=mark, label=label)
            axes.plot(values, late, ".", color="black", markersize=3)
    lengths = np.array([100, 10000])
    panels[0].plot(lengths, 49 * np.sqrt(lengths / 100), color=GREY, linestyle=":", linewidth=1.2)
    panels[0].text(10500, 190, "root of the length", color=GREY, ha="right", va="top")
    panels[0].set(xscale="log", yscale="log", xlabel="examples before the change", ylabel="examples until the alarm")
    panels[1].set(xscale="log", xlabel="examples with a label", xlim=(0.7, 14))
    panels[1].minorticks_off()
    panels[1].set_xticks([1, 10], ["all", "one in ten"])
    panels[0].legend(loc="upper left")
    return figure


def table_1(records: Records) -> Figure:
    """From the error without to the error with detection, one row for each stream."""
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True)
    for axes, experiment, title in zip(
        panels, ("perceptron", "network"), ("perceptron", "neural network"), strict=True
    ):
        ours = np.mean([record.arrays["errors"] for record in records.all(experiment)], axis=0)  # (8, 2)
        for row, (stream, errors) in enumerate(zip(STREAMS.values(), ours, strict=True)):
            published = stream.perceptron if experiment == "perceptron" else stream.network
            _slope(axes, row - 0.17, published, GREY, "the paper" if row == 0 else "")
            _slope(axes, row + 0.17, errors, BLUE, "here" if row == 0 else "")
        axes.set(xlabel="error without (hollow) and with detection (filled)", title=title, xlim=(-0.01, 0.52))
    panels[0].set(yticks=range(len(STREAMS)), yticklabels=list(STREAMS))
    panels[0].invert_yaxis()
    panels[0].legend(loc="upper right")
    return figure


def _slope(axes: Axes, row: float, errors: tuple[float, float], colour: str, label: str) -> None:
    axes.plot(errors, [row, row], color=colour, linewidth=1.5)
    axes.plot(errors[0], row, "o", color=colour, markerfacecolor="white")
    axes.plot(errors[1], row, "o", color=colour, label=label or None)
