"""The layers that are particular to these papers: convolution through a table of connections, and for controls and
ablations kernels that are not shared and sub-sampling without its sum; the Euclidean output units, their criterion."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from core.conv import conv2d
from core.guard import describe
from core.init import Init
from core.layer import Array, Backward, Layer, Param

Table: TypeAlias = Sequence[Sequence[int]]


class TableConv2d(Layer):
    r"""A convolution in which output map o sees only the input maps in `table[o]`, each through a kernel of its own.

    $$y_o = b_o + \sum_{c \in \mathrm{table}_o} W_{oc} * x_c$$

    W holds one k x k kernel for each connected pair (o, c), in the order of the table, and nothing for the others: the
    number of weights is the size of the array. For the convolution the kernels are laid out in K (O, C, k, k), which is
    zero where nothing is connected; the gradient is read back from the same places.

    The bias is one number for each map, or, with `unit_biases=(H', W')`, one for each unit.

    Shapes: x (N, C, H, W), W (links, k, k), b (O, 1, 1) or (O, H', W'), y (N, O, H', W'). Each kernel is drawn by
    `init` with fan_in = k k |table_o|; b is zero. Kept for backward: what `conv2d` keeps.
    Raises ValueError for a table with an empty row or a row that names a map twice.
    Source: C3 of LeCun et al. 1998 (section II-B, table I); H1 and H2 of LeCun et al. 1989 (section 3.3), whose kernels
    are shared and whose biases are not. Differences: none.
    """

    def __init__(
        self,
        table: Table,
        kernel_size: int,
        *,
        stride: int = 1,
        unit_biases: tuple[int, int] = (1, 1),
        rng: np.random.Generator,
        init: Init,
    ) -> None:
        if any(len(set(row)) < len(row) or not row for row in table):
            raise ValueError(f"TableConv2d: got the table {table!r}, expected rows of different maps, none empty")
        self.outputs = [o for o, row in enumerate(table) for _ in row]  # link -> output map
        self.inputs = [c for row in table for c in row]  # link -> input map
        self.maps, self.channels, self.stride = len(table), 1 + max(self.inputs), stride
        area = kernel_size**2
        self.W = Param(
            np.concatenate(
                [init(rng, (len(row), kernel_size, kernel_size), area * len(row), area * len(table)) for row in table]
            )
        )
        self.b = Param(np.zeros((self.maps, *unit_biases), self.W.data.dtype))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W = self.W.data
        K = np.zeros((self.maps, self.channels, *W.shape[1:]), W.dtype)  # (O, C, k, k)
        K[self.outputs, self.inputs] = W
        y, backward_conv = conv2d(x, K, self.stride)  # (N, O, H', W')
        y += self.b.data

        def backward(dy: Array) -> Array:
            dx: Array
            dx, dK = backward_conv(dy)  # y = K * x
            self.W.grad += dK[self.outputs, self.inputs]  # K[o, c] = W[link]; the zeros of K are not weights
            db = dy.sum(axis=0)  # y = ... + b, for every example
            self.b.grad += db if self.b.data.shape == db.shape else db.sum(axis=(1, 2), keepdims=True)  # ... and place
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example: at each place, every kernel, and one bias for each map."""
        return int(y_shape[2] * y_shape[3] * (self.W.data.size + self.maps))

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications for one example: at each place, every kernel."""
        return int(y_shape[2] * y_shape[3] * self.W.data.size)


class LocalConv2d(Layer):
    r"""The connections of `TableConv2d` with nothing shared: a kernel of its own at every place. A control.

    $$y_{po} = b_{po} + \sum_k M_{ko}\, W_{pko}\, x_{pk}$$

    where \(x_p\) is the window of x at place p, read as a row of C k k numbers, and the mask M is one where the table
    connects and zero elsewhere.

    Shapes: x (N, C, H, W), W (P, C k k, O) with P = H' W' places, b (O, H', W'), y (N, O, H', W').
    Kept for backward: the windows of x. Source: the argument for sharing in LeCun et al. 1989, section 3.
    """

    def __init__(
        self,
        table: Table,
        kernel_size: int,
        *,
        stride: int = 1,
        size: tuple[int, int],
        rng: np.random.Generator,
        init: Init,
    ) -> None:
        self.kernel_size, self.stride, self.size = kernel_size, stride, size
        channels, area, places = 1 + max(c for row in table for c in row), kernel_size**2, size[0] * size[1]
        self.mask = np.zeros((channels * area, len(table)), np.float32)  # (C k k, O)
        for o, row in enumerate(table):
            self.mask.reshape(channels, area, len(table))[list(row), :, o] = 1
        W = np.stack([init(rng, (places, channels * area), area * len(row), area) for row in table], axis=2)
        self.W = Param(self.mask * W)  # (P, C k k, O)
        self.b = Param(np.zeros((len(table), *size), np.float32))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        k, s, (h, w) = self.kernel_size, self.stride, self.size
        N, C = x.shape[:2]
        W = self.mask * self.W.data  # (P, C k k, O)
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s]
        x_p = windows.transpose(2, 3, 0, 1, 4, 5).reshape(h * w, N, C * k * k)  # (P, N, C k k)
        y = (x_p @ W).reshape(h, w, N, -1).transpose(2, 3, 0, 1) + self.b.data  # (N, O, H', W')
        shape = x.shape

        def backward(dy: Array) -> Array:
            self.b.grad += dy.sum(axis=0)  # y = ... + b
            dy_p = dy.transpose(2, 3, 0, 1).reshape(h * w, N, -1)  # (P, N, O)
            self.W.grad += self.mask * (x_p.swapaxes(1, 2) @ dy_p)  # y_p = x_p (M W_p): dW_p = M (x_p^T dy_p)
            dx_p = (dy_p @ W.swapaxes(1, 2)).reshape(h, w, N, C, k, k)  # y_p = x_p W_p: dx_p = dy_p W_p^T
            dx = np.zeros(shape, dy.dtype)
            for i in range(k):
                for j in range(k):  # x_p[i, j] is x at (s h + i, s w + j), which lies in other windows too: add
                    dx[:, :, i : i + s * h : s, j : j + s * w : s] += dx_p[..., i, j].transpose(2, 3, 0, 1)
            return dx

        return y, backward


class OnePlace(Layer):
    r"""Sub-sampling without its sum, for the ablation: of each size x size window the first place alone,

    $$y_c = w_c\,x_c + b_c \qquad dx_c = w_c\,dy_c \;\text{at the places that are kept, 0 elsewhere}$$
    $$dw_c = \sum dy_c\,x_c \qquad db_c = \sum dy_c$$

    Behind a convolution this is a convolution with a stride. Shapes: x (N, channels, H, W), w and b (channels,), y
    (N, channels, H / size, W / size). The w are drawn by `init` with fan_in = fan_out = 1; b is zero. Kept for
    backward: x at those places. Raises ValueError for other channels, another type, or windows that do not tile the
    maps. Source: none; it takes from `core.Subsample` what LeCun et al. 1998 argue for.
    """

    def __init__(self, channels: int, size: int = 2, *, rng: np.random.Generator, init: Init) -> None:
        self.size = size
        self.w = Param(init(rng, (channels,), 1, 1))
        self.b = Param(np.zeros(channels, self.w.data.dtype))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        w, s = self.w.data[:, None, None], self.size  # (C, 1, 1)
        if x.ndim != 4 or x.shape[1] != len(w) or x.dtype != w.dtype or x.shape[2] % s or x.shape[3] % s:
            raise ValueError(f"OnePlace({len(w)}, {s}): got {describe(x)}, expected (N, {len(w)}, {s} m, {s} n)")
        kept, shape = x[:, :, ::s, ::s].copy(), x.shape  # (N, C, H / size, W / size)
        y = w * kept + self.b.data[:, None, None]

        def backward(dy: Array) -> Array:
            self.w.grad += (dy * kept).sum(axis=(0, 2, 3))  # y = w x: over every place where w is used
            self.b.grad += dy.sum(axis=(0, 2, 3))  # y = ... + b: likewise
            dx = np.zeros(shape, dy.dtype)  # what was dropped has no part in y
            dx[:, :, ::s, ::s] = w * dy  # y = w x
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example: one place and the bias, for each unit."""
        return 2 * math.prod(y_shape[1:])

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications for one example: one for each unit."""
        return math.prod(y_shape[1:])


class EuclideanUnits(Layer):
    r"""LeNet-5's output: the squared distance of x to the code of each class. The smallest is the answer.

    $$y_i = \sum_j (x_j - c_{ij})^2$$

    The codes c (K, D) are fixed: a buffer, not a Param. Shapes: x (..., D), y (..., K). Kept for backward: x - c.
    Source: LeCun et al. 1998, section II-B, equation 7. Differences: none; the codes themselves are our drawings.
    """

    def __init__(self, codes: Array) -> None:
        self.codes = codes

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        difference = x[..., None, :] - self.codes  # (..., K, D)
        y = (difference * difference).sum(axis=-1)  # (..., K)

        def backward(dy: Array) -> Any:
            return (2 * dy[..., None] * difference).sum(axis=-2)  # y_i = |x - c_i|^2: dx = sum_i 2 dy_i (x - c_i)

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links of one example: every input to every unit. They are fixed, but the paper counts them."""
        return int(np.prod(y_shape[1:]) * self.codes.shape[1])

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        return self.connections(y_shape)


