r"""Normalisation: over the batch, over the features of one example, over groups of channels, by the root mean square.

They differ in what they take means over, here \(\overline{\,\cdot\,}\), and share one derivation. For n numbers x,

$$\mu = \overline{x} \qquad \sigma^2 = \overline{(x - \mu)^2} + \epsilon \qquad \hat x = \frac{x - \mu}{\sigma} \qquad
  y = \gamma \hat x + \beta$$

The deviations x - mu sum to zero, so that mu does not show in the derivative of sigma. With g the gradient of x^,

$$\frac{\partial \mu}{\partial x_i} = \frac1n \qquad
  \frac{\partial \sigma}{\partial x_i} = \frac{x_i - \mu}{n \sigma} = \frac{\hat x_i}{n} \qquad
  \frac{\partial \hat x_j}{\partial x_i} = \frac{1}{\sigma} \Big(1[i = j] - \frac1n - \frac{\hat x_j \hat x_i}{n}\Big)$$

$$dx_i = \sum_j g_j \frac{\partial \hat x_j}{\partial x_i}
       = \frac{1}{\sigma} \big(g_i - \overline{g} - \hat x_i\,\overline{g \hat x}\big)$$

that is, g without what would only shift or stretch all n numbers, since that leaves x^ as it is.

Here are the norms of vectors; those of maps, over the batch and over groups of channels, are in `core.batch_norm`.
"""

import math

import numpy as np

from core.guard import describe, finite, whole
from core.layer import Array, Backward, Layer, Param


class Norm(Layer):
    """y = gamma x^ + beta, for a subclass that says how x becomes x^. At first, gamma is 1 and beta 0.

    There is one gamma and one beta for each index along `axis`. Raises ValueError for another length of this axis or
    another type than that of gamma.
    """

    axis = 1

    def __init__(self, size: int, eps: float) -> None:
        name = type(self).__name__
        self.gamma = Param(np.ones(whole(name, "size", size), np.float32))
        self.eps = finite(name, "eps", eps, least=1e-12)  # else inputs without spread would be divided by zero

    def normalise(self, x: Array) -> tuple[Array, Backward]:
        raise NotImplementedError

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        size, dtype = len(self.gamma.data), self.gamma.data.dtype
        if x.shape[self.axis :][:1] != (size,) or x.dtype != dtype:
            expected = f"length {size} along axis {self.axis}, and {dtype}"
            raise ValueError(f"{type(self).__name__}: got {describe(x)}, expected {expected}")
        return self.normalise(x)

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links of Params into the units of one example: gamma, and beta if there is one, for each unit."""
        return math.prod(y_shape[1:]) * len(list(self.named_params()))

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications for one example: the square, 1 / sigma and gamma, for each unit."""
        return math.prod(y_shape[1:]) * 3


class LayerNorm(Norm):
    """Layer normalisation: mu and sigma of each vector along the last axis, the same in training and evaluation.

    Shapes: x and y (..., dim). Kept for backward: x - mu, gamma, 1 / sigma. Source: Ba et al. 2016, section 3.
    Differences: eps.
    """

    axis = -1

    def __init__(self, dim: int, *, eps: float = 1e-5) -> None:
        super().__init__(dim, eps)
        self.beta = Param(np.zeros(dim, np.float32))

    def normalise(self, x: Array) -> tuple[Array, Backward]:
        d = x - _mean(x)  # x - mu
        y, backward_rms = _divide_by_rms(d, self.gamma, self.eps)  # sigma is the root mean square of d
        y += self.beta.data

        def backward(dy: Array) -> Array:
            self.beta.grad += _sum_vectors(dy)  # y = ... + beta: over every vector
            dx: Array = backward_rms(dy)  # y = gamma d / sigma
            dx -= _mean(dx)  # mu = mean of x
            return dx

        return y, backward


class RMSNorm(Norm):
    r"""Normalisation by the root mean square of each vector along the last axis, with neither mu nor beta:

    $$\hat x = x / \sigma \qquad \sigma^2 = \overline{x^2} + \epsilon \qquad
      dx = \big(g - \hat x\,\overline{g \hat x}\big) / \sigma$$

    Shapes: x and y (..., dim). Kept for backward: x, gamma, 1 / sigma. Source: Zhang and Sennrich 2019, section 4.
    Differences: eps.
    """

    axis = -1

    def __init__(self, dim: int, *, eps: float = 1e-6) -> None:
        super().__init__(dim, eps)

    def normalise(self, x: Array) -> tuple[Array, Backward]:
        return _divide_by_rms(x, self.gamma, self.eps)


def _divide_by_rms(d: Array, gamma: Param, eps: float) -> tuple[Array, Backward]:
    """y = gamma d / sigma for each vector d along the last axis, where sigma is its root mean square."""
    scale, n = gamma.data, d.shape[-1]
    inverse = 1 / np.sqrt(np.vecdot(d, d)[..., None] / n + eps)  # 1 / sigma
    y = d * inverse
    y *= scale

    def backward(dy: Array) -> Array:
        product = dy * d
        gamma.grad += _sum_vectors(product, inverse)  # y = gamma d / sigma: over every vector
        dd: Array = dy * scale  # g = gamma dy
        stretch = (product @ scale)[..., None] / n * (inverse * inverse)  # the mean of g x^, over sigma
        dd -= np.multiply(d, stretch, out=product)  # sigma = root of the mean square: x^ / n
        dd *= inverse  # x^ = d / sigma
        return dd

    return y, backward


def _mean(a: Array) -> Array:
    """The mean of each vector along the last axis, which stays with length 1; by BLAS."""
    mean: Array = (a @ np.ones(a.shape[-1], a.dtype))[..., None] / a.shape[-1]
    return mean


def _sum_vectors(a: Array, weights: Array | None = None) -> Array:
    """The sum of all vectors along the last axis, each with its weight; by BLAS."""
    vectors = a.reshape(-1, a.shape[-1])
    total: Array = (np.ones(len(vectors), a.dtype) if weights is None else weights.reshape(-1)) @ vectors
    return total
