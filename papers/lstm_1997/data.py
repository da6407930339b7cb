"""The sequences of experiments 2c, 4 and 6a, made as they are needed, each trial's from its own Generator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from core.layer import Array


@dataclass(frozen=True)
class Sequences:
    """x (count, T, n_in) float32, zero after the end; lengths (count,); targets (count, K) float32."""

    x: Array
    lengths: Array
    targets: Array

    def shuffled(self, rng: np.random.Generator) -> "Sequences":
        """The control: targets that say nothing about their sequences."""
        return Sequences(self.x, self.lengths, rng.permutation(self.targets))


Task: TypeAlias = Callable[[np.random.Generator, int], Sequences]

E, B, X, Y = range(4)  # start, trigger, and the relevant symbols; the distractors a, b, c, d are 4 to 7


def one_hot(symbols: Array, lengths: Array, kinds: int) -> Array:
    """Symbols (count, T) as vectors (count, T, kinds), zero after the end."""
    x = np.eye(kinds, dtype=np.float32)[symbols]
    x[np.arange(symbols.shape[1]) >= lengths[:, None]] = 0
    return x


def temporal_order(rng: np.random.Generator, count: int, *, length: int) -> Sequences:
    """Task 6a: in which order did the two relevant symbols come? Four classes: X X, X Y, Y X, Y Y.

    Sequences of `length` to 1.1 `length` symbols: E first, B last, the relevant ones at places from length/10 to
    length/5 and from length/2 to 3 length/5 (10 to 20 and 50 to 60 for a length of 100), counted from 1; all else are
    distractors. At a length of 10 the first relevant symbol may take the place of E.
    """
    lengths = rng.integers(length, length + length // 10, count, endpoint=True)
    symbols = rng.integers(4, 8, (count, length + length // 10))
    first = rng.integers(length // 10, length // 5, count, endpoint=True)
    second = rng.integers(length // 2, 3 * length // 5, count, endpoint=True)
    relevant = rng.integers(2, size=(count, 2))
    rows = np.arange(count)
    symbols[:, 0] = E
    symbols[rows, lengths - 1] = B
    symbols[rows, first - 1] = np.where(relevant[:, 0], Y, X)
    symbols[rows, second - 1] = np.where(relevant[:, 1], Y, X)
    targets = np.eye(4, dtype=np.float32)[2 * relevant[:, 0] + relevant[:, 1]]
    return Sequences(one_hot(symbols, lengths, 8), lengths, targets)


def adding(rng: np.random.Generator, count: int, *, length: int) -> Sequences:
    """Experiment 4: pairs (value in [-1, 1], marker); the target is 0.5 + (X1 + X2) / 4 for the two marked values.

    One pair among the first ten is marked by 1, then one of the first length/2 - 1 that is not yet. First and last
    pair have the marker -1, all others 0. If the first pair gets marked, its value is 0, for the network as well.
    """
    lengths = rng.integers(length, length + length // 10, count, endpoint=True)
    values = rng.uniform(-1, 1, (count, length + length // 10))
    first = rng.integers(0, 10, count)
    second = rng.integers(0, length // 2 - 2, count)
    second += second >= first  # any of the first length/2 - 1 but the first one marked
    rows = np.arange(count)
    markers = np.zeros(values.shape)
    markers[:, 0] = markers[rows, lengths - 1] = -1
    markers[rows, first] = markers[rows, second] = 1
    values[markers[:, 0] == 1, 0] = 0
    targets = 0.5 + (values[rows, first] + values[rows, second]) / 4
    x = np.stack([values, markers], axis=2)
    x[np.arange(values.shape[1]) >= lengths[:, None]] = 0
    return Sequences(x.astype(np.float32), lengths, targets[:, None].astype(np.float32))


def distractors(rng: np.random.Generator, count: int, *, lag: int, symbols: int) -> Sequences:
    """Task 2c: b, then x or y, then `lag` distractors and more, then e; the target is the second symbol again.

    After `lag` distractors, each further symbol is another one with probability 9/10, or else the e.
    """
    lengths = 2 + lag + rng.geometric(0.1, count)
    read = rng.integers(0, symbols, (count, 202 + lag))  # longer ones, cut here, come once in 10^9 sequences
    lengths = np.minimum(lengths, read.shape[1])
    second = rng.integers(2, size=count)
    e, b, x, y = range(symbols, symbols + 4)
    read[:, 0] = b
    read[:, 1] = np.where(second, y, x)
    read[np.arange(count), lengths - 1] = e
    return Sequences(
        one_hot(read[:, : lengths.max()], lengths, symbols + 4), lengths, np.eye(2, dtype=np.float32)[second]
    )
