"""Layers beside plain loops of their equations (`loops`): a measure of what NumPy is for.

The loops work on the first examples of a batch only, and their time for all of it is extrapolated: it is proportional
to the examples. Forward and backward are in both times.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from msgspec import Struct
from threadpoolctl import threadpool_limits

from core.activations import softmax
from core.attention import attention
from core.conv import conv2d
from core.dense import Linear
from core.layer import Array, Layer
from core.normalisation import LayerNorm
from core.pooling import max_pool2d
from core.sequence import RNN
from firsthand.bench.loops import (
    Lists,
    attention_loops,
    conv_loops,
    layer_norm_loops,
    linear_loops,
    max_pool_loops,
    rnn_loops,
    softmax_loops,
)
from firsthand.bench.measure import difference
from firsthand.bench.workload import Draw
from firsthand.project import unknown

TOLERANCE = 1e-4  # between our float32 and the loops, which are in double precision


@dataclass(frozen=True)
class Opponents:
    """A layer and its loops. Both take (x, dy) and return the output and all gradients."""

    what: str
    x: Array
    dy: Array
    ours: Callable[[Array, Array], Sequence[Array]]
    loops: Callable[[Lists, Lists], Sequence[Lists]]


def trained(layer: Layer, x: Array, dy: Array) -> Sequence[Array]:
    """The output of a layer, the gradient of its input, and those of its Params in their order."""
    layer.zero_grad()
    y, backward = layer(x)
    dx = backward(dy)
    return [y, dx, *(p.grad for _, p in layer.named_params())]


def linear(draw: Draw) -> Opponents:
    layer = Linear(512, 256, rng=draw.rng)
    lists = [p.data.tolist() for _, p in layer.named_params()]
    x, dy = draw.normal(128, 512), draw.normal(128, 256)
    what = "Linear 512-256, batch 128"
    return Opponents(what, x, dy, partial(trained, layer), lambda x, dy: linear_loops(x, dy, *lists))


def layer_norm(draw: Draw) -> Opponents:
    layer = LayerNorm(256)
    lists = [p.data.tolist() for _, p in layer.named_params()]
    x, dy = draw.normal(2048, 256), draw.normal(2048, 256)
    what = "layer normalisation over 256, 2,048 rows"
    return Opponents(what, x, dy, partial(trained, layer), lambda x, dy: layer_norm_loops(x, dy, *lists))


def recurrent(draw: Draw) -> Opponents:
    layer = RNN(32, 64, rng=draw.rng)
    lists = [p.data.tolist() for _, p in layer.named_params()]

    def ours(x: Array, dy: Array) -> Sequence[Array]:
        layer.zero_grad()
        (h, _), backward = layer(x)
        return [h, backward(dy), *(p.grad for _, p in layer.named_params())]

    x, dy = draw.normal(64, 50, 32), draw.normal(64, 50, 64)
    what = "RNN 32-64, 50 steps, batch 64"
    return Opponents(what, x, dy, ours, lambda x, dy: rnn_loops(x, dy, *lists))


def heads(draw: Draw) -> Opponents:
    K, V = draw.normal(64, 64, 32), draw.normal(64, 64, 32)

    def ours(Q: Array, dO: Array) -> Sequence[Array]:
        O, backward = attention(Q, K[: len(Q)], V[: len(Q)])
        return [O, *backward(dO)]

    Q, dO = draw.normal(64, 64, 32), draw.normal(64, 64, 32)
    lists, what = (K.tolist(), V.tolist()), "attention, 64 positions of 32, batch 64"
    return Opponents(what, Q, dO, ours, lambda Q, dO: attention_loops(Q, dO, *lists))


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
    "layer-norm": layer_norm,
    "rnn": recurrent,
    "attention": heads,
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


class NaiveReport(Struct, frozen=True, kw_only=True):
    """All rows, and where they were measured."""

    format: int = 1
    date: str  # UTC, ISO 8601
    machine: dict[str, str | int]
    layers: list[NaiveRow]


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
