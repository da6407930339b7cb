"""Networks side by side, by plain gradient descent on fresh batches: the protocol of section 4.1."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.layer import Array, Param
from core.losses import softmax_cross_entropy
from firsthand import Run

from .data import temporal_order
from .model import Network, omega

BATCH = 20
EVERY = 250  # updates between two looks at how many training sequences were wrong
FRESH = 10_000  # sequences that decide whether a network has succeeded
ENOUGH = 0.01  # of them wrong


@dataclass(frozen=True)
class Rule:
    """How a step is made: `clip` is none, norm (all Params together) or each (every Param for itself)."""

    clip: str
    threshold: float
    omega: float
    rate: float


@dataclass
class Trial:
    """What one network went through: share of wrong training sequences in each `EVERY` updates, longest gradient."""

    solved: bool
    updates: int
    longest: float
    network: Network = field(repr=False)
    errors: list[float] = field(default_factory=list)


def train(runs: Sequence[Run], network: Network, length: int, rule: Rule, most: int, shuffled: bool) -> list[Trial]:
    """One network for each run, on its own sequences, until it succeeds or `most` updates are over."""
    streams = [(run.rng("sequences"), run.rng("labels"), run.rng("tests")) for run in runs]
    trials = [Trial(False, most, 0.0, network) for _ in runs]
    row, wrong = list(range(len(runs))), np.zeros(len(runs))  # of the networks that are still learning
    for done in range(1, most + 1):
        made = [temporal_order(streams[r][0], BATCH, length) for r in row]
        u, labels = np.stack([u for u, _, _ in made]), np.stack([label for _, label, _ in made])
        if shuffled:
            labels = np.stack([streams[r][1].permutation(each) for r, each in zip(row, labels, strict=True)])
        loss, mistaken = gradient(network, u, labels, rule.omega)
        wrong += mistaken
        for k, norm in enumerate(step(network, rule)):
            trials[row[k]].longest = max(trials[row[k]].longest, float(norm))
        if done % EVERY and done < most:
            continue
        runs[0].progress(done, most, loss)
        over = []
        for k, r in enumerate(row):
            trials[r].errors.append(float(wrong[k] / ((done - 1) % EVERY + 1)))
            trials[r].network = network.only([k])
            if trials[r].errors[-1] < 0.03:
                over.append(share_wrong(trials[r].network, streams[r][2], length) < ENOUGH)
            else:
                over.append(False)
            if over[-1]:
                trials[r].solved, trials[r].updates = True, done
        keep = np.flatnonzero(~np.array(over))
        network, row, wrong = network.only(keep), [row[k] for k in keep], np.zeros(len(keep))
        if not row:
            break
    return trials


def gradient(network: Network, u: Array, labels: Array, weight: float) -> tuple[float, Array]:
    """Add the gradients of the loss and of `weight` times Omega; return the mean loss, and each one's share of errors.

    Every network has a loss of its own, the mean over its batch, so that it does not depend on its neighbours.
    """
    logits, x, send_back = network.traced(u)
    losses = [softmax_cross_entropy(z, label) for z, label in zip(logits, labels, strict=True)]
    _, delta = send_back(np.stack([backward() for _, backward in losses]))
    if weight:
        W = network.recurrence.W
        _, backward_omega = omega(W.data, x, delta, network.recurrence.units)
        W.grad += weight * backward_omega()  # states and errors held fixed: the immediate derivative
    return float(np.mean([loss for loss, _ in losses])), (logits.argmax(axis=2) != labels).mean(axis=1)


def step(network: Network, rule: Rule) -> Array:
    """A step down the gradient, clipped by algorithm 1 for each network; the norms before that, (R,).

    `core.optim.clip_by_norm` is the same for a single network.
    """
    params = [p for _, p in network.named_params()]
    each = [np.sqrt(_square(p)) for p in params]
    norms = np.sqrt(sum(norm * norm for norm in each))
    for p, own in zip(params, each, strict=True):
        length = own if rule.clip == "each" else norms
        factor = np.ones_like(norms) if rule.clip == "none" else _factor(length, rule.threshold)
        p.data = p.data - (rule.rate * factor).astype(p.data.dtype).reshape(-1, *[1] * (p.data.ndim - 1)) * p.grad
        p.grad.fill(0)
    return norms


def _square(p: Param) -> Array:
    """Squared length of the gradient of each network."""
    square: Array = (p.grad * p.grad).reshape(len(p.grad), -1).sum(axis=1)
    return square


def _factor(length: Array, threshold: float) -> Array:
    """threshold / length where the gradient is longer, else 1."""
    factor: Array = threshold / np.maximum(length, threshold)
    return factor


def share_wrong(network: Network, rng: np.random.Generator, length: int, count: int = FRESH) -> float:
    """Share of fresh sequences that a network, a stack of one, classifies wrongly."""
    parts = (temporal_order(rng, min(500, count), length) for _ in range(0, count, 500))
    return float(np.mean([(network(u[None])[0][0].argmax(axis=1) != label).mean() for u, label, _ in parts]))


def error_lengths(network: Network, u: Array, labels: Array) -> Array:
    """Lengths of delta (N, T) that the loss of each sequence sends back through a network, a stack of one."""
    logits, _, send_back = network.traced(u[None])
    _, backward = softmax_cross_entropy(logits[0], labels)
    _, delta = send_back(backward()[None])
    for _, p in network.named_params():
        p.grad.fill(0)
    lengths: Array = np.linalg.norm(delta[0].astype(np.float64), axis=2)
    return lengths
