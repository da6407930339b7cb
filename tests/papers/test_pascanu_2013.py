"""pascanu_2013: the gradient contract, the closed forms, and sabotage of the claims."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, check_layer
from firsthand import Run
from papers.pascanu_2013 import experiments, theory, training, unit
from papers.pascanu_2013.data import temporal_order
from papers.pascanu_2013.model import UNITS, Affine, Network, Recurrence, network, omega, radius
from papers.pascanu_2013.training import Rule, gradient, step, train
from tests.papers.helpers import run_and_judge

SLUG = "pascanu_2013"
BOTH = Rule("norm", 1.0, 4.0, 0.01)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def weights(*shape: int) -> Array:
    return rng(5).normal(0, 0.6, shape)


@settings(max_examples=6, deadline=None)
@given(units=st.sampled_from(sorted(UNITS)), R=st.integers(1, 2), N=st.integers(1, 3), T=st.integers(1, 4))
def test_recurrence_keeps_the_contract(units: str, R: int, N: int, T: int) -> None:
    check_layer(Recurrence(weights(R, 4, 4), units), rng(1).normal(size=(R, N, T, 4)), rng(2).normal(size=(R, N, 4)))


def test_the_other_layers_keep_the_contract() -> None:
    x, W = rng(1).normal(size=(2, 3, 5, 4)), weights(2, 4, 4)
    check_layer(Affine(weights(2, 3, 4), weights(2, 3)), x)
    check_layer(omega, W, x, rng(2).normal(size=x.shape))
    whole = Network(Affine(weights(2, 4, 5), weights(2, 4)), Recurrence(W), Affine(weights(2, 3, 4), weights(2, 3)))
    check_layer(whole, rng(1).normal(size=(2, 3, 6, 5)))


def test_recurrence_against_loops() -> None:
    W, a, x_0 = weights(2, 4, 4), rng(1).normal(size=(2, 3, 5, 4)), rng(2).normal(size=(2, 3, 4))
    x, _ = Recurrence(W)(a, x_0)
    for r, n in np.ndindex(2, 3):
        before = x_0[r, n]
        for t in range(5):
            before = [sum(W[r, i, j] * np.tanh(before[j]) for j in range(4)) + a[r, n, t, i] for i in range(4)]
            np.testing.assert_allclose(x[r, n, t], before, rtol=1e-12)


def test_omega_is_the_mean_over_steps_of_what_equation_10_asks() -> None:
    W, x, delta = weights(1, 3, 3), rng(1).normal(size=(1, 2, 4, 3)), rng(2).normal(size=(1, 2, 4, 3))
    terms = []
    for n in range(2):
        for k in range(3):
            back = delta[0, n, k + 1] @ W[0] @ np.diag(1 - np.tanh(x[0, n, k]) ** 2)
            terms.append((back @ back / (delta[0, n, k + 1] @ delta[0, n, k + 1]) - 1) ** 2)
    assert omega(W, x, delta)[0] == pytest.approx(np.mean(terms))


def test_omega_leaves_out_errors_that_have_vanished() -> None:
    W, x, delta = weights(1, 3, 3), rng(1).normal(size=(1, 2, 4, 3)), rng(2).normal(size=(1, 2, 4, 3))
    value, backward = omega(W, x[:, :, 2:], delta[:, :, 2:])
    delta[:, :, :3] = 1e-11 * delta[:, :, :3]
    of_rest, backward_of_rest = omega(W, x, delta)
    assert of_rest == pytest.approx(value)
    np.testing.assert_allclose(backward_of_rest(), backward())
    assert omega(W, x, 0 * delta)[0] == 0


def test_errors_that_keep_their_length_leave_nothing_to_do() -> None:
    Q, _ = np.linalg.qr(weights(4, 4))
    value, backward = omega(Q[None], np.zeros((1, 2, 5, 4)), rng(2).normal(size=(1, 2, 5, 4)))
    assert value == pytest.approx(0, abs=1e-24) and np.abs(backward()).max() < 1e-12


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"Affine.*expected \(2, ..., 4\)"):
        Affine(weights(2, 3, 4), weights(2, 3))(np.zeros((2, 5, 3)))
    with pytest.raises(ValueError, match=r"Recurrence.*expected a \(2, N, T, 4\)"):
        Recurrence(weights(2, 4, 4))(np.zeros((2, 3, 5, 3)), np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="Recurrence: units are 'relu'"):
        Recurrence(weights(2, 4, 4), "relu")
    with pytest.raises(ValueError, match=r"omega.*expected \(R, n, n\) and twice"):
        omega(weights(2, 4, 4), np.zeros((2, 3, 5, 4)), np.zeros((2, 3, 4, 4)))
    with pytest.raises(ValueError, match="network: init is 'large'"):
        network([rng()], "large")


# -- the protocol ------------------------------------------------------------------------------------------------------


def test_initial_weights() -> None:
    smart, basic = (network([rng(0), rng(1)], init) for init in ("smart", "basic"))
    for W in smart.recurrence.W.data:
        assert radius(W) == pytest.approx(0.95, rel=1e-5) and ((W != 0).sum(axis=1) == 15).all()
    assert basic.recurrence.W.data.std() == pytest.approx(0.1, rel=0.05) and not smart.drive.b.data.any()
    assert sum(p.data[0].size for _, p in smart.named_params()) == 50 * 50 + 50 * 6 + 50 + 4 * 50 + 4


def test_sequences() -> None:
    u, labels, places = temporal_order(rng(), 1000, 50)
    symbols = u.argmax(axis=2)
    assert (u.sum(axis=2) == 1).all() and ((symbols < 2).sum(axis=1) == 2).all()
    assert (places.min(axis=0) == [5, 25]).all() and (places.max(axis=0) == [9, 29]).all()
    first, second = np.take_along_axis(symbols, places, axis=1).T
    assert (labels == 2 * first + second).all() and np.bincount(labels).min() > 200


def stack(scale: float) -> SimpleNamespace:
    """Two networks' Params with gradients of lengths `scale` and a hundredth of it, spread over two Params."""
    made = network([rng(0), rng(1)], n=5)
    for _, p in made.named_params():
        p.grad += rng(3).normal(size=p.grad.shape)
        p.grad[1] *= 0.01
    before = {name: (p.data.copy(), scale * p.grad.copy()) for name, p in made.named_params()}
    for _, p in made.named_params():
        p.grad *= scale
    return SimpleNamespace(network=made, before=before)


