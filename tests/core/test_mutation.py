"""The contract itself under test: every small mistake planted in a backward of core must be caught.

The survivors are listed here, each with the reason why it is no mistake at all: the mutant computes the same gradients.
A survivor that is not listed fails the test, and so does one that is listed and does not survive.
"""

import types
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from core import LSTM, Array, GradientError, Linear, MultiHeadAttention, check_layer, tanh
from tests.core.helpers import normal, seeded
from tests.core.mutants import CORE, Mutant, mutants, original, parse

Specimens = Callable[[types.ModuleType], list[tuple]]


def dense(m: types.ModuleType) -> list[tuple]:
    return [
        (m.Linear(4, 3, rng=seeded()), normal(2, 5, 4)),
        (m.Linear(4, 3, rng=seeded(), bias=False), normal(5, 4)),
        (m.Linear(4, 3, rng=seeded(), of_data=True), normal(5, 4)),
    ]


def activations(m: types.ModuleType) -> list[tuple]:
    return [(f, normal(2, 4, 3)) for f in (m.tanh, m.scaled_tanh, m.sigmoid, m.relu, m.softmax)]


def losses(m: types.ModuleType) -> list[tuple]:
    labels, weights = np.array([[0, 3, 3], [2, 1, 0]]), np.array([0.5, 1, 2, 3])
    some = np.abs(normal(5, 4, seed=1)) / 4
    return [
        (m.softmax_cross_entropy, normal(5, 4), np.array([0, 3, 3, 2, 1])),
        (partial(m.softmax_cross_entropy, smoothing=0.3, ignore=3, weights=weights), normal(2, 3, 4), labels),
        (m.binary_cross_entropy, normal(5, 4), some),
        (m.kl_divergence, normal(5, 4), some),
    ]


def regression(m: types.ModuleType) -> list[tuple]:
    pairs = [(f, normal(5, 4), normal(5, 4, seed=1)) for f in (m.squared_error, m.mse, m.mae, m.huber)]
    return [*pairs, (m.gaussian_nll, normal(5, 3, 4), normal(5, 3, 2, seed=1)), (m.gaussian_kl, normal(5, 3, 4))]


def pooling(m: types.ModuleType) -> list[tuple]:
    pools = [(f, normal(2, 3, 4, 6), 2) for f in (m.sum_pool2d, m.avg_pool2d, m.max_pool2d)]
    layers = [m.MaxPool2d(2), m.AvgPool2d(2), m.GlobalAvgPool(), m.Subsample(3, 2, rng=seeded())]
    return [*pools, *((layer, normal(2, 3, 4, 6)) for layer in layers)]


def conv(m: types.ModuleType) -> list[tuple]:
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


def conv_transpose(m: types.ModuleType) -> list[tuple]:
    return [
        (m.ConvTranspose2d(2, 3, 3, stride=2, padding=1, rng=seeded()), normal(3, 2, 4, 5)),
        (m.ConvTranspose2d(2, 3, 2, rng=seeded()), normal(3, 2, 4, 5)),
        (m.Conv1d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2, rng=seeded()), normal(3, 2, 7)),
    ]


LENGTHS = np.array([6, 0, 3, 5])


def three_blocks(kept: Array) -> list[slice]:
    """Of six steps, for backwards that go through them block by block."""
    return [slice(4, 6), slice(1, 4), slice(0, 1)]


def embedding(m: types.ModuleType) -> list[tuple]:
    words = np.array([[1, 2, 1], [6, 1, 2]]), np.array([3, 1, 5])
    return [(m.Embedding(7, 3, rng=seeded()), ids) for ids in words]


def recurrent(m: types.ModuleType) -> list[tuple]:
    x, h, c = normal(5, 3), normal(5, 4, seed=1), normal(5, 4, seed=2)
    cells = m.RNNCell(3, 4, rng=seeded()), m.GRUCell(3, 4, rng=seeded()), m.LSTMCell(3, 4, rng=seeded())
    return [(cells[0], x, h), (cells[1], x, h), (cells[2], x, h, c)]


