"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY, Records

from . import bounds

COLOURS = {"adam": BLUE, "nesterov": ORANGE, "adagrad": GREEN, "annealed adagrad": SKY, "rmsprop": RED}
NAMES = {
    "adam": "Adam",
    "nesterov": "Nesterov",
    "adagrad": "AdaGrad",
    "annealed adagrad": "AdaGrad, rate falling twice",
    "rmsprop": "RMSProp",
}
DASHED = {"adagrad": "--"}  # it lies on Adam's curve in places, which shows through
STUDIES = {
    "logistic": "softmax regression, MNIST",
    "sparse": "bags of words, dropout",
    "network": "two hidden layers, dropout",
}


def reddi(records: Records) -> Figure:
    """x and average regret on the synthetic problem, Adam beside what mends it."""
    players: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({}, BLUE, "Adam, β2 = 0.99"),
        ({"beta2": 0.9999}, ORANGE, "Adam, β2 = 0.9999"),
        ({"rule": "amsgrad"}, GREEN, "AMSGrad, β2 = 0.99"),
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    for settings, colour, label in players:
        arrays = records.all("online", **settings)[0].arrays
        left.plot(arrays["rounds"], arrays["x"], color=colour, label=label)
        right.plot(arrays["rounds"], arrays["average_regrets"], color=colour, label=label)
    left.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    left.axhline(-1, color=GREY, linewidth=0.8, linestyle=":")
    left.text(1.2, 1.03, "worst point", color=GREY, va="bottom")
    left.text(1.2, -1.03, "best point", color=GREY, va="top")
    left.set(xscale="log", xlabel="round t", ylabel="x", ylim=(-1.25, 1.25))
    right.set(xscale="log", yscale="log", xlabel="round t", ylabel="average regret R(t) / t")
    right.legend()
    return figure


def regret_bound(records: Records) -> Figure:
    """The regret on the cycle of three, and the right side of theorem 4.1 along the same run."""
    figure, axes = plt.subplots(figsize=(6, 3.8))
    adam, amsgrad = (records.all("three_cycle", **settings)[0].arrays for settings in ({}, {"rule": "amsgrad"}))
    rounds = adam["rounds"]
    axes.plot(rounds, adam["bound"], "--", color=GREY, label="theorem 4.1 for Adam's run")
    axes.plot(rounds, adam["regrets"], color=BLUE, label="Adam's regret")
    axes.plot(rounds, amsgrad["regrets"], color=GREEN, label="AMSGrad's regret")
    axes.set(xscale="log", yscale="log", xlabel="round T", ylabel="regret R(T)")
    axes.legend()
    return figure


def correction(records: Records) -> Figure:
    """The size of the steps for a gradient that never changes."""
    arrays = records.all("constant")[0].arrays
    figure, axes = plt.subplots(figsize=(6, 3.2))
    axes.plot(arrays["t"], arrays["steps_raw"], color=RED, label="without correction")
    axes.plot(arrays["t"], arrays["steps_corrected"], color=BLUE, label="with correction")
    axes.set(xscale="log", xlabel="step t", ylabel="step / α", ylim=(0, None))
    axes.legend()
    return figure


def worst_case(records: Records) -> Figure:
    """The gradients that make the largest step, beside the case that the paper has in mind."""
    figure, panels = plt.subplots(2, 2, figsize=(9, 4.6), sharex=True, sharey="row")
    cases = (("spike", "one gradient after zeros"), ("growing", "gradients that grow by β2 / β1 a step"))
    for (top, bottom), (gradients, title) in zip(panels.T, cases, strict=True):
        arrays = records.all("largest_step", gradients=gradients)[0].arrays
        t = np.arange(-len(arrays["steps"]) + 1, 1)
        top.bar(t, arrays["gradients"], color=GREY)
        top.set_title(title)
        bottom.plot(t, arrays["steps"], color=BLUE)
        bottom.axhline(bounds.printed_step(0.9, 0.999), color=ORANGE, linestyle="--", linewidth=1.2)
        bottom.axhline(bounds.largest_step(0.9, 0.999), color=RED, linestyle=":", linewidth=1.2)
        bottom.set_xlabel("steps before the last")
    panels[1, 0].text(-58, bounds.printed_step(0.9, 0.999) + 0.1, "the paper's bound", color=ORANGE, va="bottom")
    panels[1, 0].text(-58, bounds.largest_step(0.9, 0.999) + 0.1, "the least upper bound", color=RED, va="bottom")
    panels[0, 0].set_ylabel("gradient")
    panels[1, 0].set(ylabel="step / α", ylim=(0, 8.5))
    return figure


