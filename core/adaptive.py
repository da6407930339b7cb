r"""Optimisers with a rate of its own for each weight, from the history of its gradients.

Notation and rules as in core.optim; \(\epsilon\) is added outside of the root. A step is as many passes over memory as
it has operations, so that each is done in place where the operand is not used again: in the gradient, for one.
"""

import math

import numpy as np

from core.guard import finite
from core.layer import Array, Param
from core.optim import Optimiser, Trained, fraction


class _Scaled(Optimiser):
    def __init__(self, model: Trained, rate: float, epsilon: float) -> None:
        super().__init__(model, rate)
        self.epsilon = finite(type(self).__name__, "epsilon", epsilon, least=0.0)

    def scaled(self, top: Array, v: Array, rate: float, epsilon: float, out: Array) -> Array:
        """- rate top / (sqrt(v) + epsilon), in `out`."""
        np.sqrt(v, out=out)
        out += epsilon
        np.divide(top, out, out=out)
        out *= -rate
        return out


class Adagrad(_Scaled):
    r"""$$v \leftarrow v + g^2 \qquad p \leftarrow p - \eta \frac{g}{\sqrt{v} + \epsilon}$$

    Source: Duchi et al. 2011, section 1.1 (diagonal form). Differences: \(\epsilon\), which avoids division by zero.
    """

    slot_names = ("v",)

    def __init__(self, model: Trained, rate: float = 0.01, epsilon: float = 1e-10) -> None:
        super().__init__(model, rate, epsilon)

    def change(self, p: Param, *slots: Array) -> Array:
        (v,) = slots
        square = p.grad * p.grad
        v += square
        return self.scaled(p.grad, v, self.rate, self.epsilon, out=square)


class RMSProp(_Scaled):
    r"""$$v \leftarrow \rho v + (1 - \rho) g^2 \qquad p \leftarrow p - \eta \frac{g}{\sqrt{v} + \epsilon}$$

    Source: Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning. Differences: \(\epsilon\).
    """

    slot_names = ("v",)

    def __init__(self, model: Trained, rate: float = 0.01, decay: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__(model, rate, epsilon)
        self.decay = fraction("RMSProp", "decay", decay)

    def change(self, p: Param, *slots: Array) -> Array:
        (v,) = slots
        square = p.grad * p.grad
        _blend(v, square, self.decay)
        return self.scaled(p.grad, v, self.rate, self.epsilon, out=square)


class Adam(_Scaled):
    r"""$$m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$

    $$p \leftarrow p - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon} \qquad
      \hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t}$$

    Source: Kingma and Ba 2015, algorithm 1. Differences: none.
    """

    slot_names: tuple[str, ...] = ("m", "v")

    def __init__(
        self, model: Trained, rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        super().__init__(model, rate, epsilon)
        owner = type(self).__name__
        self.beta1, self.beta2 = fraction(owner, "beta1", beta1), fraction(owner, "beta2", beta2)

    def change(self, p: Param, *slots: Array) -> Array:
        m, v = slots
        self.average(p, m, v)
        return self.corrected(m, v, out=p.grad)

    def average(self, p: Param, m: Array, v: Array) -> None:
        """The new m and v; of the gradient, the memory is left."""
        m *= self.beta1
        m += (1 - self.beta1) * p.grad
        p.grad *= p.grad
        _blend(v, p.grad, self.beta2)

    def corrected(self, m: Array, v: Array, out: Array) -> Array:
        r"""The step of m and v with their bias towards zero divided out. For a pass less, that of v leaves the root:

        $$\sqrt{\hat v} + \epsilon = \frac{\sqrt v + \epsilon \sqrt{1 - \beta_2^t}}{\sqrt{1 - \beta_2^t}}$$
        """
        m_bias, v_bias = 1 - self.beta1**self.steps, 1 - self.beta2**self.steps
        root = math.sqrt(v_bias)
        return self.scaled(m, v, self.rate / m_bias * root, self.epsilon * root, out)


class AdamW(Adam):
    r"""Adam, and beside it a decay of the weights that the history of gradients does not scale:

    $$p \leftarrow p - \eta \lambda p - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$

    Source: Loshchilov and Hutter 2019, algorithm 2. Differences: the decay is multiplied by the rate, as in PyTorch,
    where the paper multiplies it by the schedule's factor only.
    """

    def __init__(
        self,
        model: Trained,
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
        self.average(p, m, v)
        np.maximum(u, v, out=u)
        return self.corrected(m, u, out=p.grad)


def _blend(average: Array, new: Array, beta: float) -> None:
    """average <- beta average + (1 - beta) new, both in place."""
    average *= beta
    new *= 1 - beta
    average += new
