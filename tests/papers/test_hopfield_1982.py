"""hopfield_1982: the energy by brute force, the derivations against loops, and sabotage of the claims."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.layer import Array
from papers.hopfield_1982 import experiments, model
from papers.hopfield_1982.model import energy, moved, random_patterns, settle, states_of, store, together
from tests.papers.helpers import run_and_judge

SLUG = "hopfield_1982"
CODINGS = sorted(model.LOW)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def couplings(N: int, seed: int = 0) -> Array:
    upper = np.triu(rng(seed).integers(-9, 10, (N, N)).astype(float), 1)
    return upper + upper.T


def test_storage_and_energy_against_loops() -> None:
    x = random_patterns(rng(), 3, 5)
    T, V = store(x), states_of(x, "01")
    for i in range(5):
        for j in range(5):
            assert T[i, j] == (i != j) * sum((2 * v[i] - 1) * (2 * v[j] - 1) for v in V)  # equation 2
    E = [-0.5 * sum(T[i, j] * v[i] * v[j] for i in range(5) for j in range(5)) for v in V]
    np.testing.assert_array_equal(energy(T, V), E)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), coding=st.sampled_from(CODINGS))
def test_a_change_of_energy_is_minus_the_change_times_the_input(seed: int, coding: str) -> None:
    """Equation 8, along a descent, and no change is upwards."""
    T, V, trace = couplings(12, seed), states_of(random_patterns(rng(seed), 1, 12), coding), []
    end = settle(T, V, rng(seed), coding, trace=trace)
    for before, after in pairwise(trace):
        change = energy(T, after) - energy(T, before)
        np.testing.assert_array_equal(change, -((after - before) * (before @ T)).sum(axis=1))
        assert (after == before).all() or change < 0
    assert (together(T, end, coding) == end).all()


@pytest.mark.parametrize("coding", CODINGS)
def test_where_it_rests_is_a_minimum_among_all_neighbours(coding: str) -> None:
    T = couplings(8)
    end = settle(T, states_of(random_patterns(rng(1), 4, 8), coding), rng(2), coding)
    for i in range(8):
        other = end.copy()
        other[:, i] = np.where(end[:, i] == 1, model.LOW[coding], 1)
        assert (energy(T, other) >= energy(T, end)).all()


def test_an_input_of_zero_changes_nothing() -> None:
    assert moved(np.array([0.0, 0, 2, -2]), np.array([0.0, 1, 0, 1]), "01").tolist() == [0, 1, 1, 0]
    assert moved(np.array([0.0, 0, 2, -2]), np.array([-1.0, 1, -1, 1]), "pm").tolist() == [-1, 1, 1, -1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), coding=st.sampled_from(CODINGS))
def test_all_at_once_the_function_of_two_steps_never_rises(seed: int, coding: str) -> None:
    T, V = couplings(10, seed), [states_of(random_patterns(rng(seed), 1, 10), coding)]
    for _ in range(12):
        V.append(together(T, V[-1], coding))
    L = [-(after @ T @ before.T).item() for before, after in pairwise(V)]
    assert all(later <= earlier for earlier, later in pairwise(L))
    assert model.period(T, V[0], coding) in (1, 2)


def test_the_shortest_cycle_by_hand() -> None:
    """Two units that want to be as the other is: unlike ones exchange places for ever, unless one goes first."""
    T = np.array([[0.0, 1], [1, 0]])
    V = np.array([[-1.0, 1]])
    assert model.period(T, V, "pm") == 2
    assert abs(settle(T, V, rng(), "pm").sum()) == 2


def test_a_period_is_not_counted_from_the_start() -> None:
    """A ring that passes its state on comes back after its length, whatever came before; not symmetric."""
    T = np.roll(np.eye(5), 1, axis=0)
    assert model.period(T, np.array([[1.0, -1, -1, -1, -1]]), "pm") == 5


def test_the_codings_differ_by_a_threshold() -> None:
    """The input to units 0 or 1, less half the sum of the couplings, is half the input to units -1 or 1."""
    x = random_patterns(rng(), 7, 20)
    T = store(x)
    np.testing.assert_array_equal(2 * (states_of(x, "01") @ T - T.sum(axis=0) / 2), x @ T)


def test_complements_are_stable_together_only_if_units_are_minus_one_or_one() -> None:
    x = random_patterns(rng(3), 5, 30)
    wrong = {coding: [model.wrong_bits(store(x), sign * x, coding) for sign in (1, -1)] for coding in CODINGS}
    np.testing.assert_array_equal(*wrong["pm"])
    assert (wrong["01"][0] != wrong["01"][1]).any()


def test_equation_10() -> None:
    assert model.error_probability(100, 10) == pytest.approx(0.0091, abs=0.00015)  # as printed
    assert model.error_probability(2, 2) == pytest.approx(0.158655, abs=1e-6)  # Q(1)


def test_one_way_keeps_one_of_each_pair() -> None:
    T = couplings(9) + 100 * (1 - np.eye(9))
    one = model.one_way(T, rng())
    np.testing.assert_array_equal(one + one.T, T)
    assert not (one * one.T).any()


def test_a_start_does_not_depend_on_its_neighbours() -> None:
    T, V = couplings(15), states_of(random_patterns(rng(4), 6, 15), "01")
    order = rng(5).integers(15, size=(200, 15))
    alone = V[:1].copy()
    for i in order.ravel():
        alone[:, i] = moved(alone @ T[i], alone[:, i], "01")
    np.testing.assert_array_equal(settle(T, V, rng(5), "01")[:1], alone)


def test_where_half_is_crossed() -> None:
    assert experiments._crossing([0.1, 0.2, 0.4], [1.0, 0.75, 0.25]) == pytest.approx(0.3)
    assert experiments._crossing([0.1, 0.2], [1.0, 0.9]) == 0.2


# -- sabotage ----------------------------------------------------------------------------------------------------------


def verdicts(folder: Path, *claims: str) -> dict[str, bool]:
    return {claim: judgement.holds for claim, judgement in run_and_judge(SLUG, claims, folder).items()}


def test_the_claims_without_sabotage(tmp_path: Path) -> None:
    """And what must fail does: half of 15, and nine tenths within 5 bits, are not reproduced."""
    found = run_and_judge(SLUG, ["E1", "E2", "T1", "O1", "F2", "A1", "A2", "O2", "R1"], tmp_path)
    assert [judgement.verdict for judgement in found.values()] == [
        *("reproduced", "agrees, scaled", "reproduced", "reproduced", "reproduced"),
        *("contradicted", "contradicted", "not reproduced", "not reproduced"),
    ]


def uphill(h: Array, V: Array, coding: str) -> Array:
    return moved(-h, V, coding)


def never(h: Array, V: Array, coding: str) -> Array:
    return V


def forgetful(x: Array) -> Array:
    """Stores a tenth of the patterns that it is given."""
    return store(x[:1])


def doubled(x: Array) -> Array:
    """Counts the first half of the patterns twice."""
    return store(np.concatenate([x, x[: len(x) // 2]]))


SABOTAGE: list[tuple[object, str, object, tuple[str, ...]]] = [
    (model, "moved", uphill, ("E1", "T1", "O1")),
    (model, "moved", never, ("E2", "T1", "O1")),
    (experiments, "store", forgetful, ("T1", "O1")),
    (experiments, "store", doubled, ("T1", "O1")),
    (experiments, "clipped", np.copy, ("F2",)),
    (model, "LOW", {"01": -1.0, "pm": -1.0}, ("T1", "O1", "A2")),
]


@pytest.mark.parametrize(("where", "name", "wrong", "claims"), SABOTAGE)
def test_sabotage(
    where: object, name: str, wrong: object, claims: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(where, name, wrong)
    assert not any(verdicts(tmp_path, *claims).values())
