"""The experiments that paper.yml names: each takes a run, or the runs of all seeds, and returns named measurements."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .data import A, B, temporal_order
from .model import network, radius
from .theory import bound, growth, jacobian, omega_gradient
from .training import FRESH, Rule, error_lengths, share_wrong, train
from .unit import descent, folds, wall

__all__ = [
    "bound",
    "descent",
    "folds",
    "growth",
    "jacobian",
    "omega_gradient",
    "structure",
    "temporal_order_task",
    "wall",
]


def structure(run: Run, *, length: int, init: str, count: int) -> Result:
    """What the data look like, and what an untrained network does to errors."""
    u, labels, places = temporal_order(run.rng("sequences"), count, length)
    counts = u[:, :, B].sum(axis=1).astype(int)  # with two relevant symbols, all that counts can say
    best = np.array([np.bincount(labels[counts == c], minlength=4).argmax() for c in range(3)])
    untrained = network([run.rng("weights")], init)
    W = untrained.recurrence.W.data[0]
    lengths = error_lengths(untrained, u, labels)
    return Result(
        {
            "lag": (length - 1 - places[:, 0]).mean(),
            "least_lag": (length - 1 - places[:, 1]).min(),
            "informative": u[:, :, [A, B]].sum() / (count * length),
            "unordered_error": (best[counts] != labels).mean(),
            "radius": radius(W),
            "norm": float(np.linalg.norm(W, 2)),
            "flow": _at_first(lengths, places).mean(),
        }
    )


def _at_first(lengths: Array, places: Array) -> Array:
    """Lengths of the error at the first relevant symbol, over those at the end."""
    ratio: Array = lengths[np.arange(len(places)), places[:, 0]] / np.maximum(lengths[:, -1], 1e-300)
    return ratio


def temporal_order_task(
    runs: Sequence[Run],
    *,
    length: int,
    init: str,
    clip: str,
    threshold: float,
    omega: float,
    rate: float,
    labels: str,
    most: int,
) -> list[Result]:
    """Train one network for each run, side by side, and test it."""
    rule = Rule(clip, threshold, omega, rate)
    start = network([run.rng("weights") for run in runs], init)
    found = []
    for run, trial in zip(runs, train(runs, start, length, rule, most, labels == "shuffled"), strict=True):
        u, label, places = temporal_order(run.rng("flow"), 500, length)
        lengths = error_lengths(trial.network, u, label)
        numbers: dict[str, Any] = {
            "wrong": share_wrong(trial.network, run.rng("last test"), length),
            "chance": 1 - np.bincount(temporal_order(run.rng("last test"), FRESH, length)[1]).max() / FRESH,
            "updates": trial.updates,
            "solved": trial.solved,
            "longest": trial.longest,
            "flow": np.median(_at_first(lengths, places)),
            "radius": radius(trial.network.recurrence.W.data[0]),
        }
        by_lag = np.median(lengths / np.maximum(lengths[:, -1:], 1e-300), axis=0)[::-1]
        found.append(Result(numbers, {"errors": trial.errors, "flow_by_lag": by_lag}))
    return found
