"""Symmetry of six bits: what the patterns hold, which comparators can tell them, and what networks learn."""

import itertools
from collections.abc import Sequence

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .data import BITS, MIRRORED, PATTERNS, labels
from .model import SweepDescent, SymmetryNetwork, learn

PAPER = 1425  # sweeps
CODES = ((1, 2, 4), (2, 3, 4))  # the ratios of widest margin
SHOWN, POINTS = 6, 50  # networks and sweeps of the curves in a record


def patterns(run: Run, *, task: str) -> Result:
    """The least-squares fit of the label, and what bits and comparisons say about it."""
    label = labels(task)
    fit = np.linalg.lstsq(np.c_[PATTERNS, np.ones(len(PATTERNS))], label, rcond=None)[0]
    equal = np.array([PATTERNS[:, i] == PATTERNS[:, j] for i, j in MIRRORED], float).T  # (64, 3)
    return Result(
        {
            "largest_weight": np.abs(fit[:BITS]).max(),
            "bias": fit[BITS, 0],
            "bit": max(information(PATTERNS[:, [bit]], label) for bit in range(BITS)),
            "pair": max(information(equal[:, [pair]], label) for pair in range(len(MIRRORED))),
            "pairs": information(equal, label),
            "label": information(label, label),
        }
    )


def information(features: Array, label: Array) -> float:
    """Of the features (N, K) about the label (N, 1), in bits, with all N rows equally likely."""

    def entropy(rows: Array) -> float:
        p = np.unique(rows, axis=0, return_counts=True)[1] / len(rows)
        return float(-(p * np.log2(p)).sum())

    return abs(entropy(features) + entropy(label) - entropy(np.c_[features, label]))


def margins(run: Run, *, pairs: int, grid: int) -> Result:
    """All ratios a <= b <= ... <= 1 on a grid, with the margin of each."""
    steps = np.arange(1, grid + 1) / grid
    ratios = np.array([(*lower, 1.0) for lower in itertools.combinations_with_replacement(steps, pairs - 1)])
    found = margin(ratios)
    return Result({"codes": int((found >= found.max() - 1e-12).sum()), "margin": found.max()})


def margin(ratios: Array) -> Array:
    """Of magnitudes (M, pairs): the least distance from zero of a sum of them with coefficients -1, 0, 1, not all 0."""
    differences = np.array([d for d in itertools.product((-1, 0, 1), repeat=ratios.shape[1]) if any(d)])
    least: Array = np.abs(ratios @ differences.T).min(axis=1)
    return least


def symmetry(run: Run, *, task: str, hidden: int, rate: float, momentum: float, sweeps: int, networks: int) -> Result:
    """Train networks side by side from their own first weights, and look at those that have learned it."""
    network = SymmetryNetwork(rngs=[run.rng(f"weights {trial}") for trial in range(networks)], hidden=hidden)
    x = np.broadcast_to(PATTERNS, (networks, *PATTERNS.shape))
    d = np.broadcast_to(labels(task), (networks, len(PATTERNS), 1))
    first = np.full(networks, -1)  # sweeps until all were right, -1 if never
    times = np.unique(np.linspace(0, sweeps, POINTS, dtype=int))
    curves: list[Array] = []

    def look(sweep: int, y: Array) -> None:
        right = _all_right(y, d)
        first[right & (first < 0)] = sweep
        if sweep == times[len(curves)]:
            curves.append(0.5 * ((y - d)[:SHOWN] ** 2).sum(axis=(1, 2)))

    learn(run, network, (x,), d, SweepDescent(network, rate, momentum), sweeps=sweeps, before=look)
    y, _ = network(x)
    look(sweeps, y)
    solved = _all_right(y, d)
    ever = first >= 0
    sizes, binary = magnitudes(network), solved & of_ratio(network, CODES[:1])
    return Result(
        {
            "solved": solved.mean(),
            "sooner": share(first < PAPER, ever),
            "spent": np.where(ever, first, sweeps).mean(),
            "comparator": share(comparators(network), solved),
            "equal": share(comparators(network) & equal_twins(network), solved),
            "binary": share(binary, solved),
            "widest": share(of_ratio(network, CODES), solved),
            "silent": share(_all_right(y, 0 * d), ~solved),
        },
        {
            "first": first,
            "ratios": sizes[solved][:, :2] / sizes[solved][:, 2:],
            "errors": np.array(curves).T,
            "names": [f"network {trial + 1}" for trial in range(min(SHOWN, networks))],
            "sweeps": times,
            "example": weights_of(network, _ordinary(first, binary)),
        },
    )