def map_criterion(y: Array, labels: Array, j: float = 0.1) -> tuple[float, Backward]:
    r"""The maximum a posteriori criterion on penalties y (small for the right class), averaged over the batch.

    $$E = \frac1N \sum_n \Big[ y_{n l_n} + \log\big(e^{-j} + \sum_i e^{-y_{ni}}\big) \Big] \qquad
      dy_{ni} = \frac1N \big( [i = l_n] - q_{ni} \big) \qquad q_{ni} = \frac{e^{-y_{ni}}}{e^{-j} + \sum_k e^{-y_{nk}}}$$

    The first term pulls the right penalty down; the second pushes the wrong ones up, but no further once they are well
    above j, the penalty of a class for rubbish. Shapes: y (N, K), labels (N,). Kept for backward: q.
    Source: LeCun et al. 1998, section II-C, equation 9. Differences: the value of j, which the paper does not give.
    """
    index = np.arange(len(y))
    shift = np.minimum(y.min(axis=1, keepdims=True), j)  # (N, 1): cancels in q, and keeps every exponent below zero
    e = np.exp(shift - y)
    total = np.exp(shift - j) + e.sum(axis=1, keepdims=True)
    q = e / total  # (N, K)
    loss = float((y[index, labels] - shift[:, 0] + np.log(total[:, 0])).sum()) / len(y)

    def backward() -> Any:
        dy = -q / len(y)  # log(e^-j + sum_i e^-y_i): -q_i
        dy[index, labels] += 1 / len(y)  # + y_l
        return dy

    return loss, backward
