"""The figures of the page, drawn from the records."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREEN, GREY, ORANGE, Records

from .data import FEATURES, TEXT
from .grammar import LEXICON, NOUNS


def twelve_bits(records: Records) -> Figure:
    """Error by place among twelve bits, every network and their mean, with and without context."""
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    variants: list[tuple[dict[str, Any], str, str]] = [
        ({"context": "constant", "passes": 100}, ORANGE, "without context"),
        ({}, BLUE, "with context"),
    ]
    places = np.arange(1, 13)
    for settings, colour, label in variants:
        profiles = np.concatenate([record.arrays["profile"] for record in records.all("bits", **settings)])
        axes.plot(places, profiles.T, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(places, profiles.mean(axis=0), "o-", color=colour, label=label)
    axes.axhline(0.5, color=GREY, linestyle="--", linewidth=1)
    axes.text(14.1, 0.503, "a coin", va="bottom", ha="right", color=GREY)
    axes.axhline(1 / 3, color=GREY, linestyle=":", linewidth=1)
    axes.text(14.1, 1 / 3 + 0.003, "the rule, place unknown", va="bottom", ha="right", color=GREY)
    axes.set(xticks=places, xlabel="bit asked for (1, 4, 7, 10 are decided by the two before)", ylabel="RMS error")
    axes.set(ylim=(0.25, 0.65), xlim=(0.6, 14.2))
    axes.legend(loc="upper center", ncols=2)
    return figure


def letter_by_letter(records: Records) -> Figure:
    """Error of one network along forty letters of its test stream, each letter at its own error."""
    arrays = records.all("letters")[0].arrays
    figure, axes = plt.subplots(figsize=(9, 3.2))
    _written(axes, arrays["letters"], arrays["error"], [letter in "bdg" for letter in arrays["letters"]])
    axes.axhline(np.sqrt(2 / 27), color=GREY, linestyle="--", linewidth=1)
    axes.text(len(arrays["letters"]) + 0.3, np.sqrt(2 / 27) + 0.01, "floor at\nconsonants", va="bottom", color=GREY)
    axes.set(ylim=(-0.03, 0.72), xlim=(-1, len(arrays["letters"]) + 5))
    return figure


def by_feature(records: Records) -> Figure:
    """Error of each feature where a consonant comes next: bars for the mean, dots for the networks."""
    errors = np.concatenate([record.arrays["by_feature"] for record in records.all("letters")])  # (trials, 6)
    figure, axes = plt.subplots(figsize=(6.5, 3.4))
    axes.bar(
        FEATURES, errors.mean(axis=0), 0.6, color=[ORANGE if name in ("High", "Back") else BLUE for name in FEATURES]
    )
    for place, values in enumerate(errors.T):
        axes.plot([place] * len(values), values, ".", color="black", markersize=4)
    axes.axhline(np.sqrt(2) / 3, color=GREY, linestyle="--", linewidth=1)
    axes.text(-0.4, np.sqrt(2) / 3 + 0.008, "one consonant in three: 0.471", color=GREY)
    axes.set(ylabel="RMS error", ylim=(0, 0.6))
    axes.grid(axis="x", visible=False)
    return figure


def word_by_word(records: Records) -> Figure:
    """Error along the text of the paper's figure, mean over all networks; and by place in the word."""
    runs = records.all("words")
    error = np.mean([record.arrays["text_error"] for record in runs], axis=0)
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 3.4), width_ratios=(4, 1))
    starts = _starts("many years ago a boy and girl lived by the sea they played happily")
    _written(panels[0], TEXT[1:], error, [place + 1 in starts for place in range(len(error))])
    panels[0].set(ylim=(0, 0.72))
    by_place = np.array([record.arrays["by_place"] for record in runs])  # (runs, places)
    panels[1].plot(range(1, by_place.shape[1] + 1), by_place.T, color=GREEN, alpha=0.3, linewidth=0.8)
    panels[1].plot(range(1, by_place.shape[1] + 1), by_place.mean(axis=0), "o-", color=GREEN)
    panels[1].set(xlabel="place in the word", ylim=(0, 0.72), xticks=range(1, by_place.shape[1] + 1))
    return figure


def word_tree(records: Records) -> Figure:
    """The clusters of the words' mean hidden layers: a bracket joins two of them at their mean distance."""
    merges = records.all("classes")[0].arrays["merges"]
    figure, axes = plt.subplots(figsize=(7, 6.2))
    places: dict[int, tuple[float, float]] = {}  # of each cluster: along the words, and at which distance

    def place(cluster: int) -> tuple[float, float]:
        if cluster < len(LEXICON):
            row = sum(name < len(LEXICON) for name in places)
            places[cluster] = row, 0.0
            colour = BLUE if cluster < NOUNS else ORANGE
            axes.text(-0.02, row, LEXICON[cluster], ha="right", va="center", color=colour, fontsize=10)
        else:
            first, second, distance = merges[cluster - len(LEXICON)]
            (a, at_a), (b, at_b) = place(int(first)), place(int(second))
            axes.plot([at_a, distance, distance, at_b], [a, a, b, b], color=GREY, linewidth=1.3)
            places[cluster] = (a + b) / 2, distance
        return places[cluster]

    place(len(LEXICON) + len(merges) - 1)
    axes.set(
        yticks=[], xlabel="mean distance of the hidden layers", xlim=(-0.28, None), ylim=(len(LEXICON) - 0.3, -0.7)
    )
    axes.spines["left"].set_visible(False)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick >= 0])
    axes.plot([], [], color=BLUE, label="nouns")
    axes.plot([], [], color=ORANGE, label="verbs")
    axes.legend(loc="lower right")
    return figure


def _starts(text: str) -> set[int]:
    """Where words begin once the spaces are gone."""
    lengths = [len(word) for word in text.split()]
    return {sum(lengths[:number]) for number in range(len(lengths))}


def _written(axes: Axes, letters: str, error: Any, first: list[bool]) -> None:
    """The curve, with each letter at the error with which it was predicted; first letters of units stand out."""
    axes.plot(range(len(letters)), error, color=GREY, alpha=0.6, linewidth=1)
    for place, (letter, value, onset) in enumerate(zip(letters, error, first, strict=True)):
        axes.text(
            place,
            value,
            letter,
            ha="center",
            va="center",
            color=ORANGE if onset else BLUE,
            weight="bold" if onset else "normal",
            fontsize=12,
            bbox={"boxstyle": "circle,pad=0.08", "facecolor": "white", "edgecolor": "none"},
        )
    axes.set(xticks=[], ylabel="RMS error")
    axes.set_xlabel("letters in the order of the stream; first letters of units are bold")
