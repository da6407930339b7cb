"""Counting: by hand, the numbers that LeCun et al. print, the bytes kept for backward, and what is refused."""

import functools

import numpy as np
import pytest

import core
from core import Conv2d, Layer, Linear, Param, Residual, Sequential, Subsample, cost, scaled_tanh, tanh
from core.cost import kept_bytes
from tests.core.helpers import seeded
from tests.core.test_layer import Dropout


def flatten(x):
    return x.reshape(len(x), -1), lambda dy: dy.reshape(x.shape)


class Fixed(Layer):
    """Weights that are not trained are connections, too."""

    def __init__(self) -> None:
        self.weights = np.ones(3, np.float32)

    def __call__(self, x):
        return self.weights * x, lambda dy: self.weights * dy

    def connections(self, y_shape):
        return y_shape[1] * y_shape[2]

    multiply_adds = connections


def lenet() -> Sequential:
    rng = seeded()
    return Sequential(
        C1=Conv2d(1, 6, 5, rng=rng),
        S2=Subsample(6, rng=rng),
        f2=scaled_tanh,
        C5=Conv2d(6, 120, 14, rng=rng),
        flat=flatten,
        F6=Linear(120, 84, rng=rng),
    )


N, T, S = 2, 5, 7  # examples, steps (or queries), keys
RNG = seeded()
X, LENGTHS = np.ones((N, T, 3), np.float32), np.array([5, 2])
QUERY, KEY = np.ones((N, T, 6), np.float32), np.ones((N, S, 6), np.float32)

