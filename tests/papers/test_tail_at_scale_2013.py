"""tail_at_scale_2013: the algebra against draws, the queues against theory, and sabotage of the claims."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firsthand.run import Run
from papers.tail_at_scale_2013 import experiments, model
from papers.tail_at_scale_2013.model import Tail, hedged, leaf_quantile, slowest, time_of, with_hedge
from papers.tail_at_scale_2013.queues import Policy, Requests, Simulation, least_work, simulate, waits
from tests.papers.helpers import run_and_judge

SLUG = "tail_at_scale_2013"
KINDS = sorted(model.RARITY)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def requests(count: int, load: float, servers: int = 2, service: str = "exponential", shared: bool = False) -> Requests:
    return experiments.requests_for(Run(7), service, 1.0, servers, load, shared, count)


# -- the algebra -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_tail_goes_through_its_points_and_is_drawn_as_it_says(kind: str) -> None:
    tail = Tail.through(kind, (10.0, 0.2), (50.0, 0.01))
    assert [tail.survival(10.0), tail.survival(50.0)] == pytest.approx([0.2, 0.01])
    assert tail.time(0.03) == pytest.approx(time_of(tail.survival, 0.03))
    drawn = tail.draw(rng(), 200_000)
    assert [(drawn > t).mean() for t in (10.0, 50.0)] == pytest.approx([0.2, 0.01], rel=0.07)
    assert tail.survival(0.0) == 1


def test_points_that_no_tail_goes_through() -> None:
    with pytest.raises(ValueError, match=r"Tail\.through.*t rising and F falling"):
        Tail.through("pareto", (10.0, 0.01), (50.0, 0.2))


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-6, 0.5), st.integers(1, 3000))
def test_the_slowest_of_n(f: float, n: int) -> None:
    assert slowest(f, n) == pytest.approx(1 - (1 - f) ** n, rel=1e-6)
    assert slowest(1 - leaf_quantile(1 - f, n), n) == pytest.approx(f, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.floats(0.01, 30), st.floats(0, 1))
def test_a_hedge_never_makes_an_answer_later_and_leaves_what_is_shared(kind: str, delay: float, shared: float) -> None:
    F = Tail(kind, 0.0, 1.5).survival
    with_copy = hedged(F, delay, shared)
    for t in (0.5 * delay, delay, 1.5 * delay, 10 * delay):
        assert shared * F(t) * (1 - 1e-12) <= with_copy(t) <= F(t) * (1 + 1e-12)
    assert hedged(F, delay, 1.0)(3 * delay) == F(3 * delay)


def test_a_hedge_by_hand() -> None:
    tail, first = Tail("pareto", 0.0, 0.5), np.array([1.0, 4.0, 9.0])
    answers, extra = with_hedge(tail, rng(), first, 3.0, 0.0)
    second = tail.draw(rng(), 2)
    np.testing.assert_allclose(answers, [1.0, min(4.0, 3 + second[0]), min(9.0, 3 + second[1])])
    assert extra == pytest.approx(2 / 3) and (first == [1.0, 4.0, 9.0]).all()
    np.testing.assert_array_equal(with_hedge(tail, rng(), first, 3.0, 1.0)[0], first)


# -- the queues --------------------------------------------------------------------------------------------------------


def test_lindley_against_the_recursion_and_m_d_1() -> None:
    gaps, services = rng(1).exponential(1 / 0.6, (50, 4000)), np.ones((50, 4000))
    found = waits(gaps, services)
    wait = 0.0
    for k in range(1, 30):
        wait = max(0.0, wait + services[3, k - 1] - gaps[3, k])
        assert found[3, k] == pytest.approx(wait)
    assert found.mean() == pytest.approx(0.6 / (2 * (1 - 0.6)), rel=0.03)  # rho s / (2 (1 - rho))


def test_events_against_lindley() -> None:
    """One copy: each server is a queue of its own."""
    given = requests(4000, 0.7, servers=3)
    latency = simulate(given, Policy()).latency
    for server in range(3):
        own = np.nonzero(given.servers[:, 0] == server)[0]
        gaps, services = np.diff(given.arrivals[own], prepend=0.0), given.services[own, 0]
        np.testing.assert_allclose(latency[own], waits(gaps[None], services[None])[0] + services, atol=1e-8)


@pytest.mark.parametrize("servers", [2, 5])
def test_ties_that_are_cut_in_no_time_are_the_least_work_of_two(servers: int) -> None:
    given = requests(4000, 0.8, servers, "stalls", shared=True)
    outcome = simulate(given, Policy("tied"))
    np.testing.assert_allclose(outcome.latency - given.services[:, 0], least_work(given), atol=1e-7)
    assert outcome.work == pytest.approx(given.services[:, 0].sum())


def test_littles_law() -> None:
    """Requests that are there, counted at random times, against how many come and how long they stay."""
    given = requests(40_000, 0.6, servers=4)
    outcome = simulate(given, Policy("hedge", delay=2.0))
    end = given.arrivals[-1]
    looks = np.sort(rng(3).uniform(0, end, 20_000))
    here = np.searchsorted(given.arrivals, looks) - np.searchsorted(
        np.sort(given.arrivals + outcome.latency), looks, side="right"
    )
    assert here.mean() == pytest.approx(len(given.arrivals) / end * outcome.latency.mean(), rel=0.03)


def test_two_servers_that_both_work_until_one_is_done_are_one_of_twice_the_speed() -> None:
    """Exponential services of mean 1, copies at once and stopped at the first answer: 1 / (2 - arrivals per ms)."""
    latency = simulate(requests(40_000, 0.5), Policy("hedge", delay=0.0, stop=True)).latency
    assert latency.mean() == pytest.approx(1 / (2 - 2 * 0.5), rel=0.04)


def three(services: list[list[float]], servers: list[list[int]], *arrivals: float) -> Requests:
    return Requests(np.array(arrivals), np.array(servers), np.array(services))


def test_a_hedge_by_hand_in_queues() -> None:
    """The second copy of request 0 waits behind request 1, and is called off; that of request 2 overtakes."""
    given = three([[5, 1], [9, 1], [8, 1]], [[0, 1], [1, 2], [0, 2]], 0.0, 1.0, 4.0)
    outcome = simulate(given, Policy("hedge", delay=2.0))
    assert outcome.latency.tolist() == [5.0, 3.0, 3.0]
    assert (outcome.extra, outcome.work) == (1.0, 5 + 9 + 8 + 1 + 1)
    assert simulate(given, Policy("hedge", delay=2.0, cancel=False)).work == outcome.work + 1
    assert simulate(given, Policy("hedge", delay=2.0, budget=0.0)).latency.tolist() == [5.0, 9.0, 9.0]


def test_messages_that_take_time_let_both_copies_run() -> None:
    given = three([[5, 3]], [[0, 1]], 0.0)
    assert simulate(given, Policy("tied", message=1.0)).work == 5  # called off on its way, two messages later
    late = three([[1, 9], [5, 3]], [[0, 1], [0, 1]], 0.0, 0.5)  # server 0 starts at 1.0, server 1 at 0.5 + 2 x 0.3
    assert simulate(late, Policy("tied", message=0.3)).work == 1 + 5 + 3
    assert simulate(late, Policy("tied", message=0.05)).work == 1 + 3  # server 1 starts at 0.6


def test_the_shorter_queue() -> None:
    given = three([[9, 9], [4, 1], [1, 1]], [[0, 1], [0, 1], [1, 0]], 0.0, 1.0, 1.5)
    assert simulate(given, Policy("shorter")).latency.tolist() == [9.0, 1.0, 1.5]


# -- sabotage ----------------------------------------------------------------------------------------------------------


def holding(folder: Path, *claims: str) -> set[str]:
    return {claim for claim, judgement in run_and_judge(SLUG, claims, folder).items() if judgement.holds}


def test_the_quick_claims_hold(tmp_path: Path) -> None:
    quick = ("F1", "F2", "Q1", "H1", "H2", "C1", "A1", "S1")
    assert holding(tmp_path, *quick) == set(quick)


def no_gain(tail: Tail, rng: np.random.Generator, first: np.ndarray, delay: float, shared: float) -> tuple:
    return first, float((first > delay).mean())


def eager(tail: Tail, rng: np.random.Generator, first: np.ndarray, delay: float, shared: float) -> tuple:
    return np.minimum(first, tail.draw(rng, first.shape)), 1.0


def never(self: Simulation, now: float, i: int, copy: int) -> None:
    pass


SABOTAGE: list[tuple[object, str, Callable, tuple[str, ...]]] = [
    (experiments, "with_hedge", no_gain, ("H1", "C1")),  # the second copy never answers
    (experiments, "with_hedge", eager, ("H1", "H2")),  # nobody waits for the delay
    (experiments, "leaf_quantile", lambda u, n: u, ("Q1",)),  # watching one server
    (experiments, "unfinished", lambda share, late: late * (1 - share) ** 2, ("A1",)),
    (Simulation, "call_off", never, ("S1",)),  # messages are lost
]


@pytest.mark.parametrize(("where", "name", "wrong", "claims"), SABOTAGE)
def test_sabotage(
    where: object, name: str, wrong: Callable, claims: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(where, name, wrong)
    assert holding(tmp_path, *claims) == set()
