"""Activations that multiply x by a number between 0 and 1 which grows with x: GELU, its approximation, and SiLU.

Their derivatives share most of their work with their values, so that forward does both, and keeps the derivatives.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from core.activations import sigmoid
from core.law import lawful
from core.layer import Array, Backward

BLOCK = 1 << 15  # elements worked on at a time, so that what lies between input and output stays in the cache
EDGE = 39  # of the table of Phi, beyond which it is 0 or 1 even in float64


@lawful
def gelu(x: Array) -> tuple[Array, Backward]:
    r"""y = x Phi(x), exactly, with the normal distribution \(\Phi(x) = \frac12 (1 + \mathrm{erf}(x / \sqrt 2))\).

    $$dx = dy\,\big(\Phi(x) + x\,\varphi(x)\big) \qquad \varphi(x) = \Phi'(x) = e^{-x^2/2} / \sqrt{2\pi}$$

    NumPy has no erf. Phi comes from a table of `math.erfc` and Taylor's theorem: the nearest node is x - h, and

    $$\Phi(x - h) = \Phi - h\,\varphi + \tfrac{h^2}{2} \varphi' \qquad \varphi' = -x \varphi$$

    to within \(|h|^3 / 15\): less than 1e-9 for 256 nodes in each unit of x (float32), than 2e-13 for 4,096 (float64).

    Hendrycks and Gimpel 2016, section 2. Kept for backward: dy/dx, which is cheapest along with y.
    """

    def value_and_slope(x: Array) -> tuple[Array, Array]:
        nodes, table = _normal_cdf(x.dtype)
        t = np.clip(x, -EDGE, EDGE)
        node = np.rint(t * nodes)
        h = t - node / nodes
        phi = np.exp(-0.5 * (t * t)) * (1 / math.sqrt(2 * math.pi))
        Phi = table.take((node + EDGE * nodes).astype(np.int32), mode="clip")
        Phi += phi * h * (1 + 0.5 * h * t)  # Taylor, solved for Phi(x)
        return x * Phi, Phi + x * phi  # y = x Phi: y' = Phi + x phi

    return _in_blocks(value_and_slope, x)


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


@lawful
def silu(x: Array) -> tuple[Array, Backward]:
    """y = x sigmoid(x), or swish (Elfwing et al. 2018; Ramachandran et al. 2017). Kept for backward: dy/dx."""

    def value_and_slope(x: Array) -> tuple[Array, Array]:
        s, _ = sigmoid(x)
        y = x * s
        return y, s + (y - y * s)  # y = x s, s' = s (1 - s): y' = s + x s (1 - s)

    return _in_blocks(value_and_slope, x)


def _in_blocks(value_and_slope: Callable[[Array], tuple[Array, Array]], x: Array) -> tuple[Array, Backward]:
    """y and dy/dx of an elementwise function, in blocks. Kept for backward: dy/dx."""
    y, slope = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    flat_x, flat_y, flat_slope = x.reshape(-1), y.reshape(-1), slope.reshape(-1)
    for start in range(0, x.size, BLOCK):
        block = slice(start, start + BLOCK)
        flat_y[block], flat_slope[block] = value_and_slope(flat_x[block])

    def backward(dy: Array) -> Array:
        return dy * slope  # y = f(x): the slope is f'(x)

    return y, backward


@functools.cache
def _normal_cdf(dtype: np.dtype[np.floating]) -> tuple[int, Array]:
    """The number of nodes in each unit of x, and Phi at those from -EDGE to EDGE."""
    nodes = 4096 if dtype.itemsize == 8 else 256
    x = np.arange(-EDGE * nodes, EDGE * nodes + 1) / nodes
    return nodes, np.array([math.erfc(-a / math.sqrt(2)) / 2 for a in x.tolist()], dtype)
