"""adam_2015: the rules against transcriptions, the bounds against whatever breaks them, and sabotage of the claims."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Linear, check_layer
from firsthand.evidence import Evidence
from firsthand.project import Project
from firsthand.records import Record, Unit
from firsthand.run import Run, execute
from papers.adam_2015 import bounds, problems
from papers.adam_2015.model import AdaGrad, Adam, AdaMax, AdamOptimiser, AMSGrad, IterateAverage, Nesterov, Rule
from papers.adam_2015.training import Regressions, draw, regression_curves
from tests.papers.helpers import run_and_judge

SLUG = "adam_2015"
SLOPES = st.lists(st.floats(-100, 100).filter(lambda g: g == 0 or abs(g) > 1e-6), min_size=1, max_size=40)
BETAS = st.tuples(st.floats(0, 0.95), st.floats(0.01, 0.999)).filter(lambda b: b[0] < b[1] - 1e-3)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- the rules ---------------------------------------------------------------------------------------------------------


def test_adam_against_sums_written_out() -> None:
    gradients, beta1, beta2 = rng().normal(size=12).tolist(), 0.7, 0.9
    rule, theta, expected = Adam(0.1, beta1, beta2), 0.0, 0.0
    for t in range(1, len(gradients) + 1):
        theta = rule.step(theta, gradients[t - 1])
        m = sum((1 - beta1) * beta1 ** (t - i) * gradients[i - 1] for i in range(1, t + 1))
        v = sum((1 - beta2) * beta2 ** (t - i) * gradients[i - 1] ** 2 for i in range(1, t + 1))
        expected -= 0.1 * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + 1e-8)
        assert theta == pytest.approx(expected, rel=1e-12)


def test_adamax_is_the_limit_of_large_powers() -> None:
    """Equations 8 to 12: u is the largest of beta2^(t-i) |g_i|, which the p-norm of the same numbers approaches."""
    gradients, rule, p = rng().normal(size=9).tolist(), AdaMax(1.0, 0.9, 0.8), 400
    for g in gradients:
        rule.step(0.0, g)
    decayed = np.array([0.8 ** (len(gradients) - 1 - i) * abs(g) for i, g in enumerate(gradients)])
    assert rule.u == pytest.approx(decayed.max(), rel=1e-12)
    largest = decayed.max()
    assert rule.u == pytest.approx(largest * ((decayed / largest) ** p).sum() ** (1 / p), rel=1e-2)


def test_amsgrad_keeps_the_largest_v_and_corrects_nothing() -> None:
    rule, v, largest = AMSGrad(1.0, 0.0, 0.5, 0.0), 0.0, 0.0
    for g in (1.0, 3.0, 0.1, 0.1, 2.0):
        v = 0.5 * v + 0.5 * g * g
        largest = max(largest, v)
        assert rule.step(0.0, g) == pytest.approx(-g / math.sqrt(largest))


def test_adagrad_and_nesterov_by_hand() -> None:
    adagrad = AdaGrad(2.0, epsilon=0.0)
    assert [adagrad.step(0.0, g) for g in (3.0, 4.0)] == pytest.approx([-2.0, -2 * 4 / 5])
    twice = AdaGrad(2.0, epsilon=0.0, annealed=True)
    assert [twice.step(0.0, g) for g in (3.0, 4.0)] == pytest.approx([-2.0, -2 / math.sqrt(2) * 4 / 5])
    nesterov = Nesterov(0.1, mu=0.5)
    first = nesterov.step(0.0, 1.0)  # velocity -0.1, a look ahead of half of it
    assert (first, nesterov.step(first, 1.0)) == pytest.approx((-0.15, -0.15 - 0.5 * 0.15 - 0.1))


@pytest.mark.parametrize("make", [Adam, AMSGrad, AdaMax, lambda: AdaGrad(0.1), lambda: Nesterov(0.1)])
def test_trials_along_an_axis_are_the_trials_one_by_one(make: Callable[[], Rule]) -> None:
    gradients = rng().normal(size=(20, 3))
    gradients[:5, 1] = 0  # nothing but zeros at first
    together, alone = make(), [make() for _ in range(3)]
    theta, each = np.zeros(3), [0.0] * 3
    for g in gradients:
        before, kept = g.copy(), theta
        theta = together.step(theta, g)
        each = [rule.step(x, float(gi)) for rule, x, gi in zip(alone, each, g, strict=True)]
        assert (g == before).all() and kept is not theta
    np.testing.assert_allclose(theta, each, rtol=1e-12)


def test_an_average_of_iterates() -> None:
    average = IterateAverage(0.9)
    values = [average.add(x) for x in (1.0, 2.0, 3.0)]
    assert values[0] == pytest.approx(1.0) and values[2] == pytest.approx((0.81 + 0.9 * 2 + 3) / (0.81 + 0.9 + 1))


def test_the_optimiser_takes_the_steps_of_the_rule_and_heeds_the_rate() -> None:
    layer = Linear(3, 2, rng=rng())
    optimiser, rule = AdamOptimiser(layer, 0.1), Adam(0.1)
    expected = layer.W.data
    for rate in (0.1, 0.2):
        optimiser.rate = rule.alpha = rate
        layer.W.grad += 0.5
        expected = rule.step(expected, np.full_like(expected, 0.5))
        optimiser.step()
    np.testing.assert_allclose(layer.W.data, expected, rtol=1e-6)
    assert layer.W.data.dtype == np.float32 and not layer.W.grad.any() and not layer.b.data.any()


# -- the bounds --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(SLOPES, BETAS)
def test_no_gradients_pass_the_derived_bounds(gradients: list[float], betas: tuple[float, float]) -> None:
    beta1, beta2 = betas
    adam, adamax = Adam(1.0, beta1, beta2, 0.0), AdaMax(1.0, beta1, beta2)
    for g in gradients:
        if beta1 * beta1 < beta2:
            assert abs(adam.step(0.0, g)) <= bounds.largest_step(beta1, beta2) * (1 + 1e-6)
        assert abs(adamax.step(0.0, g)) <= bounds.largest_adamax_step(beta1, beta2) * (1 + 1e-6)


def test_the_derived_bound_is_alpha_only_where_the_betas_are_equal() -> None:
    assert bounds.largest_step(0.9, 0.9) == pytest.approx(1)
    for beta1, beta2 in ((0.9, 0.999), (0.9, 0.95), (0.5, 0.3), (0.0, 0.5)):
        excess = (beta2 - beta1) ** 2 / ((1 - beta2) * (beta2 - beta1**2))
        assert bounds.largest_step(beta1, beta2) == pytest.approx(math.sqrt(1 + excess)) and excess > 0


@pytest.mark.parametrize(
    ("bound", "betas"), [(bounds.largest_step, (0.9, 0.8)), (bounds.largest_adamax_step, (0.9, 0.9))]
)
def test_where_there_is_no_bound(bound: Callable[[float, float], float], betas: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected less"):
        bound(*betas)


def test_the_regret_bound_by_hand() -> None:
    found = bounds.regret(
        100, 4.0, 25.0, alpha=0.5, beta1=0.0, beta2=0.75, diameter=2.0, steepest=3.0, decay=0.5
    )  # 4 * 20 / 1, 0.5 * 3 * 5 / 0.5, 4 * 3 * 0.5 / (1 * 0.25)
    assert found == pytest.approx(80 + 15 + 24)


# -- games, data, training ---------------------------------------------------------------------------------------------


def test_a_game_pays_before_it_steps_and_stays_inside() -> None:
    """Two rounds by hand: x = 0 pays nothing and goes to the edge, where the second round is paid."""
    seen: list[tuple[int, float]] = []
    game = problems.play(
        Adam(5.0, 0.0, 0.5, 0.0), lambda t: -2.0 if t == 1 else 3.0, 2, 0.0, lambda t, x: seen.append((t, x))
    )
    assert seen == [(1, 0.0), (2, 1.0)]
    assert game.regret == pytest.approx(0 + 3 * 1 + abs(-2 + 3)) and game.squares == 13 and -1 <= game.x <= 1


def test_words_are_rare_or_equally_frequent() -> None:
    zipf, labels = problems.bags_of_words(Run(seed=0), "zipf", 2000, 300)
    equal, _ = problems.bags_of_words(Run(seed=0), "equal", 2000, 300)
    assert zipf.dtype == np.float32 and set(labels.tolist()) == {0, 1}
    assert zipf.mean(axis=0).max() > 20 * zipf.mean(axis=0).min() and equal.mean(axis=0).max() < 2 * equal.mean()
    assert zipf.mean() == pytest.approx(equal.mean(), rel=0.05)


def test_the_gradients_of_softmax_regression() -> None:
    """Against central differences of the cost with its decay, one rate of two."""
    regressions = Regressions(4, [0.1, 0.2], 3, lambda alpha: Adam(alpha), decay=0.3)
    regressions.W, regressions.b = rng().normal(size=(4, 2, 3)), rng(1).normal(size=(2, 3))
    regressions.decay = np.float64(0.3)
    x, labels = rng(2).normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
    dW, db = regressions.gradients(x, labels)

    def cost() -> float:
        return float((regressions.cost(x, labels) + 0.15 * (regressions.W**2).sum(axis=(0, 2)))[1])

    for array, gradient, place in (
        (regressions.W, dW, (2, 1, 0)),
        (regressions.W, dW, (0, 1, 2)),
        (regressions.b, db, (1, 1)),
    ):
        here, values = array[place], []
        for offset in (-1e-6, 1e-6):
            array[place] = here + offset
            values.append(cost())
        array[place] = here
        assert gradient[place] == pytest.approx((values[1] - values[0]) / 2e-6, rel=1e-6)


def test_rates_side_by_side_are_rates_one_by_one() -> None:
    x, labels = problems.bags_of_words(Run(seed=3), "zipf", 256, 50)
    both = regression_curves(Run(seed=3), "adam", [0.1, 1.0], x, labels, passes=2, batch=64)
    alone = regression_curves(Run(seed=3), "adam", [1.0], x, labels, passes=2, batch=64)
    np.testing.assert_allclose(both[:, 1:], alone, rtol=1e-5)


def test_drawing_keeps_the_contract() -> None:
    epsilon = rng(5).normal(size=(4, 3))
    check_layer(lambda code: draw(code, epsilon.astype(code.dtype)), rng().normal(size=(4, 6)))


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


CHEAP = ["A1", "A2-moments", "A2-first-step", "A4", "E1", "E2", "A5-sparse", "A5-supremum", "A10-3"]


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    found = run_and_judge(SLUG, CHEAP, tmp_path)
    assert all(judgement.holds for judgement in found.values())


def mean_not_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    def moments(self: Adam, g: float) -> tuple[float, float]:
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * (g * g)
        return self.m, self.v / (1 - self.beta2**self.t)

    monkeypatch.setattr(Adam, "moments", moments)


def not_squared(monkeypatch: pytest.MonkeyPatch) -> None:
    def moments(self: Adam, g: float) -> tuple[float, float]:
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * abs(g)
        return self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)

    monkeypatch.setattr(Adam, "moments", moments)


def epsilon_inside_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: Adam, theta: float, g: float) -> float:
        m, v = self.moments(g)
        return theta - self.alpha_t() * m / (v + max(self.epsilon, 1e-8)) ** 0.5

    monkeypatch.setattr(Adam, "step", step)


def wrong_way(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Adam.step
    monkeypatch.setattr(Adam, "step", lambda self, theta, g: original(self, theta, -g))


@pytest.mark.parametrize(
    ("sabotage", "noticed"),
    [
        (mean_not_corrected, ["A2-moments", "A2-first-step", "E1"]),
        (not_squared, ["A1", "A2-moments", "A2-first-step", "E1", "A5-supremum"]),
        (epsilon_inside_the_root, ["A1", "A2-first-step", "E1", "E2"]),
        (wrong_way, ["E1", "E2", "A4", "A10-3"]),
    ],
)
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None], noticed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sabotage(monkeypatch)
    assert not any(judgement.holds for judgement in run_and_judge(SLUG, noticed, tmp_path).values())


# -- the committed records ---------------------------------------------------------------------------------------------


def records_of(experiment: str) -> list[Record]:
    """The committed records made with the experiment's own settings."""
    project = Project.find(Path(__file__))
    wanted = project.manifest(SLUG).experiments[experiment]
    found = Evidence(project, SLUG, project.results(SLUG)).by_unit.values()
    full = wanted.settings | wanted.tiers["full"].settings
    return [record for record in found if record.unit.experiment == experiment and record.unit.settings == full]


@pytest.mark.parametrize("experiment", ["logistic", "sparse", "network"])
def test_no_best_rate_is_at_an_end_of_its_grid(experiment: str) -> None:
    records = records_of(experiment)
    assert len(records) >= 2 and not any(record.measurements["best_at_an_end"] for record in records)


# -- on the full data sets (pytest -m full) ----------------------------------------------------------------------------


@pytest.mark.full
def test_two_passes_over_mnist() -> None:
    project = Project.find(Path(__file__))
    own = project.manifest(SLUG).experiments["logistic"].settings
    rates = {"adam": [0.1], "nesterov": [1.0], "adagrad": [0.1], "annealed adagrad": [0.3]}
    record = execute(project, Unit(SLUG, "logistic", own | {"passes": 2, "rates": rates}, 7))
    assert record.measurements["adam"] < 0.35 and record.measurements["untrained_over_nesterov"] > 5
