r"""Attention: for each query, a mean of values, weighted by how well their keys fit.

A *mask* is a boolean array, True where a query may attend to a key. What is masked has weight zero and gradient zero
(but must be finite); a query that may attend to nothing gets zeros. Results mirror inputs: a backward returns None for
a mask that was passed.
"""

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from core.dense import product, rows
from core.guard import describe, generator, whole
from core.init import Init, lecun_normal
from core.law import lawful
from core.layer import Array, Backward, Layer, Param

Index: TypeAlias = tuple[Any, ...]
BLOCK_BYTES = 1 << 19  # of scores worked on at a time: they stay in a core's second-level cache
ROWS = 64  # queries worked on at a time


def causal_mask(length: int) -> Array:
    """(length, length): position t may attend to positions 0 ... t."""
    return np.tri(whole("causal_mask", "length", length), dtype=bool)


def padding_mask(lengths: Array, length: int) -> Array:
    """(N, 1, length): every query of sequence n may attend to its first lengths[n] keys. Combine masks with &."""
    mask: Array = np.arange(whole("padding_mask", "length", length)) < lengths[:, None, None]
    return mask


@lawful
def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Backward]:
    r"""Scaled dot-product attention, y = softmax(q k^T / sqrt(d)) v.

    $$S = q k^T / \sqrt d \qquad P_{ij} = e^{S_{ij}} \Big/ \sum_l e^{S_{il}} \qquad y = P v$$

    with the sum over the keys l that query i may attend to, and P = 0 for the others. With dP = dy v^T,

    $$dv = P^T dy \qquad dS_{ij} = P_{ij} (dP_{ij} - D_i) \qquad dq = dS\,k / \sqrt d \qquad dk = dS^T q / \sqrt d$$

    where \(D_i = \sum_l dP_{il} P_{il} = dy_i \cdot \sum_l P_{il} v_l = dy_i \cdot y_i\) needs no T x S numbers.

    Shapes: q (..., T, d), k (..., S, d), v (..., S, d_v), y (..., T, d_v); the mask broadcasts to (..., T, S).
    `backward(dy)` returns (dq, dk, dv), and None for a mask. For v the unit matrix, y is P.

    Kept for backward: q, k, v, y and P. Raises ValueError for shapes or types that do not fit. Source: Vaswani et al.
    2017, equation 1. Differences: a query that may attend to nothing is defined.
    """
    leading, d, keys = q.shape[:-2], q.shape[-1:], k.shape[-2:-1]
    fits = min(q.ndim, k.ndim, v.ndim) > 1 and k.shape == leading + keys + d and v.shape[:-1] == leading + keys
    if not fits or not q.dtype == k.dtype == v.dtype or q.dtype.kind != "f":
        got = ", ".join(map(describe, (q, k, v)))
        raise ValueError(f"attention: got {got}, expected floats (..., T, d), (..., S, d), (..., S, d_v) of one type")
    scores = np.broadcast_to(np.zeros((), q.dtype), q.shape[:-1] + keys)  # (..., T, S), but no memory for them
    to_add = penalty("attention", mask, scores)
    scale = 1 / math.sqrt(q.shape[-1])
    q = q * scale  # smaller than S
    y = np.empty_like(q, shape=q.shape[:-1] + v.shape[-1:])  # in memory as q: heads that lay side by side still do
    kept: list[tuple[Index, Index, Array]] = []
    for i, j, ij in _blocks(scores, mask):
        P = q[i] @ k[j].swapaxes(-1, -2)
        become_softmax(P, None if to_add is None else to_add[ij])
        np.matmul(P, v[j], out=y[i])
        kept.append((i, j, P))

    def backward(dy: Array) -> tuple[Any, ...]:
        dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
        D = np.vecdot(dy, y)[..., None]  # (..., T, 1)
        for i, j, P in kept:
            dv[j] += P.swapaxes(-1, -2) @ dy[i]  # y = P v: dv = P^T dy
            dS = dy[i] @ v[j].swapaxes(-1, -2)  # y = P v: dP = dy v^T
            dS -= D[i]
            dS *= P  # P = softmax(S): dS = P (dP - D)
            dk[j] += dS.swapaxes(-1, -2) @ q[i]  # S = q k^T, with q / sqrt(d) for q: dk = dS^T q
            np.matmul(dS, k[j], out=dq[i])  # likewise: dq = dS k
        dq *= scale  # q / sqrt(d)
        return (dq, dk, dv) if mask is None else (dq, dk, dv, None)

    return y, backward


