r"""How `core.conv` sums: convolution by shifted rows, without a copy of x for every element of the kernel.

The equation (a cross-correlation, as in all of the field) for stride s and padding p, where x is zero outside its maps:

$$y_{n,o,h,w} = \sum_{c,i,j} W_{o,c,i,j}\; x_{n,c,\,sh+i-p,\,sw+j-p}$$

Its terms are gathered into *columns*, a matrix for each image and kernel row, so that it becomes matrix products.
For stride 1, x is copied once for each kernel column j, shifted by j and trimmed to the width of the output. In such a
copy a shift by one kernel row is a shift of the flat (row, column) axis by Wo, so that the columns of kernel row i are
a window on it, and no further copy: kw copies of the input stand in for the usual kh kw. A larger stride makes the
gathered copy small anyway, and its columns are simply copied. Images go in blocks whose columns stay in the cache.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from core.layer import Array
from core.threads import parts, share

BLOCK_BYTES = 1 << 19  # of columns worked on at a time: with what is made of them, about a core's second-level cache
WORTH_COPYING = 256  # terms of the equation, from which on a transposed copy of dy costs less than it saves

RUNS = 4  # sums that dW is made of, however many threads there are


def pad(x: Array, rows: int, cols: int, value: float = 0.0) -> Array:
    """x inside a border (numpy.pad takes over ten times as long on small maps)."""
    if not rows and not cols:
        return x
    N, C, H, W = x.shape
    y = np.zeros((N, C, H + 2 * rows, W + 2 * cols), x.dtype)
    if value:
        y.fill(value)
    y[:, :, rows : rows + H, cols : cols + W] = x
    return y


class Columns:
    """The columns of x, (n, groups, K, Ho Wo), block by block: see the head of this file.

    For stride 1 there is one group for each kernel row, with K = kw C; they overlap in memory, and are to be read only.
    For a larger stride there is a single group, with K = kh kw C. The window of y[h, w] has its first corner at
    `start` + stride (h, w); where that is outside of x there are zeros.
    """

    def __init__(
        self, x: Array, kernel: tuple[int, int], size: tuple[int, int], start: tuple[int, int], stride: int
    ) -> None:
        (kh, kw), (Ho, Wo) = kernel, size
        if stride > 1:
            x, start = pad(x, -start[0], -start[1]), (0, 0)
        N, C = x.shape[:2]
        groups = kh if stride == 1 else 1
        rows = kh // groups  # of the kernel, that need copies of their own
        self.x, self.start, self.stride = np.ascontiguousarray(x), start, stride
        self.copy = rows, kw, C, Ho + groups - 1, Wo  # what one image is copied to
        self.shape = groups, rows * kw * C, Ho * Wo
        self.images = max(1, min(N, BLOCK_BYTES // max(1, math.prod(self.copy) * x.itemsize)))
        self.blocks = [slice(n, n + self.images) for n in range(0, max(N, 1), self.images)]

    def over(self, blocks: Sequence[slice]) -> Iterator[tuple[slice, Array]]:
        """These slices of the batch, and the columns of each, always in the same memory."""
        x, memory, copies = self.x, self.x, []
        if self.start != (0, 0) or self.copy != (1, 1, *x.shape[1:]):  # else the columns are x itself
            memory = np.zeros((self.images, *self.copy), x.dtype)
            copies = self._copies(memory)
        for b in blocks:
            n = len(x[b])
            for to, source in copies:
                to[:n] = source[b]
            buffer = memory if copies else x[b]
            sn, *_, sc, sh, sw = buffer.strides
            yield b, np.ndarray((n, *self.shape), x.dtype, buffer, 0, (sn, sh, sc, sw))

    def _copies(self, memory: Array) -> list[tuple[Array, Array]]:
        """Where to, and what from, for the first images of memory and any of x."""
        x, (rows, kw, _, high, wide) = self.x, self.copy
        H, W = x.shape[2:]
        if self.start == (0, 0) and (high - 1) * self.stride + rows <= H and (wide - 1) * self.stride + kw <= W:
            return [(memory, _windows(x, self.copy, self.stride))]
        return list((_shifted_maps if wide == W else _shifted_rows)(x, memory[:, 0], self.start))

    def rows(self, dy: Array) -> Array:
        """dy (n, Ho Wo, O) as the other factor. BLAS is faster if its rows are in one piece."""
        groups, K, _ = self.shape
        return (np.ascontiguousarray(dy) if groups * K >= WORTH_COPYING else dy)[:, None]


def correlate(x: Array, W: Array, stride: int, padding: int) -> Array:
    """The equation itself: every kernel at every place of x."""
    O, _, kh, kw = W.shape
    N, _, rows, cols = x.shape
    Ho, Wo = (rows + 2 * padding - kh) // stride + 1, (cols + 2 * padding - kw) // stride + 1
    y = np.empty((N, O, Ho, Wo), x.dtype)
    _correlate(x, W, y, (-padding, -padding), stride)
    return y


def kernel_gradient(x: Array, dy: Array, shape: tuple[int, ...], stride: int, padding: int) -> Array:
    """dW: the columns that made each output times the gradient of that output, summed over positions and images."""
    O, C, kh, kw = shape
    N, _, Ho, Wo = dy.shape
    columns = Columns(x, (kh, kw), (Ho, Wo), (-padding, -padding), stride)
    dy = dy.reshape(N, O, Ho * Wo).swapaxes(1, 2)

    def work(runs: Sequence[Sequence[slice]]) -> list[Any]:
        return [sum((part @ columns.rows(dy[b])).sum(axis=0) for b, part in columns.over(run)) for run in runs]

    dW: Array = sum(share(work, parts(columns.blocks, RUNS)))  # (groups, K, O)
    return dW.reshape(kh, kw, C, O).transpose(3, 2, 0, 1)  # (groups, K) is (kh, kw, C) for every stride


def input_gradient(dy: Array, W: Array, stride: int, padding: int, shape: tuple[int, ...]) -> Array:
    r"""dx: for stride 1 a correlation of dy with W flipped, its channel axes exchanged.

    For stride s, the pixels of x whose coordinates leave the same remainders modulo s, a *phase*, are the outputs of
    such a correlation with every s-th element of W. All s s phases are made at once, as channels, and interleaved.
    (The usual way, to spread dy out with s - 1 zeros between its elements, spends most of its time on the zeros.)
    """
    N, C, H, width = shape
    O, _, kh, kw = W.shape
    s, border = stride, _up(padding, stride)  # phases in the padding, which zeros before W make a multiple of s
    lead = border * s - padding
    qh, qw = _up(lead + kh, s), _up(lead + kw, s)  # a phase meets at most qh x qw elements of a kernel
    taps = np.zeros((qh * s, qw * s, C, O), W.dtype)
    taps[lead : lead + kh, lead : lead + kw] = W.transpose(2, 3, 1, 0)
    flipped = taps.reshape(qh, s, qw, s, C, O)[::-1, :, ::-1]  # a + padding = s h + i: the larger h, the smaller i
    kernels = flipped.transpose(1, 3, 4, 5, 0, 2).reshape(s * s * C, O, qh, qw)
    phases = np.empty((N, s * s * C, _up(H, s), _up(width, s)), dy.dtype)
    _correlate(dy, kernels, phases, (border - qh + 1, border - qw + 1), 1)
    if s == 1:
        return phases
    phases = phases.reshape(N, s, s, C, *phases.shape[2:])
    dx = np.empty(shape, dy.dtype)
    for i in range(s):
        for j in range(s):
            phase = dx[:, :, i::s, j::s]
            phase[...] = phases[:, i, j, :, : phase.shape[2], : phase.shape[3]]
    return dx


def sum_maps(a: Array) -> Array:
    """(N, C, H, W) -> (C,): the sum over positions, by BLAS, and over images."""
    maps = a.reshape(*a.shape[:2], a.shape[2] * a.shape[3])
    total: Array = (maps @ np.ones(maps.shape[2], a.dtype)).sum(axis=0)
    return total


def _correlate(x: Array, W: Array, y: Array, start: tuple[int, int], stride: int) -> None:
    """The equation, into y: the windows of y[0, 0] have their first corner at x[start]."""
    columns = Columns(x, W.shape[2:], y.shape[2:], start, stride)
    groups, K, P = columns.shape
    kernels = np.ascontiguousarray(W.transpose(0, 2, 3, 1).reshape(len(W), groups, K).swapaxes(0, 1))  # (groups, O, K)
    y = y.reshape(len(y), len(W), P)

    def work(blocks: Sequence[slice]) -> list[None]:
        for b, columns_b in columns.over(blocks):
            if groups == 1:
                np.matmul(kernels[0], columns_b[:, 0], out=y[b])
            else:
                np.add.reduce(kernels @ columns_b, axis=1, out=y[b])
        return []

    share(work, columns.blocks)


def _windows(x: Array, shape: tuple[int, ...], stride: int) -> Array:
    """x[n, c, s h + i, s w + j] as (N, i, j, c, h, w): a view."""
    sn, sc, sh, sw = x.strides
    return np.ndarray((len(x), *shape), x.dtype, x, 0, (sn, sh, sw, sc, stride * sh, stride * sw))


def _shifted_rows(x: Array, memory: Array, start: tuple[int, int]) -> Iterator[tuple[Array, Array]]:
    """For memory (n, kw, C, rows, cols): x from `start` on, a column further for each kw."""
    *_, H, W = x.shape
    *_, kw, _, rows, cols = memory.shape
    to_rows, from_rows = _inside(start[0], rows, H)
    for j in range(kw):
        to_cols, from_cols = _inside(start[1] + j, cols, W)
        yield memory[:, j, :, to_rows, to_cols], x[:, :, from_rows, from_cols]


def _shifted_maps(x: Array, memory: Array, start: tuple[int, int]) -> Iterator[tuple[Array, Array]]:
    """The same if rows keep their length: maps are copied in one piece, and what goes round an edge is set to zero."""
    N, C, H, W = x.shape
    n, kw, _, rows, _ = memory.shape
    zeros = np.zeros((N, 1, 1, 1), x.dtype)
    for j in range(kw):
        shift = start[1] + j
        to, source = _inside(start[0] * W + shift, rows * W, H * W)
        yield memory[:, j].reshape(n, C, rows * W)[:, :, to], x.reshape(N, C, H * W)[:, :, source]
        if shift:
            yield memory[:, j, :, :, slice(0, -shift) if shift < 0 else slice(max(0, W - shift), W)], zeros


def _inside(start: int, count: int, length: int) -> tuple[slice, slice]:
    """Of the places start, start + 1, ..., `count` of them, those from 0 to length - 1: which they are, and where."""
    first = max(0, -start)
    last = max(first, min(count, length - start))
    return slice(first, last), slice(start + first, start + last)


def _up(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)