@pytest.mark.parametrize("clip", ["none", "norm", "each"])
def test_clipping(clip: str) -> None:
    """A long gradient gets the length 1, all Params together, and keeps its direction; a short one stays as it is."""
    made = stack(10.0)
    gradients = {name: g for name, (_, g) in made.before.items()}
    whole = np.sqrt(sum((g * g).reshape(2, -1).sum(axis=1) for g in gradients.values()))
    assert whole[0] > 1 > whole[1] / 10
    norms = step(made.network, Rule(clip, 1.0, 0.0, 0.01))
    np.testing.assert_allclose(norms, whole, rtol=1e-5)
    for name, p in made.network.named_params():
        assert not p.grad.any()
        for r in range(2):
            old, g = made.before[name][0][r], gradients[name][r]
            length = {"none": 1.0, "norm": whole[r], "each": np.linalg.norm(g)}[clip]
            np.testing.assert_allclose(old - p.data[r], 0.01 * g / max(1.0, length), rtol=1e-3, atol=1e-7)


def test_the_regulariser_adds_its_gradient_to_the_recurrent_weights_alone() -> None:
    u, labels, _ = temporal_order(rng(), 6, 20)
    found = []
    for weight in (0.0, 4.0):
        made = network([rng(1)])
        gradient(made, u[None], labels[None], weight)
        found.append({name: p.grad for name, p in made.named_params()})
    differ = [name for name in found[0] if (found[0][name] != found[1][name]).any()]
    assert differ == ["recurrence.W"]


def test_a_network_does_not_depend_on_its_neighbours() -> None:
    def trained(seeds: list[int]) -> Network:
        runs = [Run(seed) for seed in seeds]
        start = network([run.rng("weights") for run in runs])
        return train(runs, start, 10, BOTH, 5, shuffled=False)[0].network

    for (_, alone), (_, among) in zip(trained([3]).named_params(), trained([3, 4, 5]).named_params(), strict=True):
        np.testing.assert_array_equal(alone.data, among.data)


