"""Losses: contract, equations in plain loops, PyTorch, large logits, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import check_layer, softmax_cross_entropy, squared_error
from tests.core.helpers import agrees_with_torch, close, few, normal, seeded

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@few
@given(shapes)
def test_squared_error_contract(shape) -> None:
    check_layer(squared_error, normal(*shape), normal(*shape, seed=1))


@few
@given(shapes, st.integers(2, 5))
def test_cross_entropy_contract(shape, k) -> None:
    check_layer(softmax_cross_entropy, normal(*shape, k), seeded().integers(0, k, shape))


def test_squared_error_in_loops() -> None:
    y, t = normal(4, 3), normal(4, 3, seed=1)
    loss, backward = squared_error(y, t)
    assert isinstance(loss, float)
    close(loss, sum(0.5 * sum((y[n, j] - t[n, j]) ** 2 for j in range(3)) for n in range(4)) / 4)
    close(backward(), (y - t) / 4)


def test_cross_entropy_in_loops() -> None:
    x, labels = normal(4, 3), np.array([0, 2, 1, 2])
    loss, backward = softmax_cross_entropy(x, labels)
    p = [[math.exp(x[n, k]) / sum(math.exp(x[n, j]) for j in range(3)) for k in range(3)] for n in range(4)]
    close(loss, -sum(math.log(p[n][labels[n]]) for n in range(4)) / 4)
    dx = backward()
    for n, k in np.ndindex(4, 3):
        close(dx[n, k], (p[n][k] - (k == labels[n])) / 4)


def test_torch() -> None:
    F = pytest.importorskip("torch").nn.functional
    t = normal(4, 3, seed=1)
    agrees_with_torch(squared_error, lambda y, t: 0.5 * ((y - t) ** 2).sum() / 4, normal(4, 3), t)
    agrees_with_torch(softmax_cross_entropy, F.cross_entropy, normal(4, 3), np.array([0, 2, 1, 2]))


def test_cross_entropy_of_large_logits() -> None:
    loss, backward = softmax_cross_entropy(np.array([[1e4, 0.0], [0.0, 1e4]]), np.array([1, 1]))
    assert loss == 5e3
    close(backward(), [[0.5, -0.5], [0, 0]])


def test_labels_of_any_integer_type() -> None:
    x, labels = normal(3, 4), np.array([1, 3, 0])
    for kind in (np.uint8, np.int8, np.int64):
        assert softmax_cross_entropy(x, labels.astype(kind))[0] == softmax_cross_entropy(x, labels)[0]


@pytest.mark.parametrize(
    ("y", "t"),
    [
        (normal(4, 3), normal(4, 1)),
        (normal(4, 3), normal(4, 3).astype(np.float32)),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.zeros((2, 3), int), np.zeros((2, 3), int)),
    ],
)
def test_squared_error_refusals(y, t) -> None:
    with pytest.raises(ValueError, match=r"squared_error: got .* expected"):
        squared_error(y, t)


@pytest.mark.parametrize(
    ("x", "labels"),
    [
        (normal(4, 3), np.zeros(3, int)),
        (normal(4, 3), np.zeros(4)),
        (normal(4, 3), np.zeros((4, 3), int)),
        (np.zeros((0, 3)), np.zeros(0, int)),
        (normal(2, 3), np.array([0, 3])),
        (normal(2, 3), np.array([-1, 0])),
        (np.zeros((2, 3), int), np.array([1, 0])),
        (np.float64(1), np.int64(0)),
    ],
)
def test_cross_entropy_refusals(x, labels) -> None:
    with pytest.raises(ValueError, match=r"softmax_cross_entropy: .* expected"):
        softmax_cross_entropy(x, labels)
