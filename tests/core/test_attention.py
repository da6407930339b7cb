"""Attention and heads: contract over shapes and masks, loops, PyTorch, what masks promise, blocks, refusals."""

import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Array, Layer, Sequential, check_layer
from core.attention import MultiHeadAttention, attention, causal_mask, padding_mask
from core.watch import watch
from tests.core.helpers import close, data_of, few, normal, seeded

sizes = st.integers(1, 4)
MASKS = {
    "none": None,
    "causal": np.tri(4, 5, dtype=bool),
    "padding": np.array([[[True, True, False, False, True]], [[True] * 5]]),
    "any": seeded(3).random((2, 4, 5)) < 0.5,
    "closed rows": np.arange(40).reshape(2, 4, 5) % 7 > np.array([0, 9, 3, 9])[:, None],
}
with_masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def given_mask(mask: Array | None) -> tuple[Array, ...]:
    return () if mask is None else (mask,)


@st.composite
def masks(draw: st.DrawFn, *shape: int) -> tuple[Array, ...]:
    """No mask, or one that broadcasts to the shape, open with probability 0, 0.5 or 1: often with closed rows."""
    if draw(st.booleans()):
        return ()
    axes = [draw(st.sampled_from([1, n])) for n in shape[draw(st.integers(0, len(shape) - 1)) :]]
    share = draw(st.sampled_from([0.0, 0.5, 0.5, 0.8, 1.0]))
    return (seeded(draw(st.integers(0, 99))).random(axes) < share,)


# attention


@few
@given(st.data(), st.lists(st.integers(1, 3), max_size=2), sizes, sizes, sizes, sizes)
def test_contract(data, leading, T, S, d, d_v) -> None:
    mask = data.draw(masks(*leading, T, S))
    check_layer(
        attention, normal(*leading, T, d), normal(*leading, S, d, seed=1), normal(*leading, S, d_v, seed=2), *mask
    )


def test_contract_of_an_empty_sequence_of_keys_and_of_no_examples() -> None:
    y, backward = attention(normal(2, 3, 4), normal(2, 0, 4), normal(2, 0, 5))
    np.testing.assert_array_equal(y, np.zeros((2, 3, 5)))
    assert [d.shape for d in backward(y)] == [(2, 3, 4), (2, 0, 4), (2, 0, 5)]
    for leading in ((0,), (0, 2), (2, 0)):
        y, backward = attention(np.zeros((*leading, 3, 4)), np.zeros((*leading, 5, 4)), np.zeros((*leading, 5, 6)))
        assert y.shape == (*leading, 3, 6)
        assert [d.shape for d in backward(y)] == [(*leading, 3, 4), (*leading, 5, 4), (*leading, 5, 6)]


def loops(q: Array, k: Array, v: Array, mask: Array | None, dy: Array) -> tuple[Array, Array, Array, Array]:
    """y, dq, dk and dv for matrices, one number at a time."""
    (T, d), (S, d_v) = q.shape, v.shape
    y, dq, dk, dv = np.zeros((T, d_v)), np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    for i in range(T):
        open_keys = [j for j in range(S) if mask is None or mask[i, j]]
        e = {j: math.exp(sum(q[i, a] * k[j, a] for a in range(d)) / math.sqrt(d)) for j in open_keys}
        P = {j: e[j] / sum(e.values()) for j in open_keys}
        for j in open_keys:
            for c in range(d_v):
                y[i, c] += P[j] * v[j, c]
                dv[j, c] += P[j] * dy[i, c]
        for j in open_keys:
            dS = 0.0
            for l in open_keys:
                dP = sum(dy[i, c] * v[l, c] for c in range(d_v))
                dS += dP * P[l] * ((j == l) - P[j])
            for a in range(d):
                dq[i, a] += dS * k[j, a] / math.sqrt(d)
                dk[j, a] += dS * q[i, a] / math.sqrt(d)
    return y, dq, dk, dv