class MultiHeadAttention(Layer):
    r"""Attention in n_heads subspaces: y from (query, key, value[, mask]); (x, x, x) for self-attention.

    $$y = [\ldots, h_i, \ldots]\,W_o \qquad
      h_i = \mathrm{attention}(\mathrm{query}\,W_{q,i},\; \mathrm{key}\,W_{k,i},\; \mathrm{value}\,W_{v,i})$$

    where head i has the columns i d to (i + 1) d of these matrices, d = n_dim / n_heads.

    Shapes: query and y (N, T, n_dim), key and value (N, S, n_dim), all W (n_dim, n_dim), drawn by `init`; the mask
    broadcasts to (N, T, S), or with four axes to (N, n_heads, T, S). `backward(dy)` returns (dquery, dkey, dvalue), and
    None for a mask.

    Kept for backward: the inputs, [h], the W, and what `attention` keeps. Raises ValueError for sizes below 1, n_heads
    that do not divide n_dim, and shapes or types that do not fit. Source: Vaswani et al. 2017, section 3.2.2.
    Differences: none; as in its equations, there are no biases. (A bias b of the keys would add q b to every score of a
    query, which softmax ignores: its gradient is zero. One of the values would add a constant to y.)
    """

    def __init__(self, n_dim: int, n_heads: int, *, rng: np.random.Generator, init: Init = lecun_normal) -> None:
        name = "MultiHeadAttention"
        self.n_heads = whole(name, "n_heads", n_heads)
        if whole(name, "n_dim", n_dim) % n_heads:
            raise ValueError(f"{name}: n_dim is {n_dim}, expected a multiple of n_heads, {n_heads}")
        draws = (init(generator(name, rng), (n_dim, n_dim), n_dim, n_dim) for _ in range(4))
        self.W_q, self.W_k, self.W_v, self.W_o = map(Param, draws)

    def __call__(self, query: Array, key: Array, value: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        W_q, W_k, W_v, W_o = self.W_q.data, self.W_k.data, self.W_v.data, self.W_o.data
        for x in (query, key, value):
            if x.ndim != 3 or x.shape[2] != len(W_o) or x.dtype != W_o.dtype:
                expected = f"(N, T, {len(W_o)}) and {W_o.dtype}"
                raise ValueError(f"MultiHeadAttention({len(W_o)}): got {describe(x)}, expected {expected}")
        if len(query) != len(key) or key.shape != value.shape:
            got = ", ".join(map(describe, (query, key, value)))
            raise ValueError(f"MultiHeadAttention({len(W_o)}): got {got}, expected one N, and one S")
        if mask is not None:
            N, T, S = *query.shape[:2], key.shape[1]
            check_mask("MultiHeadAttention", mask, (N, T, S) if mask.ndim < 4 else (N, self.n_heads, T, S))
        q, k, v = self._split(query, W_q), self._split(key, W_k), self._split(value, W_v)  # (N, H, T, d)
        h, backward_attention = attention(q, k, v, mask[:, None] if mask is not None and mask.ndim == 3 else mask)
        joined = _join(h)  # (N, T, n_dim)

        def backward(dy: Array) -> tuple[Any, ...]:
            self.W_o.grad += rows(joined).T @ rows(dy)  # y = [h] W_o
            dq, dk, dv, *none = backward_attention(self._split(dy, W_o.T))  # y = [h] W_o: d[h] = dy W_o^T
            dq, dk, dv = _join(dq), _join(dk), _join(dv)
            self.W_q.grad += rows(query).T @ rows(dq)  # q = query W_q
            self.W_k.grad += rows(key).T @ rows(dk)  # k = key W_k
            self.W_v.grad += rows(value).T @ rows(dv)  # v = value W_v
            return (product(dq, W_q.T), product(dk, W_k.T), product(dv, W_v.T), *none)  # q = query W_q, and so on

        return product(joined, W_o), backward

    def _split(self, x: Array, W: Array) -> Array:
        """x W, (N, T, n_dim), as the view (N, H, T, d): head by head."""
        return product(x, W).reshape(*x.shape[:2], self.n_heads, len(W) // self.n_heads).swapaxes(1, 2)

    def connections(self, y_shape: tuple[int, ...], query: tuple[int, ...], key: tuple[int, ...], *others: Any) -> int:
        """Links into the units of one example, and multiplications: four products with W, two of heads."""
        (_, T, n_dim), S = y_shape, key[1]
        return 2 * n_dim * ((T + S) * n_dim + T * S)

    multiply_adds = connections


def penalty(owner: str, mask: Array | None, scores: Array) -> Array | None:
    """0 where the mask is True and -inf elsewhere, to be added to scores of this shape and type."""
    if mask is None:
        return None
    check_mask(owner, mask, scores.shape)
    added = np.zeros(mask.shape, scores.dtype)
    added[~mask] = -math.inf
    return np.broadcast_to(added, scores.shape)


def check_mask(owner: str, mask: Array, shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not of booleans, or that does not broadcast to the scores."""
    fits = mask.ndim <= len(shape) and all(m in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1], strict=False))
    if mask.dtype != bool or not fits:
        raise ValueError(f"{owner}: got as mask {describe(mask)}, expected booleans that broadcast to {shape}")


def become_softmax(S: Array, penalty: Array | None) -> None:
    """Softmax over the last axis, in place; rows of -inf become zeros."""
    if penalty is not None:
        S += penalty
    S -= S.max(axis=-1, keepdims=True, initial=np.finfo(S.dtype).min)  # (finite, so that -inf stays -inf)
    np.exp(S, out=S)
    total = S @ np.ones(S.shape[-1], S.dtype)  # at least 1, from the maximum, or 0 for a row of zeros
    S /= np.maximum(total, 1)[..., None]


def _blocks(scores: Array, mask: Array | None) -> Iterator[tuple[Index, Index, Index]]:
    """Where to find some queries, the keys that they need, and their scores: those that fill about BLOCK_BYTES.

    Keys after the last one that any of these queries may attend to are left out. Under a causal mask that is a half, if
    there are many times ROWS keys.
    """
    *leading, T, S = scores.shape
    needed = np.full(T, S)  # so many keys, by each query
    if mask is not None:
        seen = np.atleast_2d(mask).any(axis=tuple(range(mask.ndim - 2)))  # (T, S) or 1 for either, in any example
        needed = (np.broadcast_to(seen, (T, S)) * np.arange(1, S + 1)).max(axis=1, initial=0)
    for b in _examples(leading, ROWS * S * scores.itemsize):
        for t in range(0, T, ROWS):
            queries, keys = slice(t, t + ROWS), slice(int(needed[t : t + ROWS].max()))
            yield (*b, ..., queries, slice(None)), (*b, ..., keys, slice(None)), (*b, ..., queries, keys)


def _examples(leading: list[int], nbytes: int) -> Iterator[Index]:
    """Indices on the leading axes, of examples that fill about BLOCK_BYTES if each has nbytes; at least one each."""
    if not leading:
        yield ()
        return
    n, *inner = leading
    size = BLOCK_BYTES // max(1, math.prod(inner) * nbytes)
    if size == 0 and inner:
        yield from ((i, *b) for i in range(n) for b in _examples(inner, nbytes))
    else:
        yield from ((slice(i, i + max(1, size)),) for i in range(0, n, max(1, size)))


def _join(h: Array) -> Array:
    """(N, H, T, d) as (N, T, H d): heads side by side."""
    N, H, T, d = h.shape
    return h.swapaxes(1, 2).reshape(N, T, H * d)
