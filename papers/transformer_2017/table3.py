"""The parameters of table 3, row by row, and the vocabularies under which they come out as printed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.layer import Layer

from .model import DecoderLayer, EncoderLayer, Sizes


@dataclass(frozen=True)
class Row:
    """A row of table 3: what it changes in the base model, and the parameters as printed, in millions."""

    name: str
    millions: int
    layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    heads: int = 8
    key_size: int = 64
    value_size: int = 64


BASE = Row("base", 65)
ROWS = (
    BASE,
    Row("d_k = 16", 58, key_size=16),
    Row("d_k = 32", 60, key_size=32),
    Row("N = 2", 36, layers=2),
    Row("N = 4", 50, layers=4),
    Row("N = 8", 80, layers=8),
    Row("d = 256", 28, d_model=256, key_size=32, value_size=32),
    Row("d = 1024", 168, d_model=1024, key_size=128, value_size=128),
    Row("d_ff = 1024", 53, d_ff=1024),
    Row("d_ff = 4096", 90, d_ff=4096),
)
BIG = Row("big", 213, d_model=1024, d_ff=4096, heads=16)
HEADS = (1, 4, 8, 16, 32)


def parameters(row: Row) -> int:
    """Parameters of encoder and decoder, embeddings left out, by formula."""
    attention = row.d_model * row.heads * (2 * row.key_size + 2 * row.value_size)
    feed = 2 * row.d_model * row.d_ff + row.d_ff + row.d_model
    norm = 2 * row.d_model
    encoder_layer = attention + feed + 2 * norm
    decoder_layer = 2 * attention + feed + 3 * norm
    return row.layers * (encoder_layer + decoder_layer)


def counted(biases: bool) -> tuple[int, int]:
    """Parameters of the base model's encoder and decoder layers, counted on one of each."""
    sizes = Sizes(attention_biases=biases)
    rng = np.random.default_rng(0)  # weights are drawn, and not looked at
    each = [sizes.layers * size(kind(sizes, rng=rng)) for kind in (EncoderLayer, DecoderLayer)]
    return each[0], each[1]


def size(model: Layer) -> int:
    return sum(p.data.size for _, p in model.named_params())


def interval(row: Row, parameters: int) -> tuple[int, int]:
    """The smallest and the largest vocabulary, one matrix of width d_model, that round to the printed millions."""
    low = math.ceil((1e6 * (row.millions - 0.5) - parameters) / row.d_model)
    high = math.ceil((1e6 * (row.millions + 0.5) - parameters) / row.d_model) - 1
    return low, high


def common(intervals: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """What all intervals share; empty if the first number is above the second."""
    lows, highs = zip(*intervals, strict=True)
    return max(lows), min(highs)
