"""Writing word by word: greedily, or with a beam, keeping the keys and values of what was read and written."""

from dataclasses import dataclass

import numpy as np

from core.containers import outputs_of
from core.layer import Array, evaluation_copy

from .model import END, PADDING, START, DecoderLayer, Transformer, words_mask


@dataclass
class Kept:
    """What one decoder layer keeps: keys and values of the words written, and of the memory, (N, H, T or S, d)."""

    written: tuple[Array, Array] | None
    memory: tuple[Array, Array]


class Cache:
    """The state of decoding N sequences: what each layer keeps, the mask of the memory, and the words written so far.

    `forget_positions` is the slip of giving each new word the encoding of position 0; a control uses it.
    """

    def __init__(self, model: Transformer, source: Array, *, forget_positions: bool = False) -> None:
        self.model = evaluation_copy(model)
        seen = words_mask(source)
        memory = outputs_of(self.model.encoder, source, seen)
        self.mask = seen[:, None]  # (N, 1, 1, S)
        self.kept = [Kept(None, layer.reading.keys_values(memory)) for layer in self.model.decoder.layers]
        self.length, self.forget_positions = 0, forget_positions

    def step(self, words: Array) -> Array:
        """Log probabilities (N, n_words) of the next words, after the words (N,) are written."""
        decoder = self.model.decoder
        x = outputs_of(decoder.embedding, words[:, None])
        x = outputs_of(decoder.positions, x, 0 if self.forget_positions else self.length)  # (N, 1, d_model)
        for layer, kept in zip(decoder.layers, self.kept, strict=True):
            x = self._layer(layer, kept, x)
        self.length += 1
        return log_softmax(outputs_of(decoder.embedding.scores, x)[:, 0])

    def _layer(self, layer: DecoderLayer, kept: Kept, x: Array) -> Array:
        k, v = layer.attention.keys_values(x)
        if kept.written is not None:
            k, v = np.concatenate([kept.written[0], k], axis=2), np.concatenate([kept.written[1], v], axis=2)
        kept.written = k, v
        g = outputs_of(layer.add_attention, x, layer.attention.look(x, k, v))
        h = outputs_of(layer.add_reading, g, layer.reading.look(g, *kept.memory, self.mask))
        y: Array = outputs_of(layer.add_feed, h, outputs_of(layer.feed, h))
        return y

    def select(self, rows: Array) -> None:
        """Go on with these rows, in this order; a row may be taken more than once."""
        self.mask = self.mask[rows]
        for kept in self.kept:
            kept.memory = kept.memory[0][rows], kept.memory[1][rows]
            if kept.written is not None:
                kept.written = kept.written[0][rows], kept.written[1][rows]


def greedy(model: Transformer, source: Array, longest: int) -> Array:
    """The likeliest word at every step, (N, longest), until END; PADDING follows it."""
    cache, words = Cache(model, source), np.full(len(source), START)
    written = np.full((len(source), longest), PADDING)
    done = np.zeros(len(source), bool)
    for t in range(longest):
        words = np.where(done, PADDING, allowed(cache.step(words)).argmax(axis=1))
        written[:, t] = words
        done |= words == END
    return written


def beam_search(
    model: Transformer, source: Array, width: int, longest: int, penalty: float = 0.6
) -> tuple[Array, Array]:
    r"""The best of `width` sequences kept at each step: words (N, longest) and scores (N,).

    A score is the log probability divided by \(((5 + |Y|) / 6)^\alpha\) (Wu et al. 2016, equation 14), where |Y|
    counts END, if it was written. Sequences that have ended stay in the beam, which keeps the highest log
    probabilities; the penalty chooses among the last.
    """
    n, n_words = len(source), len(model.embedding.words.W.data)
    cache = Cache(model, source)
    cache.select(np.repeat(np.arange(n), width))
    words = np.full(n * width, START)
    written = np.full((n, width, longest), PADDING)
    total = np.full((n, width), -np.inf)
    total[:, 0] = 0.0  # at first all sequences of a beam are the same: go on with one
    done = np.zeros((n, width), bool)
    ended = np.full(n_words, -np.inf)
    ended[PADDING] = 0.0  # after END comes padding, for nothing
    for t in range(longest):
        log_p = np.where(done[..., None], ended, allowed(cache.step(words)).reshape(n, width, -1))
        candidates = (total[..., None] + log_p).reshape(n, -1)
        best = np.argsort(-candidates, axis=1, kind="stable")[:, :width]
        total = np.take_along_axis(candidates, best, axis=1)
        origin, chosen = best // n_words, best % n_words
        rows = (np.arange(n)[:, None] * width + origin).reshape(-1)
        cache.select(rows)
        written = written.reshape(n * width, longest)[rows].reshape(n, width, longest)
        written[..., t] = chosen
        done = np.take_along_axis(done, origin, axis=1) | (chosen == END)
        words = chosen.reshape(-1)
    scores = penalised(total, written, penalty)
    at = scores.argmax(axis=1)
    return written[np.arange(n), at], scores[np.arange(n), at]


def log_probability(model: Transformer, source: Array, written: Array) -> Array:
    """Log probabilities (N,) of the sequences (N, T), END included where it was written; nothing is cached."""
    target = np.concatenate([np.full((len(written), 1), START), written[:, :-1]], axis=1)
    log_p = log_softmax(evaluation_copy(model)(source, target)[0])
    each = np.take_along_axis(log_p, written[..., None], axis=2)[..., 0]
    total: Array = np.where(written == PADDING, 0, each).sum(axis=1)
    return total


def penalised(total: Array, written: Array, penalty: float) -> Array:
    """Log probabilities divided by the length penalty, for written (..., T)."""
    length = (written != PADDING).sum(axis=-1)
    scores: Array = total / ((5 + length) / 6) ** penalty
    return scores


def allowed(log_p: Array) -> Array:
    """The same, with no hope for padding and start, which are never written."""
    log_p = log_p.copy()
    log_p[:, [PADDING, START]] = -np.inf
    return log_p


def log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max(axis=-1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p
