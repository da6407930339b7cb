"""The experiments on a single logistic unit: its folds, the wall of its error surface, and descent at the wall."""

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .model import UNITS, Recurrence

STEPS, START, TARGET = 50, 0.5, 0.7  # figure 6: E = (s(x_50) - 0.7)^2 with x_0 = 0.5
sigma, slope = UNITS["logistic"]


def unrolled(w: Array, b: Array, x_0: float, steps: int) -> tuple[Array, Array, Array]:
    """The last state of x_t = w s(x_{t-1}) + b and its derivatives by w and by b; w and b (R,), a unit for each."""
    R = len(w)
    layer = Recurrence(w[:, None, None], "logistic")
    a = np.repeat(b[:, None, None, None], steps, axis=2)  # (R, 1, steps, 1)
    x, backward = layer(a, np.full((R, 1, 1), x_0))
    dx = np.zeros_like(x)
    dx[:, :, -1] = 1
    da, _ = backward(dx)
    return x[:, 0, -1, 0], layer.W.grad[:, 0, 0], da.sum(axis=(1, 2, 3))  # b is in every a_t


def surface(w: Array, b: Array) -> tuple[Array, Array]:
    """The error E of figure 6 (R,), and its gradient by w and b (R, 2)."""
    x, dw, db = unrolled(w, b, START, STEPS)
    h = sigma(x)
    dx = 2 * (h - TARGET) * slope(h)  # E = (h - 0.7)^2, h = s(x)
    return (h - TARGET) ** 2, np.stack([dx * dw, dx * db], axis=1)


def edge(w: Array, x_0: float = START) -> Array:
    """The bias for which x_0 is a fixed point."""
    b: Array = x_0 - w * sigma(np.asarray(x_0))
    return b


def folds(run: Run, *, w: float) -> Result:
    """Biases at which the number of fixed points changes between one and three, by bisection from their middle."""
    x = np.linspace(-12, 12, 240_001)
    curve = x - w * sigma(x)  # a fixed point is where this is b

    def three(b: float) -> bool:
        return int((np.diff(np.sign(curve - b)) != 0).sum()) >= 3

    middle = -w / 2 + 1e-5  # the two states are symmetric about -w/2, off the grid's own points
    ends = []
    for far in (middle - 3, middle + 3):
        inside, outside = middle, far
        for _ in range(50):
            half = (inside + outside) / 2
            inside, outside = (half, outside) if three(half) else (inside, half)
        ends.append(inside)
    shown = slice(80_000, 160_001, 200)  # from -4 to 4
    return Result({"width": ends[1] - ends[0], "none": 0.0}, {"x": x[shown], "b": curve[shown], "folds": ends})


def wall(run: Run, *, w: float, x0: float, steps: int, aside: float) -> Result:
    """The derivative by backpropagation through time, on the edge or beside it."""
    b = float(edge(np.array(w), x0))
    biases = b + np.array([aside, aside + 0.1])
    slopes = unrolled(np.full(2, w), biases, x0, steps)[2]
    return Result({"slope": slopes[0], "slope_aside": slopes[1]})


def descent(run: Run, *, clip: str, threshold: float, rate: float, starts: int, steps: int) -> Result:
    """Paths from starts beyond the wall, where the state falls to the lower basin."""
    w = run.rng("w").uniform(4.5, 5.5, starts)
    first = np.stack([w, edge(w) - run.rng("b").uniform(0, 0.1, starts)], axis=1)
    theta, longest = first.copy(), np.zeros(starts)
    errors, path = np.empty((starts, steps)), np.empty((starts, steps + 1, 2))
    for t in range(steps):
        path[:, t] = theta
        errors[:, t], g = surface(theta[:, 0], theta[:, 1])
        norm = np.linalg.norm(g, axis=1)
        longest = np.maximum(longest, norm)
        if clip == "norm":
            g *= (threshold / np.maximum(norm, threshold))[:, None]  # algorithm 1
        theta = theta - rate * g
    path[:, -1] = theta
    last = min(100, steps)
    moved = np.linalg.norm(theta - first, axis=1)
    found = {
        "valley": (errors[:, -last:] < 0.01).mean(),
        "standing": (errors[:, 0] < 0.01).mean(),
        "left": (moved > 0.5).mean(),
        "gradient": np.median(longest),
    }
    return Result(found, {"errors": errors[:2], "paths": path[:2]})
