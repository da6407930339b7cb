"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, Records


def architecture(records: Records) -> Figure:
    """LeNet-5 as a strip: a box for each layer, as high as its maps are wide, with its counts."""
    arrays = records.all("counts")[0].arrays
    figure, axes = plt.subplots(figsize=(9, 3.4))
    shapes = ["1@32x32", *arrays["layer_shapes"]]
    names = ["input", *arrays["layer_names"]]
    counts = [(0, 0), *zip(arrays["layer_parameters"], arrays["layer_connections"], strict=True)]
    for place, (name, shape, (parameters, connections)) in enumerate(zip(names, shapes, counts, strict=True)):
        maps, _, size = shape.partition("@")
        side = int(size.partition("x")[0]) if size else 1
        height = side / 32
        colour = BLUE if place else GREY
        axes.add_patch(Rectangle((place - 0.3, 0.5 - height / 2), 0.6, height, facecolor=colour, alpha=0.8))
        axes.text(
            place,
            1.06,
            f"{name}\n{maps} @ {size.replace('x', ' × ')}" if size else f"{name}\n{maps} units",
            ha="center",
            va="bottom",
        )
        axes.text(
            place,
            -0.08,
            f"{parameters:,}\n{connections:,}" if place else "parameters\nconnections",
            ha="center",
            va="top",
            color=GREY,
        )
    axes.set(xlim=(-0.8, len(names) - 0.4), ylim=(-0.35, 1.35))
    axes.axis("off")
    return figure


def table_one(records: Records) -> Figure:
    """Which map of C3 sees which map of S2."""
    table = np.array(records.all("counts")[0].arrays["table"])
    figure, axes = plt.subplots(figsize=(7, 2.6))
    rows, columns = np.nonzero(table)
    axes.scatter(columns, rows, s=90, color=BLUE)
    axes.set(xticks=range(16), yticks=range(6), xlabel="map of C3", ylabel="map of S2", ylim=(5.5, -0.5))
    axes.set_axisbelow(True)
    return figure


def kernels(records: Records) -> Figure:
    """The six kernels of C1 that each seed learned on MNIST."""
    runs = records.all("mnist")
    figure, axes = plt.subplots(len(runs), 6, figsize=(6.5, 1.15 * len(runs)), squeeze=False)
    for row, record in zip(axes, runs, strict=True):
        learned = np.array(record.arrays["kernels"])
        for axis, kernel in zip(row, learned, strict=True):
            limit = np.abs(learned).max()
            axis.imshow(kernel, cmap="PuOr", vmin=-limit, vmax=limit)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"seed {record.unit.seed}")
    return figure


def passes(records: Records) -> Figure:
    """Misses of the 1989 network after each pass, every seed, and the paper's last numbers."""
    variants: list[tuple[dict[str, Any], str, str]] = [
        ({"kernels": "own"}, ORANGE, "own kernels, plain steps"),
        ({}, BLUE, "shared kernels, plain steps"),
        ({"step": "diagonal newton"}, GREEN, "shared kernels, the paper's steps"),
    ]
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.6))
    for axes, name, claim, title in (
        (panels[0], "train_misses", "Z1-train", "7,291 training digits"),
        (panels[1], "test_misses", "Z1", "2,007 test digits"),
    ):
        for settings, colour, label in variants:
            curves = [record.arrays[name] for record in records.all("zip", **settings)]
            axes.plot(range(1, len(curves[0]) + 1), np.transpose(curves), color=colour, alpha=0.3, linewidth=1)
            axes.plot(range(1, len(curves[0]) + 1), np.mean(curves, axis=0), color=colour, label=label)
        paper = float(records.manifest.claim(claim).paper.value)
        axes.plot(len(curves[0]), paper, "*", color=RED, markersize=13, label=f"the paper: {paper:.0f}")
        axes.set(title=title, xlabel="passes", ylabel="misread", yscale="log")
        axes.yaxis.set_major_formatter("{x:.0f}")
        axes.legend(loc="upper right", fontsize=9)
    panels[1].set_yticks([100, 150, 200, 300, 400])
    panels[1].yaxis.set_minor_formatter("")
    return figure


def opponents(records: Records) -> Figure:
    """MNIST test error of LeNet-5 and two dense networks: as it is, moved by two pixels, with permuted pixels."""
    models = {"lenet5": "LeNet-5", "dense relu": "dense, ReLU\n256-256", "dense 300": "dense, tanh\n300"}
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "in place": ({}, "test_error"),
        "moved 2 pixels": ({}, "test_error_moved"),
        "pixels permuted": ({"pixels": "permuted"}, "test_error"),
    }
    figure, axes = plt.subplots(figsize=(8, 3.6))
    for number, (label, (settings, name)) in enumerate(cases.items()):
        errors = [
            [100 * record.measurements[name] for record in records.all("mnist", model=model, **settings)]
            for model in models
        ]
        at = np.arange(len(models)) + 0.27 * (number - 1)
        bars = axes.bar(at, [np.mean(values) for values in errors], 0.25, label=label)
        for x, values in zip(at, errors, strict=True):
            axes.plot([x] * len(values), values, ".", color="black", markersize=4)
        axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=9)
    axes.set(xticks=range(len(models)), xticklabels=models.values(), ylabel="test error, %")
    axes.set(yscale="log", ylim=(0.5, 80))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", visible=False)
    axes.legend(ncols=3, loc="upper left")
    return figure


def neighbours(records: Records) -> Figure:
    """Correlation of pixels in a row against their distance, as scanned and permuted."""
    figure, axes = plt.subplots(figsize=(5.5, 3.2))
    for order, colour in (("as scanned", BLUE), ("permuted", ORANGE)):
        arrays = records.all("structure", order=order)[0].arrays
        axes.plot(arrays["distances"], arrays["correlations"], "o-", color=colour, label=order)
    axes.axvspan(0.5, 4.5, color=GREY, alpha=0.12)
    axes.text(2.5, 0.92, "reach of a 5 × 5 window", ha="center", color=GREY)
    axes.set(xlabel="distance in pixels", ylabel="correlation", ylim=(-0.1, 1), xlim=(0.5, 7.5))
    axes.legend(loc="center right")
    return figure


def misread(records: Records) -> Figure:
    """Embedded digits that the small LeNet misread: what it is, and what was read."""
    arrays = records.all("digits")[0].arrays
    images = np.array(arrays["missed_images"])
    figure, grid = plt.subplots(3, 8, figsize=(7.5, 3.4))
    for axes in grid.flat:
        axes.axis("off")
    titles = [f"{label} → {read}" for label, read in zip(arrays["missed_labels"], arrays["missed_read"], strict=True)]
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        axes.imshow(image, cmap="gray_r")
        axes.set_title(title, fontsize=9, pad=2)
    return figure
