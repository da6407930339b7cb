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
"""

import math

import numpy as np

from core.guard import describe, finite, whole
from core.layer import Array, Backward, Layer, Param


def _mean_product(a: Array, b: Array, axes: tuple[int, ...]) -> Array:
    """The mean of a b over axes, which stay with length 1; over the last alone, by BLAS."""
    mean: Array = np.vecdot(a, b)[..., None] / a.shape[-1] if axes == (-1,) else (a * b).mean(axis=axes, keepdims=True)
    return mean


def _standardise(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Backward, Array, Array]:
    """x^ and its backward, mu, and the variance without eps. Kept for backward: x^ and 1 / sigma."""
    mu = x.mean(axis=axes, keepdims=True)
    xhat = x - mu
    variance = _mean_product(xhat, xhat, axes)
    inverse = 1 / np.sqrt(variance + eps)  # 1 / sigma
    xhat *= inverse

    def backward(g: Array) -> Array:
        dx: Array = g - g.mean(axis=axes, keepdims=True)  # mu = mean of x: 1 / n
        dx -= xhat * _mean_product(g, xhat, axes)  # sigma = root of the variance: x^ / n
        dx *= inverse  # x^ = (x - mu) / sigma
        return dx

    return xhat, backward, mu, variance


class Norm(Layer):
    """y = gamma x^ + beta, for a subclass that says how x becomes x^. At first, gamma is 1 and beta 0.

    There is one gamma and one beta for each index along `axis`. Kept for backward: x^, gamma, 1 / sigma. Raises
    ValueError for another length of this axis or another type than that of gamma.
    """

    axis = 1

    def __init__(self, size: int, eps: float, bias: bool = True) -> None:
        name = type(self).__name__
        self.gamma = Param(np.ones(whole(name, "size", size), np.float32))
        self.beta = Param(np.zeros(size, np.float32)) if bias else None
        self.eps = finite(name, "eps", eps, least=1e-12)  # else inputs without spread would be divided by zero

    def standardise(self, x: Array) -> tuple[Array, Backward]:
        raise NotImplementedError

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        size, dtype = len(self.gamma.data), self.gamma.data.dtype
        if x.shape[self.axis :][:1] != (size,) or x.dtype != dtype:
            expected = f"length {size} along axis {self.axis}, and {dtype}"
            raise ValueError(f"{type(self).__name__}: got {describe(x)}, expected {expected}")
        others = tuple(axis for axis in range(x.ndim) if axis != self.axis % x.ndim)
        gamma = np.expand_dims(self.gamma.data, others)
        xhat, backward_xhat = self.standardise(x)
        y = gamma * xhat
        if self.beta is not None:
            y += np.expand_dims(self.beta.data, others)

        def backward(dy: Array) -> Array:
            self.gamma.grad += (dy * xhat).sum(axis=others)  # y = gamma x^: over every place where gamma is used
            if self.beta is not None:
                self.beta.grad += dy.sum(axis=others)  # y = ... + beta: likewise
            dx: Array = backward_xhat(dy * gamma)  # y = gamma x^
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links of Params into the units of one example: gamma, and beta if there is one, for each unit."""
        return math.prod(y_shape[1:]) * (1 + (self.beta is not None))

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications for one example: the square, 1 / sigma and gamma, for each unit."""
        return math.prod(y_shape[1:]) * 3


class BatchNorm(Norm):
    r"""Batch normalisation: mu and sigma of each channel over the batch, and over the positions of its feature map.

    Shapes: x and y (N, channels) or (N, channels, H, W). In training, two buffers follow the statistics of the batches,

    $$\mathrm{buffer} \leftarrow (1 - \mathrm{momentum})\;\mathrm{buffer} + \mathrm{momentum}\;\mathrm{batch}$$

    and in evaluation they take their place, as constants. In the paper and in PyTorch alike, x^ has the biased variance
    (the mean square deviation of n numbers), and the buffer `variance` the unbiased one, n / (n - 1) times as large.
    Buffers are rebound, never written, so that a forward in between changes no gradient.

    Raises ValueError, besides, for other numbers of axes and, in training, for one number per channel, which has no
    variance. Source: Ioffe and Szegedy 2015, algorithms 1 and 2, section 3.2. Differences: the paper averages the
    statistics of many batches after training; here they are followed on the way.
    """

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        self.momentum = finite("BatchNorm", "momentum", momentum, least=0.0)
        if self.momentum > 1:
            raise ValueError(f"BatchNorm: momentum is {momentum}, expected at most 1")
        self.mean, self.variance = np.zeros(channels, np.float32), np.ones(channels, np.float32)

    def standardise(self, x: Array) -> tuple[Array, Backward]:
        n, axes = x.size // len(self.mean), (0, *range(2, x.ndim))
        if x.ndim not in (2, 4) or (self.training and n < 2):
            least = ", and two numbers per channel or more in training" if self.training else ""
            raise ValueError(f"BatchNorm: got {describe(x)}, expected (N, C) or (N, C, H, W){least}")
        if not self.training:
            mu, variance = np.expand_dims(self.mean, axes), np.expand_dims(self.variance, axes)
            inverse = 1 / np.sqrt(variance + self.eps)  # 1 / sigma
            return (x - mu) * inverse, lambda g: g * inverse  # x^ = (x - mu) / sigma, both constants
        xhat, backward, mu, variance = _standardise(x, axes, self.eps)
        self.mean = self.mean + self.momentum * (mu.reshape(-1) - self.mean)
        self.variance = self.variance + self.momentum * (variance.reshape(-1) * (n / (n - 1)) - self.variance)
        return xhat, backward


class LayerNorm(Norm):
    """Layer normalisation: mu and sigma of each vector along the last axis, the same in training and evaluation.

    Shapes: x and y (..., dim). Source: Ba et al. 2016, section 3. Differences: eps.
    """

    axis = -1

    def __init__(self, dim: int, *, eps: float = 1e-5) -> None:
        super().__init__(dim, eps)

    def standardise(self, x: Array) -> tuple[Array, Backward]:
        return _standardise(x, (-1,), self.eps)[:2]


class GroupNorm(Norm):
    """Group normalisation: mu and sigma of each group of neighbouring channels of each example, over all positions.

    With one group, whole examples are normalised; with as many as channels, each map alone. Shapes: x and y
    (N, channels, ...). Raises ValueError, besides, if `groups` does not divide the channels. Source: Wu and He 2018,
    section 3. Differences: none.
    """

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        self.groups = whole("GroupNorm", "groups", groups)
        if channels % groups:
            raise ValueError(f"GroupNorm: got {groups} groups of {channels} channels, expected a divisor")

    def standardise(self, x: Array) -> tuple[Array, Backward]:
        grouped = (len(x), self.groups, math.prod(x.shape[1:]) // self.groups)
        xhat, backward_groups, *_ = _standardise(x.reshape(grouped), (-1,), self.eps)
        return xhat.reshape(x.shape), lambda g: backward_groups(g.reshape(grouped)).reshape(g.shape)  # group by group


class RMSNorm(Norm):
    r"""Normalisation by the root mean square of each vector along the last axis, with neither mu nor beta:

    $$\hat x = x / \mathrm{rms} \qquad \mathrm{rms}^2 = \overline{x^2} + \epsilon \qquad
      dx = \big(g - \hat x\,\overline{g \hat x}\big) / \mathrm{rms}$$

    Shapes: x and y (..., dim). Source: Zhang and Sennrich 2019, section 4. Differences: eps.
    """

    axis = -1

    def __init__(self, dim: int, *, eps: float = 1e-6) -> None:
        super().__init__(dim, eps, bias=False)

    def standardise(self, x: Array) -> tuple[Array, Backward]:
        inverse = 1 / np.sqrt(_mean_product(x, x, (-1,)) + self.eps)  # 1 / rms
        xhat = x * inverse

        def backward(g: Array) -> Array:
            dx: Array = g - xhat * _mean_product(g, xhat, (-1,))  # rms = root of the mean square: x^ / n
            dx *= inverse  # x^ = x / rms
            return dx

        return xhat, backward
