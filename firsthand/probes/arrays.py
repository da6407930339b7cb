"""The arrays that probes read: what they are called, and how large sets are sampled."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from core.layer import Array

Kind: TypeAlias = Literal["images", "sequences", "sets", "graphs", "table", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_LABELS = ("labels", "train_labels", "y")
# For each kind, its arrays and what each may be called; the first must be there (for text, one of the first two).
NAMES: dict[Kind, dict[str, tuple[str, ...]]] = {
    "images": {"images": ("images", "train_images", "x"), "labels": _LABELS},
    "sequences": {"series": ("series", "x"), "labels": _LABELS},
    "sets": {"sets": ("sets", "x"), "labels": _LABELS},
    "graphs": {
        "edges": ("edges",),
        "labels": (*_LABELS, "club"),
        "features": ("features", "x"),
        "feature_indptr": ("feature_indptr",),
        "feature_indices": ("feature_indices",),
    },
    "table": {"table": ("table", "x"), "labels": _LABELS},
    "text": {"tokens": ("tokens", "x"), "counts": ("counts",), "labels": _LABELS},
}
# How many axes each array may have, and what they are.
AXES: dict[str, tuple[tuple[int, ...], str]] = {
    "images": ((3, 4), "(N, H, W), or (N, C, H, W) with at most 4 channels"),
    "series": ((1, 2), "(T,), or (N, T) for N series of one length"),
    "sets": ((2, 3), "(N, M) or (N, M, D), for N sets of M elements"),
    "edges": ((2,), "(E, 2)"),
    "features": ((2,), "(nodes, D)"),
    "feature_indptr": ((1,), "(nodes + 1,)"),
    "feature_indices": ((1,), "(entries,)"),
    "table": ((2,), "(N, D)"),
    "tokens": ((1,), "(T,), words or their numbers"),
    "counts": ((2,), "(documents, words)"),
    "labels": ((1,), "(N,), one for each example"),
}
_EXAMPLES = ("images", "sets", "table", "counts", "features", "feature_indptr")


def mains(kind: Kind) -> list[str]:
    """The arrays of which one must be there."""
    return list(NAMES[kind])[: 2 if kind == "text" else 1]


@dataclass(frozen=True, eq=False)
class Data:
    """Checked arrays of one kind of data, under the first of their conventional names.

    Whole labels are classes; labels that are floats are amounts.
    """

    kind: Kind
    arrays: Mapping[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def has(self, need: str) -> bool:
        """Whether there is such an array, or a sequence (series or tokens), examples (each of equally many numbers), or
        classes."""
        if need == "sequence":
            return "series" in self.arrays or "tokens" in self.arrays
        if need == "examples":
            return self._described_by() is not None
        if need == "classes":
            return "labels" in self.arrays and self["labels"].dtype.kind != "f"
        return need in self.arrays

    def count(self) -> int:
        """The number of examples; without any, that of the nodes of a graph that edges or labels name, or none."""
        name = self._described_by()
        if name is not None:
            return len(self[name]) - (name == "feature_indptr")
        if self.kind == "graphs":
            return len(self["labels"]) if "labels" in self.arrays else int(self["edges"].max()) + 1
        return 0

    def sample(self, rng: np.random.Generator, rows: int, columns: int) -> tuple[Array, Array, str]:
        """At most so many examples of at most so many numbers, (N, D) float64; which they are; how to say so."""
        name = self._described_by()
        assert name is not None
        chosen, said = choose(rng, self.count(), rows, "examples")
        sparse = name == "feature_indptr"
        width = int(self["feature_indices"].max()) + 1 if sparse else math.prod(self[name].shape[1:])
        kept, of_columns = choose(rng, width, columns, "columns")
        said += f", {of_columns}" if width > columns else ""
        if not sparse:
            return self[name][chosen].reshape(len(chosen), -1)[:, kept].astype(np.float64), chosen, said
        start, indices = self[name], self["feature_indices"]
        found = np.zeros((len(chosen), width))
        for row, node in zip(found, chosen, strict=True):
            row[indices[start[node] : start[node + 1]]] = 1
        return found[:, kept], chosen, said

    def _described_by(self) -> str | None:
        if "series" in self.arrays and self["series"].ndim == 2:
            return "series"
        return next((name for name in _EXAMPLES if name in self.arrays), None)


def choose(rng: np.random.Generator, total: int, most: int, what: str) -> tuple[Array, str]:
    """At most `most` indices below `total`, in order, and how to say so."""
    if total <= most:
        return np.arange(total), f"all {total:,} {what}"
    return np.sort(rng.permutation(total)[:most]), f"{most:,} of the {total:,} {what}"
