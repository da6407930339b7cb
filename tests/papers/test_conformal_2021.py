"""conformal_2021: the gradient of the pinball loss, the rank against its definition, the controller, sabotage."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, check_layer
from papers.conformal_2021 import digits, experiments, model
from papers.conformal_2021.model import beta_law, controller, just_missed, of_bound, pinball, rank, threshold
from tests.papers.helpers import run_and_judge

SLUG = "conformal_2021"
QUICK = ["G1", "T1", "T2", "B1", "T3", "D1"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- the loss ----------------------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(count=st.integers(2, 9), tau=st.floats(0.05, 0.95))
def test_pinball_keeps_the_contract(count: int, tau: float) -> None:
    check_layer(pinball, rng(1).normal(size=count), rng(2).normal(size=count), tau)


def test_the_minimum_of_the_pinball_loss_is_the_quantile() -> None:
    beta = rng(3).exponential(size=999)
    losses = [pinball(np.full(999, theta), beta, 0.1)[0] for theta in np.sort(beta)]
    assert int(np.argmin(losses)) == 99  # the hundredth of 999: (n + 1) / 10


def test_at_the_kink_the_set_has_missed() -> None:
    loss, backward = pinball(np.array([0.5]), np.array([0.5]), 0.1)
    assert loss == 0 and backward().tolist() == [0.9]


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"pinball.*expected floats of one shape"):
        pinball(np.zeros(2), np.zeros(3), 0.1)


# -- ranks and sets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "alpha", "expected"), [(50, 0.1, 46), (99, 0.1, 90), (8, 0.1, 9), (500, 0.05, 476)])
def test_rank(n: int, alpha: float, expected: int) -> None:
    assert rank(n, alpha) == expected


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 30), alpha=st.floats(-0.2, 1.2), seed=st.integers(0, 10**6))
def test_both_forms_of_the_set_agree(n: int, alpha: float, seed: int) -> None:
    """Scores from a handful of values, so that there are ties."""
    product = (n + 1) * (1 - alpha)
    if abs(product - round(product)) < 1e-6:
        return  # at a step of the rank rounding decides
    calibration, fresh = np.sort(rng(seed).integers(0, 6, n).astype(float)), np.arange(-1.0, 8.0)
    by_threshold = fresh <= threshold(calibration, alpha)
    assert (by_threshold == (alpha < just_missed(calibration, fresh))).all()


def test_everything_and_nothing() -> None:
    calibration = np.sort(rng().normal(size=9))
    assert threshold(calibration, 0.05) == math.inf and threshold(calibration, 0.0) == math.inf
    assert threshold(calibration, 1.0) == -math.inf and threshold(calibration, 0.1) == calibration[-1]


def test_without_a_step_the_controller_is_split_conformal() -> None:
    calibration, fresh = np.sort(rng(1).normal(size=200)), rng(2).normal(size=500)
    _, errors = controller(just_missed(calibration, fresh), 0.123, 0.0)
    assert (errors == (fresh > threshold(calibration, 0.123))).all() and 0 < errors.mean() < 0.5


@pytest.mark.parametrize("n", [20, 400])
def test_the_law_of_coverage_against_draws(n: int) -> None:
    coverage = np.sort(rng(n).random((4000, n)), axis=1)[:, rank(n, 0.1) - 1]
    places = np.quantile(coverage, [0.05, 0.5, 0.95])
    np.testing.assert_allclose(beta_law(places, n, 0.1), [0.05, 0.5, 0.95], atol=0.03)


# -- the controller ----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(gamma=st.floats(0.001, 0.5), alpha=st.floats(0.02, 0.98), seed=st.integers(0, 10**6))
def test_the_level_stays_within_a_step_of_0_and_1(gamma: float, alpha: float, seed: int) -> None:
    """The lemma, on streams that jump between the strangest and the most ordinary; and the sum that telescopes."""
    beta = np.where(rng(seed).random(20).repeat(40) < 0.5, 0.01, 1.0)
    levels, errors = controller(beta, alpha, gamma)
    assert -gamma <= levels.min() and levels.max() <= 1 + gamma
    assert errors.mean() - alpha == pytest.approx((levels[0] - levels[-1]) / gamma / len(beta), abs=1e-9)
    assert of_bound(errors, alpha, gamma) <= 1 + 1e-9


def test_a_clipped_level_breaks_the_bound() -> None:
    _, errors = controller(np.full(5000, 1 / 1001), 0.1, 0.005, clip=True)
    assert of_bound(errors, 0.1, 0.005) > 2


def test_a_late_label_is_used_late() -> None:
    """Against a loop that keeps the errors that wait."""
    beta, waiting, level, expected = rng(4).random(300), [], 0.1, [0.1]
    for b in beta:
        waiting.append(float(level >= b))
        if len(waiting) > 7:
            level += 0.05 * (0.1 - waiting.pop(0))
        expected.append(level)
    np.testing.assert_array_equal(controller(beta, 0.1, 0.05, delay=7)[0], expected)


def test_a_threshold_for_each_class() -> None:
    own, labels = np.arange(200.0), np.arange(200) % 10
    one, each = (digits.thresholds(own, labels, 0.2, which) for which in ("one", "each class"))
    assert set(one) == {160.0} and each.tolist() == [160.0 + k for k in range(10)]


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


def up_the_loss(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The slope of the pinball loss has the wrong sign."""

    def wrong(theta: Array, beta: Array, tau: float) -> tuple[float, Callable[[], Array]]:
        loss, backward = pinball(theta, beta, tau)
        return loss, lambda: -backward()

    monkeypatch.setattr(experiments, "pinball", wrong)
    return ["G1"]


def one_rank_less(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(experiments, "rank", lambda n, alpha, rule="n + 1": rank(n, alpha, rule) - 1)
    return ["T1", "T2"]


def wrong_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The level rises after an error."""
    monkeypatch.setattr(experiments, "controller", lambda beta, a, g, **how: controller(beta, a, -g, **how))
    return ["G1", "B1", "T3", "D1"]


def deaf(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The level does not move."""
    monkeypatch.setattr(experiments, "controller", lambda beta, a, g, **how: controller(beta, a, 0.0))
    return ["G1", "B1", "T3", "D1"]


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    assert all(judgement.holds for judgement in run_and_judge(SLUG, QUICK, tmp_path).values())


@pytest.mark.parametrize("sabotage", [up_the_loss, one_rank_less, wrong_way, deaf])
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = sabotage(monkeypatch)
    found = run_and_judge(SLUG, broken, tmp_path)
    assert {claim: judgement.holds for claim, judgement in found.items()} == dict.fromkeys(broken, False)


def test_scores_are_one_minus_probabilities() -> None:
    net = model.network(4, 3, 5, rng())
    found = model.scores(net, rng(1).normal(size=(6, 4)).astype(np.float32))
    np.testing.assert_allclose((1 - found).sum(axis=1), 1, rtol=1e-6)
    assert found.shape == (6, 5) and (found >= 0).all()
