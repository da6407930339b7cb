"""Additive attention: contract over shapes and masks, equations in loops, PyTorch, weights, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import AdditiveAttention, check_layer
from tests.core.helpers import close, data_of, few, normal, seeded
from tests.core.test_attention import Bound, compare_with_torch, given_mask, masks, sizes


@few
@given(st.data(), sizes, sizes, sizes, sizes, sizes)
def test_contract(data, n, T, n_query, n_key, n_hidden) -> None:
    layer = AdditiveAttention(n_query, n_key, n_hidden, rng=seeded())
    mask = data.draw(masks(n, T))
    some = np.broadcast_to(mask[0], (n, T)) if mask else np.ones((n, T), bool)
    idle = some.sum(axis=1).max() < 2  # nowhere a choice between two keys
    no_grad = ("W", "U", "v") if idle else ()
    check_layer(layer, normal(n, n_query), normal(n, T, n_key, seed=1), *mask, no_grad=no_grad)


MASKS = [None, np.array([[True, False, True, True], [True] * 4, [False] * 4])]


@pytest.mark.parametrize("mask", MASKS, ids=["none", "closed row"])
def test_equations_in_loops(mask) -> None:
    layer = AdditiveAttention(3, 2, 5, rng=seeded()).astype(np.float64)
    W, U, v = data_of(layer)
    s, h, dc, dalpha = normal(3, 3), normal(3, 4, 2, seed=1), normal(3, 2, seed=2), normal(3, 4, seed=3)
    (c, alpha), backward = layer(s, h, *given_mask(mask))
    ds, dh, *nothing = backward(dc, dalpha)
    assert nothing == ([] if mask is None else [None])
    c2, alpha2, ds2, dh2 = np.zeros(c.shape), np.zeros(alpha.shape), np.zeros(s.shape), np.zeros(h.shape)
    dW, dU, dv = np.zeros(W.shape), np.zeros(U.shape), np.zeros(v.shape)
    for n in range(3):
        keys = [j for j in range(4) if mask is None or mask[n, j]]
        t = {j: np.tanh(s[n] @ W + h[n, j] @ U) for j in keys}
        e = {j: math.exp(float(t[j] @ v)) for j in keys}
        for j in keys:
            alpha2[n, j] = e[j] / sum(e.values())
            c2[n] += alpha2[n, j] * h[n, j]
            dh2[n, j] += alpha2[n, j] * dc[n]
        for j in keys:
            de = sum(alpha2[n, l] * ((j == l) - alpha2[n, j]) * (dalpha[n, l] + dc[n] @ h[n, l]) for l in keys)
            dz = de * v * (1 - t[j] ** 2)
            dv += de * t[j]
            dW += np.outer(s[n], dz)
            dU += np.outer(h[n, j], dz)
            ds2[n] += W @ dz
            dh2[n, j] += U @ dz
    for ours, expected in zip((c, alpha, ds, dh, *(p.grad for _, p in layer.named_params())),
                              (c2, alpha2, ds2, dh2, dW, dU, dv), strict=True):  # fmt: skip
        close(ours, expected)


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    layer = AdditiveAttention(3, 2, 5, rng=seeded()).astype(np.float64)
    mask = MASKS[1] | np.array([[False], [False], [True]])

    def theirs(s, h, W, U, v):
        e = torch.tanh((s @ W)[:, None] + h @ U) @ v
        alpha = torch.softmax(e.masked_fill(~torch.tensor(mask), -torch.inf), -1)
        return (alpha[:, :, None] * h).sum(1), alpha

    compare_with_torch(Bound(layer, mask), theirs, [normal(3, 3), normal(3, 4, 2, seed=1)], data_of(layer))


def test_weights() -> None:
    """They sum to one, and are uniform for v = 0, where c is the mean of the keys."""
    layer = AdditiveAttention(3, 2, 5, rng=seeded()).astype(np.float64)
    s, h = normal(3, 3), normal(3, 4, 2, seed=1)
    (_, alpha), _ = layer(s, h)
    close(alpha.sum(axis=1), np.ones(3))
    layer.v.data = np.zeros(5)
    (c, alpha), backward = layer(s, h)
    np.testing.assert_array_equal(alpha, np.full((3, 4), 0.25))
    close(c, h.mean(axis=1))
    backward(normal(3, 2))
    assert layer.v.grad.all() and not layer.W.grad.any()


def test_without_a_gradient_for_the_weights() -> None:
    layer = AdditiveAttention(3, 2, 5, rng=seeded()).astype(np.float64)
    s, h, dc = normal(3, 3), normal(3, 4, 2, seed=1), normal(3, 2, seed=2)
    for a, b in zip(layer(s, h)[1](dc), layer(s, h)[1](dc, np.zeros((3, 4))), strict=True):
        np.testing.assert_array_equal(a, b)


def test_of_one_key_of_large_numbers_and_of_no_examples() -> None:
    layer = AdditiveAttention(3, 2, 5, rng=seeded())
    check_layer(layer, normal(3, 3), normal(3, 1, 2, seed=1), no_grad=("W", "U", "v"))
    (c, alpha), backward = layer(np.full((2, 3), 1e4, np.float32), np.full((2, 4, 2), -1e4, np.float32))
    np.testing.assert_allclose(alpha, 0.25)
    np.testing.assert_allclose(c, -1e4)
    assert all(np.isfinite(d).all() for d in backward(c, alpha))
    (c, alpha), backward = layer(np.zeros((0, 3), np.float32), np.zeros((0, 4, 2), np.float32))
    assert c.shape == (0, 2) and alpha.shape == (0, 4)
    assert [d.shape for d in backward(c, alpha)] == [(0, 3), (0, 4, 2)]


def test_refusals() -> None:
    layer = AdditiveAttention(3, 2, 5, rng=seeded())
    s, h = np.zeros((2, 3), np.float32), np.zeros((2, 4, 2), np.float32)
    for bad in ((s[:1], h), (s[:, :2], h), (s, h[0]), (s, h[:, :, :1]), (s.astype(np.float64), h), (s[0], h)):
        with pytest.raises(ValueError, match=r"AdditiveAttention: got .* expected \(N, 3\) and \(N, T, 2\) of float32"):
            layer(*bad)
    for mask in (np.ones((2, 4)), np.ones((2, 3), bool), np.ones((2, 1, 4), bool)):
        with pytest.raises(ValueError, match=r"AdditiveAttention: got as mask .* expected booleans"):
            layer(s, h, mask)
    for numbers in ((0, 2, 5), (3, 0, 5), (3, 2, 0)):
        with pytest.raises(ValueError, match=r"AdditiveAttention: n_.* is 0"):
            AdditiveAttention(*numbers, rng=seeded())
