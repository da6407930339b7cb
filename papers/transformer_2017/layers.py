"""What encoder and decoder are made of: attention with keys of any size, the sum and norm, positions, one embedding."""

import math
from typing import Any

import numpy as np

from core.activations import relu
from core.attention import attention
from core.containers import outputs_of
from core.dense import Linear
from core.dropout import Dropout
from core.embedding import Embedding
from core.init import he_normal, lecun_normal
from core.layer import Array, Backward, Layer, Param
from core.normalisation import LayerNorm
from core.positions import sinusoidal


class HeadAttention(Layer):
    r"""Attention by several heads: y from (query, memory, mask); (x, x, mask) for self-attention.

    $$y = [\ldots, h_i, \ldots]\,W_o \qquad
      h_i = \mathrm{softmax}(q_i k_i^T / \sqrt{d_k})\,v_i \qquad
      q_i, k_i, v_i = \mathrm{query}\,W_{q,i},\; \mathrm{memory}\,W_{k,i},\; \mathrm{memory}\,W_{v,i}$$

    Shapes: query and y (N, T, d_model), memory (N, S, d_model), mask broadcasts to (N, T, S), True where a query may
    look. `backward(dy)` returns (dquery, dmemory, None).

    Kept for backward: the inputs, q, k, v, [h] and the weights. Source: section 3.2.2. Differences: `scaled=False`
    leaves out the division, `biases=True` gives each projection a bias. `core.MultiHeadAttention` is the case of
    key_size = value_size = d_model / heads; rows (B) of table 3 need other keys, and decoding keeps k and v.
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        key_size: int,
        value_size: int,
        *,
        rng: np.random.Generator,
        scaled: bool = True,
        biases: bool = False,
    ) -> None:
        self.heads = heads
        self.q = Linear(d_model, heads * key_size, rng=rng, bias=biases)
        self.k = Linear(d_model, heads * key_size, rng=rng, bias=biases)
        self.v = Linear(d_model, heads * value_size, rng=rng, bias=biases)
        self.output = Linear(heads * value_size, d_model, rng=rng, bias=biases)
        self.factor = 1.0 if scaled else math.sqrt(key_size)  # undoes the division in `attention`

    def __call__(self, query: Array, memory: Array, mask: Array) -> tuple[Array, Backward]:
        q, backward_q = self.q(_rows(query))
        k, backward_k = self.k(_rows(memory))
        v, backward_v = self.v(_rows(memory))
        q, k, v = self._split(q, query), self._split(k, memory), self._split(v, memory)  # (N, H, T or S, d)
        h, backward_attention = attention(q * self.factor, k, v, mask[:, None])
        y, backward_y = self.output(_join(h))  # (N T, d_model)

        def backward(dy: Array) -> tuple[Array, Array, None]:
            dh = self._split(backward_y(_rows(dy)), query)  # y = [h] W_o
            dq, dk, dv, _ = backward_attention(dh)  # h = softmax(q k^T / sqrt(d_k)) v
            dq *= self.factor  # q * factor
            dquery = backward_q(_join(dq))  # q = query W_q
            dmemory = backward_k(_join(dk)) + backward_v(_join(dv))  # memory is used twice: k and v
            return dquery.reshape(query.shape), dmemory.reshape(memory.shape), None

        return y.reshape(query.shape), backward

    def keys_values(self, memory: Array) -> tuple[Array, Array]:
        """k and v of a memory, (N, H, S, d_k) and (N, H, S, d_v), to be kept while decoding."""
        k, v = (self._split(outputs_of(layer, _rows(memory)), memory) for layer in (self.k, self.v))
        return k, v

    def look(self, query: Array, k: Array, v: Array, mask: Array | None = None) -> Array:
        """y for queries (N, T, d_model) and kept keys and values; the mask broadcasts to (N, H, T, S)."""
        q = self._split(outputs_of(self.q, _rows(query)), query)
        h = outputs_of(attention, q * self.factor, k, v, mask)
        y: Array = outputs_of(self.output, _join(h)).reshape(query.shape)
        return y

    def weights(self, query: Array, memory: Array, mask: Array) -> Array:
        """The weights that queries give to places of the memory, (N, H, T, S): attention to the unit matrix."""
        k, _ = self.keys_values(memory)
        q = self._split(outputs_of(self.q, _rows(query)), query)
        unit = np.broadcast_to(np.eye(k.shape[2], dtype=k.dtype), (*k.shape[:3], k.shape[2]))
        weights: Array = outputs_of(attention, q * self.factor, k, unit, mask[:, None])
        return weights

    def _split(self, rows: Array, like: Array) -> Array:
        """(N T, H d) as (N, H, T, d): a transpose, since heads lie side by side."""
        return rows.reshape(*like.shape[:2], self.heads, -1).swapaxes(1, 2)


class FeedForward(Layer):
    """y = relu(x W_1 + b_1) W_2 + b_2, at every position alone (equation 2). x and y (N, T, d_model)."""

    def __init__(self, d_model: int, d_ff: int, *, rng: np.random.Generator) -> None:
        self.inner = Linear(d_model, d_ff, rng=rng, init=he_normal)
        self.outer = Linear(d_ff, d_model, rng=rng, init=lecun_normal)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        a, backward_a = self.inner(_rows(x))
        h, backward_h = relu(a)
        y, backward_y = self.outer(h)

        def backward(dy: Array) -> Array:
            dh = backward_y(_rows(dy))  # y = h W_2 + b_2
            dx: Array = backward_a(backward_h(dh))  # h = relu(a), a = x W_1 + b_1
            return dx.reshape(x.shape)

        return y.reshape(x.shape), backward


class AddNorm(Layer):
    """y = LayerNorm(x + dropout(f)), for x and the f that a sub-layer made of it (section 5.4; the norm comes last).

    Shapes: all (N, T, d_model). `backward(dy)` returns (dx, df). Kept for backward: what the parts keep.
    """

    def __init__(self, d_model: int, dropout: float, *, rng: np.random.Generator) -> None:
        self.dropout = Dropout(dropout, rng=rng)
        self.norm = LayerNorm(d_model)

    def __call__(self, x: Array, f: Array) -> tuple[Array, Backward]:
        dropped, backward_dropped = self.dropout(f)
        y, backward_y = self.norm(x + dropped)

        def backward(dy: Array) -> tuple[Array, Array]:
            dz = backward_y(dy)  # y = LayerNorm(z)
            return dz, backward_dropped(dz)  # z = x + dropout(f)

        return y, backward


class Positions(Layer):
    """y = x + the encodings of positions start, start + 1, ...: "sinusoids", "learned" vectors, or "none".

    Shapes: x and y (N, T, d_model), T at most `longest`. `start` is configuration: it has no gradient. Learned vectors
    start at N(0, 1 / 2), the mean square of the sinusoids.
    """

    def __init__(self, kind: str, longest: int, d_model: int, *, rng: np.random.Generator) -> None:
        if kind not in ("sinusoids", "learned", "none"):
            raise ValueError(f"Positions: kind is {kind!r}, expected sinusoids, learned or none")
        self.table: Array | Param | None = None
        if kind == "sinusoids":
            self.table = sinusoidal(longest, d_model)
        elif kind == "learned":
            self.table = Param((rng.normal(size=(longest, d_model)) * math.sqrt(0.5)).astype(np.float32))

    def __call__(self, x: Array, start: int = 0) -> tuple[Array, Backward]:
        table, places = self.table, slice(start, start + x.shape[1])
        if table is None:
            return x, lambda dy: dy  # y = x
        encodings = table.data[places] if isinstance(table, Param) else table[places]

        def backward(dy: Array) -> Array:
            if isinstance(table, Param):
                table.grad[places] += dy.sum(axis=0)  # y = x + table: the same for every example
            return dy  # y = x + ...

        return x + encodings, backward


class TiedEmbedding(Layer):
    r"""One matrix E for the words read and the words predicted: x = sqrt(d) E[ids], and scores h E^T (section 3.4).

    $$dE_w = \sqrt d \sum_{m \,:\, ids_m = w} dx_m + \sum_m dscores_{mw}\, h_m$$

    Shapes: ids (N, T), E (n_words, d), x and h (N, T, d), scores (N, T, n_words). `backward(dx)` returns None, that of
    `scores` dh. E starts at N(0, 1 / d), so that x has entries of variance 1.
    """

    def __init__(self, n_words: int, d_model: int, *, rng: np.random.Generator) -> None:
        self.root = math.sqrt(d_model)
        self.words = Embedding(n_words, d_model, rng=rng, init=lambda g, shape, _, fan: lecun_normal(g, shape, fan, 1))

    def __call__(self, ids: Array) -> tuple[Array, Backward]:
        rows, backward_rows = self.words(ids)

        def backward(dx: Array) -> Any:
            return backward_rows(dx * self.root)  # x = sqrt(d) E[ids]

        return rows * self.root, backward

    def scores(self, h: Array) -> tuple[Array, Backward]:
        E = self.words.W.data
        scores = (_rows(h) @ E.T).reshape(*h.shape[:-1], len(E))

        def backward(dscores: Array) -> Array:
            self.words.W.grad += _rows(dscores).T @ _rows(h)  # scores = h E^T
            dh: Array = (_rows(dscores) @ E).reshape(h.shape)  # scores = h E^T
            return dh

        return scores, backward


def _rows(x: Array) -> Array:
    """Positions of all examples as rows: one matrix product instead of one for each example."""
    return x.reshape(-1, x.shape[-1])


def _join(h: Array) -> Array:
    """(N, H, T, d) as (N T, H d): heads side by side."""
    N, H, T, d = h.shape
    return h.swapaxes(1, 2).reshape(N * T, H * d)