def sequence(m: types.ModuleType) -> list[tuple]:
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


def gated(m: types.ModuleType) -> list[tuple]:
    m.blocks = three_blocks
    x, h, c = normal(4, 6, 3), normal(4, 5, seed=1), normal(4, 5, seed=2)
    return [
        (m.LSTM(3, 5, rng=seeded()), x, h, c),
        (m.LSTM(3, 5, rng=seeded(), reverse=True), x, None, None, LENGTHS),
        (m.GRU(3, 5, rng=seeded()), x, h),
        (m.GRU(3, 5, rng=seeded(), reverse=True), x, None, LENGTHS),
    ]


def containers(m: types.ModuleType) -> list[tuple]:
    return [
        (m.Sequential(Linear(4, 3, rng=seeded()), tanh), normal(5, 4)),
        (m.Residual(Linear(4, 4, rng=seeded())), normal(5, 4)),
    ]


def nonlinearities(m: types.ModuleType) -> list[tuple]:
    plain = (m.leaky_relu, m.elu, m.selu, m.softplus, m.softsign, m.log_softmax)
    return [*((f, normal(2, 4, 3)) for f in plain), (m.elu, normal(2, 4, 3), 0.4), (m.PReLU(4), normal(2, 4, 3))]


def gelu(m: types.ModuleType) -> list[tuple]:
    return [(f, normal(2, 4, 3)) for f in (m.gelu, m.gelu_tanh, m.silu)]


def dropout(m: types.ModuleType) -> list[tuple]:
    return [(m.Dropout(0.3, rng=seeded()), normal(5, 4))]


def positions(m: types.ModuleType) -> list[tuple]:
    return [(m.rotary, normal(2, 3, 4), np.array([1, 2, 5]))]


def normalisation(m: types.ModuleType) -> list[tuple]:
    return [(layer, x) for layer in (m.LayerNorm(6), m.RMSNorm(6)) for x in (normal(5, 6), normal(2, 5, 6))]


def batch_norm(m: types.ModuleType) -> list[tuple]:
    m.BLOCK_BYTES = 1000  # more than one block
    vectors, maps = normal(5, 6), normal(3, 6, 2, 5)
    return [
        *((m.BatchNorm(6), x) for x in (vectors, maps)),
        (m.BatchNorm(6).eval(), maps),
        *((m.GroupNorm(2, 6), x) for x in (vectors, maps)),
    ]


def adapters(m: types.ModuleType) -> list[tuple]:
    x, heads = normal(3, 5, 6), MultiHeadAttention(6, 2, rng=seeded())
    outputs = [m.Output(LSTM(6, 4, rng=seeded()), k) for k in range(3)]
    return [*((layer, x) for layer in outputs), *((m.SelfAttention(heads, causal=c), x) for c in (False, True))]


def attention(m: types.ModuleType) -> list[tuple]:
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


def additive(m: types.ModuleType) -> list[tuple]:
    layer, query, keys = m.AdditiveAttention(6, 3, 5, rng=seeded()), normal(2, 6), normal(2, 5, 3)
    return [(layer, query, keys), (layer, query, keys, normal(2, 5, seed=3) < 0.3)]


def conv_with_columns(columns: types.ModuleType) -> list[tuple]:
    """The specimens of conv, whose sums are carried out by a mutated `columns`, in blocks of two images."""
    columns.BLOCK_BYTES, columns.WORTH_COPYING = 3000, 10  # the first has blocks of two images and of one
    module = original("conv")
    for name in ("correlate", "kernel_gradient", "input_gradient", "sum_maps"):
        setattr(module, name, getattr(columns, name))
    return conv(module)


