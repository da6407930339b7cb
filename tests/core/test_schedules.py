"""Schedules: known values, and the shapes that their names promise."""

import math
from itertools import pairwise

import pytest

from core import constant, cosine, staircase, transformer, warm_up
from tests.core.helpers import close


def test_known_values() -> None:
    close([constant(0.3)(t) for t in (0, 10, 10**6)], [0.3] * 3)
    close([staircase(1.0, 10, 0.5)(t) for t in (0, 9, 10, 19, 20)], [1, 1, 0.5, 0.5, 0.25])
    close([cosine(1.0, 4, 0.2)(t) for t in (0, 1, 2, 4, 9)], [1, 0.6 + 0.4 / math.sqrt(2), 0.6, 0.2, 0.2])
    close([warm_up(4, constant(2.0))(t) for t in (0, 1, 3, 4, 99)], [0.5, 1, 2, 2, 2])


def test_the_transformers() -> None:
    schedule = transformer(512, warm_up=4000)
    rates = [schedule(step) for step in range(10000)]
    top = rates.index(max(rates))
    assert top == 3999  # step 4000, counted from 1
    close(rates[top], 512**-0.5 * 4000**-0.5)
    close(rates[999] / rates[499], 2)  # linear before
    close(rates[7999] / rates[3999], 1 / math.sqrt(2))  # inverse root after


def test_a_warm_start_of_a_cosine() -> None:
    schedule = warm_up(10, cosine(1.0, 100))
    values = [schedule(t) for t in range(101)]
    assert all(a < b for a, b in pairwise(values[:10]))
    assert all(a > b for a, b in pairwise(values[9:]))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: constant(-1), "constant: rate is -1"),
        (lambda: staircase(1, 0, 0.5), "staircase: every is 0"),
        (lambda: staircase(1, 5, math.nan), "staircase: factor is nan"),
        (lambda: cosine(1, 0), "cosine: steps is 0"),
        (lambda: warm_up(0, constant(1)), "warm_up: steps is 0"),
        (lambda: transformer(0), "transformer: n_model is 0"),
    ],
)
def test_refusals(build, words) -> None:
    with pytest.raises(ValueError, match=words):
        build()
