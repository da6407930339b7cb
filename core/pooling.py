"""Pooling over windows that do not overlap, and LeNet's trainable sub-sampling.

Every function works through the size x size positions of the window, each a strided slice of all the maps at once.
"""

import math
from collections.abc import Iterator

import numpy as np

from core.columns import sum_maps
from core.guard import describe, generator, maps, whole
from core.init import Init, lecun_normal
from core.law import lawful
from core.layer import Array, Backward, Layer, Param


def _corners(size: int) -> Iterator[tuple[slice, slice]]:
    """For each position in the window, in reading order, the slices that pick it out of every window."""
    return ((slice(i, None, size), slice(j, None, size)) for i in range(size) for j in range(size))


def _check(owner: str, x: Array, size: int) -> None:
    maps(owner, x)
    whole(owner, "size", size)
    if x.shape[2] % size or x.shape[3] % size:
        raise ValueError(f"{owner}: got {describe(x)}, expected multiples of the window, {size}")


@lawful
def sum_pool2d(x: Array, size: int) -> tuple[Array, Backward]:
    """y = the sum of each size x size window.

    Shapes: x (N, C, H, W), y (N, C, H / size, W / size). Kept for backward: nothing.
    Raises ValueError if the windows do not tile the maps.
    """
    _check("sum_pool2d", x, size)
    first, *others = _corners(size)
    y = x[:, :, *first].copy()  # (N, C, H / size, W / size)
    for corner in others:
        y += x[:, :, *corner]
    shape = x.shape

    def backward(dy: Array) -> Array:
        dx = np.empty(shape, dy.dtype)
        for corner in _corners(size):
            dx[:, :, *corner] = dy  # y = ... + x[corner] + ...: each gets dy
        return dx

    return y, backward


@lawful
def avg_pool2d(x: Array, size: int) -> tuple[Array, Backward]:
    """y = the mean of each size x size window. Shapes, memory and errors as for `sum_pool2d`."""
    _check("avg_pool2d", x, size)
    y, backward_sum = sum_pool2d(x, size)
    area = size * size
    y /= area

    def backward(dy: Array) -> Array:
        dx: Array = backward_sum(dy / area)  # y = sum / area
        return dx

    return y, backward


@lawful
def max_pool2d(x: Array, size: int) -> tuple[Array, Backward]:
    """y = the largest of each size x size window. Of equal ones the first, in reading order, gets the gradient.

    Shapes: x (N, C, H, W), y (N, C, H / size, W / size). Kept for backward: which position of the window won, one byte
    per output. Raises ValueError if the windows do not tile the maps or hold more than 256 positions.
    """
    _check("max_pool2d", x, size)
    if size > 16:
        raise ValueError(f"max_pool2d: size is {size}, expected at most 16")
    first, *others = _corners(size)
    y = x[:, :, *first].copy()  # (N, C, H / size, W / size)
    winner = np.zeros(y.shape, np.uint8)
    for n, corner in enumerate(others, start=1):
        rival = x[:, :, *corner]
        np.maximum(winner, np.uint8(n) * (rival > y), out=winner)  # strictly: an equal one does not unseat the first
        np.maximum(y, rival, out=y)
    shape = x.shape

    def backward(dy: Array) -> Array:
        dx = np.empty(shape, dy.dtype)
        for n, corner in enumerate(_corners(size)):
            dx[:, :, *corner] = dy * (winner == n)  # y = x[winner]: the others do not touch y
        return dx

    return y, backward


class _Pool2d(Layer):
    def __init__(self, size: int) -> None:
        self.size = whole(type(self).__name__, "size", size)


class MaxPool2d(_Pool2d):
    """`max_pool2d` as a layer."""

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        return max_pool2d(x, self.size)


class AvgPool2d(_Pool2d):
    """`avg_pool2d` as a layer."""

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        return avg_pool2d(x, self.size)


class GlobalAvgPool(Layer):
    """y = the mean of each map (Lin et al. 2013, section 3.2). Shapes: x (N, C, H, W), y (N, C). Keeps nothing."""

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        maps("GlobalAvgPool", x)
        shape, area = x.shape, x.shape[2] * x.shape[3]
        if area == 0:
            raise ValueError(f"GlobalAvgPool: got {describe(x)}, expected maps of one pixel or more")
        y = x.mean(axis=(2, 3))  # (N, C)

        def backward(dy: Array) -> Array:
            each = (dy / area)[:, :, None, None]  # y = sum / area
            return np.broadcast_to(each, shape).copy()

        return y, backward


class Subsample(Layer):
    r"""LeNet's sub-sampling: one coefficient and one bias for each map, applied to the sum over a window.

    $$y_c = w_c\,s_c + b_c \qquad s_c = \text{sum of } x_c \text{ over each size x size window}$$

    Shapes: x (N, channels, H, W), w and b (channels,), y (N, channels, H / size, W / size). The w are drawn by `init`
    with fan_in = size^2 and fan_out = 1; b is zero. The squashing function that follows in the paper is a layer of
    its own. Source: LeCun et al. 1998, section II-B, layers S2 and S4. Differences: none.

    Kept for backward: s. Raises ValueError for other channels, another type, or windows that do not tile the maps.
    """

    def __init__(self, channels: int, size: int = 2, *, rng: np.random.Generator, init: Init = lecun_normal) -> None:
        channels, self.size = whole("Subsample", "channels", channels), whole("Subsample", "size", size)
        self.w = Param(init(generator("Subsample", rng), (channels,), size * size, 1))
        self.b = Param(np.zeros(channels, self.w.data.dtype))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        w = self.w.data[:, None, None]  # (C, 1, 1)
        if x.ndim != 4 or x.shape[1] != len(w) or x.dtype != w.dtype:
            raise ValueError(f"Subsample({len(w)}): got {describe(x)}, expected (N, {len(w)}, H, W) and {w.dtype}")
        s, backward_sum = sum_pool2d(x, self.size)  # (N, C, H / size, W / size)
        y = w * s + self.b.data[:, None, None]

        def backward(dy: Array) -> Array:
            self.w.grad += sum_maps(dy * s)  # y = w s: over every place where w is used
            self.b.grad += sum_maps(dy)  # y = ... + b: likewise
            dx: Array = backward_sum(dy * w)  # y = w s: ds = w dy, and s = sum of the window
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, LeCun's count: the window and the bias, for each unit."""
        return math.prod(y_shape[1:]) * (self.size * self.size + 1)

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications for one example: one for each unit; the window is only added."""
        return math.prod(y_shape[1:])
