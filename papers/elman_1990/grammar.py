"""The sentences of two and three words, and what may follow in them."""

import itertools
from functools import cache

import numpy as np

from core.layer import Array

HUMANS, SMALL, AGGRESSORS = ("man", "woman", "boy", "girl"), ("cat", "dog", "mouse"), ("dragon", "monster", "lion")
PLAIN, FRAGILE, FOOD = ("book", "rock", "car"), ("glass", "plate"), ("cookie", "bread", "sandwich")
# Table 3 has two words for each category; the other words of figure 7 stand where they seem to belong. Whether humans
# and aggressors are animals, too, and whether what is fragile or food is a thing, it does not say; here they are.
CATEGORIES: dict[str, tuple[str, ...]] = {
    "human": HUMANS,
    "aggressor": AGGRESSORS,
    "animal": (*HUMANS, *SMALL, *AGGRESSORS),
    "fragile": FRAGILE,
    "food": FOOD,
    "thing": (*PLAIN, *FRAGILE, *FOOD),
    "rests": ("think", "sleep", "exist"),  # intransitive
    "acts": ("see", "chase", "like"),  # transitive
    "moves": ("move", "break"),  # with or without an object
    "perceives": ("smell", "see"),
    "destroys": ("break", "smash"),
    "eats": ("eat",),
}
# Table 4
TEMPLATES: tuple[tuple[str, ...], ...] = (
    ("human", "eats", "food"),
    ("human", "perceives", "thing"),
    ("human", "destroys", "fragile"),
    ("human", "rests"),
    ("human", "acts", "human"),
    ("human", "moves", "thing"),
    ("human", "moves"),
    ("animal", "eats", "food"),
    ("animal", "acts", "animal"),
    ("animal", "moves", "thing"),
    ("animal", "moves"),
    ("thing", "moves"),
    ("aggressor", "destroys", "fragile"),
    ("aggressor", "eats", "human"),
    ("aggressor", "eats", "animal"),
    ("aggressor", "eats", "food"),
)
LEXICON = tuple(dict.fromkeys(word for words in CATEGORIES.values() for word in words))  # 29 words, nouns first
NOUNS = 18
Sentence = tuple[str, ...]


def sentences(rng: np.random.Generator, count: int) -> list[Sentence]:
    """Each from a template drawn at random, each of its words drawn from its category."""
    chosen = [TEMPLATES[k] for k in rng.integers(0, len(TEMPLATES), count)]
    return [tuple(str(rng.choice(CATEGORIES[category])) for category in template) for template in chosen]


@cache
def probabilities() -> dict[Sentence, float]:
    """Of every sentence there is."""
    found: dict[Sentence, float] = {}
    for template in TEMPLATES:
        every = list(itertools.product(*(CATEGORIES[category] for category in template)))
        for sentence in every:
            found[sentence] = found.get(sentence, 0.0) + 1 / (len(TEMPLATES) * len(every))
    return found


@cache
def following(so_far: Sentence) -> Array:
    """(29,): how likely each word is to come next after these words of a sentence, which may be over without a sign."""
    size, weight, over = len(so_far), np.zeros(len(LEXICON)), 0.0
    for sentence, probability in probabilities().items():
        if sentence == so_far:
            over += probability
        elif sentence[:size] == so_far:
            weight[LEXICON.index(sentence[size])] += probability
    if over:
        weight += over * following(())
    likelihood: Array = weight / weight.sum()
    return likelihood