# For N examples, by hand: the model, its inputs, parameters, multiply-adds forward and backward, connections.
BY_HAND = {
    "Linear at every step": (Linear(3, 4, rng=RNG), [X], 3 * 4 + 4, N * T * 4 * 3, 2, N * T * 4 * (3 + 1)),
    "Conv2d in groups": (
        Conv2d(4, 6, (3, 2), groups=2, rng=RNG),
        [np.ones((N, 4, 8, 7), np.float32)],
        6 * (2 * 3 * 2) + 6,
        N * 6 * 6 * 6 * (2 * 3 * 2),  # maps of (8 - 3 + 1) x (7 - 2 + 1)
        2,
        N * 6 * 6 * 6 * (2 * 3 * 2 + 1),
    ),
    "LSTM": (
        core.LSTM(3, 4, rng=RNG),
        [X],
        4 * (3 * 4 + 4 * 4 + 4),
        N * T * 4 * (3 * 4 + 4 * 4),
        2,
        N * T * 4 * (3 * 4 + 4 * 4 + 4),
    ),
    "GRU, its sequences of some length": (
        core.GRU(3, 4, rng=RNG),
        [X, None, LENGTHS],
        3 * (3 * 4 + 4 * 4 + 4) + 4,
        N * T * 3 * (3 * 4 + 4 * 4),  # steps beyond the end are computed
        2,
        N * T * (3 * (3 * 4 + 4 * 4 + 4) + 4),
    ),
    "MultiHeadAttention over other keys": (
        core.MultiHeadAttention(6, 2, rng=RNG),
        [QUERY, KEY, KEY, core.causal_mask(T)[:, :1]],
        4 * 6 * 6,
        N * (2 * T * 6 * 6 + 2 * S * 6 * 6 + T * S * 6 + T * S * 6),  # q and y, k and v, q k^T, P v
        2,
        N * (2 * T * 6 * 6 + 2 * S * 6 * 6 + 2 * T * S * 6),
    ),
    "AdditiveAttention": (
        core.AdditiveAttention(3, 6, 4, rng=RNG),
        [X[:, 0], KEY],
        3 * 4 + 6 * 4 + 4,
        N * (3 * 4 + S * (6 * 4 + 4 + 6)),  # s W; h U, e and c
        2,
        N * S * ((3 + 6) * 4 + 4 + 6),
    ),
    "Embedding and Linear": (
        Sequential(core.Embedding(100, 6, rng=RNG), Linear(6, 4, rng=RNG)),
        [np.ones((N, T), int)],
        100 * 6 + 6 * 4 + 4,
        N * T * 4 * 6,
        2,
        N * T * (6 + 4 * (6 + 1)),
    ),
    "BatchNorm in training": (
        Sequential(Linear(3, 4, rng=RNG), core.BatchNorm(4)),
        [X[:, 0]],
        3 * 4 + 4 + 2 * 4,
        N * (4 * 3 + 3 * 4),
        2,
        N * (4 * (3 + 1) + 2 * 4),
    ),
    "fixed weights": (Fixed(), [X], 0, N * T * 3, 1, N * T * 3),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    model, inputs, parameters, multiply_adds, backward, connections = BY_HAND[name]
    found = cost(model, *inputs)
    assert found.parameters == parameters == sum(p.data.size for _, p in model.named_params())
    assert found.multiply_adds == multiply_adds
    assert found.backward_multiply_adds == backward * multiply_adds
    assert found.connections == connections


def test_a_shape_stands_for_one_example() -> None:
    model = Sequential(core.Output(core.LSTM(3, 4, rng=RNG), 1), Linear(4, 2, rng=RNG))
    one, many = cost(model, (T, 3)), cost(model, np.ones((N, T, 3), np.float32))
    assert (N * one.multiply_adds, N * one.units) == (many.multiply_adds, many.units)
    assert one.parameters == many.parameters


def test_of_a_table_only_the_rows_looked_up_move() -> None:
    (row,) = cost(core.Embedding(100, 6, rng=RNG), np.ones((N, T), int)).rows
    assert (row.parameters, row.bytes_weights, row.bytes_out) == (600, 4 * N * T * 6, 4 * N * T * 6)
    (row,) = cost(Linear(3, 4, rng=RNG), X).rows
    assert (row.bytes_in, row.bytes_out, row.bytes_weights) == (4 * N * T * 3, 4 * N * T * 4, 4 * 16)


def test_rows_and_totals() -> None:
    found = cost(lenet(), (1, 32, 32))
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["C1", "S2", "f2", "C5", "flat", "F6"]
    assert (rows["f2"].kind, rows["f2"].connections, rows["f2"].bytes_in) == ("scaled_tanh", 0, 4 * 6 * 14 * 14)
    assert (rows["flat"].kind, rows["flat"].bytes_in, rows["flat"].bytes_out) == ("flatten", 0, 0)  # a view
    assert (rows["C1"].kind, rows["C1"].output_shape) == ("Conv2d", (6, 28, 28))
    assert (rows["C1"].parameters, rows["C1"].connections, rows["C1"].multiply_adds) == (156, 122_304, 117_600)
    assert (rows["S2"].parameters, rows["S2"].connections, rows["S2"].multiply_adds) == (12, 5_880, 1_176)
    assert (rows["F6"].parameters, rows["F6"].connections) == (10_164, 10_164)
    assert found.parameters == sum(p.data.size for _, p in lenet().named_params())
    assert found.connections == 122_304 + 5_880 + 120 * (6 * 14 * 14 + 1) + 10_164
    assert found.multiply_adds == 117_600 + 1_176 + 120 * 6 * 14 * 14 + 10_080
    assert found.units == 32 * 32 + 6 * 28 * 28 + 6 * 14 * 14 + 120 + 84


def test_a_single_layer_and_shared_ones() -> None:
    shared = Linear(3, 3, rng=seeded())
    assert cost(shared, (3,)).parameters == 12
    found = cost(Sequential(shared, Residual(shared)), (3,))
    assert found.parameters == 12
    assert found.connections == 24
    assert [row.name for row in found.rows] == ["0", "0"]


def test_the_model_is_left_as_it_was() -> None:
    model = Sequential(Dropout(rng=seeded()), Linear(3, 2, rng=seeded()))
    state = model["0"].rng.bit_generator.state
    row, _ = cost(model, (3,)).rows
    assert (row.kind, row.parameters, row.connections) == ("Dropout", 0, 0)
    assert model["0"].rng.bit_generator.state == state
    assert model["0"].calls == 0
    assert type(model["1"]) is Linear


def test_kept_bytes_of_a_model() -> None:
    model = Sequential(Linear(3, 4, rng=seeded()), tanh, Linear(4, 2, rng=seeded()))
    # x (3), and tanh's output (4), which the second Linear keeps as its input: the same array
    assert cost(model, (3,)).kept_bytes == 4 * (3 + 4)
    assert cost(model.astype(np.float64), (3,)).kept_bytes == 8 * (3 + 4)


def test_kept_bytes_finds_arrays_wherever_they_hide() -> None:
    a, b, c, d, e = (np.zeros(n) for n in (1, 10, 100, 1000, 10000))

    class Holder:
        def __init__(self):
            self.array = a

        def method(self, dy):
            return dy

    later = None

    def backward(dy, default=b):
        assert later is None
        return holder.method, partial, nested, {"d": [d[10:], d[:5]]}, late

    holder = Holder()
    partial = functools.partial(np.add, c)
    nested = {"d": [(d[10:], d[:5])], "self": backward}
    if holder is None:
        late = e  # an empty cell
    assert kept_bytes(backward, []) == 8 * 1111
    assert kept_bytes(backward, [d[3:4], c]) == 8 * 11
    assert kept_bytes(holder.method, []) == 8


def test_kept_bytes_of_a_long_chain() -> None:
    chain = None
    for _ in range(5000):
        chain = (lambda array, after: lambda dy: (array, after))(np.zeros(1), chain)
    assert kept_bytes(chain, []) == 8 * 5000


def test_a_layer_that_cannot_count_is_named() -> None:
    class Scale(Layer):
        def __init__(self) -> None:
            self.a = Param(np.ones(1, np.float32))

        def __call__(self, x):
            return self.a.data * x, None

    with pytest.raises(ValueError, match=r"cost: Scale owns Params but has no connections\(y_shape\)"):
        cost(Sequential(Scale()), (3,))