def training(records: Records) -> Figure:
    """The training cost after each pass at each optimiser's best rate."""
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.6))
    for axes, (study, title) in zip(panels, STUDIES.items(), strict=True):
        runs = records.all(study)
        for name in runs[0].arrays["optimisers"]:
            curves = np.array([record.arrays[f"curve {name}"] for record in runs])
            passes = np.arange(1, curves.shape[1] + 1)
            axes.plot(passes, curves.T, color=COLOURS[name], linewidth=0.6, alpha=0.5)
            style = DASHED.get(name, "-")
            axes.plot(passes, curves.mean(axis=0), style, color=COLOURS[name], label=NAMES[name])
        axes.set(title=title, xlabel="pass", yscale="log")
    panels[0].set(ylabel="training cost, nats", ylim=(0.235, 0.5))
    for axes, ticks in zip(
        panels, ([0.25, 0.3, 0.4, 0.5], [0.03, 0.1, 0.3, 1], [0.2, 0.3, 0.4, 0.6, 0.8]), strict=True
    ):
        _ticks(axes, ticks)
        axes.legend(fontsize=8)
    return figure


def rates(records: Records) -> Figure:
    """The mean training cost at every rate of every grid."""
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.4))
    for axes, (study, title) in zip(panels, STUDIES.items(), strict=True):
        runs = records.all(study)
        for name in runs[0].arrays["optimisers"]:
            means = np.array([record.arrays[f"means {name}"] for record in runs]).mean(axis=0)
            grid, style = runs[0].arrays[f"rates {name}"], f"o{DASHED.get(name, '-')}"
            axes.plot(grid, means, style, color=COLOURS[name], markersize=3, label=NAMES[name])
        axes.set(title=title, xlabel="rate α", xscale="log", yscale="log")
    panels[0].set(ylabel="mean training cost, nats", ylim=(0.24, 0.5))
    for axes, ticks in zip(panels, ([0.25, 0.3, 0.4, 0.5], [0.06, 0.1, 0.2, 0.4], [0.3, 0.4, 0.6, 1]), strict=True):
        _ticks(axes, ticks)
    named = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=len(named), fontsize=9)
    return figure


def _ticks(axes: Axes, values: list[float]) -> None:
    """Few numbers along a logarithmic axis, written plainly."""
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks(values, [f"{value:g}" for value in values])


def bias(records: Records) -> Figure:
    """The loss against the rate with and without correction, in the layout of figure 4."""
    figure, panels = plt.subplots(2, 3, figsize=(9.5, 5), sharex=True, sharey=True)
    for row, beta1 in zip(panels, (0.0, 0.9), strict=True):
        for axes, beta2 in zip(row, (0.99, 0.999, 0.9999), strict=True):
            for corrected, colour in ((True, BLUE), (False, RED)):
                runs = records.all("vae", beta1=beta1, beta2=beta2, corrected=corrected)
                for name, style in (("at_10", "--"), ("at_100", "-")):
                    losses = np.array([record.arrays[name] for record in runs])
                    label = f"{'with' if corrected else 'no'} correction, pass {name[3:]}"
                    axes.plot(runs[0].arrays["log_rates"], losses.mean(axis=0), style, color=colour, label=label)
            axes.set(title=f"β1 = {beta1:g}, β2 = {beta2:g}", ylim=(23, 40))
        row[0].set_ylabel("loss, nats a digit")
    for axes in panels[1]:
        axes.set_xlabel("log10 α")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
    return figure
