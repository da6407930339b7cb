"""lenet_1998: the gradients of its own layers, plain-loop second opinions, and sabotage that its claims must notice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import SGD, Array, Linear, Param, Sequential, check_layer, predict, scaled_tanh, squared_error
from firsthand.errors import FirsthandError
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.records import Unit
from firsthand.run import Run, execute
from firsthand.verdicts import Judgement
from papers.lenet_1998 import data, model
from papers.lenet_1998.layers import EuclideanUnits, LocalConv2d, OnePlace, TableConv2d, map_criterion
from papers.lenet_1998.model import rows
from papers.lenet_1998.newton import DiagonalNewton, curvature
from papers.lenet_1998.training import train
from tests.papers.helpers import frozen, run_and_judge

SLUG = "lenet_1998"
TABLE = ((0, 2), (1,), (0, 1, 2), (2, 0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("stride", "unit_biases"), [(1, (1, 1)), (1, (4, 5)), (2, (1, 1)), (2, (2, 3))])
def test_table_convolution_keeps_the_contract(stride: int, unit_biases: tuple[int, int]) -> None:
    layer = TableConv2d(TABLE, 3, stride=stride, unit_biases=unit_biases, rng=rng(), init=model.inverse_fan_in)
    check_layer(layer, rng(1).normal(size=(2, 3, 6, 7)))


@pytest.mark.parametrize(("stride", "size"), [(1, (4, 5)), (2, (2, 3))])
def test_local_convolution_keeps_the_contract(stride: int, size: tuple[int, int]) -> None:
    layer = LocalConv2d(TABLE, 3, stride=stride, size=size, rng=rng(), init=model.inverse_fan_in)
    check_layer(layer, rng(1).normal(size=(2, 3, 6, 7)))


def test_one_place_of_each_window_keeps_the_contract_and_is_a_stride() -> None:
    layer, x = OnePlace(3, rng=rng(), init=model.inverse_fan_in), rng(1).normal(size=(2, 3, 4, 6))
    check_layer(layer, x)
    layer.astype(np.float64)
    y, _ = layer(x)
    np.testing.assert_allclose(y, layer.w.data[:, None, None] * x[:, :, [0, 2]][..., [0, 2, 4]])
    with pytest.raises(ValueError, match=r"OnePlace\(3, 2\): got an array of shape \(2, 3, 5, 6\)"):
        layer(np.zeros((2, 3, 5, 6)))
    check_layer(model.lenet5(rng(), sums=False), rng(1).normal(size=(2, 1, 32, 32)))


def test_outputs_and_criterion_keep_the_contract() -> None:
    check_layer(EuclideanUnits(rng().normal(size=(4, 5))), rng(1).normal(size=(3, 2, 5)))
    check_layer(map_criterion, rng(1).normal(size=(5, 4)) ** 2, np.array([0, 3, 1, 1, 2]))


@pytest.mark.parametrize("function", [model.rows, model.places, model.background])
def test_reshaping_keeps_the_contract(function: Callable[..., object]) -> None:
    check_layer(function, rng(1).normal(size=(2, 3, 4, 5)))


def test_whole_networks_keep_the_contract() -> None:
    check_layer(model.small_lenet(rng()), rng(1).normal(size=(2, 1, 10, 10)))
    check_layer(model.zip_network(rng()), rng(1).normal(size=(2, 1, 16, 16)))


def test_table_convolution_against_loops() -> None:
    layer = TableConv2d(TABLE, 3, stride=2, unit_biases=(2, 3), rng=rng(), init=model.inverse_fan_in).astype(np.float64)
    layer.b.data = rng(2).normal(size=layer.b.data.shape)
    x = rng(1).normal(size=(2, 3, 6, 7))
    y, _ = layer(x)
    link = 0
    for o, row in enumerate(TABLE):
        expected = np.zeros((2, 2, 3)) + layer.b.data[o]
        for c in row:
            for h in range(2):
                for w in range(3):
                    window = x[:, c, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3]
                    expected[:, h, w] += (window * layer.W.data[link]).sum(axis=(1, 2))
            link += 1
        np.testing.assert_allclose(y[:, o], expected, atol=1e-12)


def test_local_convolution_with_equal_kernels_is_a_table_convolution() -> None:
    shared = TableConv2d(TABLE, 3, stride=2, rng=rng(), init=model.inverse_fan_in)
    local = LocalConv2d(TABLE, 3, stride=2, size=(2, 3), rng=rng(), init=model.inverse_fan_in)
    kernels = np.zeros((4, 3, 3, 3), np.float32)
    kernels[shared.outputs, shared.inputs] = shared.W.data
    local.W.data = np.broadcast_to(kernels.reshape(4, 27).T, local.W.data.shape).copy()
    x = rng(1).normal(size=(2, 3, 6, 7)).astype(np.float32)
    np.testing.assert_allclose(predict(local, x), predict(shared, x), atol=1e-6)


def test_weights_outside_the_table_stay_zero() -> None:
    layer = LocalConv2d(TABLE, 3, size=(4, 5), rng=rng(), init=model.inverse_fan_in)
    y, backward = layer(rng(1).normal(size=(2, 3, 6, 7)).astype(np.float32))
    backward(np.ones_like(y))
    SGD(layer, 0.1).step()
    assert not layer.W.data[:, layer.mask == 0].any() and layer.W.data[:, layer.mask == 1].all()


def test_the_criterion_is_positive_and_stable() -> None:
    labels = np.array([0, 1])
    for y in ([[0.0, 1e4], [1e4, 0.0]], [[1e4, 0.0], [0.0, 1e4]], [[0.0, 0.0], [0.0, 0.0]]):
        loss, backward = map_criterion(np.array(y), labels)
        assert np.isfinite(loss) and loss > 0 and np.isfinite(backward()).all()


@pytest.mark.parametrize("table", [((0, 0),), ((),)])
def test_tables_that_make_no_sense(table: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="expected rows of different maps"):
        TableConv2d(table, 3, rng=rng(), init=model.inverse_fan_in)


def test_table_one_has_sixty_links_and_every_map_is_used() -> None:
    assert sum(len(row) for row in model.TABLE_I) == 60
    assert len(set(model.TABLE_I)) == 16
    assert [sum(s2 in row for row in model.TABLE_I) for s2 in range(6)] == [10] * 6


def test_codes_are_far_apart() -> None:
    codes = model.digit_codes()
    assert codes.shape == (10, 84) and set(np.unique(codes)) == {-1.0, 1.0}
    differing = (codes[:, None] != codes[None]).sum(axis=2) + 84 * np.eye(10)
    assert differing.min() >= 8


def test_moving_and_permuting() -> None:
    x = np.arange(32.0).reshape(2, 1, 4, 4)
    assert data.moved(x, 0, 1)[0, 0, 0].tolist() == [3, 0, 1, 2]
    order = rng().permutation(16)
    permuted = data.permute(x, order)
    assert permuted.shape == x.shape and (np.sort(permuted, axis=None) == np.sort(x, axis=None)).all()
    assert (permuted[0].ravel() == x[0].ravel()[order]).all() and (permuted[1].ravel() == x[1].ravel()[order]).all()


def loss_without_grad(network: Sequential, x: Array) -> float:
    loss, _ = squared_error(predict(network, x), np.zeros((len(x), 2)))
    return loss


def test_curvature_is_the_diagonal_of_the_hessian_where_nothing_is_dropped() -> None:
    """For two linear layers and one output, every second derivative in a single weight is the product of squares."""
    network = Sequential(Linear(3, 4, rng=rng()), rows, Linear(4, 2, rng=rng(1))).astype(np.float64)
    x, step = rng(2).normal(size=(5, 3)), 1e-3
    found = curvature(network, x, np.ones((5, 2)))
    assert set(found) == {"0.W", "0.b", "2.W", "2.b"}
    for name, p in network.named_params():
        for place in np.ndindex(p.data.shape):
            here, values = p.data[place], []
            for offset in (-step, 0.0, step):
                p.data[place] = here + offset
                values.append(loss_without_grad(network, x))
            p.data[place] = here
            measured = (values[0] - 2 * values[1] + values[2]) / step**2
            np.testing.assert_allclose(found[name][place], measured, rtol=1e-5, atol=1e-8)


def test_curvature_goes_through_squashing_and_shared_kernels() -> None:
    network = model.zip_network(rng()).astype(np.float64)
    x = rng(1).normal(size=(3, 1, 16, 16))
    found = curvature(network, x, np.ones((3, 10)))
    assert {name: h.shape for name, h in found.items()} == {n: p.data.shape for n, p in network.named_params()}
    assert all((h >= 0).all() and h.any() for h in found.values())
    a = predict(Sequential(**{k: v for k, v in network.layers.items() if k != "f4"}), x)
    _, backward = scaled_tanh(a)
    slope = backward(np.ones_like(a))
    np.testing.assert_allclose(found["output.b"], (slope**2).mean(axis=0), rtol=1e-12)  # f'^2 at each output


def test_a_measured_step_is_shorter_where_the_error_bends() -> None:
    network = model.zip_network(rng())
    optimiser = DiagonalNewton(network, rate=0.01, mu=0.5)
    before = {name: p.data for name, p in network.named_params()}
    optimiser.slots["h"] = {name: np.full_like(p.data, 1.5) for name, p in network.named_params()}
    for _, p in network.named_params():
        p.grad += 1
    optimiser.step()
    for name, p in network.named_params():
        np.testing.assert_allclose(before[name] - p.data, 0.01 / 2, rtol=1e-4)
        assert not p.grad.any()


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


def judgements(folder: Path) -> dict[str, Judgement]:
    """The empirical quick claims, run here and now on a seed that no record has."""
    return run_and_judge(SLUG, ["D1", "D2"], folder)


def flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gradient of C3 has the wrong sign."""
    original = TableConv2d.__call__

    def call(self: TableConv2d, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y, backward = original(self, x)

        def wrong(dy: Array) -> Array:
            dx: Array = backward(dy)
            self.W.grad = -self.W.grad
            return dx

        return y, wrong

    monkeypatch.setattr(TableConv2d, "__call__", call)


def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    original = data.load_optdigits
    monkeypatch.setattr(data, "load_optdigits", lambda run: original(run).with_shuffled_labels(rng(run.seed)))


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    found = judgements(tmp_path)
    assert [judgement.verdict for judgement in found.values()] == ["agrees, scaled"] * 2


@pytest.mark.parametrize("sabotage", [frozen, flipped, shuffled])
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sabotage(monkeypatch)
    try:
        found = judgements(tmp_path)
    except FirsthandError as error:
        assert "training diverged" in str(error)
    else:
        assert {claim: judgement.holds for claim, judgement in found.items()} == {"D1": False, "D2": False}


def test_a_run_is_the_same_twice() -> None:
    project = Project.find(Path(__file__))
    settings = project.manifest(SLUG).experiments["digits"].settings | {"passes": 1}
    unit = units_of(SLUG, project.manifest(SLUG), [project.manifest(SLUG).claim("D1")])[0]
    short = type(unit)(SLUG, "digits", settings, 5)
    first, second = execute(project, short), execute(project, short)
    assert first.measurements == second.measurements and first.arrays == second.arrays


def test_a_run_that_diverges_says_where() -> None:
    network = Sequential(Linear(4, 3, rng=rng()), scaled_tanh, Linear(3, 2, rng=rng(1))).astype(np.float64)
    network["0"].W.data[:] = np.inf
    x, target = rng(2).normal(size=(8, 4)), np.zeros((8, 2))
    steps = train(Run(seed=3), network, squared_error, x, target, optimiser=SGD(network, 0.1), passes=1, batch=4)
    with np.errstate(all="ignore"), pytest.raises(FirsthandError, match=r"seed 3.*diverged.*Param 0\.W holds infinity"):
        next(steps)


def test_streams_are_independent() -> None:
    run = Run(seed=7)
    assert run.rng("weights").random() == run.rng("weights").random() != run.rng("order").random()


def test_params_are_what_the_paper_counts() -> None:
    params: dict[str, Param] = dict(model.lenet5(rng()).named_params())
    assert sum(p.data.size for p in params.values()) == 60_000
    assert params["C3.W"].data.shape == (60, 5, 5)


# -- on the full data sets (pytest -m full) ----------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize("step", ["plain", "diagonal newton"])
def test_two_passes_over_the_zip_code_digits(step: str) -> None:
    """The 1989 network has learned most of what it will learn: fewer than a tenth of the test digits are misread."""
    project = Project.find(Path(__file__))
    settings = project.manifest(SLUG).experiments["zip"].settings | {"passes": 2, "step": step}
    record = execute(project, Unit(SLUG, "zip", settings, 7))
    assert record.measurements["test_misses"] < 200 and record.measurements["majority_misses"] > 1600


@pytest.mark.full
def test_one_pass_over_mnist() -> None:
    project = Project.find(Path(__file__))
    settings = project.manifest(SLUG).experiments["mnist"].settings | {"passes": 1}
    record = execute(project, Unit(SLUG, "mnist", settings, 7))
    assert record.measurements["test_error"] < 0.04
    assert np.array(record.arrays["kernels"]).shape == (6, 5, 5)
