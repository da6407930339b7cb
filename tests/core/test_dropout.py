"""Dropout: contract, the distribution of its draws, whose Generator it is, evaluation, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Linear, Sequential, check_layer, load, predict, save
from core.dropout import Dropout
from tests.core.helpers import few, normal, seeded


@few
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.floats(0, 0.95), st.booleans())
def test_contract(shape, p, training) -> None:
    layer = Dropout(p, rng=seeded())
    check_layer(layer if training else layer.eval(), normal(*shape))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_draws(p) -> None:
    """A share p is 0, within 5 standard deviations, and the rest 1 / (1 - p); neighbours are independent."""
    n = 100_000
    y, backward = Dropout(p, rng=seeded(1))(np.ones((n // 100, 100)))
    np.testing.assert_array_equal(np.unique(y), [0, 1 / (1 - p)])
    sd = (p * (1 - p) / n) ** 0.5
    assert abs((y == 0).mean() - p) < 5 * sd
    zero = (y == 0).ravel()
    assert abs((zero[1:] & zero[:-1]).mean() - p * p) < 5 * (p / n) ** 0.5
    np.testing.assert_array_equal(backward(np.ones_like(y)), y)  # backward uses the draws of its own forward


def test_mean_and_variance_are_those_of_the_equation() -> None:
    """E[y] = x, var[y] = x^2 p / (1 - p), over many draws of the same x."""
    layer, x = Dropout(0.25, rng=seeded(2)), np.array([1.0, -2.0, 3.0])
    y = np.stack([layer(x)[0] for _ in range(20_000)])
    np.testing.assert_allclose(y.mean(axis=0), x, atol=0.05)
    np.testing.assert_allclose(y.var(axis=0), x * x / 3, rtol=0.05)


def test_every_call_draws_anew_and_each_backward_keeps_its_own() -> None:
    layer, x = Dropout(0.5, rng=seeded()), np.ones(100)
    (a, backward_a), (b, backward_b) = layer(x), layer(x)
    assert (a != b).any()
    np.testing.assert_array_equal(backward_a(x), a)
    np.testing.assert_array_equal(backward_b(x), b)


def test_evaluation_is_the_identity_and_draws_nothing() -> None:
    layer, x = Dropout(0.5, rng=seeded()), normal(4, 3)
    state = layer.rng.bit_generator.state
    np.testing.assert_array_equal(predict(layer, x), x)
    y, backward = layer.eval()(x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(backward(x), x)
    assert layer.rng.bit_generator.state == state


def test_nothing_is_dropped_for_p_zero() -> None:
    x = normal(4, 3)
    np.testing.assert_array_equal(Dropout(0, rng=seeded())(x)[0], x)


def test_the_callers_generator_is_not_disturbed_and_children_differ() -> None:
    rng = seeded()
    layers = Dropout(0.5, rng=rng), Dropout(0.5, rng=rng)
    x = np.ones(100)
    a, b = (layer(x)[0] for layer in layers)
    assert (a != b).any()
    np.testing.assert_array_equal(rng.random(5), seeded().random(5))
    np.testing.assert_array_equal(Dropout(0.5, rng=seeded())(x)[0], a)


def test_float32_and_float64_have_the_same_draws() -> None:
    x = np.ones((50, 7))
    single, double = (Dropout(0.3, rng=seeded())(x.astype(t))[0] for t in (np.float32, np.float64))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single == 0, double == 0)


def test_saving_keeps_the_place_in_the_stream(tmp_path) -> None:
    model = Sequential(Linear(3, 50, rng=seeded()), Dropout(0.5, rng=seeded()))
    x = normal(4, 3).astype(np.float32)
    model(x)
    save(tmp_path / "a.npz", model)
    expected, _ = model(x)
    again = Sequential(Linear(3, 50, rng=seeded(5)), Dropout(0.5, rng=seeded(6)))
    load(tmp_path / "a.npz", again)
    np.testing.assert_array_equal(again(x)[0], expected)


def test_empty_batch() -> None:
    y, backward = Dropout(0.5, rng=seeded())(np.zeros((0, 3), np.float32))
    assert y.shape == backward(y).shape == (0, 3)


def test_refusals() -> None:
    for p in (-0.1, 1.0, 2, float("nan"), "half"):
        with pytest.raises(ValueError, match=r"Dropout: p is .* expected"):
            Dropout(p, rng=seeded())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Dropout: rng is None, expected"):
        Dropout(0.5, rng=None)  # type: ignore[arg-type]
