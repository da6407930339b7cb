"""Losses: contract, equations in plain loops, PyTorch, large logits, refusals."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import (
    binary_cross_entropy,
    check_layer,
    gaussian_kl,
    gaussian_nll,
    huber,
    kl_divergence,
    mae,
    mse,
    softmax_cross_entropy,
    squared_error,
)
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


def test_smoothing_ignoring_and_weights_in_loops() -> None:
    x, labels, c = normal(5, 3), np.array([0, 2, 1, 2, 1]), np.array([0.5, 1.0, 3.0])
    loss, _ = softmax_cross_entropy(x, labels, smoothing=0.2, ignore=1, weights=c)
    p = [[math.exp(x[n, k]) / sum(math.exp(x[n, j]) for j in range(3)) for k in range(3)] for n in range(5)]
    total = weight = 0.0
    for n in (0, 1, 3):
        target = [0.2 / 3 * c[k] + (0.8 * c[k] if k == labels[n] else 0) for k in range(3)]
        total -= sum(target[k] * math.log(p[n][k]) for k in range(3))
        weight += c[labels[n]]
    close(loss, total / weight)


@few
@given(shapes, st.integers(2, 5), st.sampled_from([0.0, 0.1]), st.sampled_from([None, 0, -1]), st.booleans())
def test_cross_entropy_contract_with_everything(shape, k, smoothing, ignore, weighted) -> None:
    labels = seeded().integers(0, k, shape)
    weights = np.abs(normal(k, seed=3)) if weighted else None
    loss = partial(softmax_cross_entropy, smoothing=smoothing, ignore=ignore, weights=weights)
    check_layer(loss, normal(*shape, k), labels)


@few
@given(shapes)
def test_contracts(shape) -> None:
    y, t = normal(*shape), normal(*shape, seed=1)
    for loss in (mse, mae, huber, partial(huber, delta=0.3)):
        check_layer(loss, y, t)
    check_layer(binary_cross_entropy, 3 * y, np.clip(np.abs(t), 0, 1))
    check_layer(kl_divergence, y, np.abs(t))
    check_layer(gaussian_nll, normal(*shape, 4), normal(*shape, 2, seed=1))
    check_layer(gaussian_kl, normal(*shape, 4))


def test_all_labels_ignored_is_no_loss() -> None:
    loss, backward = softmax_cross_entropy(normal(3, 4), np.array([9, 9, 9]), ignore=9)
    assert loss == 0 and not backward().any()


def test_torch() -> None:
    F = pytest.importorskip("torch").nn.functional
    torch = pytest.importorskip("torch")
    y, t, labels = normal(6, 3), normal(6, 3, seed=1), np.array([0, 2, 1, 2, 1, 0])
    agrees_with_torch(squared_error, lambda y, t: 0.5 * ((y - t) ** 2).sum() / 6, y, t)
    agrees_with_torch(mse, F.mse_loss, y, t)
    agrees_with_torch(mae, F.l1_loss, y, t)
    agrees_with_torch(partial(huber, delta=0.5), partial(F.huber_loss, delta=0.5), y, t)
    agrees_with_torch(softmax_cross_entropy, F.cross_entropy, y, labels)
    c = np.array([0.5, 1.0, 3.0])
    settings = {"label_smoothing": 0.2, "ignore_index": 1, "weight": torch.tensor(c)}
    ours = partial(softmax_cross_entropy, smoothing=0.2, ignore=1, weights=c)
    agrees_with_torch(ours, partial(F.cross_entropy, **settings), y, labels)
    p = np.abs(t) / np.abs(t).sum(axis=1, keepdims=True)
    agrees_with_torch(binary_cross_entropy, F.binary_cross_entropy_with_logits, y, p)
    agrees_with_torch(kl_divergence, lambda y, p: F.kl_div(F.log_softmax(y, dim=1), p, reduction="batchmean"), y, p)

    def nll(y, t):  # PyTorch takes the variance, and leaves out the constant unless asked
        return F.gaussian_nll_loss(y[:, :3], t, y[:, 3:].exp(), full=True, reduction="sum") / 6

    agrees_with_torch(gaussian_nll, nll, normal(6, 6), t)

    def kl(y):
        distributions = torch.distributions
        ours = distributions.Normal(y[:, :3], (y[:, 3:] / 2).exp())
        return distributions.kl_divergence(ours, distributions.Normal(0.0, 1.0)).sum() / 6

    agrees_with_torch(gaussian_kl, kl, normal(6, 6))


def test_extreme_logits() -> None:
    x = np.array([[1e4, -1e4]])
    for t in ([[1.0, 0.0]], [[0.0, 1.0]]):
        for loss in (binary_cross_entropy, kl_divergence):
            value, backward = loss(x, np.array(t))
            assert np.isfinite(value) and value >= 0 and np.isfinite(backward()).all()
    assert binary_cross_entropy(x, np.array([[1.0, 0.0]]))[0] == 0
    close(kl_divergence(normal(2, 3), np.exp(normal(2, 3)) / np.exp(normal(2, 3)).sum(axis=1, keepdims=True))[0], 0)


@pytest.mark.parametrize("loss", [squared_error, mse, mae, huber, binary_cross_entropy, kl_divergence])
def test_float32_stays_float32(loss) -> None:
    y, t = np.float32(normal(3, 4)), np.float32(np.abs(normal(3, 4, seed=1)) / 4)
    assert loss(y, t)[1]().dtype == np.float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: binary_cross_entropy(normal(2, 3), np.full((2, 3), 1.5)), "targets run from 1.5 to 1.5"),
        (lambda: kl_divergence(normal(2, 3), np.full((2, 3), -0.1)), "the smallest target is -0.1"),
        (lambda: gaussian_nll(normal(2, 5), normal(2, 2)), r"gaussian_nll: .* expected \(N, \.\.\., 2 D\)"),
        (lambda: gaussian_kl(normal(2, 3)), "gaussian_kl"),
        (lambda: huber(normal(2, 3), normal(2, 3), -1.0), "huber: delta is -1"),
        (lambda: mse(normal(2, 3), normal(3, 2)), "mse: got"),
        (lambda: softmax_cross_entropy(normal(2, 3), np.array([0, 1]), weights=np.ones(2)), "expected 3 numbers"),
        (lambda: softmax_cross_entropy(normal(2, 3), np.array([0, 1]), smoothing=-1), "smoothing is -1"),
    ],
)
def test_other_refusals(call, words) -> None:
    with pytest.raises(ValueError, match=words):
        call()


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
