"""What the exercises of this paper are checked on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.layer import Array, Backward, Layer

SOURCE = np.array([[3, 4, 5, 6], [7, 3, 0, 0]])  # 0 is padding
TARGET = np.array([[1, 4, 5, 6, 7], [1, 3, 6, 0, 0]])


class Scores(Layer):
    """The other end of a tied embedding."""

    def __init__(self, embedding: Any) -> None:
        self.embedding = embedding

    def __call__(self, h: Array) -> tuple[Array, Backward]:
        scores: tuple[Array, Backward] = self.embedding.scores(h)
        return scores


def layers(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    x, memory, mask = rng.normal(size=(2, 4, 6)), rng.normal(size=(2, 5, 6)), np.ones((2, 1, 5), bool)
    mask[1, 0, 3:] = False
    return [
        (m.HeadAttention(6, 2, 4, 3, rng=rng), x, memory, mask),
        (m.HeadAttention(6, 2, 4, 3, rng=rng, scaled=False, biases=True), x, memory, mask),
        (m.FeedForward(6, 7, rng=rng), x),
        (m.AddNorm(6, 0.2, rng=rng), x, rng.normal(size=x.shape)),
        *((m.Positions(kind, 9, 6, rng=rng), x, 2) for kind in ("learned", "sinusoids")),
        (m.TiedEmbedding(8, 6, rng=rng), SOURCE),
        (Scores(m.TiedEmbedding(8, 6, rng=rng)), x),
    ]


def model(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    one, two = (
        m.Sizes(d_model=6, heads=2, key_size=4, layers=n, d_ff=7, dropout=0.2, longest=9, positions="learned")
        for n in (1, 2)
    )
    x, memory = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 4, 6))
    seen, causal = m.words_mask(SOURCE), np.tri(5, dtype=bool)[None]
    deep = m.Transformer(8, two, rng=rng)
    return [
        (m.EncoderLayer(one, rng=rng), memory, seen),
        (m.DecoderLayer(one, rng=rng), x, memory, causal, seen),
        (deep.encoder, SOURCE, seen),
        (deep.decoder, TARGET, memory, causal, seen),
        (m.Namer(8, one, rng=rng), SOURCE),
        (m.Transformer(8, one, rng=rng), SOURCE, TARGET),
    ]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"layers": layers, "model": model}
