r"""Optimisers with a rate of its own for each weight, from the history of its gradients.

Notation and rules as in core.optim; \(\epsilon\) is added outside of the root.
"""

from collections.abc import Iterable

import numpy as np

from core.guard import finite
from core.layer import Array, Layer, Param
from core.optim import Optimiser, fraction


class _Scaled(Optimiser):
    def __init__(self, model: Layer | Iterable[tuple[str, Param]], rate: float, epsilon: float) -> None:
        super().__init__(model, rate)
        self.epsilon = finite(type(self).__name__, "epsilon", epsilon, least=0.0)

    def scaled(self, top: Array, v: Array, rate: float) -> Array:
        """- rate top / (sqrt(v) + epsilon), in as few passes as it takes."""
        below = np.sqrt(v)
        below += self.epsilon
        np.divide(top, below, out=below)
        below *= -rate
        return below


class Adagrad(_Scaled):
    r"""$$v \leftarrow v + g^2 \qquad p \leftarrow p - \eta \frac{g}{\sqrt{v} + \epsilon}$$

    Source: Duchi et al. 2011, section 1.1 (diagonal form). Differences: \(\epsilon\), which avoids division by zero.
    """

    slot_names = ("v",)

    def __init__(self, model: Layer | Iterable[tuple[str, Param]], rate: float = 0.01, epsilon: float = 1e-10) -> None:
        super().__init__(model, rate, epsilon)

    def change(self, p: Param, *slots: Array) -> Array:
        (v,) = slots
        v += p.grad * p.grad
        return self.scaled(p.grad, v, self.rate)


class RMSProp(_Scaled):
    r"""$$v \leftarrow \rho v + (1 - \rho) g^2 \qquad p \leftarrow p - \eta \frac{g}{\sqrt{v} + \epsilon}$$

    Source: Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning. Differences: \(\epsilon\).
    """

    slot_names = ("v",)

    def __init__(
        self, model: Layer | Iterable[tuple[str, Param]], rate: float = 0.01, decay: float = 0.99, epsilon: float = 1e-8
    ) -> None:
        super().__init__(model, rate, epsilon)
        self.decay = fraction("RMSProp", "decay", decay)

    def change(self, p: Param, *slots: Array) -> Array:
        (v,) = slots
        _blend(v, p.grad * p.grad, self.decay)
        return self.scaled(p.grad, v, self.rate)


class Adam(_Scaled):
    r"""$$m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$

    $$p \leftarrow p - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon} \qquad
      \hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t}$$

    Source: Kingma and Ba 2015, algorithm 1. Differences: none.
    """

    slot_names: tuple[str, ...] = ("m", "v")

    def __init__(
        self,
        model: Layer | Iterable[tuple[str, Param]],
        rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(model, rate, epsilon)
        owner = type(self).__name__
        self.beta1, self.beta2 = fraction(owner, "beta1", beta1), fraction(owner, "beta2", beta2)

    def change(self, p: Param, *slots: Array) -> Array:
        m, v = slots
        _blend(m, p.grad, self.beta1)
        _blend(v, p.grad * p.grad, self.beta2)
        return self.corrected(m, v)

    def corrected(self, m: Array, v: Array) -> Array:
        r"""The step of m and v with their bias towards zero divided out."""
        m_hat, v_hat = 1 - self.beta1**self.steps, 1 - self.beta2**self.steps
        return self.scaled(m, v * (1 / v_hat), self.rate / m_hat)


class AdamW(Adam):
    r"""Adam, and beside it a decay of the weights that the history of gradients does not scale:

    $$p \leftarrow p - \eta \lambda p - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$

    Source: Loshchilov and Hutter 2019, algorithm 2. Differences: the decay is multiplied by the rate, as in PyTorch,
    where the paper multiplies it by the schedule's factor only.
    """

    def __init__(
        self,
        model: Layer | Iterable[tuple[str, Param]],
        rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        decay: float = 0.01,
    ) -> None:
        super().__init__(model, rate, beta1, beta2, epsilon)
        self.decay = finite("AdamW", "decay", decay, least=0.0)

    def change(self, p: Param, *slots: Array) -> Array:
        step = super().change(p, *slots)
        step -= (self.rate * self.decay) * p.data
        return step


class AMSGrad(Adam):
    r"""Adam with the largest v so far in the place of v, so that a weight's rate never grows:

    $$u \leftarrow \max(u, v) \qquad p \leftarrow p - \eta \frac{\hat m}{\sqrt{u / (1 - \beta_2^t)} + \epsilon}$$

    Source: Reddi et al. 2018, algorithm 2. Differences: the corrections of bias, which the paper leaves out and PyTorch
    keeps.
    """

    slot_names = ("m", "v", "u")

    def change(self, p: Param, *slots: Array) -> Array:
        m, v, u = slots
        _blend(m, p.grad, self.beta1)
        _blend(v, p.grad * p.grad, self.beta2)
        np.maximum(u, v, out=u)
        return self.corrected(m, u)


def _blend(average: Array, new: Array, beta: float) -> None:
    """average <- beta average + (1 - beta) new, in place."""
    average *= beta
    average += (1 - beta) * new
