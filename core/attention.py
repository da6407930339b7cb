r"""Attention: for each query, a mean of values, weighted by how well their keys fit.

A *mask* is a boolean array, True where a query may attend to a key. What is masked has weight zero and gradient zero
(but must be finite); a query that may attend to nothing gets zeros. Results mirror inputs: a backward returns None for
a mask that was passed.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from core.guard import describe, generator, whole
from core.init import Init, lecun_normal
from core.law import lawful
from core.layer import Array, Backward, Layer, Param

BLOCK_BYTES = 1 << 20  # of scores worked on at a time: about the size of a core's second-level cache


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
    P = np.empty(q.shape[:-1] + keys, q.dtype)  # (..., T, S)
    penalty = _penalty("attention", mask, P)
    scale = 1 / math.sqrt(q.shape[-1])
    q = q * scale  # smaller than S
    y = np.empty_like(q, shape=q.shape[:-1] + v.shape[-1:])  # in memory as q: heads that lay side by side still do
    blocks = list(_blocks(P))
    for b in blocks:
        np.matmul(q[b], k[b].swapaxes(-1, -2), out=P[b])
        _softmax(P[b], None if penalty is None else penalty[b])
        np.matmul(P[b], v[b], out=y[b])

    def backward(dy: Array) -> tuple[Any, ...]:
        dq, dk, dv = np.empty_like(q), np.empty_like(k), np.empty_like(v)
        D = np.vecdot(dy, y)[..., None]  # (..., T, 1)
        for b in blocks:
            np.matmul(P[b].swapaxes(-1, -2), dy[b], out=dv[b])  # y = P v: dv = P^T dy
            dS = dy[b] @ v[b].swapaxes(-1, -2)  # y = P v: dP = dy v^T
            dS -= D[b]
            dS *= P[b]  # P = softmax(S): dS = P (dP - D)
            np.matmul(dS.swapaxes(-1, -2), q[b], out=dk[b])  # S = q k^T, with q / sqrt(d) for q: dk = dS^T q
            np.matmul(dS, k[b], out=dq[b])  # likewise: dq = dS k
        dq *= scale  # q / sqrt(d)
        return (dq, dk, dv) if mask is None else (dq, dk, dv, None)

    return y, backward


class MultiHeadAttention(Layer):
    r"""Attention in n_heads subspaces: y from (query, key, value[, mask]); (x, x, x) for self-attention.

    $$y = [\ldots, h_i, \ldots]\,W_o \qquad
      h_i = \mathrm{attention}(\mathrm{query}\,W_{q,i},\; \mathrm{key}\,W_{k,i},\; \mathrm{value}\,W_{v,i})$$

    where head i has the columns i d to (i + 1) d of these matrices, d = n_dim / n_heads.

    Shapes: query and y (N, T, n_dim), key and value (N, S, n_dim), all W (n_dim, n_dim), drawn by `init`; the mask
    broadcasts to (N, T, S). `backward(dy)` returns (dquery, dkey, dvalue), and None for a mask.

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
        q, k, v = self._split(query, W_q), self._split(key, W_k), self._split(value, W_v)  # (N, H, T, d)
        h, backward_attention = attention(q, k, v, mask[:, None] if mask is not None and mask.ndim == 3 else mask)
        joined = _join(h)  # (N, T, n_dim)

        def backward(dy: Array) -> tuple[Any, ...]:
            self.W_o.grad += _rows(joined).T @ _rows(dy)  # y = [h] W_o
            dq, dk, dv, *none = backward_attention(self._split(dy, W_o.T))  # y = [h] W_o: d[h] = dy W_o^T
            dq, dk, dv = _join(dq), _join(dk), _join(dv)
            self.W_q.grad += _rows(query).T @ _rows(dq)  # q = query W_q
            self.W_k.grad += _rows(key).T @ _rows(dk)  # k = key W_k
            self.W_v.grad += _rows(value).T @ _rows(dv)  # v = value W_v
            return (_product(dq, W_q.T), _product(dk, W_k.T), _product(dv, W_v.T), *none)  # q = query W_q, and so on

        return _product(joined, W_o), backward

    def _split(self, x: Array, W: Array) -> Array:
        """x W, (N, T, n_dim), as the view (N, H, T, d): head by head."""
        return _product(x, W).reshape(*x.shape[:2], self.n_heads, len(W) // self.n_heads).swapaxes(1, 2)

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, and multiplications, with as many keys as queries."""
        _, T, n_dim = y_shape
        return T * n_dim * (4 * n_dim + 2 * T)

    multiply_adds = connections


class AdditiveAttention(Layer):
    r"""The context c of a query, and the weights of its keys: ((c, alpha), backward) from (query, keys[, mask]).

    $$z_j = s W + h_j U \qquad e_j = v \cdot \tanh z_j \qquad \alpha = \mathrm{softmax}(e) \qquad
      c = \sum_j \alpha_j h_j$$

    $$de_j = \alpha_j \Big(a_j - \sum_l \alpha_l a_l\Big) \quad \text{with} \quad a_j = d\alpha_j + dc \cdot h_j \qquad
      dz_j = de_j\,v\,(1 - \tanh^2 z_j) \qquad dh_j = \alpha_j\,dc + dz_j U^T \qquad ds = \sum_j dz_j W^T$$

    since each key h_j is used twice, in its score and in c, and the query s in all scores.

    Shapes: query s (N, n_query), keys h (N, T, n_key), W (n_query, n_hidden), U (n_key, n_hidden), v (n_hidden,), drawn
    by `init`; c (N, n_key), alpha (N, T); the mask broadcasts to (N, T). `backward(dc, dalpha)` returns (ds, dh), and
    None for a mask; without `dalpha`, alpha has no part in the loss.

    Kept for backward: s, h, the Params, tanh z and alpha. Raises ValueError for sizes below 1 and for shapes or types
    that do not fit. Source: Bahdanau et al. 2015, section 3.1 and appendix A.1.2 (W_a, U_a, v_a). Differences: rows for
    columns; h U is computed anew for each query. (`core.cost` cannot count it: c does not tell the number of keys.)
    """

    def __init__(
        self, n_query: int, n_key: int, n_hidden: int, *, rng: np.random.Generator, init: Init = lecun_normal
    ) -> None:
        name, rng = "AdditiveAttention", generator("AdditiveAttention", rng)
        n_query, n_key = whole(name, "n_query", n_query), whole(name, "n_key", n_key)
        self.W = Param(init(rng, (n_query, whole(name, "n_hidden", n_hidden)), n_query, n_hidden))
        self.U = Param(init(rng, (n_key, n_hidden), n_key, n_hidden))
        self.v = Param(init(rng, (n_hidden,), n_hidden, 1))

    def __call__(self, query: Array, keys: Array, mask: Array | None = None) -> tuple[tuple[Array, Array], Backward]:
        s, h, W, U, v = query, keys, self.W.data, self.U.data, self.v.data
        if h.ndim != 3 or s.shape != (len(h), len(W)) or h.shape[2] != len(U) or not s.dtype == h.dtype == W.dtype:
            expected = f"(N, {len(W)}) and (N, T, {len(U)}) of {W.dtype}"
            raise ValueError(f"AdditiveAttention: got {describe(s)} and {describe(h)}, expected {expected}")
        t = np.tanh((s @ W)[:, None] + _product(h, U))  # (N, T, n_hidden)
        alpha = t @ v  # (N, T): e, and then its softmax
        _softmax(alpha, _penalty("AdditiveAttention", mask, alpha))
        c = (alpha[:, None] @ h)[:, 0]  # (N, n_key)

        def backward(dc: Array, dalpha: Array) -> tuple[Any, ...]:
            da = dalpha + (h @ dc[:, :, None])[:, :, 0]  # alpha is an output, and c = sum alpha h
            de = alpha * (da - (da * alpha).sum(axis=1, keepdims=True))  # alpha = softmax(e)
            self.v.grad += _rows(t).T @ de.reshape(-1)  # e = v tanh z
            dz = de[:, :, None] * v * (1 - t * t)  # e = v tanh z
            ds = dz.sum(axis=1)  # z = s W + ..., with the same s W for all keys
            self.W.grad += s.T @ ds  # z = s W + ...
            self.U.grad += _rows(h).T @ _rows(dz)  # z = ... + h U
            dh = alpha[:, :, None] * dc[:, None] + _product(dz, U.T)  # c = sum alpha h, and z = ... + h U
            return (ds @ W.T, dh) if mask is None else (ds @ W.T, dh, None)  # z = s W + ...

        return (c, alpha), backward


def _penalty(owner: str, mask: Array | None, scores: Array) -> Array | None:
    """0 where the mask is True and -inf elsewhere, to be added to scores of this shape and type."""
    if mask is None:
        return None
    fits = all(m in (1, n) for m, n in zip(mask.shape[::-1], scores.shape[::-1], strict=False))
    if mask.dtype != bool or mask.ndim > scores.ndim or not fits:
        raise ValueError(f"{owner}: got as mask {describe(mask)}, expected booleans that broadcast to {scores.shape}")
    penalty = np.zeros(mask.shape, scores.dtype)
    penalty[~mask] = -math.inf
    return np.broadcast_to(penalty, scores.shape)


def _softmax(S: Array, penalty: Array | None) -> None:
    """Softmax over the last axis, in place; rows of -inf become zeros."""
    if penalty is not None:
        S += penalty
    S -= S.max(axis=-1, keepdims=True, initial=np.finfo(S.dtype).min)  # (finite, so that -inf stays -inf)
    np.exp(S, out=S)
    total = S @ np.ones(S.shape[-1], S.dtype)  # at least 1, from the maximum, or 0 for a row of zeros
    S /= np.maximum(total, 1)[..., None]


def _blocks(P: Array) -> Iterator[tuple[int | slice, ...]]:
    """Indices on the leading axes that cut P into blocks of about BLOCK_BYTES, but not into less than a matrix."""
    if P.ndim == 2:
        yield ()
        return
    size = BLOCK_BYTES // max(1, P.nbytes // max(1, len(P)))
    if size == 0 and P.ndim > 3:
        yield from ((n, *inner) for n in range(len(P)) for inner in _blocks(P[n]))
    else:
        size = max(1, size)
        yield from ((slice(n, n + size),) for n in range(0, len(P), size))


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def _product(x: Array, W: Array) -> Array:
    """x W along the last axis, as one matrix product (for x with more axes, `@` would make one for each example)."""
    product: Array = (_rows(x) @ W).reshape(*x.shape[:-1], W.shape[1])
    return product


def _join(h: Array) -> Array:
    """(N, H, T, d) as (N, T, H d): heads side by side."""
    N, H, T, d = h.shape
    return h.swapaxes(1, 2).reshape(N, T, H * d)
