"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY, Records

from .data import FIRST_LETTER, FIRST_PHONEME
from .model import END, PADDING

PHONEMES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)


def positions(records: Records) -> Figure:
    """The table of encodings, and the products of any two of them."""
    arrays = records.all("positions")[0].arrays
    products = np.array(arrays["products"])
    apart = np.abs(np.subtract.outer(np.arange(len(products)), np.arange(len(products))))
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.8))
    for axes, picture, title, labels in (
        (panels[0], np.array(arrays["table"]), "Encodings, d = 64", ("element", "position")),
        (panels[1], products[apart], "Their products, d = 512, over d / 2", ("position", "position")),
    ):
        shown = axes.imshow(picture, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
        axes.set(title=title, xlabel=labels[0], ylabel=labels[1])
        axes.grid(visible=False)
        figure.colorbar(shown, ax=axes)
    return figure


def saturation(records: Records) -> Figure:
    """Weights and gradients of a softmax over 64 keys, with and without the division, as d_k grows."""
    figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.5))
    sizes, colours = (4, 64, 1024), (SKY, BLUE, RED)
    for axes, scaled, title in ((panels[0], False, "scores as they are"), (panels[1], True, "scores over √d_k")):
        for d_k, colour in zip(sizes, colours, strict=True):
            curves = [record.arrays["sorted_weights"] for record in records.all("scores", scaled=scaled, d_k=d_k)]
            axes.plot(range(1, 65), np.mean(curves, axis=0), color=colour, label=f"d_k = {d_k}")
        axes.set(title=title, xlabel="key, by its weight", ylabel="mean weight", xscale="log", ylim=(-0.03, 1))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.legend()
    for scaled, colour, label in ((False, ORANGE, "as they are"), (True, GREEN, "over √d_k")):
        gradients = [
            np.mean([record.measurements["gradient"] for record in records.all("scores", scaled=scaled, d_k=d_k)])
            for d_k in sizes
        ]
        panels[2].plot(sizes, gradients, "o-", color=colour, label=label)
    panels[2].set(
        title="Jacobian of the softmax", xlabel="d_k", ylabel="its norm, median query", xscale="log", yscale="log"
    )
    panels[2].set_xticks(sizes, [str(d_k) for d_k in sizes], minor=False)
    panels[2].minorticks_off()
    panels[2].legend()
    return figure


def schedule(records: Records) -> Figure:
    """The rate over the steps, for the base model, a longer warm-up and a wider model."""
    figure, axes = plt.subplots(figsize=(5.5, 3.2))
    variants: list[tuple[dict[str, Any], str]] = [
        ({}, "d = 512, warm-up 4,000"),
        ({"warm_up": 8000}, "d = 512, warm-up 8,000"),
        ({"d_model": 1024}, "d = 1024, warm-up 4,000"),
    ]
    for settings, label in variants:
        rates = np.array(records.all("schedule", **settings)[0].arrays["rates"])
        axes.plot(np.arange(len(rates)) * 0.5, 1e4 * rates, label=label)
    axes.set(xlabel="thousand steps", ylabel="rate, 10⁻⁴")
    axes.legend()
    return figure


def vocabularies(records: Records) -> Figure:
    """For each row of table 3, the vocabularies for which its count of parameters comes out as printed."""
    arrays = records.all("counts")[0].arrays
    figure, axes = plt.subplots(figsize=(7.5, 3.8))
    low, high = arrays["common"]
    axes.axvspan(low, high, color=GREEN, alpha=0.3)
    axes.text((low + high) / 2, -1.75, f"{low:,} to {high:,}", ha="center", color=GREEN)
    rows = zip(arrays["names"], arrays["millions"], arrays["intervals"], strict=True)
    for place, (name, millions, (first, last)) in enumerate(rows):
        colour = RED if name == "big" else BLUE
        axes.plot([first, last], [place, place], color=colour, linewidth=6, solid_capstyle="butt")
        side: dict[str, Any] = {"x": first - 80, "ha": "right"} if name == "big" else {"x": last + 80, "ha": "left"}
        axes.text(y=place, s=f"{millions} million", va="center", color=colour, fontsize=9, **side)
    axes.axvline(37000, color=GREY, linestyle=":")
    axes.text(37000, -1.75, "“about 37,000”", ha="center", color=GREY)
    axes.set(xlabel="words in the vocabulary", ylim=(len(arrays["names"]) - 0.4, -1.6), xlim=(33500, 44700))
    axes.set_yticks(range(len(arrays["names"])), arrays["names"])
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", visible=False)
    return figure


