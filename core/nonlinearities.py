"""More activations of the form `y, backward = f(x)`: rectifiers, their smooth relatives, softsign and log_softmax.

The classical ones are in `core.activations`. As there, a derivative that follows from the output is computed from it,
because the next layer keeps the output anyway. All but log_softmax are elementwise.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from core.activations import sigmoid
from core.guard import describe, finite, whole
from core.law import lawful
from core.layer import Array, Backward, Layer, Param

BLOCK = 1 << 15  # elements worked on at a time, so that what lies between input and output stays in the cache
NODES, EDGE = 256, 39  # of the table of Phi: nodes in each unit of x; beyond +-39 it is 0 or 1 even in float64


@lawful
def leaky_relu(x: Array, slope: float = 0.01) -> tuple[Array, Backward]:
    """y = x where x > 0, else slope x (Maas et al. 2013). At x = 0 the derivative is taken as the slope.

    Kept for backward: y, which has the sign of x. Raises ValueError unless 0 <= slope < 1.
    """
    if not 0 <= finite("leaky_relu", "slope", slope) < 1:
        raise ValueError(f"leaky_relu: slope is {slope}, expected at least 0 and less than 1")
    y = np.maximum(x, slope * x)

    def backward(dy: Array) -> Array:
        above = dy * (y > 0)  # y = x where x > 0
        dx: Array = above + slope * (dy - above)  # y = slope x elsewhere
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
    y = np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))

    def backward(dy: Array) -> Array:
        above = dy * (y > 0)  # y = x where x > 0
        dx: Array = above + (dy - above) * (y + alpha)  # y = alpha (e^x - 1) elsewhere: y' = alpha e^x
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
def gelu(x: Array) -> tuple[Array, Backward]:
    r"""y = x Phi(x), exactly, with the normal distribution \(\Phi(x) = \frac12 (1 + \mathrm{erf}(x / \sqrt 2))\).

    $$dx = dy\,\big(\Phi(x) + x\,\varphi(x)\big) \qquad \varphi(x) = \Phi'(x) = e^{-x^2/2} / \sqrt{2\pi}$$

    NumPy has no erf. Phi comes from a table of `math.erfc` and Taylor's theorem: the nearest node is x - h, with h at
    most 1/512, and so, to within 4e-13,

    $$\Phi(x - h) = \Phi - h\,\varphi + \tfrac{h^2}{2} \varphi' - \tfrac{h^3}{6} \varphi'' \qquad
      \varphi' = -x \varphi \qquad \varphi'' = (x^2 - 1)\,\varphi$$

    Hendrycks and Gimpel 2016, section 2. Kept for backward: dy/dx, which is cheapest along with y.
    """

    def value_and_slope(x: Array) -> tuple[Array, Array]:
        t = np.clip(x, -EDGE, EDGE)
        node = np.rint(t * NODES)
        h = t - node / NODES
        phi = np.exp(-0.5 * (t * t)) * (1 / math.sqrt(2 * math.pi))
        Phi = _normal_cdf(x.dtype).take((node + EDGE * NODES).astype(np.int32), mode="clip")
        Phi = Phi + phi * h * (1 + h / 2 * (t + h / 3 * (t * t - 1)))  # Taylor, solved for Phi(x)
        return x * Phi, Phi + x * phi  # y = x Phi: y' = Phi + x phi

    return _in_blocks(value_and_slope, x)


@functools.cache
def _normal_cdf(dtype: np.dtype[np.floating]) -> Array:
    """Phi at the nodes from -EDGE to EDGE."""
    return np.array([math.erfc(-n / NODES / math.sqrt(2)) / 2 for n in range(-EDGE * NODES, EDGE * NODES + 1)], dtype)


@lawful
def gelu_tanh(x: Array) -> tuple[Array, Backward]:
    r"""The approximation of `gelu` to within 0.0005 that GPT-2 and others were trained with.

    $$y = \tfrac12 x\,(1 + \tanh u) \qquad u = c\,(x + k x^3) \qquad c = \sqrt{2/\pi} \qquad k = 0.044715$$
    $$dx = dy\,\tfrac12 \big(1 + \tanh u + x\,(1 - \tanh^2 u)\,u'\big) \qquad u' = c\,(1 + 3 k x^2)$$

    Hendrycks and Gimpel 2016, section 2. Kept for backward: dy/dx.
    """

    def value_and_slope(x: Array) -> tuple[Array, Array]:
        c, kxx = math.sqrt(2 / math.pi), 0.044715 * (x * x)
        t = np.tanh(c * x * (1 + kxx))  # tanh u
        du = c * (1 + 3 * kxx)  # u = c (x + k x^3)
        return 0.5 * x * (1 + t), 0.5 * (1 + t + x * (1 - t * t) * du)  # y = x (1 + t) / 2, with t' = (1 - t^2) u'

    return _in_blocks(value_and_slope, x)


def _in_blocks(value_and_slope: Callable[[Array], tuple[Array, Array]], x: Array) -> tuple[Array, Backward]:
    """An elementwise function, in blocks, which saves a fifth of the time on large arrays. Kept for backward: slope."""
    y, slope = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    flat_x, flat_y, flat_slope = x.reshape(-1), y.reshape(-1), slope.reshape(-1)
    for start in range(0, x.size, BLOCK):
        block = slice(start, start + BLOCK)
        flat_y[block], flat_slope[block] = value_and_slope(flat_x[block])

    def backward(dy: Array) -> Array:
        return dy * slope  # y = f(x): the slope is f'(x)

    return y, backward


@lawful
def silu(x: Array) -> tuple[Array, Backward]:
    """y = x sigmoid(x), or swish (Elfwing et al. 2018; Ramachandran et al. 2017). Kept for backward: both factors."""
    s, backward_sigmoid = sigmoid(x)

    def backward(dy: Array) -> Array:
        dx: Array = dy * s + backward_sigmoid(dy * x)  # y = x s: through either factor
        return dx

    return x * s, backward


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
