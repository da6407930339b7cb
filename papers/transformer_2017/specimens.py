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
    sizes = m.Sizes(d_model=6, heads=2, key_size=4, layers=2, d_ff=7, dropout=0.2, longest=9, positions="learned")
    x, memory = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 4, 6))
    seen, causal = m.words_mask(SOURCE), np.tri(5, dtype=bool)[None]
    transformer = m.Transformer(8, sizes, rng=rng)
    return [
        (m.EncoderLayer(sizes, rng=rng), memory, seen),
        (m.DecoderLayer(sizes, rng=rng), x, memory, causal, seen),
        (transformer.encoder, SOURCE, seen),
        (transformer.decoder, TARGET, memory, causal, seen),
        (m.Namer(8, sizes, rng=rng), SOURCE),
        (transformer, SOURCE, TARGET),
    ]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"layers": layers, "model": model}
