"""The eight streams of the paper: contexts of equal length, two classes of equal size in each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.layer import Array
from firsthand import Run

Drawn = tuple[Array, Array]  # examples x (n, n_in), and whether each is positive (n,)
Draw = Callable[[np.random.Generator, int, int], Drawn]  # from (rng, number of the context, how many)


@dataclass(frozen=True)
class Stream:
    """How to draw a context, how many there are, whether the change is abrupt; and errors of the paper's table 1."""

    draw: Draw
    contexts: int
    abrupt: bool
    perceptron: tuple[float, float]  # without and with detection
    network: tuple[float, float]


def stagger(rng: np.random.Generator, context: int, n: int) -> Drawn:
    """Size (small, medium, large), colour (red, green, blue), shape (circular, square, triangular)."""
    size, colour, shape = values = rng.integers(0, 3, (3, n))
    x: Array = np.concatenate([np.eye(3)[value] for value in values], axis=1)  # (n, 9)
    return x, [(size == 0) & (colour == 0), (colour == 1) | (shape == 0), size > 0][context]


def sine(curve: Callable[[Array], Array], irrelevant: int) -> Draw:
    """Positive below the curve; further attributes say nothing."""

    def draw(rng: np.random.Generator, context: int, n: int) -> Drawn:
        x = rng.random((n, 2 + irrelevant))
        return x, (x[:, 1] < curve(x[:, 0])) != (context == 1)

    return draw


def wave(x: Array) -> Array:
    """The curve of SINE2 and MIXED."""
    return 0.5 + 0.3 * np.sin(3 * np.pi * x)


def mixed(rng: np.random.Generator, context: int, n: int) -> Drawn:
    """Two attributes true or false, two numbers; positive if two hold of: the first, the second, below the wave."""
    x = rng.random((n, 4))
    x[:, :2] = x[:, :2] < 0.5
    return x, (x[:, 0] + x[:, 1] + (x[:, 3] < wave(x[:, 2])) >= 2) != (context == 1)


def gauss(rng: np.random.Generator, context: int, n: int) -> Drawn:
    """Positive about (0, 0) with deviations 1 and 1, negative about (2, 0) with 1 and 4."""
    positive = rng.random(n) < 0.5
    x = rng.standard_normal((n, 2))
    return np.where(positive[:, None], x, x * [1, 4] + [2, 0]), positive != (context == 1)


def circles(rng: np.random.Generator, context: int, n: int) -> Drawn:
    """Positive inside a circle, which moves and grows."""
    x = rng.random((n, 2))
    centre, radius = ((0.2, 0.15), (0.4, 0.2), (0.6, 0.25), (0.8, 0.3))[context]
    return x, ((x - [centre, 0.5]) ** 2).sum(axis=1) < radius**2


STREAMS = {
    "STAGGER": Stream(stagger, 3, True, (0.048, 0.029), (0.351, 0.002)),
    "SINE1": Stream(sine(np.sin, 0), 2, True, (0.126, 0.115), (0.489, 0.019)),
    "SINIRREL1": Stream(sine(np.sin, 2), 2, True, (0.159, 0.139), (0.479, 0.068)),
    "SINE2": Stream(sine(wave, 0), 2, True, (0.271, 0.262), (0.492, 0.118)),
    "SINIRREL2": Stream(sine(wave, 2), 2, True, (0.281, 0.281), (0.477, 0.059)),
    "MIXED": Stream(mixed, 2, True, (0.100, 0.111), (0.240, 0.065)),
    "GAUSS": Stream(gauss, 2, True, (0.384, 0.386), (0.395, 0.150)),
    "CIRCLES": Stream(circles, 4, False, (0.410, 0.413), (0.233, 0.225)),
}
SINES = ("SINE1", "SINIRREL1", "SINE2", "SINIRREL2")


def context_of(name: str, rng: np.random.Generator, context: int, size: int) -> Drawn:
    """`size` examples of a context, half of them positive, in random order."""
    x, positive = STREAMS[name].draw(rng, context, 30 * size)  # the rarest class has one in fourteen
    half = size // 2
    kept = np.concatenate([np.flatnonzero(positive)[:half], np.flatnonzero(~positive)[: size - half]])
    if len(kept) < size:
        raise ValueError(f"context_of: {name} gave {len(kept)} examples of {size}, expected more of the rarer class")
    kept = rng.permutation(kept)
    return x[kept], positive[kept]


def stream_of(run: Run, name: str, size: int, trial: int = 0, changes: bool = True) -> Drawn:
    """All contexts, one after the other; if nothing `changes`, the first one over and over. Nothing is drawn twice."""
    contexts = range(STREAMS[name].contexts)
    parts = [context_of(name, run.rng(f"{name} {trial} {c}"), c if changes else 0, size) for c in contexts]
    return np.concatenate([x for x, _ in parts]), np.concatenate([positive for _, positive in parts])
