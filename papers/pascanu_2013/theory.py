"""The experiments on the growth of errors: bounds, rates, Jacobians and the regulariser, in float64."""

from collections.abc import Callable

import numpy as np

from core.layer import Array
from core.trial import EPSILON
from firsthand import Result, Run

from .model import STEEPEST, UNITS, Recurrence, omega, radius


def bound(run: Run, *, measure: str, gain: float, units: str, drive: float, n: int, steps: int) -> Result:
    """Errors sent back by a network whose largest singular value times the largest slope is `gain`."""
    W = run.rng("weights").normal(size=(n, n))
    W *= gain / (np.linalg.norm(W, 2) * STEEPEST[units])
    widest = np.linalg.svd(W)[0][:, 0]  # the error that a single step lengthens most, were there no slopes
    first = np.concatenate([widest[None], run.rng("errors").normal(size=(9, n))])
    a = np.repeat(run.rng("noise").normal(0, drive, (1, 1, steps, n)), len(first), axis=1)
    lengths = sent_back(Recurrence(W[None], units), a, first)  # (N, steps + 1), by lag
    ratio = lengths / lengths[:, :1]
    per_step = STEEPEST[units] * (np.linalg.norm(W, 2) if measure == "singular value" else radius(W))
    limit = per_step ** np.arange(steps + 1)
    found = {"over_bound": (ratio / limit)[:, 1:].max(), "kept_over_bound": 1 / limit[-1], "left": ratio[:, -1].max()}
    return Result(found)


def sent_back(layer: Recurrence, a: Array, first: Array) -> Array:
    """Lengths (N, lags) of errors (N, n) that enter at the last state, by the number of steps that they went back."""
    x, backward = layer(a, np.zeros((1, *first.shape)))
    dx = np.zeros_like(x)
    dx[0, :, -1] = first
    delta, dx_0 = backward(dx)
    way = np.concatenate([dx_0[0][:, None], delta[0]], axis=1)[:, ::-1]  # (N, T + 1, n), by lag
    lengths: Array = np.linalg.norm(way, axis=2)
    return lengths


def growth(run: Run, *, matrix: str, radius: float, units: str, n: int, steps: int) -> Result:
    """Norms of the products of Jacobians: all unit vectors are sent back at once."""
    W = recurrent_weights(run.rng("weights"), matrix, radius, n)
    noise = 0.0 if units == "identity" else 0.5
    a = np.repeat(run.rng("noise").normal(0, noise, (1, 1, steps, n)), n, axis=1)
    layer = Recurrence(W[None], units)
    x, backward = layer(a, np.zeros((1, n, n)))
    dx = np.zeros_like(x)
    dx[0, :, -1] = np.eye(n)
    delta, _ = backward(dx)
    lags = np.unique(
        np.concatenate([np.arange(min(steps, 100)), np.arange(0, steps, 25), [(steps - 1) // 2, steps - 1]])
    )
    norms = np.array([np.linalg.norm(delta[0, :, steps - 1 - lag], 2) for lag in lags])
    half, last = norms[lags == (steps - 1) // 2][0], norms[-1]
    rate = np.exp((np.log(last) - np.log(half)) / (lags[-1] - (steps - 1) // 2))
    return Result(
        {
            "rate_over_radius": rate / radius,
            "norm_over_radius": float(np.linalg.norm(W, 2)) / radius,
            "peak": norms.max(),
            "end": last,
            "one": 1.0,
        },
        {"lags": lags, "norms": norms},
    )


def recurrent_weights(rng: np.random.Generator, matrix: str, radius_: float, n: int) -> Array:
    """A matrix of a given spectral radius: random, lower triangular, or normal with the eigenvalues of the latter."""
    if matrix == "random":
        W: Array = rng.normal(size=(n, n))
        return W * (radius_ / radius(W))
    eigenvalues = rng.uniform(-radius_, radius_, n)
    eigenvalues[0] = radius_
    if matrix == "triangular":
        return np.diag(eigenvalues) + 0.3 * np.tril(rng.normal(size=(n, n)), -1)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    normal: Array = Q @ np.diag(eigenvalues) @ Q.T
    return normal


def jacobian(run: Run, *, formula: str, n: int) -> Result:
    """dx_1 / dx_0 of a random network, rows for outputs."""
    W, x_0, a = run.rng("weights").normal(size=(n, n)), run.rng("state").normal(size=n), run.rng("drive").normal(size=n)
    layer = Recurrence(W[None])

    def step(x: Array) -> Array:
        after: Array = layer(a[None, None, None], x[None, None])[0][0, 0, 0]
        return after

    columns = [(step(x_0 + e) - step(x_0 - e)) / (2 * EPSILON) for e in EPSILON * np.eye(n)]
    measured = np.stack(columns, axis=1)
    slopes = np.diag(1 - np.tanh(x_0) ** 2)
    claimed = (W.T if formula == "printed" else W) @ slopes
    return _compared(claimed, measured)


def omega_gradient(run: Run, *, ratio: str, states: str, n: int, steps: int) -> Result:
    """Equation 10 by hand, against central differences of the regulariser with a ratio of squared or plain lengths."""
    W = run.rng("weights").normal(0, 0.5, (1, n, n))
    a, x_0 = run.rng("drive").normal(size=(1, 3, steps, n)), run.rng("state").normal(size=(1, 3, n))
    last = run.rng("error").normal(size=(1, 3, n))

    def passed(W: Array) -> tuple[Array, Array]:
        """The states, and the errors that an error at the last one sends back."""
        x, backward = Recurrence(W)(a, x_0)
        dx = np.zeros_like(x)
        dx[:, :, -1] = last
        return x, backward(dx)[0]

    held = passed(W)
    _, backward = omega(W, *held)

    def value(W: Array) -> float:
        x, delta = held if states == "held" else passed(W)
        slopes = UNITS["tanh"][1](np.tanh(x[0, :, :-1]))
        before, after = delta[0, :, 1:] @ W[0] * slopes, delta[0, :, 1:]
        quotient = np.linalg.norm(before, axis=2) / np.linalg.norm(after, axis=2)
        return float(((quotient ** (2 if ratio == "squared" else 1) - 1) ** 2).mean())

    return _compared(backward(), differences(value, W))


def differences(f: Callable[[Array], float], W: Array) -> Array:
    """Central differences of a function, by every entry of W."""
    slopes = np.empty_like(W)
    for place in np.ndindex(W.shape):
        e = np.zeros_like(W)
        e[place] = EPSILON
        slopes[place] = (f(W + e) - f(W - e)) / (2 * EPSILON)
    return slopes


def _compared(claimed: Array, measured: Array) -> Result:
    largest = np.abs(measured).max()
    return Result({"difference": np.abs(claimed - measured).max() / largest, "zero_difference": 1.0})
