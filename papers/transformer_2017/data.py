"""The two tasks: reversing made-up sequences, and the sound of real words from their spelling."""

from dataclasses import dataclass

import numpy as np

from core.layer import Array
from firsthand import Run

from .model import END, PADDING, START

LETTERS, PHONEMES = 26, 39
FIRST_LETTER = END + 1  # letters and phonemes share one vocabulary, as the two languages of the paper do
FIRST_PHONEME = FIRST_LETTER + LETTERS
N_WORDS = FIRST_PHONEME + PHONEMES


@dataclass(frozen=True)
class Words:
    """Spellings (N, 7), sounds with END (N, 8), and the same shifted by START (N, 8), as the decoder reads them."""

    source: Array
    answer: Array

    @property
    def written(self) -> Array:
        start = np.full((len(self.answer), 1), START)
        before = np.concatenate([start, self.answer[:, :-1]], axis=1)
        return np.where(before == END, PADDING, before)

    def __getitem__(self, chosen: slice) -> "Words":
        return Words(self.source[chosen], self.answer[chosen])

    def with_shuffled_sounds(self, rng: np.random.Generator) -> "Words":
        """The control: each word gets the sound of another."""
        return Words(self.source, rng.permutation(self.answer))


def load_words(run: Run, training_words: int, test_words: int) -> tuple[Words, Words]:
    """The first words to train on, the last to be tested on."""
    data = run.data("cmudict")
    letters, phonemes = data["letters"].astype(np.int64), data["phonemes"].astype(np.int64)
    source = np.where(letters, letters + (FIRST_LETTER - 1), PADDING)
    answer = np.where(phonemes, phonemes + (FIRST_PHONEME - 1), PADDING)
    answer = np.concatenate([answer, np.full((len(answer), 1), PADDING)], axis=1)
    answer[np.arange(len(answer)), (phonemes > 0).sum(axis=1)] = END
    words = Words(source, answer)
    return words[slice(training_words)], words[slice(-test_words, None)]


def reversals(rng: np.random.Generator, n: int, length: int, symbols: int) -> tuple[Array, Array]:
    """Random sequences (n, length), and the same written backwards; symbols follow the three special words."""
    sequences = rng.integers(symbols, size=(n, length)) + END + 1
    return sequences, sequences[:, ::-1].copy()


def commonest_share(sequences: Array) -> float:
    """The mean share of a sequence's commonest symbol: the most that its bag of symbols can tell of any place."""
    counts = (sequences[:, :, None] == sequences[:, None, :]).sum(axis=2)
    return float(counts.max(axis=1).mean() / sequences.shape[1])


def error_rate(found: Array, right: Array) -> tuple[float, float]:
    """Edits per symbol of the right answers, and the fraction of answers with any; END and what follows is cut off."""
    edits = [edit_distance(_cut(a), _cut(b)) for a, b in zip(found, right, strict=True)]
    return sum(edits) / sum(len(_cut(b)) for b in right), float(np.mean([edit > 0 for edit in edits]))


def edit_distance(a: list[int], b: list[int]) -> int:
    """The fewest insertions, deletions and replacements that make a into b (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[:], i
        for j, y in enumerate(b, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
    return row[-1]


def nearest_error(train: Words, test: Words, *, pairs: bool) -> float:
    """Phoneme error rate of the training word with the most similar bag of letters, or of neighbouring pairs."""
    known, asked = (_bags(words.source, pairs) for words in (train, test))
    nearest = ((known * known).sum(axis=1) - 2 * asked @ known.T).argmin(axis=1)  # |a - k|^2 - |a|^2
    return error_rate(train.answer[nearest], test.answer)[0]


def _bags(source: Array, pairs: bool) -> Array:
    """Counts of letters (N, 27), or of neighbours (N, 729), where the edges of the word count as a neighbour."""
    letters = np.where(source == PADDING, 0, source - FIRST_LETTER + 1)
    if pairs:
        edged = np.pad(letters, ((0, 0), (1, 1)))
        letters = edged[:, :-1] * (LETTERS + 1) + edged[:, 1:]  # 0 for two edges
    counts = np.zeros((len(source), (LETTERS + 1) ** (1 + pairs)), np.float32)
    np.add.at(counts, (np.arange(len(source))[:, None], letters), 1)
    counts[:, 0] = 0  # padding
    return counts


def _cut(words: Array) -> list[int]:
    ends = np.flatnonzero((words == END) | (words == PADDING))
    cut: list[int] = words[: ends[0] if len(ends) else None].tolist()
    return cut
