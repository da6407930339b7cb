"""The papers' own step rule: gradient steps divided by the diagonal of the Hessian (a stochastic Levenberg-Marquardt).

Curvature goes backward like a gradient, with every number squared. For a layer y = W x, dropping off-diagonal terms,

    dE/dx_i = sum_j W_ji dE/dy_j        d2E/dx_i^2 = sum_j W_ji^2 d2E/dy_j^2
    dE/dW_ji = x_i dE/dy_j              d2E/dW_ji^2 = x_i^2 d2E/dy_j^2

so the right column is the left one for a layer whose weights are W^2, called on x^2. For a squashing function
y = f(a), d2E/da^2 = f'(a)^2 d2E/dy^2, without the term in f'' that could make it negative (Gauss-Newton).
Source: LeCun et al. 1998, appendix C; LeCun 1987 and Becker, LeCun 1988, to which the paper of 1989 refers.
"""

import copy

import numpy as np

from core.containers import Sequential
from core.layer import Array, Layer, Param
from core.optim import Optimiser


def curvature(network: Sequential, x: Array, at_output: Array) -> dict[str, Array]:
    r"""The diagonal \(d^2E/dw^2\) of each Param by name, averaged over the examples x.

    `at_output` is \(d^2E/dy^2\) of each example's outputs, (N, K): ones for half the squared error. Of a shared weight,
    the terms of all its places are added, as the paper does. The network must be a chain of layers linear in their
    inputs and Params, of elementwise functions, and of functions that only move numbers around.
    """
    inputs = []
    for layer in network.layers.values():
        inputs.append(x)
        x, _ = layer(x)
    found: dict[str, Array] = {}
    h = at_output / len(at_output)  # the mean over the examples
    for (name, layer), x in zip(reversed(network.layers.items()), reversed(inputs), strict=True):
        if isinstance(layer, Layer):
            squared = copy.copy(layer)
            for parameter, p in layer.named_params():
                setattr(squared, parameter, Param(p.data * p.data))
            _, backward = squared(x * x)
            h = backward(h)  # y = W x: h_x = W^2 h_y, and h_W = x^2 h_y is added to the grads of the squared layer
            found |= {f"{name}.{parameter}": p.grad for parameter, p in squared.named_params()}
        else:
            y, backward = layer(x)
            slope = layer(x)[1](np.ones_like(y))  # a backward runs once
            h = backward(h) * slope  # f elementwise: f'^2 h, as backward(h) = f' h; f moves numbers: the slope is one
    return found


class DiagonalNewton(Optimiser):
    r"""Steps at a rate of each weight's own: \(w \leftarrow w - \frac{\eta}{\mu + h_w} \frac{dE}{dw}\).

    `measure` sets the h from some examples; the papers repeat it before each pass. \(\mu\) keeps flat directions from
    taking huge steps. Until the first measurement h is zero.
    """

    slot_names = ("h",)

    def __init__(self, network: Sequential, rate: float, mu: float) -> None:
        super().__init__(network, rate)
        self.network, self.mu = network, mu

    def measure(self, x: Array, at_output: Array) -> None:
        """Take the curvature on the examples x; `at_output` is that of the criterion, as for `curvature`."""
        self.slots["h"] = curvature(self.network, x, at_output)

    def change(self, p: Param, *slots: Array) -> Array:
        (h,) = slots
        return -self.rate / (self.mu + h) * p.grad