MODULES: dict[str, tuple[tuple[str, ...], Specimens]] = {
    "dense": (("backward",), dense),
    "activations": (("backward",), activations),
    "losses": (("backward",), losses),
    "regression": (("backward",), regression),
    "pooling": (("backward",), pooling),
    "conv": (("backward",), conv),
    "conv_transpose": (("backward",), conv_transpose),
    "embedding": (("backward",), embedding),
    "recurrent": (("backward",), recurrent),
    "sequence": (("backward",), sequence),
    "gated": (("backward",), gated),
    "containers": (("backward",), containers),
    "nonlinearities": (("backward",), nonlinearities),
    "gelu": (("backward",), gelu),
    "dropout": (("backward",), dropout),
    "positions": (("backward",), positions),
    "normalisation": (("backward",), normalisation),
    "batch_norm": (("backward",), batch_norm),
    "attention": (("backward",), attention),
    "adapters": (("backward",), adapters),
    "additive": (("backward",), additive),
    "columns": (("kernel_gradient", "input_gradient", "sum_maps"), conv_with_columns),
}

EQUIVALENT = {
    "embedding:Embedding.__call__.backward: -1  ->  1": "in `first`: word 0 is then summed with the repeated words",
    "nonlinearities:leaky_relu.backward: y > 0  ->  y >= 0": "at the kink, by a convention that has a test of its own",
    "nonlinearities:leaky_relu.backward: np.multiply(y > 0, 1 - slope, dtype=y.dtype)  ->  "
    "np.multiply(1 - slope, y > 0, dtype=y.dtype)": "a product is symmetric",
    "nonlinearities:PReLU.__call__.backward: x > 0  ->  x >= 0": "likewise",
    "nonlinearities:elu.backward: y > 0  ->  y >= 0": "likewise",
    "normalisation:_divide_by_rms.backward: np.multiply(d, stretch, out=product)  ->  "
    "np.multiply(stretch, d, out=product)": "a product is symmetric",
    "batch_norm:MapNorm.scaled.backward: np.multiply(d[b], stretch, out=dx[b])  ->  "
    "np.multiply(stretch, d[b], out=dx[b])": "likewise",
    "batch_norm:MapNorm.scaled.backward: _sum_product(dy_maps, d)  ->  _sum_product(d, dy_maps)": "likewise",
    "activations:softmax.backward: np.vecdot(dy, y)  ->  np.vecdot(y, dy)": "likewise",
    "attention:attention.backward: np.vecdot(dy, y)  ->  np.vecdot(y, dy)": "likewise",
    "attention:attention.backward: P.swapaxes(-1, -2)  ->  P.swapaxes(-2, -1)": "swapping is symmetric",
    "attention:attention.backward: v[j].swapaxes(-1, -2)  ->  v[j].swapaxes(-2, -1)": "likewise",
    "attention:attention.backward: dS.swapaxes(-1, -2)  ->  dS.swapaxes(-2, -1)": "likewise",
    "columns:kernel_gradient: dy.reshape(N, O, Ho * Wo).swapaxes(1, 2)  ->  "
    "dy.reshape(N, O, Ho * Wo).swapaxes(2, 1)": "swapping is symmetric",
    "columns:input_gradient: if s == 1:  ->  pass": "for stride 1 the general way gives the same, with one more copy",
    "columns:input_gradient: return phases  ->  pass": "the same line",
}


def survives(mutant: Mutant, specimens: Specimens) -> bool:
    for layer, *inputs in specimens(mutant.namespace()):
        no_grad = ("x",) if getattr(layer, "of_data", False) else ()
        try:
            with np.errstate(all="ignore"):  # a mutant may well overflow
                check_layer(layer, *inputs, no_grad=no_grad)
        except GradientError:
            return False
    return True


@pytest.mark.parametrize("module", MODULES)
def test_the_originals_pass(module: str) -> None:
    _, specimens = MODULES[module]
    assert survives(Mutant(module, "", "nothing", parse(module)), specimens)


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_is_caught(module: str) -> None:
    functions, specimens = MODULES[module]
    planted = list(mutants(module, functions))
    assert len(planted) >= 5
    alive = {mutant.title for mutant in planted if survives(mutant, specimens)}
    assert alive == {title for title in EQUIVALENT if title.startswith(f"{module}:")}


def test_every_module_with_a_backward_is_covered() -> None:
    with_backward = {path.stem for path in CORE.glob("*.py") if "def backward(" in path.read_text()}
    assert with_backward <= MODULES.keys()