def test_ten_symbols_are_learned_and_a_solved_network_leaves() -> None:
    runs = [Run(7), Run(8)]
    trials = train(runs, network([run.rng("weights") for run in runs]), 10, BOTH, 2000, shuffled=False)
    assert all(trial.solved and trial.updates < 2000 for trial in trials)
    assert all(training.share_wrong(trial.network, rng(9), 10, 1000) < 0.02 for trial in trials)
    assert all(len(trial.errors) == trial.updates // training.EVERY for trial in trials)


# -- one unit ----------------------------------------------------------------------------------------------------------


def test_the_gradient_of_the_surface() -> None:
    w, b = np.array([5.0, 4.0]), np.array([-2.5, -1.0])
    _, g = unit.surface(w, b)
    for k, (dw, db) in enumerate([(1e-6, 0), (0, 1e-6)]):
        up, down = unit.surface(w + dw, b + db)[0], unit.surface(w - dw, b - db)[0]
        np.testing.assert_allclose(g[:, k], (up - down) / 2e-6, rtol=1e-6)


def test_beyond_the_edge_the_state_falls_to_the_other_side() -> None:
    b = unit.edge(np.array(5.0))
    low, high = unit.unrolled(np.full(2, 5.0), b + np.array([-0.01, 0.01]), 0.5, 50)[0]
    assert low < -1.5 and high > 1


def test_the_folds_are_where_two_fixed_points_meet() -> None:
    found = unit.folds(Run(0), w=5.0).arrays["folds"]
    s = (1 + np.array([-1, 1]) * np.sqrt(0.2)) / 2  # 5 s (1 - s) = 1
    np.testing.assert_allclose(np.sort(np.log(s / (1 - s)) - 5 * s), found, atol=1e-6)


def test_a_normal_matrix_and_a_triangular_one_of_the_same_radius() -> None:
    made = {kind: theory.recurrent_weights(rng(), kind, 0.9, 20) for kind in ("random", "triangular", "normal")}
    assert [radius(W) for W in made.values()] == pytest.approx([0.9] * 3)
    normal = made["normal"]
    np.testing.assert_allclose(normal @ normal.T, normal.T @ normal, atol=1e-12)
    assert np.linalg.norm(normal, 2) == pytest.approx(0.9) and np.linalg.norm(made["triangular"], 2) > 1


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------

QUICK = ("B1", "R1", "R2", "W1", "C1", "O1")


def holding(folder: Path) -> set[str]:
    return {name for name, judgement in run_and_judge(SLUG, QUICK, folder).items() if judgement.holds}


def transposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors go back through the transpose, as equation 5 has it."""
    original = Recurrence.__call__

    def wrong(self: Recurrence, a: Array, x_0: Array) -> tuple[Array, Callable[..., tuple[Array, Array]]]:
        x, _ = original(self, a, x_0)
        _, backward = original(Recurrence(self.W.data.swapaxes(1, 2), self.units), a, x_0)
        return x, backward

    monkeypatch.setattr(Recurrence, "__call__", wrong)


def steep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every slope is a tenth too large."""
    for name, (sigma, slope) in list(UNITS.items()):
        monkeypatch.setitem(UNITS, name, (sigma, lambda h, slope=slope: 1.1 * slope(h)))
    monkeypatch.setattr(unit, "slope", UNITS["logistic"][1])


def uphill(monkeypatch: pytest.MonkeyPatch) -> None:
    original = unit.surface
    monkeypatch.setattr(unit, "surface", lambda w, b: (original(w, b)[0], -original(w, b)[1]))


def halved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the regulariser's gradient."""

    def wrong(*inputs: Array) -> tuple[float, Callable[[], Array]]:
        value, backward = omega(*inputs)
        return value, lambda: backward() / 2

    monkeypatch.setattr(theory, "omega", wrong)


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    assert holding(tmp_path) == set(QUICK)


@pytest.mark.parametrize(("sabotage", "broken"), [(steep, {"B1", "R1", "W1"}), (uphill, {"C1"}), (halved, {"O1"})])
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None], broken: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sabotage(monkeypatch)
    assert not holding(tmp_path) & broken


def test_an_error_through_the_transpose_keeps_the_rates_and_fails_the_contract(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    transposed(monkeypatch)
    assert {"R1", "R2"} <= holding(tmp_path)
    with pytest.raises(AssertionError):
        check_layer(Recurrence(weights(2, 4, 4)), rng(1).normal(size=(2, 3, 3, 4)), rng(2).normal(size=(2, 3, 4)))


def test_without_labels_nothing_is_learned() -> None:
    found = experiments.temporal_order_task(
        [Run(1)],
        **{"length": 10, "init": "smart", "clip": "norm", "threshold": 1.0, "omega": 4.0, "rate": 0.01},
        **{"labels": "shuffled", "most": 500},
    )[0]
    assert found.measurements["wrong"] > 0.65 and not found.measurements["solved"]
