r"""How `core.conv` sums: convolution by shifted rows, without a copy of x for every element of the kernel.

The equation (a cross-correlation, as in all of the field) for stride s, on an input that is already padded:

$$y_{n,o,h,w} = \sum_{c,i,j} W_{o,c,i,j}\; x_{n,c,\,sh+i,\,sw+j}$$

Its terms are gathered into *columns*, a matrix for each image and kernel row, so that it becomes matrix products.
For stride 1, x is copied once for each kernel column j, shifted by j and trimmed to the width of the output. In such a
copy a shift by one kernel row is a shift of the flat (row, column) axis by Wo, so that the columns of kernel row i are
a window on it, and no further copy: kw copies of the input stand in for the usual kh kw. A larger stride makes the
gathered copy small anyway, and its columns are simply copied. Images go in blocks whose columns stay in the cache.
"""

import numpy as np

from core.layer import Array

BLOCK_BYTES = 1 << 20  # columns worked on at a time: about the size of a core's second-level cache


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


def correlate(x: Array, W: Array, stride: int) -> Array:
    """The equation itself: every kernel at every place of x."""
    O, _, kh, kw = W.shape
    by_group = W.transpose(0, 2, 3, 1)[None] if stride > 1 else W.transpose(2, 0, 3, 1)  # K runs over ([kh], kw, C)
    return _products(by_group.reshape(len(by_group), O, -1), x, kh, kw, stride)


def kernel_gradient(x: Array, dy: Array, shape: tuple[int, ...], stride: int) -> Array:
    """dW: the columns that made each output times the gradient of that output, summed over positions and images."""
    O, C, kh, kw = shape
    N, _, Ho, Wo = dy.shape
    dy = dy.reshape(N, 1, O, Ho * Wo).swapaxes(2, 3)  # (N, 1, Ho Wo, O)
    groups = 1 if stride > 1 else kh
    dW = np.zeros((groups, kh * kw * C // groups, O), x.dtype)
    for block in _blocks(x, kw):
        dW += (_columns(x[block], kh, kw, stride) @ dy[block]).sum(axis=0)
    return dW.reshape(kh, kw, C, O).transpose(3, 2, 0, 1)  # (groups, K) is (kh, kw, C) for every stride


def input_gradient(dy: Array, W: Array, stride: int, shape: tuple[int, ...]) -> Array:
    r"""dx: for stride 1 a correlation of dy, padded by k - 1, with W flipped and its channel axes exchanged.

    For stride s, the pixels of x whose coordinates leave the same remainders modulo s, a *phase*, are the outputs of
    such a correlation with every s-th element of W. All s s phases are made at once, as channels, and interleaved.
    (The usual way, to spread dy out with s - 1 zeros between its elements, spends most of its time on the zeros.)
    """
    N, C = shape[:2]
    O, _, kh, kw = W.shape
    s, qh, qw = stride, -(-kh // stride), -(-kw // stride)  # a phase meets at most qh x qw elements of a kernel
    taps = np.zeros((qh * s, qw * s, C, O), W.dtype)
    taps[:kh, :kw] = W.transpose(2, 3, 1, 0)
    flipped = taps.reshape(qh, s, qw, s, C, O)[::-1, :, ::-1]  # a = s h + i: the larger h, the smaller i
    kernels = flipped.transpose(0, 1, 3, 4, 2, 5).reshape(qh, s * s * C, qw * O)
    phases = _products(kernels, pad(dy, qh - 1, qw - 1), qh, qw, 1)  # (N, s s C, Ho + qh - 1, Wo + qw - 1)
    if s == 1:
        return phases
    dx = np.zeros(shape, dy.dtype)  # rows and columns that no window reached keep the zero
    rows, cols = phases.shape[2:]
    phases = phases.reshape(N, s, s, C, rows, cols)
    for i in range(s):
        for j in range(s):
            phase = dx[:, :, i::s, j::s]
            phase[:, :, :rows, :cols] = phases[:, i, j, :, : phase.shape[2], : phase.shape[3]]
    return dx


def _products(kernels: Array, x: Array, kh: int, kw: int, stride: int) -> Array:
    """Kernels (groups, O, K) times the columns of x, summed over the groups: (N, O, Ho, Wo)."""
    N, _, H, W = x.shape
    O, Ho, Wo = kernels.shape[1], (H - kh) // stride + 1, (W - kw) // stride + 1
    y = np.empty((N, O, Ho * Wo), x.dtype)
    for block in _blocks(x, kw):
        np.add.reduce(kernels @ _columns(x[block], kh, kw, stride), axis=1, out=y[block])
    return y.reshape(N, O, Ho, Wo)


def _columns(x: Array, kh: int, kw: int, stride: int) -> Array:
    """The columns of x, (N, groups, K, Ho Wo): see the head of this file.

    For stride 1 there is one group for each kernel row, with K = kw C; they overlap in memory, and are to be read only.
    For a larger stride there is a single group, with K = kh kw C.
    """
    x = np.ascontiguousarray(x)
    N, C, H, W = x.shape
    Ho, Wo = (H - kh) // stride + 1, (W - kw) // stride + 1
    sn, sc, sh, sw = x.strides
    if stride > 1:
        shape, strides = (N, kh, kw, C, Ho, Wo), (sn, sh, sw, sc, stride * sh, stride * sw)
        return np.ndarray(shape, x.dtype, x, 0, strides).reshape(N, 1, kh * kw * C, Ho * Wo)  # the reshape copies
    shifted = np.ndarray((N, kw, C, H, Wo), x.dtype, x, 0, (sn, sw, sc, sh, sw)).copy()  # x[n, c, h, w + j]
    sn, _, sc, sh, sw = shifted.strides
    return np.ndarray((N, kh, kw * C, Ho * Wo), x.dtype, shifted, 0, (sn, sh, sc, sw))  # a kernel row is a row further


def _blocks(x: Array, kw: int) -> list[slice]:
    """Slices of the batch whose columns fill about BLOCK_BYTES."""
    N = len(x)
    size = max(1, N * BLOCK_BYTES // (kw * x.nbytes + 1))
    return [slice(n, n + size) for n in range(0, N, size)]
