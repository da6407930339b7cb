"""Counting: the numbers that LeCun et al. print, the bytes kept for backward, and what is refused."""

import functools

import numpy as np
import pytest

from core import Conv2d, Layer, Linear, Param, Residual, Sequential, Subsample, cost, scaled_tanh, tanh
from core.cost import kept_bytes
from tests.core.helpers import seeded
from tests.core.test_layer import Dropout


def flatten(x):
    return x.reshape(len(x), -1), lambda dy: dy.reshape(x.shape)


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


def test_rows_and_totals() -> None:
    found = cost(lenet(), (1, 32, 32))
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["C1", "S2", "C5", "F6"]
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
