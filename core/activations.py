"""Activation functions, as plain functions of the form `y, backward = f(x)`, elementwise but for softmax.

Where the derivative can be had from the output, the output is what is kept: the next layer keeps the same array as its
input, so that an activation costs no memory of its own.
"""

import numpy as np

from core.law import lawful
from core.layer import Array, Backward

A = 1.7159
S = 2.0 / 3.0


@lawful
def tanh(x: Array) -> tuple[Array, Backward]:
    r"""y = tanh(x). Kept for backward: y, for \(dy/dx = 1 - y^2\)."""
    y = np.tanh(x)

    def backward(dy: Array) -> Array:
        dx: Array = dy * (1 - y * y)  # y = tanh x: tanh' = 1 - tanh^2
        return dx

    return y, backward


@lawful
def scaled_tanh(x: Array) -> tuple[Array, Backward]:
    r"""y = A tanh(S x) with A = 1.7159 and S = 2/3, so that f(1) = 1 and f(-1) = -1 (to five digits).

    LeCun et al. 1989 and 1998 (appendix A). Kept for backward: y, for \(dy/dx = A S (1 - (y/A)^2) = S (A - y^2/A)\).
    """
    y = A * np.tanh(S * x)

    def backward(dy: Array) -> Array:
        dx: Array = dy * (S * A - (S / A) * (y * y))  # y = A tanh(S x): y' = A S (1 - tanh^2), with tanh = y / A
        return dx

    return y, backward


@lawful
def sigmoid(x: Array) -> tuple[Array, Backward]:
    r"""y = 1 / (1 + e^-x). Kept for backward: y, for \(dy/dx = y (1 - y)\)."""
    with np.errstate(over="ignore"):  # e^-x may become infinite: y is then 0, as it should
        y = np.exp(-x)
    y += 1
    np.divide(1, y, out=y)

    def backward(dy: Array) -> Array:
        dx = 1 - y  # y = sigmoid x: y' = y (1 - y)
        dx *= y
        dx *= dy
        return dx

    return y, backward


@lawful
def relu(x: Array) -> tuple[Array, Backward]:
    """y = max(x, 0). Kept for backward: y, for dy/dx = 1 where y > 0. At x = 0 the derivative is taken as 0."""
    y = np.clip(x, 0, np.inf)  # in half the time of np.maximum(x, 0)

    def backward(dy: Array) -> Array:
        dx: Array = dy * (y > 0)  # y = max(x, 0): 1 where x > 0, else 0
        return dx

    return y, backward


@lawful
def softmax(x: Array) -> tuple[Array, Backward]:
    r"""y_i = e^{x_i} / sum_j e^{x_j} over the last axis, shifted by the maximum so that nothing overflows.

    $$dx_i = y_i \Big(dy_i - \sum_j dy_j\,y_j\Big)$$

    Shapes: x, y (..., K). Kept for backward: y.
    """
    e = np.exp(x - x.max(axis=-1, keepdims=True))  # the shift cancels in the quotient
    y = e / e.sum(axis=-1, keepdims=True)  # (..., K)

    def backward(dy: Array) -> Array:
        dx: Array = dy - np.vecdot(dy, y)[..., None]  # dy_j/dx_i = y_j (1[i = j] - y_i)
        dx *= y
        return dx

    return y, backward
