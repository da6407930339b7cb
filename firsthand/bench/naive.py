"""Layers beside plain loops: each equation written down sum by sum, in Python's own numbers.

The loops are a third opinion, next to central differences and PyTorch, and a measure of what NumPy is for. They work on
the first examples of a batch only, and their time for all of it is extrapolated: it is proportional to the examples.
Forward and backward are in both times. Arrays are lists here, `x[n][c][h][w]`.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from threadpoolctl import threadpool_limits

from core.activations import softmax
from core.conv import conv2d
from core.dense import Linear
from core.layer import Array
from core.pooling import max_pool2d
from firsthand.bench.measure import difference
from firsthand.bench.workload import Draw
from firsthand.project import unknown

Lists: TypeAlias = Any  # nested lists of floats
TOLERANCE = 1e-4  # between our float32 and the loops, which are in double precision


def zeros(*shape: int) -> Lists:
    return np.zeros(shape).tolist()


def linear_loops(x: Lists, dy: Lists, W: Lists, b: Lists) -> list[Lists]:
    """y = x W + b; dx = dy W^T, dW = x^T dy, db = sum of dy."""
    N, I, O = len(x), len(W), len(b)
    y, dx, dW, db = zeros(N, O), zeros(N, I), zeros(I, O), zeros(O)
    for n in range(N):
        for o in range(O):
            y[n][o] = b[o]
            db[o] += dy[n][o]
            for i in range(I):
                y[n][o] += x[n][i] * W[i][o]
                dx[n][i] += dy[n][o] * W[i][o]
                dW[i][o] += x[n][i] * dy[n][o]
    return [y, dx, dW, db]


def conv_loops(x: Lists, dy: Lists, W: Lists) -> list[Lists]:
    """y = W * x without padding, stride 1; each product gives one term of y, of dx and of dW."""
    N, C, H, width = len(x), len(x[0]), len(x[0][0]), len(x[0][0][0])
    O, kh, kw = len(W), len(W[0][0]), len(W[0][0][0])
    y, dx, dW = zeros(N, O, H - kh + 1, width - kw + 1), zeros(N, C, H, width), zeros(O, C, kh, kw)
    for n in range(N):
        for o in range(O):
            for h in range(H - kh + 1):
                for w in range(width - kw + 1):
                    for c in range(C):
                        for i in range(kh):
                            for j in range(kw):
                                y[n][o][h][w] += W[o][c][i][j] * x[n][c][h + i][w + j]
                                dx[n][c][h + i][w + j] += W[o][c][i][j] * dy[n][o][h][w]
                                dW[o][c][i][j] += x[n][c][h + i][w + j] * dy[n][o][h][w]
    return [y, dx, dW]


def max_pool_loops(x: Lists, dy: Lists) -> list[Lists]:
    """y = the largest of each 2 x 2 window, which alone gets dy."""
    N, C, H, width = len(x), len(x[0]), len(x[0][0]), len(x[0][0][0])
    y, dx = zeros(N, C, H // 2, width // 2), zeros(N, C, H, width)
    for n in range(N):
        for c in range(C):
            for h in range(H // 2):
                for w in range(width // 2):
                    places = [(2 * h + i, 2 * w + j) for i in range(2) for j in range(2)]
                    row, column = max(places, key=lambda place: x[n][c][place[0]][place[1]])
                    y[n][c][h][w] = x[n][c][row][column]
                    dx[n][c][row][column] = dy[n][c][h][w]
    return [y, dx]


def softmax_loops(x: Lists, dy: Lists) -> list[Lists]:
    """y_i = e^x_i / sum_j e^x_j; dx_i = y_i (dy_i - sum_j dy_j y_j)."""
    N, K = len(x), len(x[0])
    y, dx = zeros(N, K), zeros(N, K)
    for n in range(N):
        largest = max(x[n])
        total = sum(math.exp(x[n][j] - largest) for j in range(K))
        for i in range(K):
            y[n][i] = math.exp(x[n][i] - largest) / total
        mean = sum(dy[n][j] * y[n][j] for j in range(K))
        for i in range(K):
            dx[n][i] = y[n][i] * (dy[n][i] - mean)
    return [y, dx]


@dataclass(frozen=True)
class Opponents:
    """A layer and its loops. Both take (x, dy) and return the output and all gradients."""

    what: str
    x: Array
    dy: Array
    ours: Callable[[Array, Array], Sequence[Array]]
    loops: Callable[[Lists, Lists], Sequence[Lists]]


def linear(draw: Draw) -> Opponents:
    layer = Linear(512, 256, rng=draw.rng)
    assert layer.b is not None
    W, b = layer.W, layer.b

    def ours(x: Array, dy: Array) -> Sequence[Array]:
        layer.zero_grad()
        y, backward = layer(x)
        return y, backward(dy), W.grad, b.grad

    lists = W.data.tolist(), b.data.tolist()
    x, dy = draw.normal(128, 512), draw.normal(128, 256)
    return Opponents("Linear 512-256, batch 128", x, dy, ours, lambda x, dy: linear_loops(x, dy, *lists))


def conv(draw: Draw) -> Opponents:
    W = draw.normal(16, 6, 5, 5)

    def ours(x: Array, dy: Array) -> Sequence[Array]:
        y, backward = conv2d(x, W)
        return y, *backward(dy)

    lists, x, dy = W.tolist(), draw.normal(64, 6, 14, 14), draw.normal(64, 16, 10, 10)
    return Opponents("convolution 6-16, 5x5, on 14x14, batch 64", x, dy, ours, lambda x, dy: conv_loops(x, dy, lists))


def max_pool(draw: Draw) -> Opponents:
    def ours(x: Array, dy: Array) -> Sequence[Array]:
        y, backward = max_pool2d(x, 2)
        return y, backward(dy)

    x, dy = draw.normal(64, 6, 28, 28), draw.normal(64, 6, 14, 14)
    return Opponents("max pooling 2x2, 6 maps 28x28, batch 64", x, dy, ours, max_pool_loops)


def soft(draw: Draw) -> Opponents:
    def ours(x: Array, dy: Array) -> Sequence[Array]:
        y, backward = softmax(x)
        return y, backward(dy)

    return Opponents("softmax over 256, batch 128", draw.normal(128, 256), draw.normal(128, 256), ours, softmax_loops)


LAYERS: dict[str, Callable[[Draw], Opponents]] = {
    "linear": linear,
    "convolution": conv,
    "max-pooling": max_pool,
    "softmax": soft,
}


class NaiveRow(Struct, frozen=True):
    """One layer: milliseconds for the batch, and the seconds that the loops would take, extrapolated."""

    layer: str
    what: str
    ours_ms: float
    loops_s: float  # extrapolated from `examples` to `batch`
    examples: int
    batch: int
    difference: float  # of outputs and gradients, in parts of the largest number of each array
    valid: bool


def compare(name: str, examples: int = 8, repeats: int = 20) -> NaiveRow:
    """Both on the first examples, for their results; ours on the whole batch, for its time."""
    if name not in LAYERS:
        raise unknown("layer", name, LAYERS)
    draw = Draw(np.float32)
    pair = LAYERS[name](draw)
    x, dy = pair.x[:examples], pair.dy[:examples]
    lists = x.tolist(), dy.tolist()
    start = time.process_time()
    loops = pair.loops(*lists)
    seconds = time.process_time() - start
    found, expected = (
        {str(k): np.asarray(array) for k, array in enumerate(results)} for results in (pair.ours(x, dy), loops)
    )
    gap = difference(found, expected)
    batch, times = len(pair.x), []
    with threadpool_limits(1):  # process CPU time would count the second thread too
        for _ in range(repeats):
            start = time.process_time()
            pair.ours(pair.x, pair.dy)
            times.append(time.process_time() - start)
    ours_ms = 1e3 * statistics.median(times)
    return NaiveRow(name, pair.what, ours_ms, seconds * batch / examples, examples, batch, gap, gap <= TOLERANCE)
