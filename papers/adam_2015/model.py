r"""Algorithm 1 line by line, and the rules that the paper and Reddi et al. set beside it.

A rule is fed gradients: `theta = rule.step(theta, g)`. Weights and gradients are floats or arrays of any shape, and so
is alpha, so that many trials may run along a leading axis. These are for reading and for small experiments; core.Adam
takes the same steps faster (claim E1).

Why the averages are divided by \(1 - \beta^t\): unrolled, \(v_t = (1 - \beta_2) \sum_i \beta_2^{t-i} g_i^2\). If all
\(E[g_i^2]\) are equal, the geometric series gives

$$E[v_t] = (1 - \beta_2) \sum_i \beta_2^{t-i} E[g^2] = (1 - \beta_2^t) E[g^2]$$

So \(v_t / (1 - \beta_2^t)\) has the right mean from the first step on, and likewise \(m_t / (1 - \beta_1^t)\).
"""

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from core.layer import Array, Layer, Param
from core.optim import Optimiser

Numbers: TypeAlias = Any  # a float, or an array
ROUNDING = 1e-12  # of the largest eigenvalue of V: smaller ones are zeros


class Rule:
    """What all rules have: the step size, which may fall as alpha / sqrt(t), and t, which counts from 1."""

    def __init__(self, alpha: Numbers, annealed: bool = False) -> None:
        self.alpha, self.annealed, self.t = alpha, annealed, 0

    def alpha_t(self) -> Numbers:
        return self.alpha / math.sqrt(self.t) if self.annealed else self.alpha

    def step(self, theta: Numbers, g: Numbers) -> Numbers:
        """The weights after one more gradient; nothing is written into `theta` or `g`."""
        raise NotImplementedError


class Adam(Rule):
    """Algorithm 1. `corrected=False` leaves out the two corrections, for the ablations."""

    def __init__(
        self,
        alpha: Numbers = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        annealed: bool = False,
        corrected: bool = True,
    ) -> None:
        super().__init__(alpha, annealed)
        self.beta1, self.beta2, self.epsilon, self.corrected = beta1, beta2, epsilon, corrected
        self.m: Numbers = 0.0  # m_0 <- 0
        self.v: Numbers = 0.0  # v_0 <- 0

    def moments(self, g: Numbers) -> tuple[Numbers, Numbers]:
        self.t = self.t + 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * (g * g)
        if not self.corrected:
            return self.m, self.v
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        return m_hat, v_hat

    def step(self, theta: Numbers, g: Numbers) -> Numbers:
        m_hat, v_hat = self.moments(g)
        return theta - self.alpha_t() * _divided(m_hat, v_hat**0.5 + self.epsilon)


class EfficientAdam(Adam):
    r"""The order of computation at the end of section 2: one number is corrected, instead of two arrays.

    $$\alpha_t = \alpha \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \qquad
      \theta \leftarrow \theta - \alpha_t \frac{m}{\sqrt{v} + \hat\epsilon}$$

    It is algorithm 1 if \(\hat\epsilon = \epsilon \sqrt{1 - \beta_2^t}\), of which the paper says nothing.
    `same_epsilon` takes epsilon itself, as many libraries do.
    """

    same_epsilon = False

    def step(self, theta: Numbers, g: Numbers) -> Numbers:
        self.moments(g)
        root = math.sqrt(1 - self.beta2**self.t)
        alpha_t = self.alpha_t() * root / (1 - self.beta1**self.t)
        epsilon = self.epsilon if self.same_epsilon else self.epsilon * root
        return theta - alpha_t * _divided(self.m, self.v**0.5 + epsilon)


class MatrixAdam(Adam):
    r"""What algorithm 1 leaves out: the running average V of \(g g^T\) in the place of that of \(g^2\), its diagonal.

    $$V \leftarrow \beta_2 V + (1 - \beta_2)\,g g^T \qquad
      \theta \leftarrow \theta - \alpha_t\,\big(\hat V^{1/2} + \epsilon I\big)^{-1} \hat m$$

    V has n numbers for each of n weights, and its root takes about n^3 operations a step. In directions that no
    gradient has had, m is zero, and so is the step. Weights (..., A, K): each of A trials has its own V, over all
    other axes.
    """

    def step(self, theta: Array, g: Array) -> Array:
        self.t = self.t + 1
        long = np.moveaxis(g, -2, 0).reshape(g.shape[-2], -1).astype(np.float64)  # (A, n)
        self.m = self.beta1 * self.m + (1 - self.beta1) * long
        self.v = self.beta2 * self.v + (1 - self.beta2) * long[:, :, None] * long[:, None]  # (A, n, n)
        m_hat, v_hat = self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)
        squares, Q = np.linalg.eigh(v_hat)  # v_hat = Q diag(squares) Q^T
        seen = squares > ROUNDING * squares.max(axis=1, keepdims=True)
        inverse = seen / (np.sqrt(np.where(seen, squares, 1.0)) + self.epsilon)
        long = (Q @ (inverse[:, :, None] * (Q.swapaxes(1, 2) @ m_hat[:, :, None])))[:, :, 0]
        others = *g.shape[:-2], g.shape[-1]
        step = np.moveaxis(long.reshape(-1, *others), 0, -2)
        stepped: Array = (theta - self.alpha_t() * step).astype(theta.dtype)
        return stepped


