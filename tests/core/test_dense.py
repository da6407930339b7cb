"""The fully connected layer: contract, equations in plain loops, PyTorch, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Linear, check_layer
from tests.core.helpers import agrees_with_torch, close, data_of, few, normal, seeded


@few
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_contract(leading: list[int], n_in: int, n_out: int, bias: bool) -> None:
    check_layer(Linear(n_in, n_out, rng=seeded(), bias=bias), normal(*leading, n_in))


def test_a_single_example_without_batch_axis() -> None:
    check_layer(Linear(3, 2, rng=seeded()), normal(3))


def test_of_data_nobody_asks_for_the_gradient() -> None:
    layer, same = Linear(3, 2, rng=seeded(), of_data=True), Linear(3, 2, rng=seeded())
    check_layer(layer, normal(4, 3), no_grad=("x",))
    x, dy = normal(4, 3).astype(np.float32), normal(4, 2, seed=1).astype(np.float32)
    assert layer(x)[1](dy) is None and same(x)[1](dy) is not None
    assert np.array_equal(layer.W.grad, same.W.grad) and np.array_equal(layer.b.grad, same.b.grad)


def test_equations_in_loops() -> None:
    layer = Linear(3, 2, rng=seeded()).astype(np.float64)
    layer.b.data = normal(2, seed=3)
    x, dy = normal(4, 3), normal(4, 2, seed=1)
    W, b = layer.W.data, layer.b.data
    y, backward = layer(x)
    dx = backward(dy)
    for n in range(4):
        for o in range(2):
            close(y[n, o], sum(x[n, i] * W[i, o] for i in range(3)) + b[o])
        for i in range(3):
            close(dx[n, i], sum(dy[n, o] * W[i, o] for o in range(2)))
    for o in range(2):
        close(layer.b.grad[o], sum(dy[n, o] for n in range(4)))
        for i in range(3):
            close(layer.W.grad[i, o], sum(x[n, i] * dy[n, o] for n in range(4)))


@pytest.mark.parametrize("leading", [(4,), (2, 5)])
def test_torch(leading: tuple[int, ...]) -> None:
    layer = Linear(3, 2, rng=seeded()).astype(np.float64)
    agrees_with_torch(layer, lambda x, W, b: x @ W + b, normal(*leading, 3), *data_of(layer), params=2)


def test_counts() -> None:
    layer = Linear(120, 84, rng=seeded())
    assert layer.connections((1, 84)) == 10_164
    assert layer.multiply_adds((1, 84)) == 10_080
    assert Linear(120, 84, rng=seeded(), bias=False).connections((1, 84)) == 10_080


def test_refusals() -> None:
    layer = Linear(3, 2, rng=seeded())
    for bad in (normal(4, 2).astype(np.float32), normal(4, 3), np.zeros((4, 3), int), np.zeros((), np.float32)):
        with pytest.raises(ValueError, match=r"Linear\(3, 2\): got .* expected"):
            layer(bad)
    with pytest.raises(ValueError, match="Linear: n_in is 0, expected"):
        Linear(0, 2, rng=seeded())
    with pytest.raises(ValueError, match=r"Linear: n_out is 2\.5, expected"):
        Linear(3, 2.5, rng=seeded())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Linear: rng is 7, expected a numpy\.random\.Generator"):
        Linear(3, 2, rng=7)  # type: ignore[arg-type]
