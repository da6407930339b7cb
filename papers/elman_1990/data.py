"""The streams of the paper: triples of bits, syllables, and words without spaces."""

import numpy as np

from core.layer import Array

# Table 1: Consonant, Vowel, Interrupted, High, Back, Voiced
FEATURES = ("Consonant", "Vowel", "Interrupted", "High", "Back", "Voiced")
LETTER_VECTORS = {
    "b": (1, 0, 1, 0, 0, 1),
    "d": (1, 0, 1, 1, 0, 1),
    "g": (1, 0, 1, 0, 1, 1),
    "a": (0, 1, 0, 0, 1, 1),
    "i": (0, 1, 0, 1, 0, 1),
    "u": (0, 1, 0, 1, 1, 1),
}
SYLLABLES = ("ba", "dii", "guuu")
# What is left of the paper's lexicon in its figure 6, and one word of ours, the last
WORDS = tuple("many years ago a boy and girl lived by the sea they played happily home".split())
TEXT = "manyyearsagoaboyandgirllivedbytheseatheyplayedhappily"  # the figure's own
READ_CODES = {"m": (0, 1, 1, 0, 1), "a": (0, 0, 0, 0, 1), "y": (1, 1, 0, 0, 1)}  # three rows of table 2


def triples(rng: np.random.Generator, length: int, stream: str = "triples") -> Array:
    """Bits (length,): a, b, a xor b, over and over. "one triple" repeats 0, 1, 1."""
    a, b = rng.integers(0, 2, (2, length // 3 + 1))
    if stream == "one triple":
        a, b = np.zeros_like(a), np.ones_like(b)
    bits: Array = np.stack([a, b, a ^ b], axis=1).ravel()[:length]
    return bits


def syllables(rng: np.random.Generator, length: int, order: str = "random") -> tuple[str, Array]:
    """Letters of ba, dii and guuu, and the place of each in its syllable; "fixed" has them in turn."""
    chosen = rng.integers(0, len(SYLLABLES), length)  # each has two letters or more
    if order == "fixed":
        chosen = np.arange(length) % len(SYLLABLES)
    return _joined([SYLLABLES[k] for k in chosen], length)


def sentences(rng: np.random.Generator, length: int) -> tuple[str, Array]:
    """Letters of words drawn at random, and the place of each in its word."""
    return _joined([WORDS[k] for k in rng.integers(0, len(WORDS), length)], length)


def _joined(units: list[str], length: int) -> tuple[str, Array]:
    places = np.concatenate([np.arange(len(unit)) for unit in units])
    return "".join(units)[:length], places[:length]


def letter_vectors(letters: str) -> Array:
    """(T, 6), the features of table 1."""
    return np.array([LETTER_VECTORS[letter] for letter in letters], float)


def alphabet_code(letter: str) -> tuple[int, ...]:
    """The letter's number in the alphabet, from 1, as five bits."""
    return tuple((ord(letter) - ord("a") + 1) >> bit & 1 for bit in (4, 3, 2, 1, 0))


def alphabet_vectors(letters: str) -> Array:
    """(T, 5), the codes of table 2, as far as we could read them."""
    return np.array([alphabet_code(letter) for letter in letters], float)
