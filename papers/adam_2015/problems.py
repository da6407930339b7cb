"""Sequences of gradients, games on [-1, 1], and data: what the rules are tried on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from core.layer import Array
from firsthand import Run

from .model import Rule


def noisy_gradients(run: Run, steps: int, size: float = 1.0) -> Array:
    """(steps, 5): means that differ between the coordinates, noise of deviation 1; times `size`."""
    rng = run.rng("gradients")
    return size * (rng.normal(size=5) + rng.normal(size=(steps, 5)))


def sequence(run: Run, kind: str, *, beta1: float, beta2: float, zeros: int, length: int) -> Iterator[float | Array]:
    """Gradients that try the bound on a step; `zeros` come first where the bound is approached from silence."""
    if kind == "gaussian":
        yield from 1 + run.rng("gradients").normal(size=(2_000, 500))
        return
    if kind in ("spike", "growing"):
        yield from [0.0] * zeros
    if kind == "spike":
        yield 1.0
    elif kind == "growing":
        yield from ((beta2 / beta1) ** (k - length) for k in range(length))
    elif kind == "fading":
        yield from (beta2**k for k in range(2 * length))
    elif kind == "constant":
        yield from [1.0] * length


@dataclass
class Game:
    """What a game has come to: the numbers after the last round, and some rounds on the way, for figures."""

    x: float = 0.0
    regret: float = 0.0  # the cost so far, minus that of the best fixed point
    squares: float = 0.0  # the sum of the squared slopes
    rounds: list[int] = field(default_factory=list)
    xs: list[float] = field(default_factory=list)
    regrets: list[float] = field(default_factory=list)


def play(
    rule: Rule, slope: Callable[[int], float], rounds: int, start: float, note: Callable[[int, float], None]
) -> Game:
    """Rounds t = 1, 2, ... on [-1, 1]: pay f_t(x) = slope(t) x at the x held, then step and project.

    `note` is told t and the x of that round. The best fixed point is an end: its cost is -|sum of slopes|.
    """
    game, x, cost, total = Game(), start, 0.0, 0.0
    marks = set(np.unique(np.geomspace(1, rounds, 200).round().astype(int)).tolist())
    for t in range(1, rounds + 1):
        note(t, x)
        g = slope(t)
        cost += g * x
        total += g
        game.squares += g * g
        x = min(1.0, max(-1.0, rule.step(x, g)))
        if t in marks:
            game.rounds.append(t)
            game.xs.append(x)
            game.regrets.append(cost + abs(total))
    game.x, game.regret = x, cost + abs(total)
    return game


def digits(run: Run, images: str, number: int) -> tuple[Array, Array]:
    """The first `number` training images as rows of grey levels from 0 to 1 (N, D), float32, and labels (N,)."""
    data = run.data(images)
    grey, labels = ("images", "labels") if images == "optdigits" else ("train_images", "train_labels")
    black = 16 if images == "optdigits" else 255
    x = data[grey][:number].reshape(-1, data[grey][0].size) / np.float32(black)
    return x, data[labels][:number].astype(np.int64)


def bags_of_words(run: Run, frequencies: str, documents: int, words: int) -> tuple[Array, Array]:
    """Documents that have each word or not (N, V), float32, and the class (N,) that a random linear teacher gives them.

    The k-th word is in a document with probability min(0.9, 8 / k^1.1), as Zipf's law has it; or, for frequencies that
    are not "zipf", all words are equally frequent and a document has as many on average.
    """
    p = np.minimum(0.9, 8 * np.arange(1.0, words + 1) ** -1.1)
    if frequencies != "zipf":
        p = np.full(words, p.mean())
    x = (run.rng("words").random((documents, words), np.float32) < p).astype(np.float32)
    teacher = run.rng("teacher").normal(size=(words, 2)).astype(np.float32)
    return x, (x @ teacher).argmax(axis=1)
