r"""The algebra of survival functions F(t) = P(latency > t): the slowest of n servers, the faster of two copies."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.layer import Array

Survival = Callable[[float], float]
NORMAL = NormalDist()

# Three kinds of tails, each by a measure g of how rare a share F is: from F to g, and back.
RARITY: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "lognormal": (lambda f: -NORMAL.inv_cdf(f), lambda g: NORMAL.cdf(-g)),
    "pareto": (lambda f: -math.log(f), lambda g: min(1.0, math.exp(-g))),
    "weibull": (lambda f: math.log(-math.log(f)), lambda g: math.exp(-math.exp(min(g, 700.0)))),
}


@dataclass(frozen=True)
class Tail:
    r"""A distribution of latencies: \(\ln t = m + s\, g(F(t))\), with g the kind's measure of how rare F is.

    \(g = -\Phi^{-1}(F)\) is the log-normal distribution with median \(e^m\), \(g = -\ln F\) the power law
    \(F = (t / e^m)^{-1/s}\) from \(e^m\) on, and \(g = \ln(-\ln F)\) the stretched exponential
    \(F = \exp(-(t / e^m)^{1/s})\). Times are in ms. Source: ours; the paper names no distribution.
    """

    kind: str
    m: float
    s: float

    @classmethod
    def through(cls, kind: str, first: tuple[float, float], second: tuple[float, float]) -> "Tail":
        """The tail of this kind with F(t) = f at two points (t, f). ValueError unless the later is the rarer."""
        (t1, f1), (t2, f2) = first, second
        if not (0 < t1 < t2 and 0 < f2 < f1 < 1):
            raise ValueError(f"Tail.through: got {first} and {second}; expected (t, F) with t rising and F falling.")
        g = RARITY[kind][0]
        s = math.log(t2 / t1) / (g(f2) - g(f1))
        return cls(kind, math.log(t1) - s * g(f1), s)

    def survival(self, t: float) -> float:
        """F(t)."""
        return RARITY[self.kind][1]((math.log(t) - self.m) / self.s) if t > 0 else 1.0

    def time(self, f: float) -> float:
        """The t with F(t) = f."""
        return math.exp(self.m + self.s * RARITY[self.kind][0](f))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
        """Independent latencies."""
        if self.kind == "lognormal":
            g = rng.normal(size=size)
        else:
            g = rng.exponential(size=size)  # -ln of a uniform F
            g = g if self.kind == "pareto" else np.log(g)
        drawn: Array = np.exp(self.m + self.s * g)
        return drawn


def slowest(f: float, n: int) -> float:
    """P(the slowest of n independent servers is slow) = 1 - (1 - f)^n, f being that of one; without cancellation."""
    return -math.expm1(n * math.log1p(-f))


def leaf_quantile(u: float, n: int) -> float:
    """The quantile of one server that is the quantile u of the slowest of n: u^(1/n)."""
    return float(u ** (1 / n))


def hedged(F: Survival, delay: float, shared: float = 0.0) -> Survival:
    r"""The survival function with a second copy after `delay`: \((1 - r) F(t) F(t - D) + r F(t)\).

    With probability r = `shared` the second copy takes exactly as long as the first, and so never overtakes it.
    """
    return lambda t: F(t) if t <= delay else (1 - shared) * F(t) * F(t - delay) + shared * F(t)


def time_of(F: Survival, f: float) -> float:
    """The t with F(t) = f, by halving: for survival functions that are not inverted in closed form."""
    low, high = 0.0, 1.0
    while F(high) > f:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if F(middle) > f else (low, middle)
    return high


def with_hedge(tail: Tail, rng: np.random.Generator, first: Array, delay: float, shared: float) -> tuple[Array, float]:
    """Latencies of `first` copies once second ones are sent after `delay`, and the second copies as a share of them."""
    late = np.nonzero(first > delay)
    second = tail.draw(rng, len(late[0]))
    same = rng.random(len(second)) < shared
    answers = first.copy()
    answers[late] = np.minimum(first[late], delay + np.where(same, first[late], second))
    return answers, len(second) / first.size


def unfinished(share: float, late: float) -> float:
    r"""How many leaves must be unfinished on average at t, as a share, if \(P(T > t)\) = `late`, with T the time in
    which `share` of a request's leaves are done: \((1 - share)\, P(T > t)\), by Markov's inequality, for any joint
    distribution."""
    return (1 - share) * late