class AdaMax(Rule):
    """Algorithm 2: the decaying maximum of |g| in the place of the root of v. It needs no correction."""

    def __init__(self, alpha: Numbers = 0.002, beta1: float = 0.9, beta2: float = 0.999) -> None:
        super().__init__(alpha)
        self.beta1, self.beta2 = beta1, beta2
        self.m: Numbers = 0.0
        self.u: Numbers = 0.0

    def step(self, theta: Numbers, g: Numbers) -> Numbers:
        self.t = self.t + 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.u = _larger(self.beta2 * self.u, abs(g))
        return theta - self.alpha_t() / (1 - self.beta1**self.t) * _divided(self.m, self.u)


class AMSGrad(Adam):
    """Reddi et al. 2018, algorithm 2: Adam without corrections, divided by the root of the largest v so far."""

    u: Numbers = 0.0

    def moments(self, g: Numbers) -> tuple[Numbers, Numbers]:
        self.corrected = False
        m, v = super().moments(g)
        self.u = _larger(self.u, v)
        return m, self.u


class AdaGrad(Rule):
    """Duchi et al. 2011 as in section 5: divided by the root of the sum of all squares, which only grows."""

    def __init__(self, alpha: Numbers, epsilon: float = 1e-10, annealed: bool = False) -> None:
        super().__init__(alpha, annealed)
        self.epsilon = epsilon
        self.sum: Numbers = 0.0

    def step(self, theta: Numbers, g: Numbers) -> Numbers:
        self.t = self.t + 1
        self.sum = self.sum + g * g
        return theta - self.alpha_t() * _divided(g, self.sum**0.5 + self.epsilon)


class Nesterov(Rule):
    """Nesterov's momentum, in the form of core.optim: the weights held are those one momentum step ahead."""

    def __init__(self, alpha: Numbers, mu: float = 0.9, annealed: bool = False) -> None:
        super().__init__(alpha, annealed)
        self.mu = mu
        self.velocity: Numbers = 0.0

    def step(self, theta: Numbers, g: Numbers) -> Numbers:
        self.t = self.t + 1
        self.velocity = self.mu * self.velocity - self.alpha_t() * g
        return theta + self.mu * self.velocity - self.alpha_t() * g


class IterateAverage:
    """Section 7.2: the running average of the weights, with the same correction."""

    def __init__(self, beta2: float = 0.999, *, corrected: bool = True) -> None:
        self.beta2, self.corrected, self.t = beta2, corrected, 0
        self.average: Numbers = 0.0

    def add(self, theta: Numbers) -> Numbers:
        """The average, these weights included."""
        self.t += 1
        self.average = self.beta2 * self.average + (1 - self.beta2) * theta
        return self.average / (1 - self.beta2**self.t) if self.corrected else self.average


class AdamOptimiser(Optimiser):
    """Algorithm 1 for the Params of a model, with the corrections or without: one `Adam` for each Param."""

    def __init__(
        self,
        model: Layer | Iterable[tuple[str, Param]],
        rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        *,
        corrected: bool = True,
    ) -> None:
        super().__init__(model, rate)
        self.rules = {id(p): Adam(rate, beta1, beta2, corrected=corrected) for p in self.params.values()}

    def change(self, p: Param, *slots: Array) -> Array:
        rule = self.rules[id(p)]
        rule.alpha = self.rate
        step: Array = rule.step(0.0, p.grad)
        return step


def _larger(a: Numbers, b: Numbers) -> Numbers:
    return max(a, b) if isinstance(b, float) else np.maximum(a, b)


def _divided(top: Numbers, below: Numbers) -> Numbers:
    """top / below, and 0 where nothing but zeros came so far, if epsilon is zero too."""
    if isinstance(below, float):
        return top / below if below else 0.0
    return np.divide(top, below, out=np.zeros_like(top), where=below != 0)
