"""The probe of sequences and text that asks what one value tells of another, whatever the dependence."""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import Data
from firsthand.probes.finding import PERMUTATIONS, Finding, Probe, Sheet, Sketch, against
from firsthand.probes.sequences import FARTHEST, by_lag, values

BINS = 8


def mutual_information(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """information_k: the mutual information, in bits, of two values k steps apart, from the counts of all such pairs,
    at as many lags as for the autocorrelation. Numbers are sorted into 8 equally frequent bins, unless there are 8 or
    fewer; tokens are the 15 commonest, and all others one. It sees any dependence, linear or not. The estimate is
    biased upwards: compare with the null. largest and memory: as for the autocorrelation. Null: the values of each
    series in random order."""
    text = data.kind == "text"
    codes = _codes(values(data["tokens" if text else "series"], sheet), text)
    lags = np.arange(1, min(FARTHEST, codes.shape[1] // 4) + 1)
    measured = _informations(codes, lags)
    draws = np.array([_informations(rng.permuted(codes, axis=1), lags) for _ in range(PERMUTATIONS)])
    strength, memory = by_lag(sheet, "information", "bits", 0.1, lags, measured, draws)
    largest = sheet.contrast("largest")
    if strength == "none":
        said = f"No lag tells more than in random order (largest {largest} bits): the order carries nothing to exploit."
    else:
        said = (
            f"Values tell of those up to {memory} steps later (largest {largest} bits shuffled): {strength} evidence "
            "that the order carries something, for recurrence, a window or attention."
        )
    return sheet.conclude("largest", strength, said, x=lags, **against(measured, draws))


def _codes(x: Array, text: bool) -> Array:
    """Small whole numbers from 0."""
    kinds, codes, counts = np.unique(x, return_inverse=True, return_counts=True)
    codes = codes.reshape(x.shape)
    if text:
        rank = np.empty(len(kinds), int)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(kinds))
        return np.asarray(np.minimum(rank, 2 * BINS - 1)[codes])
    if len(kinds) <= BINS:
        return codes
    return np.searchsorted(np.quantile(x, np.arange(1, BINS) / BINS), x, side="right")


def _informations(codes: Array, lags: Array) -> Array:
    size = int(codes.max()) + 1
    found = []
    for lag in lags:
        pairs = codes[:, :-lag] * size + codes[:, lag:]
        joint = np.bincount(pairs.ravel(), minlength=size * size).reshape(size, size) / pairs.size
        apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        there = joint > 0
        found.append((joint[there] * np.log2(joint[there] / apart[there])).sum())
    return np.array(found)


PROBES = {
    "mutual_information": Probe(
        ("sequences", "text"),
        ("sequence",),
        mutual_information,
        Sketch("What does a value tell of a later one?", "lag (steps)", "information (bits)", "values in random order"),
    )
}
