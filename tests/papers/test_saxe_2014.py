"""saxe_2014: the gradients, the closed forms, the data, and sabotage that the claims must notice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, GradientError, Linear, Optimiser, Sequential, check_layer, lecun_normal
from core.layer import Backward
from firsthand.project import Project
from firsthand.run import Run
from firsthand.verdicts import Judgement
from papers.saxe_2014 import data, deep, experiments, model, theory
from papers.saxe_2014.model import DeepLinear, GainTanh, decoupled, descend, haar, jacobian
from tests.papers.helpers import frozen, run_and_judge

SLUG = "saxe_2014"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def network(depth: int, n_in: int = 3, n_hidden: int = 5, n_out: int = 2) -> DeepLinear:
    return DeepLinear(n_in, n_hidden, n_out, depth, rng=rng(depth)).astype(np.float64)


# -- the gradients -----------------------------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None)
@given(depth=st.integers(1, 5), examples=st.integers(1, 4))
def test_the_chain_keeps_the_contract(depth: int, examples: int) -> None:
    check_layer(network(depth), rng(1).normal(size=(examples, 3)))


@settings(max_examples=4, deadline=None)
@given(layers=st.integers(1, 4), g=st.floats(0.5, 2))
def test_the_gain_keeps_the_contract(layers: int, g: float) -> None:
    check_layer(GainTanh(rng(2).normal(size=(layers, 4, 4)), g), rng(1).normal(size=(3, 4)))


def test_a_transpose_that_is_lost_is_noticed() -> None:
    class Lost(DeepLinear):
        def __call__(self, x: Array) -> tuple[Array, Backward]:
            y, backward = super().__call__(x)

            def wrong(dy: Array) -> Array:
                before = self.W[0].grad.copy()
                dx: Array = backward(dy)
                self.W[0].grad = before + (self.W[0].grad - before).T
                return dx

            return y, wrong

    check_layer(DeepLinear(4, 4, 4, 2, rng=rng()).astype(np.float64), rng(1).normal(size=(3, 4)))
    with pytest.raises(GradientError, match=r"W\.0"):
        check_layer(Lost(4, 4, 4, 2, rng=rng()).astype(np.float64), rng(1).normal(size=(3, 4)))


def test_against_the_layers_of_core() -> None:
    chain, x, dy = network(4), rng(1).normal(size=(6, 3)), rng(2).normal(size=(6, 2))
    sizes = [3, 5, 5, 5, 2]
    parts = [Linear(sizes[k], sizes[k + 1], rng=rng(), bias=False).astype(np.float64) for k in range(4)]
    for part, p in zip(parts, chain.W, strict=True):
        part.W.data = p.data.T.copy()
    (y, backward), (y_core, backward_core) = chain(x), Sequential(*parts)(x)
    np.testing.assert_allclose(y, y_core, rtol=1e-12)
    np.testing.assert_allclose(backward(dy), backward_core(dy), rtol=1e-12)
    for part, p in zip(parts, chain.W, strict=True):
        np.testing.assert_allclose(p.grad, part.W.grad.T, rtol=1e-12)


@pytest.mark.parametrize("l", range(4))
def test_equation_13(l: int) -> None:
    chain, x, t = network(4), rng(1).normal(size=(6, 3)), rng(2).normal(size=(6, 2))
    W = [p.data for p in chain.W]

    def product(matrices: list[Array], n: int) -> Array:
        found = np.eye(n)
        for matrix in matrices:
            found = matrix @ found
        return found

    above, below = product(W[l + 1 :], len(W[l])), product(W[:l], 3)
    y, backward = chain(x)
    backward(y - t)
    np.testing.assert_allclose(
        -chain.W[l].grad, above.T @ (t.T @ x - product(W, 3) @ (x.T @ x)) @ below.T, rtol=1e-10, atol=1e-12
    )


def test_the_jacobian_is_made_of_differences() -> None:
    through, x, step = GainTanh(rng(3).normal(size=(3, 5, 5)), 1.1), rng(1).normal(size=5), 1e-6
    moved = [through(x[None] + sign * step * np.eye(5))[0] for sign in (1, -1)]
    np.testing.assert_allclose(jacobian(through, x, rows=2), (moved[0] - moved[1]).T / (2 * step), atol=1e-8)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"DeepLinear: got .*expected \(B, 3\)"):
        network(2)(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="DeepLinear: got a depth of 0"):
        network(0)
    with pytest.raises(ValueError, match=r"GainTanh: got .*expected \(B, 4\)"):
        GainTanh(np.zeros((2, 4, 4)), 1.0)(np.zeros((2, 3)))


def test_descent_stops_where_it_is_told() -> None:
    seen: list[int] = []
    count = descend(network(2), np.eye(3), np.zeros((3, 2)), 0.1, 50, lambda step, y: seen.append(step) or step == 7)
    assert count == 7 and seen == list(range(8))
    assert descend(network(2), np.eye(3), np.zeros((3, 2)), 0.1, 5, lambda step, y: False) == 5


# -- the closed forms --------------------------------------------------------------------------------------------------


def test_equation_12_solves_equation_10() -> None:
    t, s, h = np.linspace(0.1, 6, 50), np.array([0.5, 1.0, 2.0]), 1e-6
    u = theory.sigmoid_mode(t, s, 0.01)
    slope = (theory.sigmoid_mode(t + h, s, 0.01) - theory.sigmoid_mode(t - h, s, 0.01)) / (2 * h)
    np.testing.assert_allclose(slope, 2 * u * (s - u), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(theory.sigmoid_mode(np.zeros(1), s, 0.01), [[0.01] * 3])
    np.testing.assert_allclose(theory.sigmoid_mode(np.array([1e6]), s, 0.01), [s])


def test_equation_11_inverts_equation_12() -> None:
    s = np.array([0.5, 1.0, 2.0])
    times = theory.time_of(s, 1e-6, s / 2)
    np.testing.assert_allclose(np.diag(theory.sigmoid_mode(times, s, 1e-6)), s / 2)


def test_equation_15_at_one_and_two_matrices_and_in_the_limit() -> None:
    s = np.array([0.75, 1.0, 1.5])
    one = np.log((s - 0.1) / (0.1 * s))  # du = (s - u) dt
    np.testing.assert_allclose(theory.time_at_depth(s, 0.1, 0.9 * s, 1), one, rtol=1e-8)
    np.testing.assert_allclose(theory.time_at_depth(s, 0.1, 0.9 * s, 2), theory.time_of(s, 0.1, 0.9 * s), rtol=1e-8)
    deep_time = theory.time_at_depth(s, 0.1, 0.9 * s, 10**6)
    np.testing.assert_allclose(deep_time, theory.time_in_the_limit(s, 0.1, 0.9 * s, 10**6), rtol=1e-4)


def test_exponent() -> None:
    x = np.array([1.0, 2.0, 5.0])
    assert theory.exponent(x, 3 * x**-1.5) == pytest.approx(-1.5)


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_a_decoupled_start(depth: int) -> None:
    U, V = haar(rng(1), 4), haar(rng(2), 4)
    chain = network(depth, 4, 4, 4)
    decoupled(chain, U, V, 0.01, rng(3))
    y, _ = chain(np.eye(4))
    np.testing.assert_allclose(U.T @ y.T @ V, 0.01 * np.eye(4), atol=1e-14)
    if depth > 1:
        decoupled(chain, U, V, 0.01, rng(3), mixed=True)
        y, _ = chain(np.eye(4))
        assert np.abs((U.T @ y.T @ V)[~np.eye(4, dtype=bool)]).max() > 1e-3


def test_the_limit_of_the_mean_square_of_tanh() -> None:
    """What C1 is held to: the fixed point of q = g^2 E tanh^2(sqrt(q) z)."""
    z, weights = np.polynomial.hermite_e.hermegauss(100)
    q = 1.0
    for _ in range(2000):
        q = 1.1**2 * float(weights @ np.tanh(np.sqrt(q) * z) ** 2 / weights.sum())
    claim = Project.find(Path(__file__)).manifest(SLUG).claim("C1")
    assert claim.paper.value == pytest.approx(q, rel=1e-6) and claim.accept.contains(q)


def test_the_analysis_of_the_audit() -> None:
    """At a gain of 1, q is near 1 / (2 l), and the Jacobian's mean square near that of independent layers."""
    W = np.array([haar(rng(k), 200) for k in range(60)])
    x = rng(99).normal(size=200)
    expected, q = 1.0, x @ x / 200
    z, weights = np.polynomial.hermite_e.hermegauss(100)
    for _ in W:
        phi = np.tanh(np.sqrt(q) * z)
        expected *= float(weights @ (1 - phi**2) ** 2 / weights.sum())
        q = float(weights @ phi**2 / weights.sum())
    singular = np.linalg.svd(jacobian(GainTanh(W, 1.0), x), compute_uv=False)
    assert (singular**2).mean() == pytest.approx(expected, rel=0.15) and singular.max() < 1
    assert q == pytest.approx(1 / (2 * 60), rel=0.15)


