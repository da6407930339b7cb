"""More activations of the form `y, backward = f(x)`: rectifiers, their smooth relatives, softsign and log_softmax.

The classical ones are in `core.activations`, GELU and SiLU in `core.gelu`. As there, a derivative that follows from the
output is computed from it, because the next layer keeps the output anyway. All but log_softmax are elementwise.
"""

import math

import numpy as np

from core.guard import describe, finite, whole
from core.law import lawful
from core.layer import Array, Backward, Layer, Param


@lawful
def leaky_relu(x: Array, slope: float = 0.01) -> tuple[Array, Backward]:
    """y = x where x > 0, else slope x (Maas et al. 2013). At x = 0 the derivative is taken as the slope.

    Kept for backward: y, which has the sign of x. Raises ValueError unless 0 <= slope < 1.
    """
    if not 0 <= finite("leaky_relu", "slope", slope) < 1:
        raise ValueError(f"leaky_relu: slope is {slope}, expected at least 0 and less than 1")
    y = slope * x
    np.maximum(x, y, out=y)

    def backward(dy: Array) -> Array:
        dx: Array = np.multiply(y > 0, 1 - slope, dtype=y.dtype)  # y = x where x > 0
        dx += slope  # y = slope x elsewhere
        dx *= dy
        return dx

    return y, backward


class PReLU(Layer):
    """y = x where x > 0, else a x, with a learned slope a for each channel (He et al. 2015, equation 1).

    Shapes: x and y (N, channels, ...), a (channels,), at first the paper's 0.25. Kept for backward: x and a. Raises
    ValueError for other channels or another type than that of a. Differences: none.
    """

    def __init__(self, channels: int, slope: float = 0.25) -> None:
        self.a = Param(np.full(whole("PReLU", "channels", channels), finite("PReLU", "slope", slope), np.float32))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        C, dtype = len(self.a.data), self.a.data.dtype
        if x.ndim < 2 or x.shape[1] != C or x.dtype != dtype:
            raise ValueError(f"PReLU({C}): got {describe(x)}, expected (N, {C}, ...) and {dtype}")
        a = self.a.data.reshape(C, *[1] * (x.ndim - 2))  # (C, 1, ...)
        y = np.maximum(x, 0) + a * np.minimum(x, 0)

        def backward(dy: Array) -> Array:
            above = dy * (x > 0)  # y = x where x > 0
            below = dy - above  # y = a x elsewhere
            self.a.grad += (below * x).sum(axis=(0, *range(2, x.ndim)))  # y = a x: over every place where a is used
            dx: Array = above + a * below  # y = x, or a x
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, and multiplications: the slope, for each unit."""
        return math.prod(y_shape[1:])

    multiply_adds = connections


@lawful
def elu(x: Array, alpha: float = 1.0) -> tuple[Array, Backward]:
    r"""y = x where x > 0, else \(\alpha (e^x - 1)\) (Clevert et al. 2016).

    Kept for backward: y, for \(dy/dx = \alpha e^x = y + \alpha\) below 0. Raises ValueError unless alpha >= 0.
    """
    alpha = finite("elu", "alpha", alpha, least=0.0)
    y = np.clip(x, -np.inf, 0)
    np.expm1(y, out=y)
    y *= alpha
    y += np.clip(x, 0, np.inf)

    def backward(dy: Array) -> Array:
        above = dy * (y > 0)  # y = x where x > 0
        dx: Array = y + alpha  # y = alpha (e^x - 1) elsewhere: y' = alpha e^x
        dx *= dy - above
        dx += above
        return dx

    return y, backward


@lawful
def selu(x: Array) -> tuple[Array, Backward]:
    """y = scale elu(x), with constants that make mean 0 and variance 1 a fixed point (Klambauer et al. 2017).

    Kept for backward: what `elu` keeps.
    """
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    u, backward_elu = elu(x, alpha)

    def backward(dy: Array) -> Array:
        dx: Array = backward_elu(scale * dy)  # y = scale elu(x)
        return dx

    return scale * u, backward


@lawful
def softplus(x: Array) -> tuple[Array, Backward]:
    r"""y = log(1 + e^x) (Dugas et al. 2001). Kept for backward: y, for \(dy/dx = e^x / (1 + e^x) = 1 - e^{-y}\)."""
    y = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))  # log(1 + e^x) = x + log(1 + e^-x)

    def backward(dy: Array) -> Array:
        dx: Array = dy * -np.expm1(-y)  # y = log(1 + e^x): y' = 1 - e^-y
        return dx

    return y, backward


@lawful
def softsign(x: Array) -> tuple[Array, Backward]:
    r"""y = x / (1 + |x|) (Glorot and Bengio 2010). Kept for backward: y, for \(1 / (1 + |x|) = 1 - |y|\)."""
    y = x / (1 + np.abs(x))

    def backward(dy: Array) -> Array:
        root = 1 - np.abs(y)  # 1 / (1 + |x|)
        dx: Array = dy * (root * root)  # y = x / (1 + |x|): y' = 1 / (1 + |x|)^2
        return dx

    return y, backward


@lawful
def log_softmax(x: Array) -> tuple[Array, Backward]:
    r"""\(y_i = x_i - \log \sum_j e^{x_j}\) over the last axis, shifted by the maximum so that nothing overflows.

    $$dx_i = dy_i - e^{y_i} \sum_j dy_j$$

    Shapes: x, y (..., K). Kept for backward: y, the logarithm of softmax.
    """
    shifted = x - x.max(axis=-1, keepdims=True)  # the shift cancels in the difference
    y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # (..., K)

    def backward(dy: Array) -> Array:
        dx: Array = dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)  # dy_j/dx_i = 1[i = j] - e^{y_i}
        return dx

    return y, backward
