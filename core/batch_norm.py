"""Normalisation of maps: over the batch, and over groups of channels. The derivation is in `core.normalisation`.

Where gamma and sigma are the same for all of a map, both directions need a few numbers for each map, and no more: y and
dx are sums of arrays times such numbers. These go over the maps in blocks that stay in the cache.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from core.guard import describe, finite, whole
from core.layer import Array, Backward, Param
from core.normalisation import Norm

BLOCK_BYTES = 1 << 18  # of maps worked on at a time: four such arrays fit into a core's second-level cache


class MapNorm(Norm):
    """The norms of maps, that is of arrays (N, C, P), P being the number of positions: each has one mu, sigma, gamma
    and beta. A subclass says by `over` which maps share mu and sigma.

    Kept for backward: x - mu, gamma, 1 / sigma.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__(channels, eps)
        self.beta = Param(np.zeros(channels, np.float32))

    def over(self, a: Array) -> Array:
        """From numbers of each map, (N, C), their mean over the maps that are normalised together: (N, C), or (1, C)
        where this is the same for every example."""
        raise NotImplementedError

    def deviations(self, x: Array) -> tuple[Array, Array, Array]:
        """x - mu as maps, mu, and the variance. (Squares of numbers with a large mean would swallow it.)"""
        maps = _maps(x)
        P = maps.shape[2]
        mu = self.over(_sum(maps)) / P
        d, squares = np.empty(maps.shape, x.dtype), np.empty(maps.shape[:2], x.dtype)
        for b, mu_b in _blocks(maps, mu):
            np.subtract(maps[b], mu_b, out=d[b])
            squares[b] = _sum_product(d[b], d[b])
        return d, mu, self.over(squares) / P

    def scaled(self, x: Array, d: Array, variance: Array, constant: bool = False) -> tuple[Array, Backward]:
        """y from d = x - mu, as maps. If `constant`, then mu and the variance do not depend on x."""
        gamma, beta, P = self.gamma.data, self.beta.data, d.shape[2]
        inverse = 1 / np.sqrt(variance + self.eps)  # 1 / sigma
        slope = gamma * inverse
        y = np.empty_like(d)
        for b, slope_b, beta_b in _blocks(d, slope, beta[None]):
            y_b = np.multiply(d[b], slope_b, out=y[b])  # gamma x^ = gamma d / sigma
            y_b += beta_b

        def backward(dy: Array) -> Array:
            dy_maps = _maps(dy)
            sums, products = _sum(dy_maps), _sum_product(dy_maps, d) * inverse  # of dy, and of dy x^: (N, C)
            self.beta.grad += sums.sum(axis=0)  # y = ... + beta: over every place where beta is used
            self.gamma.grad += products.sum(axis=0)  # y = gamma x^: likewise
            if constant:
                shift = stretch = np.zeros_like(inverse)
            else:  # with g = gamma dy, as y = gamma x^:
                shift = self.over(gamma * sums) / P * inverse  # mu = mean of x: the mean of g
                stretch = self.over(gamma * products) / P * inverse * inverse  # sigma: x^ times the mean of g x^
            dx = np.empty(d.shape, dy.dtype)
            for b, slope_b, stretch_b, shift_b in _blocks(d, slope, stretch, shift):
                dx_b = np.multiply(d[b], stretch_b, out=dx[b])
                dx_b += shift_b
                np.subtract(dy_maps[b] * slope_b, dx_b, out=dx_b)  # x^ = d / sigma: g / sigma, less these two
            return dx.reshape(dy.shape)

        return y.reshape(x.shape), backward


class BatchNorm(MapNorm):
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

    def over(self, a: Array) -> Array:
        mean: Array = a.mean(axis=0, keepdims=True)
        return mean

    def normalise(self, x: Array) -> tuple[Array, Backward]:
        n = x.size // len(self.mean)
        if x.ndim not in (2, 4) or (self.training and n < 2):
            least = ", and two numbers per channel or more in training" if self.training else ""
            raise ValueError(f"BatchNorm: got {describe(x)}, expected (N, C) or (N, C, H, W){least}")
        if not self.training:
            return self.scaled(x, _maps(x) - self.mean[:, None], self.variance[None], constant=True)
        d, mu, variance = self.deviations(x)
        self.mean = self.mean + self.momentum * (mu[0] - self.mean)
        self.variance = self.variance + self.momentum * (variance[0] * (n / (n - 1)) - self.variance)
        return self.scaled(x, d, variance)


class GroupNorm(MapNorm):
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

    def over(self, a: Array) -> Array:
        each = a.shape[1] // self.groups
        return np.repeat(a.reshape(len(a), self.groups, each).mean(axis=2), each, axis=1)

    def normalise(self, x: Array) -> tuple[Array, Backward]:
        if x.size == 0 and len(x) > 0:
            raise ValueError(f"GroupNorm: got {describe(x)}, expected one position or more")
        d, _, variance = self.deviations(x)
        return self.scaled(x, d, variance)


def _maps(x: Array) -> Array:
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _sum(a: Array) -> Array:
    """The sum of each map, (N, C); by BLAS."""
    total: Array = a @ np.ones(a.shape[2], a.dtype) if a.shape[2] > 1 else a[..., 0]
    return total


def _sum_product(a: Array, b: Array) -> Array:
    """The sum of each map of a b, (N, C); by BLAS."""
    total: Array = np.vecdot(a, b) if a.shape[2] > 1 else (a * b)[..., 0]
    return total


def _blocks(maps: Array, *numbers: Array) -> Iterator[tuple[Any, ...]]:
    """(slice, *numbers) for each block of examples; `numbers`, (N, C) or (1, C), become arrays for the block.

    Numbers that are the same for every example are written out as a block, once: to broadcast takes twice as long.
    """
    N, C, P = maps.shape
    n = max(1, BLOCK_BYTES // max(1, C * P * maps.itemsize))
    block = min(n, N), C, P
    wide = [np.broadcast_to(a[..., None], block).copy() if len(a) == 1 else None for a in numbers]

    for start in range(0, N, n):
        b = slice(start, start + n)
        yield b, *(a[b, :, None] if w is None else w[: N - start] for a, w in zip(numbers, wide, strict=True))