def attention_maps(records: Records) -> Figure:
    """Who looks where, in an encoder that has learned to reverse: mean weights of each layer and head."""
    maps = np.array(records.all("reverse")[0].arrays["attention"])  # (layers, H, T, T)
    figure, grid = plt.subplots(*maps.shape[:2], figsize=(8.5, 4.6), squeeze=False)
    for layer, row in enumerate(grid):
        for head, axes in enumerate(row):
            axes.imshow(maps[layer, head], cmap="Blues", vmin=0, vmax=1)
            axes.set(title=f"layer {layer + 1}, head {head + 1}", xticks=[0, 15], yticks=[0, 15])
            axes.grid(visible=False)
        row[0].set_ylabel("looking place")
    for axes in grid[-1]:
        axes.set_xlabel("place looked at")
    return figure


def reversing(records: Records) -> Figure:
    """Accuracy on reversal, step by step, for every variant and seed."""
    variants: list[tuple[dict[str, Any], str, str]] = [
        ({}, BLUE, "4 heads, d_k = 16"),
        ({"positions": "learned"}, SKY, "learned positions"),
        ({"heads": 1, "key_size": 64}, GREEN, "1 head, d_k = 64"),
        ({"key_size": 2}, ORANGE, "4 heads, d_k = 2"),
        ({"positions": "none"}, GREY, "no positions"),
        ({"heads": 1, "key_size": 256, "scaled": False}, RED, "d_k = 256, not scaled"),
    ]
    figure, axes = plt.subplots(figsize=(7.5, 3.8))
    for settings, colour, label in variants:
        curves = [record.arrays["accuracy"] for record in records.all("reverse", **settings)]
        steps = 10 * np.arange(1, len(curves[0]) + 1)
        axes.plot(steps, np.transpose(curves), color=colour, alpha=0.3, linewidth=1)
        axes.plot(steps, np.mean(curves, axis=0), color=colour, label=label)
    ceiling = float(np.mean([record.measurements["bag_ceiling"] for record in records.all("reverse")]))
    axes.axhline(ceiling, color="black", linestyle=":", linewidth=1)
    axes.text(steps[-1], ceiling - 0.02, "what the bag of symbols tells", ha="right", va="top", fontsize=9)
    axes.set(xlabel="steps", ylabel="symbols named rightly")
    axes.legend(fontsize=9, loc="center right")
    return figure


def spelling(records: Records) -> Figure:
    """Phoneme errors of every variant of the encoder-decoder, and of the nearest words."""
    variants: dict[str, dict[str, Any]] = {
        "as the paper's": {},
        "no smoothing": {"smoothing": 0.0},
        "one head": {"heads": 1, "key_size": 64},
        "no positions": {"positions": "none"},
        "1,000 words": {"training_words": 1000},
        "1,000 words,\nno dropout": {"training_words": 1000, "dropout": 0.0},
        "sounds\nshuffled": {"sounds": "shuffled"},
    }
    figure, axes = plt.subplots(figsize=(8.5, 3.6))
    for place, settings in enumerate(variants.values()):
        runs = records.all("spelling", **settings)
        for shift, name, colour in ((-0.2, "phoneme_error", BLUE), (0.2, "beam_error", ORANGE)):
            errors = [100 * record.measurements[name] for record in runs]
            axes.bar(place + shift, np.mean(errors), 0.38, color=colour)
            axes.plot([place + shift] * len(errors), errors, ".", color="black", markersize=4)
            axes.text(place + shift, max(errors) + 1.5, f"{np.mean(errors):.0f}", ha="center", fontsize=9)
    for name, label in (("nearest_bag", "nearest bag of letters"), ("nearest_pairs", "nearest bag of pairs")):
        level = 100 * records.all("structure")[0].measurements[name]
        axes.axhline(level, color=GREY, linestyle=":", linewidth=1.2)
        axes.text(-0.45, level + 1, label, color=GREY, fontsize=9)
    axes.bar(0, 0, color=BLUE, label="greedy")
    axes.bar(0, 0, color=ORANGE, label="beam of 4")
    axes.set_xticks(range(len(variants)), variants, fontsize=9)
    axes.set(ylabel="phoneme errors, %", ylim=(0, 118))
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left")
    return figure


def reading(records: Records) -> Figure:
    """Where the decoder looks in the spelling while it writes the sound: mean over layers and heads, four words."""
    arrays = records.all("spelling")[0].arrays
    maps = np.array(arrays["reading"]).mean(axis=(0, 2))  # (N, T, S)
    figure, panels = plt.subplots(1, len(maps), figsize=(9.5, 3.2))
    for axes, weights, source, answer in zip(panels, maps, arrays["source"], arrays["answers"], strict=True):
        letters = [chr(ord("a") + word - FIRST_LETTER) for word in source if word != PADDING]
        sounds = ["end" if word == END else PHONEMES[word - FIRST_PHONEME] for word in answer if word != PADDING]
        axes.imshow(weights[: len(sounds), : len(letters)], cmap="Blues", vmin=0)
        axes.set_xticks(range(len(letters)), letters)
        axes.set_yticks(range(len(sounds)), sounds)
        axes.grid(visible=False)
    panels[0].set_ylabel("written")
    return figure