def _all_right(y: Array, d: Array) -> Array:
    """Which networks (B,) have every answer on the right side of 0.5."""
    return np.asarray(((y > 0.5) == (d > 0.5)).all(axis=(1, 2)))


def share(which: Array, among: Array) -> float:
    """How many of those (B,) are these (B,), as a fraction; 0 of none."""
    return float((which & among).sum() / max(1, among.sum()))


def comparators(network: SymmetryNetwork) -> Array:
    """Which networks (B,) have the structure of figure 1: weights that are mirrored to one part in a hundred of the
    largest, the same pattern with opposite signs in both units (a cosine below -0.999), and its signs of the others."""
    W, b = network.hidden.W.data, network.hidden.b.data  # (B, 6, 2), (B, 1, 2)
    V, c = network.answer.W.data, network.answer.b.data  # (B, 2, 1), (B, 1, 1)
    if W.shape[2] != 2:
        return np.zeros(len(W), bool)
    mirrored = np.abs(W + W[:, ::-1]).max(axis=(1, 2)) < 0.01 * np.abs(W).max(axis=(1, 2))
    cosine = (W[:, :, 0] * W[:, :, 1]).sum(axis=1) / np.sqrt((W**2).sum(axis=1).prod(axis=1))
    signs = (b < 0).all(axis=(1, 2)) & (V < 0).all(axis=(1, 2)) & (c > 0).all(axis=(1, 2))
    return np.asarray(mirrored & (cosine < -0.999) & signs)


def equal_twins(network: SymmetryNetwork) -> Array:
    """Which networks (B,) have hidden weights that add up to zero, to one part in a hundred of the largest."""
    W = network.hidden.W.data
    return np.asarray(np.abs(W.sum(axis=2)).max(axis=1) < 0.01 * np.abs(W).max(axis=(1, 2)))


def magnitudes(network: SymmetryNetwork) -> Array:
    """Sizes of the first hidden unit's weights on one side of the midpoint, in order of size, (B, 3)."""
    return np.sort(np.abs(network.hidden.W.data[:, : BITS // 2, 0]), axis=1)


def of_ratio(network: SymmetryNetwork, ratios: Sequence[tuple[int, ...]]) -> Array:
    """Which networks are comparators with magnitudes in one of these ratios, to one part in ten."""
    sizes = magnitudes(network)
    relative = sizes / sizes[:, 2:]
    near = [(np.abs(relative / (np.array(ratio) / ratio[2]) - 1) < 0.1).all(axis=1) for ratio in ratios]
    which: Array = comparators(network) & np.any(near, axis=0)
    return which


def _ordinary(first: Array, which: Array) -> int:
    """Of these networks, the one that took the median number of sweeps; the very first, if there is none."""
    among = np.flatnonzero(which)
    return int(among[np.argsort(first[among], kind="stable")[len(among) // 2]]) if len(among) else 0


def weights_of(network: SymmetryNetwork, trial: int) -> Array:
    """All weights of one network, those into a unit followed by its bias, unit after unit."""
    units = [
        np.concatenate([layer.W.data[trial], layer.b.data[trial]]).T.ravel()
        for layer in (network.hidden, network.answer)
    ]
    return np.concatenate(units)
