"""The paper's solutions, as functions of time, strength and depth."""

import numpy as np

from core.layer import Array


def sigmoid_mode(t: Array, s: Array, u0: float) -> Array:
    """Equation 12, u at time t (in units of tau) of modes of strength s with two matrices, (T, modes)."""
    grown = np.exp(-2 * np.multiply.outer(t, s))  # both sides of the fraction times e^(-2st), which cannot overflow
    u: Array = s / (1 + (s / u0 - 1) * grown)
    return u


def time_of(s: Array, u0: float, uf: Array) -> Array:
    """Equation 11, in units of tau: from u0 to uf with two matrices."""
    t: Array = np.log(uf * (s - u0) / (u0 * (s - uf))) / (2 * s)
    return t


def time_at_depth(s: Array, u0: float, uf: Array, depth: int, points: int = 200001) -> Array:
    """Equation 15 integrated for `depth` matrices, in units of tau: du = depth u^(2 - 2/depth) (s - u) dt.

    The integral over ln u of u^(2/depth - 1) / (depth (s - u)), by Simpson's rule.
    """
    x = np.linspace(np.log(u0), np.log(uf), points)  # (points, modes)
    u = np.exp(x)
    f = u ** (2 / depth - 1) / (depth * (s - u))
    weights = np.ones(points)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    t: Array = weights @ f * (x[1] - x[0]) / 3
    return t


def time_in_the_limit(s: Array, u0: float, uf: Array, layers: int) -> Array:
    """Equation 17 as printed, in units of tau, for a network of that many layers of units."""
    t: Array = (np.log(uf * (u0 - s) / (u0 * (uf - s))) / s**2 + 1 / (s * u0) - 1 / (s * uf)) / layers
    return t


def exponent(x: Array, y: Array) -> float:
    """The p of y = c x^p that fits best in logarithms."""
    a, b = (np.log(np.asarray(values)) for values in (x, y))
    return float(((a - a.mean()) * (b - b.mean())).mean() / a.var())
