"""What the exercises are checked on: for each module of core with a backward, layers and inputs to try it on.

The tests of core plant small mistakes in every backward and demand that these specimens show each of them. They are
functions of the module, so that a learner's, or a mutated, one can stand in its place; some make its blocks small, so
that there is more than one. Those of a paper are in papers/<slug>/specimens.py.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from core import LSTM, Array, Linear, MultiHeadAttention, tanh
from firsthand.errors import FirsthandError

Specimen: TypeAlias = tuple[Any, ...]  # a layer or function, and its inputs
Specimens: TypeAlias = Callable[[Any], list[Specimen]]  # those of a module


def specimens_of(module: str) -> Specimens:
    """Those of a module of core or of a paper, by its import name; FirsthandError if there are none."""
    package, _, name = module.rpartition(".")
    place = __name__ if package == "core" else f"{package}.specimens"
    try:
        known: dict[str, Specimens] = importlib.import_module(place).SPECIMENS
    except ModuleNotFoundError as error:
        if error.name != place:
            raise
        known = {}
    if name not in known:
        raise FirsthandError(
            f"{place.replace('.', '/')}.py: SPECIMENS has nothing to check {name}.py on; add its layers, with inputs."
        )
    return known[name]


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> Array:
    return seeded(seed).normal(size=shape)


def dense(m: Any) -> list[Specimen]:
    return [
        (m.Linear(4, 3, rng=seeded()), normal(2, 5, 4)),
        (m.Linear(4, 3, rng=seeded(), bias=False), normal(5, 4)),
        (m.Linear(4, 3, rng=seeded(), of_data=True), normal(5, 4)),
    ]


def activations(m: Any) -> list[Specimen]:
    return [(f, normal(2, 4, 3)) for f in (m.tanh, m.scaled_tanh, m.sigmoid, m.relu, m.softmax)]


def losses(m: Any) -> list[Specimen]:
    labels, weights = np.array([[0, 3, 3], [2, 1, 0]]), np.array([0.5, 1, 2, 3])
    some = np.abs(normal(5, 4, seed=1)) / 4
    return [
        (m.softmax_cross_entropy, normal(5, 4), np.array([0, 3, 3, 2, 1])),
        (partial(m.softmax_cross_entropy, smoothing=0.3, ignore=3, weights=weights), normal(2, 3, 4), labels),
        (m.binary_cross_entropy, normal(5, 4), some),
        (m.kl_divergence, normal(5, 4), some),
    ]


def regression(m: Any) -> list[Specimen]:
    pairs = [(f, normal(5, 4), normal(5, 4, seed=1)) for f in (m.squared_error, m.mse, m.mae, m.huber)]
    return [*pairs, (m.gaussian_nll, normal(5, 3, 4), normal(5, 3, 2, seed=1)), (m.gaussian_kl, normal(5, 3, 4))]


def pooling(m: Any) -> list[Specimen]:
    pools = [(f, normal(2, 3, 4, 6), 2) for f in (m.sum_pool2d, m.avg_pool2d, m.max_pool2d)]
    layers = [m.MaxPool2d(2), m.AvgPool2d(2), m.GlobalAvgPool(), m.Subsample(3, 2, rng=seeded())]
    return [*pools, *((layer, normal(2, 3, 4, 6)) for layer in layers)]


def conv(m: Any) -> list[Specimen]:
    return [
        (m.pad2d, normal(2, 3, 3, 5), 2, -1.0),
        (m.Conv2d(2, 3, (2, 3), padding=1, rng=seeded()), normal(5, 2, 4, 5)),
        (m.Conv2d(2, 3, (3, 2), stride=2, padding=1, rng=seeded()), normal(5, 2, 6, 5)),
        (m.Conv2d(2, 3, (2, 3), stride=2, padding=1, rng=seeded()), normal(5, 2, 6, 5)),
        (m.Conv2d(2, 3, (2, 3), stride=3, bias=False, rng=seeded()), normal(5, 2, 5, 8)),
        (m.Conv2d(2, 3, (5, 6), padding=1, rng=seeded()), normal(4, 2, 3, 4)),
        (m.Conv2d(4, 6, (2, 3), dilation=2, groups=2, rng=seeded()), normal(3, 4, 5, 6)),
        *((m.Conv2d(2, 3, k, of_data=True, rng=seeded()), normal(5, 2, 4, 5)) for k in ((2, 3), (4, 5))),
    ]


def conv_transpose(m: Any) -> list[Specimen]:
    return [
        (m.ConvTranspose2d(2, 3, 3, stride=2, padding=1, rng=seeded()), normal(3, 2, 4, 5)),
        (m.ConvTranspose2d(2, 3, 2, rng=seeded()), normal(3, 2, 4, 5)),
        (m.Conv1d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2, rng=seeded()), normal(3, 2, 7)),
    ]


LENGTHS = np.array([6, 0, 3, 5])


def three_blocks(kept: Array) -> list[slice]:
    """Of six steps, for backwards that go through them block by block."""
    return [slice(4, 6), slice(1, 4), slice(0, 1)]


def embedding(m: Any) -> list[Specimen]:
    words = np.array([[1, 2, 1], [6, 1, 2]]), np.array([3, 1, 5])
    return [(m.Embedding(7, 3, rng=seeded()), ids) for ids in words]


def recurrent(m: Any) -> list[Specimen]:
    x, h, c = normal(5, 3), normal(5, 4, seed=1), normal(5, 4, seed=2)
    cells = m.RNNCell(3, 4, rng=seeded()), m.GRUCell(3, 4, rng=seeded()), m.LSTMCell(3, 4, rng=seeded())
    return [(cells[0], x, h), (cells[1], x, h), (cells[2], x, h, c)]


def sequence(m: Any) -> list[Specimen]:
    m.blocks = three_blocks
    x, h = normal(4, 6, 3), normal(4, 5, seed=1)
    own = {k: v for k, v in vars(LSTM).items() if not k.startswith("__") or k == "__call__"}
    lstm = type("LSTM", (m.Sequence,), own)  # for a layer with two states
    both = m.Bidirectional(m.RNN(3, 5, rng=seeded()), m.RNN(3, 2, rng=seeded(1), reverse=True))
    return [
        (m.RNN(3, 5, rng=seeded()), x),
        (m.RNN(3, 5, rng=seeded(), reverse=True), x, h, LENGTHS),
        (lstm(3, 5, rng=seeded()), x, None, h, LENGTHS),
        (both, x),
        (both, x, LENGTHS),
    ]


def gated(m: Any) -> list[Specimen]:
    m.blocks = three_blocks
    x, h, c = normal(4, 6, 3), normal(4, 5, seed=1), normal(4, 5, seed=2)
    return [
        (m.LSTM(3, 5, rng=seeded()), x, h, c),
        (m.LSTM(3, 5, rng=seeded(), reverse=True), x, None, None, LENGTHS),
        (m.GRU(3, 5, rng=seeded()), x, h),
        (m.GRU(3, 5, rng=seeded(), reverse=True), x, None, LENGTHS),
    ]


def containers(m: Any) -> list[Specimen]:
    return [
        (m.Sequential(Linear(4, 3, rng=seeded()), tanh), normal(5, 4)),
        (m.Residual(Linear(4, 4, rng=seeded())), normal(5, 4)),
    ]


def nonlinearities(m: Any) -> list[Specimen]:
    plain = (m.leaky_relu, m.elu, m.selu, m.softplus, m.softsign, m.log_softmax)
    return [*((f, normal(2, 4, 3)) for f in plain), (m.elu, normal(2, 4, 3), 0.4), (m.PReLU(4), normal(2, 4, 3))]


def gelu(m: Any) -> list[Specimen]:
    return [(f, normal(2, 4, 3)) for f in (m.gelu, m.gelu_tanh, m.silu)]


def dropout(m: Any) -> list[Specimen]:
    return [(m.Dropout(0.3, rng=seeded()), normal(5, 4))]


def positions(m: Any) -> list[Specimen]:
    return [(m.rotary, normal(2, 3, 4), np.array([1, 2, 5]))]


def normalisation(m: Any) -> list[Specimen]:
    return [(layer, x) for layer in (m.LayerNorm(6), m.RMSNorm(6)) for x in (normal(5, 6), normal(2, 5, 6))]


def batch_norm(m: Any) -> list[Specimen]:
    m.BLOCK_BYTES = 1000  # more than one block
    vectors, maps = normal(5, 6), normal(3, 6, 2, 5)
    return [
        *((m.BatchNorm(6), x) for x in (vectors, maps)),
        (m.BatchNorm(6).eval(), maps),
        *((m.GroupNorm(2, 6), x) for x in (vectors, maps)),
    ]


def adapters(m: Any) -> list[Specimen]:
    x, heads = normal(3, 5, 6), MultiHeadAttention(6, 2, rng=seeded())
    outputs = [m.Output(LSTM(6, 4, rng=seeded()), k) for k in range(3)]
    return [*((layer, x) for layer in outputs), *((m.SelfAttention(heads, causal=c), x) for c in (False, True))]


def attention(m: Any) -> list[Specimen]:
    m.BLOCK_BYTES, m.ROWS = 200, 3  # more than one block, of examples and of queries
    q, k, v, mask = normal(2, 4, 6), normal(2, 5, 6, seed=1), normal(2, 5, 6, seed=2), normal(2, 4, 5, seed=3) < 0.3
    heads = m.MultiHeadAttention(6, 2, rng=seeded())
    return [
        (m.attention, q, k, normal(2, 5, 7)),
        (m.attention, q, k, normal(2, 5, 7), mask),
        (m.attention, *(normal(2, 3, 4, 5, seed=n) for n in range(3))),
        (heads, q, k, v),
        (heads, q, k, v, mask),
    ]


def additive(m: Any) -> list[Specimen]:
    layer, query, keys = m.AdditiveAttention(6, 3, 5, rng=seeded()), normal(2, 6), normal(2, 5, 3)
    return [(layer, query, keys), (layer, query, keys, normal(2, 5, seed=3) < 0.3)]


SPECIMENS: dict[str, Specimens] = {
    "dense": dense,
    "activations": activations,
    "losses": losses,
    "regression": regression,
    "pooling": pooling,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "embedding": embedding,
    "recurrent": recurrent,
    "sequence": sequence,
    "gated": gated,
    "containers": containers,
    "nonlinearities": nonlinearities,
    "gelu": gelu,
    "dropout": dropout,
    "positions": positions,
    "normalisation": normalisation,
    "batch_norm": batch_norm,
    "attention": attention,
    "adapters": adapters,
    "additive": additive,
}
