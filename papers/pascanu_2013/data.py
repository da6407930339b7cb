"""The temporal order task: two relevant symbols among distractors, and the question in which order they came."""

import numpy as np

from core.layer import Array

A, B = 0, 1  # the relevant symbols; the distractors are 2 to 5


def temporal_order(rng: np.random.Generator, count: int, length: int) -> tuple[Array, Array, Array]:
    """Sequences (count, length, 6) float32, one-hot; classes (count,) from 0 to 3; places (count, 2).

    The first relevant symbol stands at a place from length/10 up to and without 2 length/10, the second from length/2
    up to and without 6 length/10, counted from 0; the class is A A, A B, B A or B B. Everything else is drawn from
    four distractors. As in the authors' program.
    """
    tenth = length // 10
    places = np.stack([tenth + rng.integers(tenth, size=count), length // 2 + rng.integers(tenth, size=count)], axis=1)
    relevant = rng.integers(2, size=(count, 2))
    symbols = rng.integers(2, 6, (count, length))
    np.put_along_axis(symbols, places, relevant, axis=1)
    return np.eye(6, dtype=np.float32)[symbols], 2 * relevant[:, 0] + relevant[:, 1], places
