"""The Transformer: encoder and decoder layers, the whole, and an encoder that names one word for each it reads."""

from dataclasses import dataclass

import numpy as np

from core.attention import causal_mask
from core.dropout import Dropout
from core.layer import Array, Backward, Layer

from .layers import AddNorm, FeedForward, HeadAttention, Positions, TiedEmbedding

PADDING, START, END = 0, 1, 2  # the first words of every vocabulary


@dataclass(frozen=True)
class Sizes:
    """What table 3 varies. The base model is the default; values have d_model / heads entries."""

    d_model: int = 512
    heads: int = 8
    key_size: int = 64
    layers: int = 6
    d_ff: int = 2048
    dropout: float = 0.1
    positions: str = "sinusoids"
    scaled: bool = True
    attention_biases: bool = False
    longest: int = 64

    def attention(self, rng: np.random.Generator) -> HeadAttention:
        sizes = (self.d_model, self.heads, self.key_size, self.d_model // self.heads)
        return HeadAttention(*sizes, rng=rng, scaled=self.scaled, biases=self.attention_biases)

    def add_norm(self, rng: np.random.Generator) -> AddNorm:
        return AddNorm(self.d_model, self.dropout, rng=rng)


class EncoderLayer(Layer):
    """Self-attention, then the feed-forward network, each followed by sum and norm: y from (x, mask)."""

    def __init__(self, sizes: Sizes, *, rng: np.random.Generator) -> None:
        self.attention, self.add_attention = sizes.attention(rng), sizes.add_norm(rng)
        self.feed, self.add_feed = FeedForward(sizes.d_model, sizes.d_ff, rng=rng), sizes.add_norm(rng)

    def __call__(self, x: Array, mask: Array) -> tuple[Array, Backward]:
        a, backward_a = self.attention(x, x, mask)
        h, backward_h = self.add_attention(x, a)
        f, backward_f = self.feed(h)
        y, backward_y = self.add_feed(h, f)

        def backward(dy: Array) -> tuple[Array, None]:
            dh, df = backward_y(dy)  # y = LayerNorm(h + f)
            dh = dh + backward_f(df)  # h is used twice: in the sum, and by f
            dx, da = backward_h(dh)  # h = LayerNorm(x + a)
            dquery, dmemory, _ = backward_a(da)  # a = attention(x, x)
            return dx + dquery + dmemory, None  # x is used three times

        return y, backward


class DecoderLayer(Layer):
    """Masked self-attention, attention to the memory, feed-forward: y from (x, memory, mask, memory_mask)."""

    def __init__(self, sizes: Sizes, *, rng: np.random.Generator) -> None:
        self.attention, self.add_attention = sizes.attention(rng), sizes.add_norm(rng)
        self.reading, self.add_reading = sizes.attention(rng), sizes.add_norm(rng)
        self.feed, self.add_feed = FeedForward(sizes.d_model, sizes.d_ff, rng=rng), sizes.add_norm(rng)

    def __call__(self, x: Array, memory: Array, mask: Array, memory_mask: Array) -> tuple[Array, Backward]:
        a, backward_a = self.attention(x, x, mask)
        g, backward_g = self.add_attention(x, a)
        r, backward_r = self.reading(g, memory, memory_mask)
        h, backward_h = self.add_reading(g, r)
        f, backward_f = self.feed(h)
        y, backward_y = self.add_feed(h, f)

        def backward(dy: Array) -> tuple[Array, Array, None, None]:
            dh, df = backward_y(dy)  # y = LayerNorm(h + f)
            dh = dh + backward_f(df)  # h is used twice: in the sum, and by f
            dg, dr = backward_h(dh)  # h = LayerNorm(g + r)
            dquery, dmemory, _ = backward_r(dr)  # r = attention(g, memory)
            dx, da = backward_g(dg + dquery)  # g = LayerNorm(x + a), and g is used twice
            dq, dm, _ = backward_a(da)  # a = attention(x, x)
            return dx + dq + dm, dmemory, None, None  # x is used three times

        return y, backward


class Encoder(Layer):
    """Words to vectors: the embedding times sqrt(d), positions, dropout, and the layers. y from (ids, mask).

    Shapes: ids (N, T), mask broadcasts to (N, T, T), y (N, T, d_model). `backward(dy)` returns (None, None).
    """

    def __init__(self, embedding: TiedEmbedding, sizes: Sizes, *, rng: np.random.Generator) -> None:
        self.embedding = embedding
        self.positions = Positions(sizes.positions, sizes.longest, sizes.d_model, rng=rng)
        self.dropout = Dropout(sizes.dropout, rng=rng)
        self.layers = [EncoderLayer(sizes, rng=rng) for _ in range(sizes.layers)]

    def __call__(self, ids: Array, mask: Array) -> tuple[Array, Backward]:
        x, backward_x = self.embedding(ids)
        placed, backward_placed = self.positions(x)
        y, backward_dropout = self.dropout(placed)
        callbacks = []
        for layer in self.layers:
            y, callback = layer(y, mask)
            callbacks.append(callback)

        def backward(dy: Array) -> tuple[None, None]:
            while callbacks:  # the last layer first
                dy, _ = callbacks.pop()(dy)
            backward_x(backward_placed(backward_dropout(dy)))  # y = dropout(sqrt(d) E[ids] + positions)
            return None, None

        return y, backward


class Decoder(Layer):
    """Words written so far, and the memory of those read, to vectors: y from (ids, memory, mask, memory_mask).

    Shapes: ids (N, T), memory (N, S, d_model), y (N, T, d_model). `backward(dy)` returns (None, dmemory, None, None),
    where the memory's gradient is the sum over all layers, which all read it.
    """

    def __init__(self, embedding: TiedEmbedding, sizes: Sizes, *, rng: np.random.Generator) -> None:
        self.embedding = embedding
        self.positions = Positions(sizes.positions, sizes.longest, sizes.d_model, rng=rng)
        self.dropout = Dropout(sizes.dropout, rng=rng)
        self.layers = [DecoderLayer(sizes, rng=rng) for _ in range(sizes.layers)]

    def __call__(self, ids: Array, memory: Array, mask: Array, memory_mask: Array) -> tuple[Array, Backward]:
        x, backward_x = self.embedding(ids)
        placed, backward_placed = self.positions(x)
        y, backward_dropout = self.dropout(placed)
        callbacks = []
        for layer in self.layers:
            y, callback = layer(y, memory, mask, memory_mask)
            callbacks.append(callback)

        def backward(dy: Array) -> tuple[None, Array, None, None]:
            dmemory = np.zeros_like(memory)
            while callbacks:
                dy, dm, _, _ = callbacks.pop()(dy)
                dmemory += dm  # the memory is read by every layer
            backward_x(backward_placed(backward_dropout(dy)))  # y = dropout(sqrt(d) E[ids] + positions)
            return None, dmemory, None, None

        return y, backward


class Transformer(Layer):
    """Scores of each next word (N, T, n_words), from the words read (N, S) and those written before it (N, T).

    The words written begin with START; PADDING may follow in both, and is not looked at. One embedding is used three
    times. `backward(dscores)` returns (None, None).
    """

    def __init__(self, n_words: int, sizes: Sizes, *, rng: np.random.Generator) -> None:
        self.embedding = TiedEmbedding(n_words, sizes.d_model, rng=rng)
        self.encoder = Encoder(self.embedding, sizes, rng=rng)
        self.decoder = Decoder(self.embedding, sizes, rng=rng)

    def __call__(self, source: Array, target: Array) -> tuple[Array, Backward]:
        seen = words_mask(source)
        memory, backward_memory = self.encoder(source, seen)
        y, backward_y = self.decoder(target, memory, causal_mask(target.shape[1])[None], seen)
        scores, backward_scores = self.embedding.scores(y)

        def backward(dscores: Array) -> tuple[None, None]:
            dy = backward_scores(dscores)  # scores = y E^T
            _, dmemory, _, _ = backward_y(dy)  # y = decoder(target, memory)
            backward_memory(dmemory)  # memory = encoder(source)
            return None, None

        return scores, backward


class Namer(Layer):
    """Scores (N, T, n_words) of one word for each word read (N, T): an encoder alone. `backward` returns None."""

    def __init__(self, n_words: int, sizes: Sizes, *, rng: np.random.Generator) -> None:
        self.embedding = TiedEmbedding(n_words, sizes.d_model, rng=rng)
        self.encoder = Encoder(self.embedding, sizes, rng=rng)

    def __call__(self, ids: Array) -> tuple[Array, Backward]:
        y, backward_y = self.encoder(ids, words_mask(ids))
        scores, backward_scores = self.embedding.scores(y)

        def backward(dscores: Array) -> None:
            backward_y(backward_scores(dscores))  # scores = y E^T, y = encoder(ids)

        return scores, backward


def words_mask(ids: Array) -> Array:
    """(N, 1, T): what may be looked at, which is all but padding."""
    mask: Array = (ids != PADDING)[:, None]
    return mask