@with_masks
def test_equations_in_loops(mask) -> None:
    q, k, v, dy = normal(2, 4, 3), normal(2, 5, 3, seed=1), normal(2, 5, 6, seed=2), normal(2, 4, 6, seed=3)
    y, backward = attention(q, k, v, mask)
    dq, dk, dv, *nothing = backward(dy)
    assert nothing == ([] if mask is None else [None])
    for n in range(2):
        each = None if mask is None else np.broadcast_to(mask, (2, 4, 5))[n]
        for ours, expected in zip((y, dq, dk, dv), loops(q[n], k[n], v[n], each, dy[n]), strict=True):
            close(ours[n], expected)


def compare_with_torch(ours, theirs, inputs: list[Array], params: list[Array]) -> None:
    """Outputs, and the gradients of inputs and Params, for `theirs` a function of all of these as tensors."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(x, requires_grad=True) for x in [*inputs, *params]]
    outputs, backward = ours(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    expected = theirs(*tensors)
    expected = expected if isinstance(expected, tuple) else (expected,)
    dys = [normal(*y.shape, seed=9 + n) for n, y in enumerate(outputs)]
    for y, other in zip(outputs, expected, strict=True):
        close(y, other.detach().numpy())
    torch.autograd.backward(expected, [torch.tensor(dy) for dy in dys])
    gradients = [dx for dx in backward(*dys) if dx is not None]
    if isinstance(ours, Bound):
        gradients += [p.grad for _, p in ours.layer.named_params()]
    for gradient, tensor in zip(gradients, tensors, strict=True):
        close(gradient, tensor.grad.numpy())


class Bound:
    """A layer with its mask."""

    def __init__(self, layer: Layer, mask: Array | None) -> None:
        self.layer, self.mask = layer, mask

    def __call__(self, *inputs: Array):
        return self.layer(*inputs, *given_mask(self.mask))


@with_masks
@pytest.mark.parametrize("heads", [(), (3,)])
def test_torch(mask, heads) -> None:
    torch = pytest.importorskip("torch")
    if mask is not None:
        mask = mask | ~mask.any(axis=-1, keepdims=True)  # PyTorch defines no closed rows
        mask = mask.reshape(-1, *[1] * len(heads), *mask.shape[-2:]) if mask.ndim == 3 else mask
    q, k, v = normal(2, *heads, 4, 3), normal(2, *heads, 5, 3, seed=1), normal(2, *heads, 5, 6, seed=2)

    def theirs(q, k, v):
        other = None if mask is None else torch.tensor(mask)
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, other)

    compare_with_torch(lambda q, k, v: attention(q, k, v, mask), theirs, [q, k, v], [])


@with_masks
def test_float32_is_float64_rounded(mask) -> None:
    """To 2e-6 of the largest value: a few roundings."""
    arrays = [normal(2, 4, 3), normal(2, 5, 3, seed=1), normal(2, 5, 6, seed=2), normal(2, 4, 6, seed=3)]
    results = []
    for dtype in (np.float64, np.float32):
        q, k, v, dy = (a.astype(dtype) for a in arrays)
        y, backward = attention(q, k, v, mask)
        results.append([y, *backward(dy)[:3]])
    for exact, single in zip(*results, strict=True):
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, exact, rtol=0, atol=2e-6 * np.abs(exact).max())


def test_the_weights_are_the_output_for_unit_values() -> None:
    q, k = normal(2, 4, 3), normal(2, 5, 3, seed=1)
    P, _ = attention(q, k, np.broadcast_to(np.eye(5), (2, 5, 5)), causal_mask(5)[:4])
    close(P.sum(axis=-1), np.ones((2, 4)))
    assert not P[:, ~causal_mask(5)[:4]].any() and (P[:, causal_mask(5)[:4]] > 0).all()


def test_queries_that_may_attend_to_nothing() -> None:
    q, k, v, dy = normal(2, 4, 3), normal(2, 5, 3, seed=1), normal(2, 5, 6, seed=2), normal(2, 4, 6, seed=3)
    mask = np.ones((2, 4, 5), bool)
    mask[0, 1], mask[1] = False, False
    y, backward = attention(q, k, v, mask)
    dq, dk, dv, _ = backward(dy)
    for array in (y, dq):
        assert not array[0, 1].any() and not array[1].any()
        assert array[0, 0].all()
    assert not dk[1].any() and not dv[1].any()
    others = np.delete(np.arange(4), 1)
    expected, backward = attention(q[:1, others], k[:1], v[:1])  # as if the query were not there
    close(y[:1, others], expected)
    for ours, theirs in zip((dq[:1, others], dk[:1], dv[:1]), backward(dy[:1, others]), strict=True):
        close(ours, theirs)


def test_masked_keys_have_no_part() -> None:
    """Not to the last bit, in outputs and gradients, whatever (finite) numbers they hold."""
    q, k, v, dy = normal(2, 4, 3), normal(2, 5, 3, seed=1), normal(2, 5, 6, seed=2), normal(2, 4, 6, seed=3)
    mask = padding_mask(np.array([3, 5]), 5)
    y, backward = attention(q, k, v, mask)
    k2, v2 = k.copy(), v.copy()
    k2[0, 3:], v2[0, 3:] = 1e4, -1e4
    y2, backward2 = attention(q, k2, v2, mask)
    np.testing.assert_array_equal(y, y2)
    (dq, dk, dv, _), (dq2, dk2, dv2, _) = backward(dy), backward2(dy)
    for a, b in ((dq, dq2), (dk, dk2), (dv, dv2)):
        np.testing.assert_array_equal(a, b)
    assert not dk[0, 3:].any() and not dv[0, 3:].any()


def test_causality() -> None:
    """Output t does not depend on inputs after t."""
    x = normal(2, 6, 4)
    y, _ = attention(x, x, x, causal_mask(6))
    later = x.copy()
    later[:, 4:] = normal(2, 2, 4, seed=1)
    np.testing.assert_array_equal(attention(later, later, later, causal_mask(6))[0][:, :4], y[:, :4])
    close(y[:, 0], x[:, 0])  # the first can attend to itself alone


def test_masks() -> None:
    np.testing.assert_array_equal(causal_mask(3), [[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    np.testing.assert_array_equal(padding_mask(np.array([0, 2]), 3), [[[0, 0, 0]], [[1, 1, 0]]])
    assert (causal_mask(3) & padding_mask(np.array([0, 2]), 3)).shape == (2, 3, 3)
    assert causal_mask(1).dtype == padding_mask(np.array([1]), 1).dtype == bool


def test_without_positions_order_means_nothing() -> None:
    """Keys and their values in another order: the same. Queries in another order: the outputs follow."""
    q, k, v, order = normal(4, 3), normal(5, 3, seed=1), normal(5, 2, seed=2), np.array([3, 0, 4, 2, 1])
    y, _ = attention(q, k, v)
    close(attention(q, k[order], v[order])[0], y)
    close(attention(q[[2, 0, 3, 1]], k, v)[0], y[[2, 0, 3, 1]])


def test_a_bias_of_the_keys_changes_nothing() -> None:
    """softmax ignores q b, which is the same for all keys: dk sums to zero over the keys, for each query and mask."""
    q, k, v, b = normal(2, 4, 3), normal(2, 5, 3, seed=1), normal(2, 5, 6, seed=2), normal(3, seed=3)
    y, backward = attention(q, k, v, MASKS["any"])
    close(attention(q, k + b, v, MASKS["any"])[0], y)
    close(backward(normal(2, 4, 6))[1].sum(axis=1), np.zeros((2, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores(dtype) -> None:
    """Scores of +-1e4 and beyond: all weight on one key, or shared between equal ones, and nothing overflows."""
    q = np.array([[1e4, 0], [-1e4, 0], [0, 1e4]], dtype)
    k = np.array([[math.sqrt(2), 0], [-math.sqrt(2), 0], [-math.sqrt(2), 0]], dtype)
    v = np.array([[1, 0], [0, 1], [0, 3]], dtype)
    y, backward = attention(q, k, v)
    np.testing.assert_allclose(y, [[1, 0], [0, 2], [1 / 3, 4 / 3]], rtol=1e-6)
    assert all(np.isfinite(d).all() for d in backward(np.ones_like(y)))
    y, backward = attention(q, k, v, np.array([False, True, True]))
    np.testing.assert_allclose(y, [[0, 2], [0, 2], [0, 2]], rtol=1e-6)
    assert all(np.isfinite(d).all() for d in backward(np.ones_like(y))[:3])


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (2, 3, 2)])
def test_blocks_are_seamless(shape, monkeypatch) -> None:
    q, k, v = normal(*shape, 4, 3), normal(*shape, 5, 3, seed=1), normal(*shape, 5, 6, seed=2)
    dy, mask = normal(*shape, 4, 6, seed=3), seeded(4).random((*shape, 4, 5)) < 0.7
    y, backward = attention(q, k, v, mask)
    expected = y, *backward(dy)[:3]
    module = importlib.import_module("core.attention")
    for block_bytes, rows in itertools.product((1, 160, 320, 500), (1, 3, 4)):  # a matrix of scores has 160 bytes
        monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
        monkeypatch.setattr(module, "ROWS", rows)
        y, backward = attention(q, k, v, mask)
        for a, b in zip((y, *backward(dy)[:3]), expected, strict=True):
            close(a, b)


def test_keys_that_no_query_needs_are_not_looked_at(monkeypatch) -> None:
    """Under a causal mask, those after the last query of a block; whatever is there, even what is not finite."""
    monkeypatch.setattr(importlib.import_module("core.attention"), "ROWS", 2)
    q, k, v = normal(2, 4, 3), normal(2, 6, 3, seed=1), normal(2, 6, 5, seed=2)
    expected, expected_backward = attention(q, k[:, :4], v[:, :4], causal_mask(4))
    k[:, 4:], v[:, 4:] = np.nan, np.inf
    y, backward = attention(q, k, v, np.tri(4, 6, dtype=bool))
    close(y, expected)
    dq, dk, dv, _ = backward(y)
    for ours, theirs in zip((dq, dk[:, :4], dv[:, :4]), expected_backward(y), strict=False):
        close(ours, theirs)
    assert not dk[:, 4:].any() and not dv[:, 4:].any()


def test_heads_that_lie_side_by_side_leave_side_by_side() -> None:
    """(N, T, H, d) seen as (N, H, T, d): no copy on the way in, nor on the way out."""
    q, k, v = (normal(2, 5, 3, 4, seed=n).swapaxes(1, 2) for n in range(3))
    y, backward = attention(q, k, v)
    found = (y, *backward(y))
    for array in found:
        assert array.swapaxes(1, 2).flags.c_contiguous
    expected, expected_backward = attention(q.copy(), k.copy(), v.copy())
    for a, b in zip(found, (expected, *expected_backward(expected)), strict=True):
        close(a, b)


def test_refusals() -> None:
    q, k, v = np.zeros((2, 4, 3)), np.zeros((2, 5, 3)), np.zeros((2, 5, 6))
    for bad in (
        (q[:1], k, v),
        (q[:, :, :2], k, v),
        (q, k[:, :4], v),
        (q, k, v[:1]),
        (q.astype(np.float32), k, v),
        (q.astype(int), k.astype(int), v.astype(int)),
        (q[0, 0], k[0, 0], v[0, 0]),
        (np.zeros(()), k, v),
    ):
        with pytest.raises(ValueError, match=r"attention: got .* expected (floats|an array of a floating type)"):
            attention(*bad)
    for mask in (np.ones((4, 5)), np.ones((4, 4), bool), np.ones((3, 4, 5), bool), np.ones((1, 2, 4, 5), bool)):
        with pytest.raises(
            ValueError, match=r"attention: got as mask .* expected booleans that broadcast to \(2, 4, 5\)"
        ):
            attention(q, k, v, mask)
    with pytest.raises(ValueError, match="causal_mask: length is 0"):
        causal_mask(0)
    with pytest.raises(ValueError, match="padding_mask: length is 0"):
        padding_mask(np.array([1]), 0)


# Multi-head attention


@few
@given(st.data(), sizes, sizes, st.integers(2, 4), st.integers(1, 3), st.integers(1, 3))
def test_multi_head_contract(data, n, T, S, heads, d) -> None:
    layer = MultiHeadAttention(heads * d, heads, rng=seeded())
    mask = data.draw(masks(n, T, S))
    alone = [m for m in mask if np.broadcast_to(m, (n, T, S)).sum(axis=2).max() < 2]  # then all scores are idle,
    closed = [m for m in mask if not m.any()]  # or everything is
    no_grad = ("W_q", "W_k", "W_v", "W_o") if closed else ("W_q", "W_k") if alone else ()
    inputs = normal(n, T, heads * d), normal(n, S, heads * d, seed=1), normal(n, S, heads * d, seed=2)
    check_layer(layer, *inputs, *mask, no_grad=no_grad)


def test_one_time_step() -> None:
    """One key has all the weight: y = value W_v W_o, and no gradient for W_q and W_k."""
    layer = MultiHeadAttention(6, 2, rng=seeded())
    x = normal(3, 1, 6)
    check_layer(layer, x, x, x, no_grad=("W_q", "W_k"))
    check_layer(layer, x, x, x, causal_mask(1), no_grad=("W_q", "W_k"))
    layer.astype(np.float64)
    close(layer(x, x, x)[0], x @ layer.W_v.data @ layer.W_o.data)


@with_masks
def test_multi_head_torch(mask) -> None:
    torch = pytest.importorskip("torch")
    if mask is not None:
        mask = mask | ~mask.any(axis=-1, keepdims=True)  # PyTorch defines no closed rows
    layer = MultiHeadAttention(6, 2, rng=seeded()).astype(np.float64)

    def theirs(query, key, value, W_q, W_k, W_v, W_o):
        other = None if mask is None else ~torch.tensor(mask)  # there, True may NOT attend
        if other is not None and other.ndim == 3:
            other = other.expand(2, 4, 5).repeat_interleave(2, dim=0)
        y, _ = torch.nn.functional.multi_head_attention_forward(
            *(x.transpose(0, 1) for x in (query, key, value)), 6, 2, torch.cat([W_q.T, W_k.T, W_v.T]), None, None, None,
            False, 0.0, W_o.T, None, attn_mask=other, need_weights=False,
        )  # fmt: skip
        return y.transpose(0, 1)

    inputs = [normal(2, 4, 6), normal(2, 5, 6, seed=1), normal(2, 5, 6, seed=2)]
    compare_with_torch(Bound(layer, mask), theirs, inputs, data_of(layer))


@with_masks
def test_multi_head_in_loops(mask) -> None:
    """Head by head, each with its own columns of the matrices and its own rows of W_o."""
    layer = MultiHeadAttention(6, 3, rng=seeded()).astype(np.float64)
    query, key, value, dy = normal(2, 4, 6), normal(2, 5, 6, seed=1), normal(2, 5, 6, seed=2), normal(2, 4, 6, seed=3)
    y, backward = layer(query, key, value, *given_mask(mask))
    inputs = backward(dy)[:3]
    expected = {name: np.zeros((6, 6)) for name in ("W_q", "W_k", "W_v", "W_o")}
    y2, dquery, dkey, dvalue = np.zeros(y.shape), np.zeros(query.shape), np.zeros(key.shape), np.zeros(value.shape)
    W_q, W_k, W_v, W_o = data_of(layer)
    for n in range(2):
        each = None if mask is None else np.broadcast_to(mask, (2, 4, 5))[n]
        for head in range(3):
            c = slice(2 * head, 2 * head + 2)
            dh = dy[n] @ W_o[c].T
            h, dq, dk, dv = loops(query[n] @ W_q[:, c], key[n] @ W_k[:, c], value[n] @ W_v[:, c], each, dh)
            y2[n] += h @ W_o[c]
            expected["W_o"][c] += h.T @ dy[n]
            for name, x, dp, dx, W in (
                ("W_q", query, dq, dquery, W_q),
                ("W_k", key, dk, dkey, W_k),
                ("W_v", value, dv, dvalue, W_v),
            ):
                expected[name][:, c] += x[n].T @ dp
                dx[n] += dp @ W[:, c].T
    close(y, y2)
    for ours, other in zip(inputs, (dquery, dkey, dvalue), strict=True):
        close(ours, other)
    for name, p in layer.named_params():
        close(p.grad, expected[name])


def test_multi_head_masks_may_differ_by_head() -> None:
    layer, x = MultiHeadAttention(6, 2, rng=seeded()).astype(np.float64), normal(2, 3, 6)
    mask = seeded(1).random((2, 2, 3, 3)) < 0.7
    check_layer(layer, x, x, x, mask)
    same = mask[:, :1] & np.ones((2, 2, 1, 1), bool)
    np.testing.assert_array_equal(layer(x, x, x, same)[0], layer(x, x, x, mask[:, 0])[0])


def test_a_shared_layer_and_observation() -> None:
    """Used twice in one forward, and watched, with a mask."""

    class Twice(Layer):
        def __init__(self) -> None:
            self.attention = MultiHeadAttention(4, 2, rng=seeded())

        def __call__(self, x, mask):
            h, backward_first = self.attention(x, x, x, mask)
            y, backward_second = self.attention(h, x, h, mask)

            def backward(dy):
                dh, dx, dh_too, _ = backward_second(dy)
                a, b, c, _ = backward_first(dh + dh_too)
                return dx + a + b + c, None

            return y, backward

    model, x = Twice(), normal(2, 3, 4)
    check_layer(model, x, causal_mask(3))
    seen: list[str] = []

    def visit(path, *of):
        seen.append(path)
        return of[-1]

    watch(model.astype(np.float64), visit)(x, causal_mask(3))
    assert seen == ["attention", "attention", ""]


def test_multi_head_empty_batch() -> None:
    layer = MultiHeadAttention(6, 2, rng=seeded())
    x = np.zeros((0, 3, 6), np.float32)
    y, backward = layer(x, x, x, causal_mask(3))
    assert y.shape == backward(y)[0].shape == (0, 3, 6)
    assert not layer.W_o.grad.any()


def test_multi_head_counts() -> None:
    """4 n^2 for each position, and two T x T x n products: Vaswani et al. 2017, table 1, plus the projections."""
    layer = MultiHeadAttention(8, 2, rng=seeded())
    assert sum(p.data.size for _, p in layer.named_params()) == 4 * 64
    assert layer.multiply_adds((1, 5, 8), (1, 5, 8), (1, 5, 8)) == 5 * 4 * 64 + 2 * 5 * 5 * 8


def test_multi_head_refusals() -> None:
    x = np.zeros((2, 3, 6), np.float32)
    layer = MultiHeadAttention(6, 2, rng=seeded())
    for bad in ((x[0], x, x), (x, x[:, :, :5], x), (x, x, x.astype(np.float64))):
        with pytest.raises(ValueError, match=r"MultiHeadAttention\(6\): got .* expected \(N, T, 6\) and float32"):
            layer(*bad)
    for bad in ((x, x, x[:, :2]), (x[:1], x, x)):
        with pytest.raises(ValueError, match=r"MultiHeadAttention\(6\): got .* expected one N, and one S"):
            layer(*bad)
    for mask in (np.ones((3, 2), bool), np.ones((3, 3, 3), bool), np.ones((3, 3))):
        with pytest.raises(ValueError, match=r"MultiHeadAttention: got as mask .* expected booleans"):
            layer(x, x, x, mask)
    with pytest.raises(ValueError, match="MultiHeadAttention: n_dim is 6, expected a multiple of n_heads, 4"):
        MultiHeadAttention(6, 4, rng=seeded())
    for arguments in ((0, 1), (6, 0)):
        with pytest.raises(ValueError, match=r"MultiHeadAttention: n_.* is 0"):
            MultiHeadAttention(*arguments, rng=seeded())
    with pytest.raises(ValueError, match="MultiHeadAttention: rng is 1"):
        MultiHeadAttention(6, 2, rng=1)  # type: ignore[arg-type]


def self_attention(x: Array):
    y, backward_attention = attention(x, x, x)
    return y, lambda dy: sum(backward_attention(dy))


def test_in_a_container() -> None:
    """A plain function of one input, in which x has three uses."""
    check_layer(Sequential(self_attention), normal(2, 3, 4))