# -- the data ----------------------------------------------------------------------------------------------------------


def test_the_tree() -> None:
    features = data.tree(rng(), 20000)
    assert features.shape == (20000, 32) and set(np.unique(features)) == {-1, 1}
    for other, levels in ((1, 1), (2, 2), (7, 3), (31, 5)):
        assert (features[:, 0] * features[:, other]).mean() == pytest.approx(0.8 ** (2 * levels), abs=0.03)
    agree = 0.64 ** np.arange(6)  # so the strongest mode has strength sqrt(P (1 + sum over levels of 2^(k-1) 0.64^k))
    expected = np.sqrt(20000 * (1 + sum(2 ** (k - 1) * agree[k] for k in range(1, 6))))
    s = np.linalg.svd(features, compute_uv=False)
    assert s[0] == pytest.approx(expected, rel=0.01) and s[16:].mean() == pytest.approx(np.sqrt(20000 * 0.36), rel=0.01)


def test_items() -> None:
    np.testing.assert_array_equal(data.items("orthogonal"), np.eye(32))
    x = data.items("correlated")
    assert (x @ x.T)[3, 5] == pytest.approx(0.25) and not np.allclose(x.T @ x, np.eye(32))


def test_the_digits_are_learned_as_far_as_their_error_says() -> None:
    sigma31, _ = data.white_digits(Run(0, ("optdigits",)), 32)
    assert sigma31.shape == (10, 32) and np.linalg.svd(sigma31, compute_uv=False)[9] < 1e-12  # centred: rank 9

    def fresh() -> DeepLinear:
        return network(3, 32, 32, 10)

    count = deep.steps_to_learn(fresh(), sigma31, 0.3, 500)
    chain = fresh()
    descend(chain, np.eye(32), sigma31.T, 0.3, count, lambda step, y: False)
    after = ((chain(np.eye(32))[0].T - sigma31) ** 2).sum() / (sigma31**2).sum()
    assert 0 < count < 500 and 0.05 < after <= 0.1
    assert deep.steps_to_learn(fresh(), sigma31, 0.3, count - 1) == count - 1
    assert deep.steps_to_learn(fresh(), sigma31, 50.0, 500) == 500  # which diverges


