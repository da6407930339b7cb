"""Trials side by side: on-line learning by plain gradient steps until the paper's stopping rule is met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.layer import Array, Backward
from firsthand import Run

from .blocks import logistic
from .data import Sequences, Task
from .model import Network

BLOCK = 50  # sequences that a trial makes at a time
TEST = 2560  # fresh sequences after training
Criterion = Callable[[Array, Array], tuple[float, Backward]]


@dataclass(frozen=True)
class Rule:
    """When a trial is over: its `window` most recent training sequences were right, every output wrong by less than
    `tolerance`, with an average below `average`; or, if `every` is given, `window` fresh sequences are right with the
    weights held, tried after each `every` training sequences. And after how many of these it is given up."""

    tolerance: float
    most: int
    average: float = float("inf")
    window: int = 2000
    every: int | None = None


@dataclass
class Trial:
    """What one trial went through: for every training sequence the mean and the largest absolute error of the outputs,
    before the step; and the network in the end."""

    solved: bool
    errors: Array  # (sequences,)
    right: Array  # (sequences,) bool
    network: Network = field(repr=False)

    @property
    def sequences(self) -> int:
        return len(self.errors)

    def correct(self, last: int = 2000) -> float:
        return float(self.right[-last:].mean())

    def average_below(self, bound: float, over: int = 2000) -> int:
        """Training sequences until the average error of the last `over` first fell below a bound; else all of them."""
        sums = np.concatenate([[0.0], np.cumsum(self.errors, dtype=np.float64)])
        below = np.flatnonzero(sums[over:] - sums[:-over] < bound * over)
        return int(below[0]) + over if len(below) else self.sequences

    def curve(self, name: str, every: int = 1000) -> list[float]:
        """The means of `errors` or `right` over each `every` sequences, to three digits."""
        values = np.asarray(getattr(self, name), np.float64)
        return [float(f"{values[k : k + every].mean():.3g}") for k in range(0, len(values), every)]


def train(
    runs: Sequence[Run],
    network: Network,
    task: Task,
    criterion: Criterion,
    rule: Rule,
    rates: Sequence[float],
    *,
    shuffled: bool = False,
    clip: float = float("inf"),
) -> list[Trial]:
    """One trial for each run and network, each with its own sequences and rate. A solved trial leaves the stack."""
    R = len(runs)
    streams = [(run.rng("sequences"), run.rng("labels")) for run in runs]
    tests = [run.rng("tests") for run in runs]
    errors, right = np.zeros((R, rule.most), np.float32), np.zeros((R, rule.most), bool)
    row, finished = np.arange(R), dict[int, Trial]()
    rate, streak, done = np.array(rates, np.float32), np.zeros(R, int), 0
    while done < rule.most and len(row):
        made = [task(sequences, BLOCK) for sequences, _ in (streams[k] for k in row)]
        if shuffled:
            made = [one.shuffled(streams[k][1]) for one, k in zip(made, row, strict=True)]
        x, lengths, targets = stacked(made)
        for n in range(min(BLOCK, rule.most - done)):
            T = lengths[:, n].max()
            net, backward = network(x[:, n : n + 1, :T], lengths[:, n : n + 1])
            t = targets[:, n : n + 1]
            loss, backward_loss = criterion(net, t)
            backward(backward_loss())
            step(network, rate, clip)
            error = np.abs(t - logistic(net))[:, 0]  # (R, K)
            errors[row, done], right[row, done] = error.mean(axis=1), error.max(axis=1) < rule.tolerance
            streak = (streak + 1) * right[row, done]
            done += 1
            if rule.every is None:
                over = streak >= rule.window
                if over.any():
                    over &= errors[row, max(0, done - rule.window) : done].mean(axis=1) < rule.average
            else:
                due = done % rule.every == 0
                over = np.array([due and all_right(network.only([k]), task, tests[r], rule) for k, r in enumerate(row)])
            if over.any():
                for k in np.flatnonzero(over).tolist():
                    r = int(row[k])
                    finished[r] = Trial(True, errors[r, :done], right[r, :done], network.only([k]))
                keep = np.flatnonzero(~over)
                network, row, rate, streak = network.only(keep), row[keep], rate[keep], streak[keep]
                x, lengths, targets = x[keep], lengths[keep], targets[keep]
                if not len(row):
                    break
        runs[0].progress(done, rule.most, loss)
    for k, r in enumerate(row.tolist()):
        finished[r] = Trial(False, errors[r, :done], right[r, :done], network.only([k]))
    return [finished[r] for r in range(R)]


def stacked(made: Sequence[Sequences]) -> tuple[Array, Array, Array]:
    """x (R, count, T, n_in), lengths (R, count) and targets (R, count, K); what is short is filled up with zeros."""
    T = max(one.x.shape[1] for one in made)
    x = np.zeros((len(made), made[0].x.shape[0], T, made[0].x.shape[2]), np.float32)
    for place, one in zip(x, made, strict=True):
        place[:, : one.x.shape[1]] = one.x
    return x, np.stack([one.lengths for one in made]), np.stack([one.targets for one in made])


def step(network: Network, rates: Array, clip: float) -> None:
    """A gradient step for each of the R networks at its own rate, its gradient first cut to the norm `clip`."""
    params = [p for _, p in network.named_params()]
    if np.isfinite(clip):
        square = sum((p.grad * p.grad).reshape(len(rates), -1).sum(axis=1) for p in params)
        rates = rates * np.minimum(1, clip / np.sqrt(square + 1e-20), dtype=np.float32)
    for p in params:
        p.data = p.data - rates.reshape(-1, *[1] * (p.data.ndim - 1)) * p.grad
        p.grad.fill(0)


def all_right(network: Network, task: Task, rng: np.random.Generator, rule: Rule) -> bool:
    """Whether `window` fresh sequences are right, with the weights held; made in parts, until one is not."""
    parts = (task(rng, 250) for _ in range(rule.window // 250))
    return all((absolute_errors(network, part) < rule.tolerance).all() for part in parts)


def absolute_errors(network: Network, sequences: Sequences) -> Array:
    """The absolute error of every output (count, K) of a stack of one."""
    found = []
    for start in range(0, len(sequences.x), 256):
        part = slice(start, start + 256)
        net, _ = network(sequences.x[None, part], sequences.lengths[None, part])
        found.append(np.abs(logistic(net[0]) - sequences.targets[part]))
    return np.concatenate(found)
