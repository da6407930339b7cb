r"""A network of two-state units with symmetric couplings: storage, energy, and its two dynamics.

Hopfield (1982), in the paper's symbols: T are the couplings (N, N), V the states, h the inputs; x are patterns as bits
of -1 and 1, (n, N). States come in rows, (m, N), m starts side by side under the same couplings. Units are 0 or 1 in
the paper ("01") or -1 or 1 ("pm"); thresholds are 0. There is no gradient: what is derived stands in the docstrings,
and at length in the design.
"""

import math

import numpy as np

from core.layer import Array

LOW = {"01": 0.0, "pm": -1.0}  # the lower of the two values of a unit


def random_patterns(rng: np.random.Generator, n: int, N: int, share: float = 0.5) -> Array:
    """n patterns of N independent bits, -1 or 1, of which a share is 1 on average. (n, N)"""
    return np.where(rng.random((n, N)) < share, 1.0, -1.0)


def states_of(x: Array, coding: str) -> Array:
    """The states V that stand for patterns of -1 and 1."""
    return np.where(x > 0, 1.0, LOW[coding])


def signs_of(V: Array) -> Array:
    """The patterns of -1 and 1 that states stand for, in either coding."""
    return np.where(V > 0, 1.0, -1.0)


def store(x: Array) -> Array:
    r"""\(T_{ij} = \sum_s x_i^s x_j^s\), \(T_{ii} = 0\): equation 2 with x = 2V - 1. (n, N) -> (N, N)"""
    T: Array = x.T @ x
    np.fill_diagonal(T, 0.0)
    return T


def energy(T: Array, V: Array) -> Array:
    r"""\(E = -\frac{1}{2} \sum_{i \ne j} T_{ij} V_i V_j\) of each state, equation 7. (m, N) -> (m,)"""
    E: Array = -0.5 * ((V @ T) * V).sum(axis=-1)
    return E


def moved(h: Array, V: Array, coding: str) -> Array:
    """Equation 1 with threshold 0: up where h > 0, down where h < 0; where h = 0 a unit stays (our choice)."""
    up_or_down: Array = np.where(h > 0, 1.0, np.where(h < 0, LOW[coding], V))
    return up_or_down


def together(T: Array, V: Array, coding: str) -> Array:
    r"""One step of all units at once: V(t) -> V(t+1). Not the paper's dynamics.

    Unit by unit, V(t+1) is the value that is largest against h = T V(t). So \(L(t) = -V(t+1)^\top T\, V(t)\) is at most
    \(-V(t-1)^\top T\, V(t)\), which is L(t-1) if T is symmetric: a cycle has at most two states.
    """
    return moved(V @ T.T, V, coding)


def settle(
    T: Array, V: Array, rng: np.random.Generator, coding: str, *, sweeps: int = 200, trace: list[Array] | None = None
) -> Array:
    r"""Let one unit at a time, drawn at random, do what its input says, until none would change. (m, N) -> (m, N)

    \(\Delta E = -\Delta V_i h_i\) (equation 8): half from row i and half from column i, which are equal if T is
    symmetric, and no square of \(\Delta V_i\), as \(T_{ii} = 0\). The rule gives \(\Delta V_i\) the sign of \(h_i\), so
    that E falls at each change.

    Returns the states at rest, or after `sweeps` times N draws, since without symmetry there may be no rest. All starts
    share the draws. `trace` collects the states before the first and after every draw.
    """
    V = V.copy()
    if trace is not None:
        trace.append(V.copy())
    for _ in range(sweeps):
        if (together(T, V, coding) == V).all():
            break
        for i in rng.integers(len(T), size=len(T)):
            V[:, i] = moved(V @ T[i], V[:, i], coding)  # h_i = sum_j T_ij V_j
            if trace is not None:
                trace.append(V.copy())
    return V


def period(T: Array, V: Array, coding: str, limit: int = 2000) -> int:
    """Steps after which a state comes back when all units change at once, from one start (1, N); or `limit`."""
    seen: dict[bytes, int] = {}
    for step in range(limit):
        key = V.tobytes()
        if key in seen:
            return step - seen[key]
        seen[key] = step
        V = together(T, V, coding)
    return limit


def wrong_bits(T: Array, x: Array, coding: str) -> Array:
    """Which bits of the patterns their input would change, with the patterns as states. (n, N) -> (n, N) of bool"""
    V = states_of(x, coding)
    return np.asarray(together(T, V, coding) != V)


def error_probability(N: int, n: int) -> float:
    r"""Equation 10: \(P = Q\big((N/2) / \sqrt{(n-1) N / 2}\big)\), with \(Q(z) = \mathrm{erfc}(z / \sqrt 2) / 2\).

    The signal is the number of ones, about N/2; each of the other n - 1 patterns adds a sum of about N/2 random signs.
    """
    return 0.5 * math.erfc(math.sqrt(N / (2 * (n - 1))) / math.sqrt(2))


def clipped(T: Array) -> Array:
    r"""The signs of the couplings. The squared signal-to-noise ratio is \(2/\pi\) of what it was, for large n."""
    return np.sign(T)


def one_way(T: Array, rng: np.random.Generator) -> Array:
    """Of each pair of couplings one, in a random direction; the other is 0. Half the squared signal-to-noise ratio."""
    upper = np.triu(rng.random(T.shape) < 0.5, 1)
    return T * (upper | np.tril(~upper.T, -1))
