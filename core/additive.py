"""Additive attention, by which a decoder that translates finds its place in the sentence."""

from typing import Any

import numpy as np

from core.attention import become_softmax, penalty
from core.dense import product, rows
from core.guard import describe, generator, whole
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


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
    columns; h U is computed anew for each query.
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
        t = np.tanh((s @ W)[:, None] + product(h, U))  # (N, T, n_hidden)
        alpha = t @ v  # (N, T): e, and then its softmax
        become_softmax(alpha, penalty("AdditiveAttention", mask, alpha))
        c = (alpha[:, None] @ h)[:, 0]  # (N, n_key)

        def backward(dc: Array, dalpha: Array) -> tuple[Any, ...]:
            da = dalpha + (h @ dc[:, :, None])[:, :, 0]  # alpha is an output, and c = sum alpha h
            de = alpha * (da - (da * alpha).sum(axis=1, keepdims=True))  # alpha = softmax(e)
            self.v.grad += rows(t).T @ de.reshape(-1)  # e = v tanh z
            dz = de[:, :, None] * v * (1 - t * t)  # e = v tanh z
            ds = dz.sum(axis=1)  # z = s W + ..., with the same s W for all keys
            self.W.grad += s.T @ ds  # z = s W + ...
            self.U.grad += rows(h).T @ rows(dz)  # z = ... + h U
            dh = alpha[:, :, None] * dc[:, None] + product(dz, U.T)  # c = sum alpha h, and z = ... + h U
            return (ds @ W.T, dh) if mask is None else (ds @ W.T, dh, None)  # z = s W + ...

        return (c, alpha), backward

    def connections(self, y_shape: tuple[int, ...], query: tuple[int, ...], keys: tuple[int, ...], *others: Any) -> int:
        """Links into the units of one example: z, e and c, of each key."""
        (n_query, n_hidden), n_key = self.W.data.shape, len(self.U.data)
        return int(keys[1] * ((n_query + n_key + 1) * n_hidden + n_key))

    def multiply_adds(
        self, y_shape: tuple[int, ...], query: tuple[int, ...], keys: tuple[int, ...], *others: Any
    ) -> int:
        """Multiplications for one example: s W, once; h U, e and c, of each key."""
        (n_query, n_hidden), n_key = self.W.data.shape, len(self.U.data)
        return int(n_query * n_hidden + keys[1] * ((n_key + 1) * n_hidden + n_key))
