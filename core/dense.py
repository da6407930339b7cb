"""The fully connected layer."""

import math

import numpy as np

from core.guard import describe, generator, whole
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


class Linear(Layer):
    r"""y = x W + b, along the last axis of x.

    Shapes: x (..., n_in), W (n_in, n_out), b (n_out,), y (..., n_out). Rows are examples, so that the equation reads
    from left to right; papers that write y = W x for a column x have the transpose of this W.

    $$dx = dy\,W^T \qquad dW = x^T dy \qquad db = \sum dy$$

    with every axis but the last taken as examples. W is drawn by `init` with fan_in = n_in, fan_out = n_out; b is zero.

    If x is data (`of_data`), nobody asks for dx, which would cost as much as y: backward returns None.

    Kept for backward: x and W. Raises ValueError for sizes below 1, and for an x whose last axis is not n_in or whose
    type is not that of W.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        rng: np.random.Generator,
        bias: bool = True,
        init: Init = lecun_normal,
        of_data: bool = False,
    ) -> None:
        n_in, n_out = whole("Linear", "n_in", n_in), whole("Linear", "n_out", n_out)
        self.W = Param(init(generator("Linear", rng), (n_in, n_out), n_in, n_out))
        self.b = Param(np.zeros(n_out, self.W.data.dtype)) if bias else None
        self.of_data = of_data

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W = self.W.data  # (n_in, n_out)
        n_in, n_out = W.shape
        if x.shape[-1:] != (n_in,) or x.dtype != W.dtype:
            raise ValueError(f"Linear({n_in}, {n_out}): got {describe(x)}, expected (..., {n_in}) and {W.dtype}")
        y = product(x, W)  # (..., n_out)
        if self.b is not None:
            y += self.b.data

        def backward(dy: Array) -> Array | None:
            dy_rows = rows(dy)  # (M, n_out): every position is an example
            self.W.grad += rows(x).T @ dy_rows  # y = x W: dW = sum over examples of x^T dy
            if self.b is not None:
                self.b.grad += dy_rows.sum(axis=0)  # y = ... + b: b went to every example
            return None if self.of_data else product(dy, W.T)  # y = x W: dx = dy W^T

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, LeCun's count: n_in and the bias, for each unit."""
        return self.multiply_adds(y_shape) + math.prod(y_shape[1:]) * (self.b is not None)

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications (each with its addition) for one example."""
        return math.prod(y_shape[1:]) * len(self.W.data)  # n_in


def rows(x: Array) -> Array:
    """The vectors along the last axis, (M, dim). (Both sizes are written out: an empty array has no answer for -1.)"""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def product(x: Array, W: Array) -> Array:
    """x W along the last axis as one matrix product, where `@` would make one for each example."""
    return (rows(x) @ W).reshape(*x.shape[:-1], W.shape[1])
