"""Embedding: a vector for each word."""

import math

import numpy as np

from core.guard import describe, generator, whole
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


class Embedding(Layer):
    r"""y = W[ids]: the row of each word, which is the product of its one-hot vector and W, without the zeros.

    $$y_m = W_{ids_m} \qquad dW_w = \sum_{m \,:\, ids_m = w} dy_m$$

    Shapes: ids (...), of an integer type, W (n_words, n_dim), y (..., n_dim). `backward(dy)` returns None: ids have no
    gradient. W is drawn by `init` with fan_in = 1, since one word is seen at a time, and fan_out = n_dim.

    Kept for backward: ids. Raises ValueError for sizes below 1, ids that are not integers, and ids outside
    0 ... n_words - 1. Source: Bengio et al. 2003, section 2, where W is C. Differences: none.
    """

    def __init__(self, n_words: int, n_dim: int, *, rng: np.random.Generator, init: Init = lecun_normal) -> None:
        n_words, n_dim = whole("Embedding", "n_words", n_words), whole("Embedding", "n_dim", n_dim)
        self.W = Param(init(generator("Embedding", rng), (n_words, n_dim), 1, n_dim))

    def __call__(self, ids: Array) -> tuple[Array, Backward]:
        n_words, n_dim = self.W.data.shape
        whole_numbers = ids.dtype.kind in "iu"
        if not whole_numbers or ids.min(initial=0) < 0 or ids.max(initial=0) >= n_words:
            run = f" that run from {ids.min()} to {ids.max()}" if whole_numbers else ""
            expected = f"integers from 0 to {n_words - 1}"
            raise ValueError(f"Embedding({n_words}, {n_dim}): got {describe(ids)}{run}, expected {expected}")
        flat = ids.reshape(-1).astype(np.intp)  # (M,)

        def backward(dy: Array) -> None:
            rows, order = dy.reshape(len(flat), n_dim), np.argsort(flat, kind="stable")
            words = flat[order]
            first = np.diff(words, prepend=-1) != 0  # rows of their words: with no word twice, they are added at once
            self.W.grad[words[first]] += rows[order[first]]  # y_m = W[ids_m]
            words, order = words[~first], order[~first]
            if len(words):  # the others, summed word by word
                starts = np.flatnonzero(np.diff(words, prepend=-1))
                self.W.grad[words[starts]] += np.add.reduceat(rows[order], starts, axis=0)  # y_m = W[ids_m]

        return self.W.data.take(flat, axis=0).reshape(*ids.shape, n_dim), backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example: the weight of its word, for each unit."""
        return math.prod(y_shape[1:])

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """None: rows are looked up."""
        return 0
