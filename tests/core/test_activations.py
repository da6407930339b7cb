"""Activations: contract, PyTorch, and the places where the textbook formula overflows or cancels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import check_layer, relu, scaled_tanh, sigmoid, softmax, tanh
from tests.core.helpers import agrees_with_torch, close, few, normal

ALL = [tanh, scaled_tanh, sigmoid, relu, softmax]


@few
@given(st.sampled_from(ALL), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_contract(f, shape) -> None:
    check_layer(f, normal(*shape))


@pytest.mark.parametrize("f", ALL)
def test_contract_on_a_kink(f) -> None:
    check_layer(f, np.zeros((3, 4)))


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    x = 3 * normal(4, 5)
    agrees_with_torch(tanh, torch.tanh, x)
    agrees_with_torch(scaled_tanh, lambda x: 1.7159 * torch.tanh(2 / 3 * x), x)
    agrees_with_torch(sigmoid, torch.sigmoid, x)
    agrees_with_torch(relu, torch.relu, x)
    agrees_with_torch(softmax, lambda x: torch.softmax(x, -1), x)


def test_scaled_tanh_keeps_plus_and_minus_one() -> None:
    y, _ = scaled_tanh(np.array([1.0, -1.0]))
    np.testing.assert_allclose(y, [1.0, -1.0], atol=1e-5)


def test_sigmoid_is_exact_on_both_sides() -> None:
    y, backward = sigmoid(np.array([-800.0, -40.0, 0.0, 40.0, 800.0]))
    np.testing.assert_allclose(y, [0.0, math.exp(-40), 0.5, 1.0, 1.0], rtol=1e-15)
    assert np.isfinite(backward(np.ones(5))).all()


def test_softmax_of_large_numbers() -> None:
    x = np.array([[1e4, 1e4 + 1, -1e4]])
    y, backward = softmax(x)
    close(y, [[1 / (1 + math.e), math.e / (1 + math.e), 0]])
    close(backward(np.ones((1, 3))), np.zeros((1, 3)))  # the outputs sum to one, whatever x
    check_layer(softmax, np.array([[1e4, 1e4 + 1, 1e4 - 1]]))


def test_relu_at_zero_has_no_slope() -> None:
    _, backward = relu(np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(backward(np.ones(3)), [0, 0, 1])
