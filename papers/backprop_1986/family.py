"""The two families: training on most of the questions, and what the code of the first person holds."""

import math

import numpy as np

from core.activations import sigmoid
from core.layer import Array
from firsthand import Result, Run

from . import data
from .data import PROPERTIES, RELATIONS, TREE
from .model import FamilyNetwork, SweepDescent, learn

FIRST_SWEEPS, MOMENTA, TOLERANCE = 20, (0.5, 0.9), 0.2  # figure 4
NAMED = ("nationality", "generation", "branch")  # what the paper found in the codes


def family(
    run: Run,
    *,
    relations: str,
    answers: str,
    rates: list[float],
    decay: float,
    width: float,
    units: int,
    left_out: int,
    sweeps: int,
    networks: int,
) -> Result:
    """Train networks side by side, each with its own questions left out, and test them on these."""
    drawn = [_questions(run, trial, relations, answers) for trial in range(networks)]
    p, r, d = (np.array(arrays) for arrays in zip(*drawn, strict=True))  # (B, 104, ...)
    network = FamilyNetwork(rngs=[run.rng(f"weights {trial}") for trial in range(networks)], width=width, units=units)
    start = _correlations(network)
    cases = slice(left_out, None)
    optimiser = SweepDescent(network, rates[0], MOMENTA[0], decay)

    def schedule(sweep: int, y: Array) -> None:
        if sweep == FIRST_SWEEPS:
            optimiser.rate, optimiser.momentum = rates[1], MOMENTA[1]

    inputs = (p[:, cases], r[:, cases])
    learn(run, network, inputs, d[:, cases], optimiser, sweeps=sweeps, tolerance=TOLERANCE, before=schedule)
    y, _ = network(p, r)
    right = strongest_are_right(y, d)  # (B, 104)
    found = _correlations(network)
    codes = smallest(found)
    middle = int(np.argsort(codes, kind="stable")[networks // 2])
    return Result(
        {
            "known": right[:, cases].mean(),
            "held": right[:, :left_out].sum(axis=1).mean(),
            "guess": float(np.mean([guess(*asked, left_out) for asked in zip(p, r, d, strict=True)])),
            "all_held": right[:, :left_out].all(axis=1).mean(),
            **{name: values.mean() for name, values in found.items()},
            "codes": codes.mean(),
            "codes_at_start": smallest(start).mean(),
            "twins": twins(network).mean(),
        },
        {
            "people": network.person.W.data[middle].T,  # (units, 24)
            "hits": right[:, :left_out].sum(axis=1),
        },
    )


def _questions(run: Run, trial: int, relations: str, answers: str) -> tuple[Array, Array, Array]:
    """All questions in a random order, of which the first will be left out."""
    italian = run.rng(f"names {trial}").permutation(len(RELATIONS)) if relations == "renamed" else None
    p, r, d = data.questions(italian)
    if answers == "shuffled":
        d = run.rng(f"answers {trial}").permutation(d)
    order = run.rng(f"order {trial}").permutation(len(p))
    return p[order], r[order], d[order]


def strongest_are_right(y: Array, d: Array) -> Array:
    """Whether the k strongest outputs (..., 24) are the k right ones."""
    rank = (-y).argsort(axis=-1).argsort(axis=-1)
    right: Array = ((rank < d.sum(axis=-1, keepdims=True)) == (d > 0)).all(axis=-1)
    return right


def guess(p: Array, r: Array, d: Array, left_out: int) -> float:
    """How many of the first questions one would hit who names, at random, people of the right tree who answer that
    relation in the other questions."""
    italian, relation = p[:, TREE:].sum(axis=1) > 0, r.argmax(axis=1)
    hits = 0.0
    for row in range(left_out):
        alike = (italian == italian[row]) & (relation == relation[row])
        alike[:left_out] = False
        named, k = d[alike].any(axis=0), int(d[row].sum())
        if not (d[row] > named).any():
            hits += 1 / math.comb(int(named.sum()), k)
    return hits


def _correlations(network: FamilyNetwork) -> dict[str, Array]:
    """For each property: the largest correlation, over the units of a network, of its weights with it, (B,)."""
    weights = network.person.W.data  # (B, 24, units)
    centred = weights - weights.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1))
    found = {}
    for name, values in PROPERTIES.items():
        v = values - values.mean()
        found[name] = (np.abs(np.einsum("p,bpu->bu", v, centred)) / (norms * np.sqrt((v**2).sum()))).max(axis=1)
    return found


def smallest(found: dict[str, Array]) -> Array:
    """Of the correlations with what the paper names, the smallest in each network."""
    least: Array = np.min([found[name] for name in NAMED], axis=0)
    return least


def twins(network: FamilyNetwork) -> Array:
    """Mean distance between the codes of the two in one place, over that between those in different places, (B,)."""
    codes, _ = sigmoid(network.person.W.data + network.person.b.data)  # (B, 24, units): a person alone is on
    apart = np.sqrt(((codes[:, :TREE, None] - codes[:, None, TREE:]) ** 2).sum(axis=3))  # (B, 12, 12)
    same = np.eye(TREE, dtype=bool)
    ratio: Array = apart[:, same].mean(axis=1) / apart[:, ~same].mean(axis=1)
    return ratio