def test_half_way_is_between_two_steps() -> None:
    assert experiments._crossing(np.array([0.0, 1.0, 3.0]), 2.0) == 1.5
    assert experiments._crossing(np.array([0.0, 1.0]), 2.0) == 1


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


def judgements(folder: Path, *claims: str) -> dict[str, Judgement]:
    """Quick claims, run here and now on the first seed of each."""
    manifest, found = Project.find(Path(__file__)).manifest(SLUG), {}
    for claim in map(manifest.claim, claims):
        seeds = manifest.experiments[claim.reads.experiment].tiers["quick"].seeds[:1]
        found |= run_and_judge(SLUG, [claim.id], folder, seeds)
    return found


def last_matrix_only(patch: pytest.MonkeyPatch) -> None:
    original = Optimiser.step

    def step(self: Optimiser) -> None:
        for name, p in self.params.items():
            if name.startswith("W.") and name != f"W.{len(self.params) - 1}":
                p.grad = np.zeros_like(p.grad)
        original(self)

    patch.setattr(Optimiser, "step", step)


def half_the_pace(patch: pytest.MonkeyPatch) -> None:
    """Equation 10 without its factor of two."""
    for name in ("sigmoid_mode", "time_of"):
        original = getattr(theory, name)
        wrong: Any = (
            (lambda t, s, u0, f=original: f(t / 2, s, u0))
            if name == "sigmoid_mode"
            else (lambda s, u0, uf, f=original: 2 * f(s, u0, uf))
        )
        patch.setattr(experiments, name, wrong)


def gaussian(patch: pytest.MonkeyPatch) -> None:
    """What is called orthogonal is not."""
    patch.setattr(deep, "orthogonal", lambda: lecun_normal)


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    found = judgements(tmp_path, "T1", "F1", "M0", "P1")
    assert {claim: judgement.verdict for claim, judgement in found.items()} == {
        "T1": "reproduced",
        "F1": "reproduced",
        "M0": "agrees, scaled",
        "P1": "reproduced",
    }


@pytest.mark.parametrize(
    ("sabotage", "claims"),
    [(frozen, ("T1",)), (last_matrix_only, ("T1",)), (half_the_pace, ("T1", "F1")), (gaussian, ("M0", "P1"))],
)
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None],
    claims: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    sabotage(monkeypatch)
    assert {claim: found.holds for claim, found in judgements(tmp_path, *claims).items()} == dict.fromkeys(
        claims, False
    )


def test_a_wrong_gradient_loses_the_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """N1 notices a gradient that is too large in one matrix."""
    original = DeepLinear.__call__

    def wrong(self: DeepLinear, x: Array) -> tuple[Array, Backward]:
        y, backward = original(self, x)

        def doubled(dy: Array) -> Any:
            dx = backward(dy)
            self.W[1].grad = 2 * self.W[1].grad
            return dx

        return y, doubled

    claim = Project.find(Path(__file__)).manifest(SLUG).claim("N1")
    right = experiments.balance(Run(7), activation="linear", depth=5).measurements["difference"]
    monkeypatch.setattr(model.DeepLinear, "__call__", wrong)
    spoilt = experiments.balance(Run(7), activation="linear", depth=5).measurements["difference"]
    assert claim.accept.contains(right) and not claim.accept.contains(spoilt)
