"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY, Records

from .deep import PERCENT
from .experiments import SHOWN


def stages(records: Records) -> Figure:
    """Figure 3: mode strengths against steps, and half-times against strengths, with the closed form."""
    linear, tanh = (records.all("modes", network=network)[0].arrays for network in ("linear", "tanh"))
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 3.9), width_ratios=(5, 4))
    for arrays, colour, label in ((tanh, GREEN, "tanh, trained"), (linear, BLUE, "linear, trained")):
        panels[0].plot(arrays["steps"], np.transpose(arrays["strengths"]), color=colour, linewidth=1.5)
        panels[0].plot([], [], color=colour, label=label)
    closed = np.array(linear["closed"])
    panels[0].plot(linear["steps"], closed.T, "--", color=RED, linewidth=1.2)
    panels[0].plot([], [], "--", color=RED, label="equation 12")
    for mode, curve in zip(SHOWN[:3], closed, strict=False):
        panels[0].text(1190, curve[-1] + 1, f"mode {mode}", ha="right", color=GREY, fontsize=9)
    panels[0].set(xlim=(0, 1200), ylim=(0, 98), xlabel="step", ylabel="strength of the mode")
    panels[0].legend(loc="upper left", ncols=3, fontsize=9, columnspacing=1.2)

    variants = [("shallow", ORANGE, "s"), ("tanh", GREEN, "^"), ("linear", BLUE, "o")]
    for network, colour, marker in variants:
        for number, record in enumerate(records.all("modes", network=network)):
            label = "no hidden layer" if network == "shallow" else network
            s, half = record.arrays["s"], record.arrays["half"]
            panels[1].loglog(
                s, half, marker, color=colour, markersize=4, alpha=0.6, label=None if number else label, linewidth=0
            )
    panels[1].loglog(linear["s"], linear["expected"], "--", color=RED, label="equation 11")
    panels[1].set(xlabel="singular value s of the mode", ylabel="step at which it is half learned")
    _plain(panels[1], [20, 40, 80], [200, 500, 1000, 1500])
    panels[1].legend(loc="lower left", fontsize=9)
    return figure


def depths(records: Records) -> Figure:
    """Times of chains against depth with their limit, and steps for the digits against depth for each start."""
    arrays = records.all("depth")[0].arrays
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 3.9))
    for k, colour in enumerate((BLUE, GREEN, RED)):
        times, ode, limit = (np.array(arrays[name])[..., k] for name in ("times", "ode", "limit"))
        panels[0].semilogx(arrays["depths"], ode, "-", color=colour, linewidth=1)
        panels[0].semilogx(arrays["depths"], times, "o", color=colour)
        panels[0].axhline(limit, color=colour, linestyle=":", linewidth=1.3)
        panels[0].text(1.05, limit, f"s = {arrays['s'][k]:g}", color=colour, va="bottom")
    panels[0].plot([], [], "o", color=GREY, label="trained")
    panels[0].plot([], [], "-", color=GREY, linewidth=1, label="equation 15")
    panels[0].plot([], [], ":", color=GREY, label="its limit, equation 17")
    panels[0].set(xlabel="matrices", ylabel="steps, times the rate, times the depth")
    _plain(panels[0], [1, 2, 5, 10, 30, 100])
    panels[0].legend(loc="lower right", fontsize=9)

    starts: list[tuple[dict[str, Any], str, str, str]] = [
        ({"start": "gaussian"}, ORANGE, "s", "Gaussian"),
        ({"start": "decoupled", "cap": 4000}, GREEN, "^", "decoupled, from 0.001"),
        ({"start": "orthogonal"}, BLUE, "o", "orthogonal"),
    ]
    for settings, colour, marker, label in starts:
        runs = [record.arrays for record in records.all("digits", **settings)]
        steps = np.array([run["steps"] for run in runs])
        for row in steps:
            panels[1].loglog(runs[0]["depths"], row, marker, color=colour, alpha=0.5, markersize=4)
        panels[1].loglog(runs[0]["depths"], steps.mean(axis=0), color=colour, label=label)
    panels[1].axhline(1500, color=ORANGE, linestyle=":", linewidth=1)
    panels[1].text(2, 1600, "given up after 1,500 steps", color=ORANGE, va="bottom", fontsize=9)
    panels[1].set(xlabel="matrices", ylabel="steps until the digits are learned", ylim=(3, 3000))
    _plain(panels[1], [2, 5, 10, 20, 50, 99], [5, 10, 20, 50, 100, 200, 500, 1000])
    panels[1].legend(loc="center right", bbox_to_anchor=(1, 0.63), fontsize=9)
    return figure


def spectra(records: Records) -> Figure:
    """Eigenvalues of Gaussian products with the closed form, and singular values of Jacobians through tanh."""
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 3.9))
    r = np.linspace(0.001, 1, 400)
    for depth, colour in ((5, BLUE), (100, ORANGE)):
        for number, record in enumerate(records.all("products", depth=depth)):
            label = None if number else f"{depth} Gaussian matrices"
            panels[0].plot(record.arrays["moduli"], PERCENT, color=colour, alpha=0.6, linewidth=2.5, label=label)
        panels[0].plot(r, 100 * r ** (2 / depth), "--", color="black", linewidth=1)
    panels[0].plot([], [], "--", color="black", linewidth=1, label="$r^{2/n}$, for many units")
    panels[0].axvline(1, color=GREEN, label="orthogonal matrices: all at 1")
    panels[0].axvline(0.1 / np.sqrt(np.pi), color=GREY, linestyle=":")
    panels[0].text(0.065, 2, "as large as the\npaper's bin", color=GREY, fontsize=9, va="bottom")
    panels[0].set(
        xlabel="modulus r of an eigenvalue", ylabel="% of the eigenvalues below", xlim=(0, 1.1), ylim=(0, 102)
    )
    panels[0].legend(loc="lower right", bbox_to_anchor=(0.88, 0.05), fontsize=9)

    variants: list[tuple[dict[str, float], str, str, str]] = [
        ({"g": 0.9}, ORANGE, "-", "g = 0.9"),
        ({}, BLUE, "-", "g = 1"),
        ({"q1": 4.0}, BLUE, "--", "g = 1, input variance 4"),
        ({"g": 1.05}, GREEN, "-", "g = 1.05"),
        ({"g": 1.1}, SKY, "-", "g = 1.1"),
    ]
    panels[1].axvspan(0.1, 10, color=GREY, alpha=0.15, linewidth=0)
    for settings, colour, line, label in variants:
        for number, record in enumerate(records.all("percolation", **settings)):
            panels[1].semilogx(
                record.arrays["singular"], PERCENT, line, color=colour, alpha=0.7, label=None if number else label
            )
    panels[1].text(1, 4, "within ten\ntimes of 1", ha="center", color=GREY, fontsize=9)
    panels[1].set(xlabel="singular value of the Jacobian, first to last of 100 layers", ylabel="% of them below")
    panels[1].set(xlim=(1e-10, 20), ylim=(0, 102))
    panels[1].legend(loc="upper left", fontsize=9)
    return figure


def _plain(axes: Axes, x: list[int], y: list[int] | None = None) -> None:
    """Ticks at these numbers, written as such."""
    axes.set_xticks(x, [f"{tick:,}" for tick in x])
    axes.set_xticks([], minor=True)
    if y is not None:
        axes.set_yticks(y, [f"{tick:,}" for tick in y])
        axes.set_yticks([], minor=True)
