"""The probe: it changes no bit, and what it reports is what plain sums report."""

import copy
import gc
import json
import math
from functools import partial

import numpy as np
import pytest

from core import (
    SGD,
    Conv2d,
    Layer,
    Linear,
    Momentum,
    Param,
    Residual,
    Sequential,
    clip_by_norm,
    evaluation_copy,
    predict,
    relu,
    sigmoid,
    softmax_cross_entropy,
    squared_error,
    tanh,
)
from core.probe import BINS, Probe
from core.watch import watch
from tests.core.helpers import normal, seeded
from tests.core.test_layer import Dropout


def flatten(x):
    return x.reshape(len(x), -1), lambda dy: dy.reshape(x.shape)


class Running(Layer):
    """A buffer that every call rebinds, beside a layer below: what a stand-in could lose."""

    def __init__(self) -> None:
        self.inner = Linear(8, 8, rng=seeded(3))
        self.mean = np.zeros(8, np.float32)

    def __call__(self, x):
        if self.training:
            self.mean = self.mean + np.float32(0.1) * (x.mean(axis=0) - self.mean)
        y, backward_inner = self.inner(x - self.mean)
        return y, backward_inner


class Two(Layer):
    """Two inputs, two outputs."""

    def __init__(self) -> None:
        self.W = Param(np.full((3, 3), 0.5, np.float32))

    def __call__(self, x, h):
        def one_backward(da, db=0.0):
            self.W.grad += x.T @ da
            return da @ self.W.data.T, db + da

        return (x @ self.W.data + h, h), one_backward


def network(seed: int = 0) -> Sequential:
    rng = seeded(seed)
    tied = Linear(8, 8, rng=rng)
    return Sequential(
        C=Conv2d(1, 2, 3, rng=rng),
        f=relu,
        drop=Dropout(rng=rng),
        flat=flatten,
        down=Linear(32, 8, rng=rng),
        run=Running(),
        one=tied,
        bend=Residual(tanh),
        two=tied,
        out=Sequential(Residual(Linear(8, 8, rng=rng)), sigmoid, Linear(8, 3, rng=rng)),
    )


def bits(model: Layer) -> dict[str, bytes]:
    found = {path: p.data.tobytes() + p.grad.tobytes() for path, p in model.named_params()}
    found |= {path: np.asarray(b).tobytes() for path, b in model.named_buffers()}
    return found | {path: str(g.bit_generator.state).encode() for path, g in model.named_generators()}


def training(model: Layer, call, step, steps: int = 4) -> list[bytes]:
    """Outputs, input gradients, and the whole state at every step."""
    optimiser, rng, seen = Momentum(model, 0.1), seeded(5), []
    for _ in range(steps):
        x, labels = rng.normal(size=(6, 1, 6, 6)).astype(np.float32), rng.integers(0, 3, 6)
        y, backward = call(x)
        _, backward_loss = softmax_cross_entropy(y, labels)
        dx = backward(backward_loss())
        seen += [y.tobytes(), dx.tobytes(), *bits(model).values()]
        clip_by_norm(model, 1.0)
        optimiser.step()
        step()
        seen.append(predict(model, x).tobytes())
    return seen


@pytest.mark.parametrize("every", [1, 3])
def test_a_watched_model_trains_to_the_same_bits(every: int) -> None:
    plain, watched = network(), network()
    before = dict(vars(watched["run"]))
    probe = Probe(watched, every=every)
    assert training(plain, plain, lambda: None) == training(watched, probe.model, probe.step)
    assert bits(plain) == bits(watched)
    assert vars(watched["run"]).keys() == before.keys() and watched["run"].mean.any()
    assert {type(layer) for _, layer in watched.named_layers()} == {type(layer) for _, layer in plain.named_layers()}
    assert {call.step for call in probe.calls} == set(range(0, 4, every))


def test_the_stand_in_is_the_model_but_for_its_calls() -> None:
    model = network()
    probe = Probe(model)
    assert isinstance(probe.model, Sequential) and isinstance(probe.model["C"], Conv2d)
    assert dict(probe.model.named_params()) == dict(model.named_params())
    probe.model.eval()
    assert not any(layer.training for _, layer in model.named_layers())
    probe.model.train()
    model["run"].mean = np.ones(8, np.float32)
    assert probe.model["run"].mean is model["run"].mean and probe.model["one"] is probe.model["two"]
    x = normal(6, 1, 6, 6).astype(np.float32)
    np.testing.assert_array_equal(predict(probe.model, x), predict(model, x))
    evaluation_copy(probe.model)(x)
    copy.deepcopy(probe.model)(x)
    model.eval()
    probe.model.predict(x)
    model.train()
    assert [layer for _, layer in probe.model.named_layers()][1:] == [layer for _, layer in model.named_layers()][1:]
    assert probe.calls == [] and model.training
    probe.model.astype(np.float64)
    assert probe.model(x.astype(np.float64))[0].dtype == np.float64


def test_the_stand_in_keeps_the_model_alive() -> None:
    watched = Probe(network()).model  # nothing else holds the model
    gc.collect()
    assert watched(normal(6, 1, 6, 6).astype(np.float32))[0].shape == (6, 3)


def test_paths_calls_and_kinds() -> None:
    probe = Probe(network())
    y, backward = probe.model(normal(6, 1, 6, 6).astype(np.float32))
    backward(y)
    order = "C f drop flat down run.inner run one bend.layer bend one out.0.layer out.0 out.1 out.2 out".split()
    assert [call.path for call in probe.calls] == [*order, ""]
    assert [call.call for call in probe.calls if call.path == "one"] == [0, 1]
    rows = {call.path: call for call in probe.calls}
    assert (rows["f"].kind, rows["bend.layer"].kind, rows["C"].kind) == ("relu", "tanh", "Conv2d")
    assert {path for path in rows if not rows[path].leaf} == {"run", "bend", "out.0", "out", ""}
    assert all(call.grad_norm is not None for call in probe.calls)


def test_a_step_begins_anew() -> None:
    model = Linear(3, 2, rng=seeded())
    probe, x = Probe(model), normal(4, 3).astype(np.float32)
    y, backward = probe.model(x)
    backward(y)
    probe.step()
    probe.model(x)
    probe.step()
    assert [(call.step, call.call) for call in probe.calls] == [(0, 0), (1, 0)]
    assert [update.grad_norm is None for update in probe.updates] == [False, False, True, True]


def test_statistics_are_those_of_plain_sums() -> None:
    model = Sequential(a=Linear(3, 40, rng=seeded()), f=tanh, b=Linear(40, 2, rng=seeded(1))).astype(np.float64)
    model["a"].W.data = 3 * model["a"].W.data
    x, target = normal(50, 3), normal(50, 2, seed=1)
    y1, _ = model["a"](x)
    y2, backward2 = tanh(y1)
    y3, backward3 = model["b"](y2)
    d3 = squared_error(y3, target)[1]()
    d2 = backward3(d3)
    d1 = backward2(d2)
    model.zero_grad()

    probe = Probe(model)
    y, backward = probe.model(x)
    backward(squared_error(y, target)[1]())
    optimiser = SGD(model, 0.1)
    before = {path: (p.data, p.grad.copy()) for path, p in model.named_params()}
    optimiser.step()
    probe.step()
    for call, value, gradient in zip(probe.calls, (y1, y2, y3, y), (d1, d2, d3, d3), strict=True):
        found = (call.mean, call.std, call.norm, call.grad_mean, call.grad_std, call.grad_norm)
        expected = [f(a) for a in (value, gradient) for f in (np.mean, np.std, np.linalg.norm)]
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert call.finite and call.grad_finite and sum(call.histogram) == value.size
    rows = {call.path: call for call in probe.calls}
    assert rows["f"].saturated == (np.abs(y2) > 0.95).mean() and 0.2 < rows["f"].saturated < 0.9
    assert rows["a"].saturated is None
    np.testing.assert_array_equal(rows["f"].histogram, np.histogram(y2, BINS, (-1, 1))[0])
    for update in probe.updates:
        data, grad = before[update.path]
        np.testing.assert_allclose(update.grad_norm, np.linalg.norm(grad))
        if data.any():
            np.testing.assert_allclose(update.ratio, 0.1 * np.linalg.norm(grad) / np.linalg.norm(data))
        else:
            assert update.path in ("a.b", "b.b") and update.ratio is None


def test_saturation_of_a_sigmoid_and_of_bounds_that_are_given() -> None:
    x = np.array([[-9.0, -1.0, 1.0, 9.0]])
    probe = Probe(Sequential(s=sigmoid, twice=lambda x: (2 * x, lambda dy: 2 * dy)), bounds={"twice": (0, 2)})
    probe.model(x)
    assert [call.saturated for call in probe.calls] == [0.5, 0.5, None]


def test_dead_units_are_features() -> None:
    x = np.ones((2, 3, 4, 4), np.float32)
    x[:, 1] = -1
    x[:, 2, 0] = -1
    probe = Probe(Sequential(f=relu))
    probe.model(x)
    assert probe.calls[0].dead == pytest.approx(
        1 / 3
    )  # the map that is zero everywhere, not the one that is zero in places
    probe.model(np.array([[1.0, -1, -1], [1, 1, -1]]))
    assert probe.calls[2].dead == pytest.approx(1 / 3)
    probe.model(np.ones(3))
    assert probe.calls[4].dead is None


def test_a_layer_of_two_outputs_has_a_row_for_each() -> None:
    probe = Probe(Two())
    x = normal(4, 3).astype(np.float32)
    _, backward = probe.model(x, x)
    backward(x)  # the other output has no part in the loss
    first, second = probe.calls
    assert (first.output, second.output, second.norm) == (0, 1, pytest.approx(np.linalg.norm(x)))
    assert first.grad_norm == second.norm and second.grad_norm == 0


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e25])
def test_very_small_and_very_large_numbers_keep_their_norm(size: float) -> None:
    probe = Probe(Sequential(f=lambda x: (x, lambda dy: dy)))
    x = (size * normal(5, 3)).astype(np.float32)
    _, backward = probe.model(x)
    backward(x)
    expected = np.linalg.norm(x.astype(np.float64))
    assert probe.calls[0].norm == pytest.approx(expected) and probe.calls[0].grad_norm == pytest.approx(expected)
    assert probe.calls[0].finite


def test_the_spread_about_a_large_mean() -> None:
    probe = Probe(Sequential(f=lambda x: (x, lambda dy: dy)))
    probe.model(normal(50, 4).astype(np.float32) + 10_000)
    assert probe.calls[0].std == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_said_and_the_table_stays_json(bad: float) -> None:
    model = Sequential(f=tanh, a=Linear(3, 2, rng=seeded()).astype(np.float64))
    probe = Probe(model)
    x = normal(4, 3)
    y, backward = probe.model(x)
    with np.errstate(invalid="ignore"):
        backward(y * bad)
        probe.step()
        probe.model(x * bad)
    f, a, _, f_bad, *_ = probe.calls
    assert f.finite and f.grad_finite is False and a.grad_finite is False and f.grad_norm is None
    assert f_bad.finite is (bad == math.inf)  # tanh of infinity is 1
    rows = json.loads(json.dumps(probe.table(), allow_nan=False))
    assert [row["what"] for row in rows] == ["layer"] * 6 + ["param"] * 2


def test_histogram_of_a_sample_meets_every_feature() -> None:
    probe = Probe(Sequential(f=lambda x: (x, lambda dy: dy)), bounds={"f": (0, 24)})
    x = np.broadcast_to(np.arange(24) + 0.5, (24_000, 24)).copy()
    probe.model(x)
    counts = np.array(probe.calls[0].histogram)
    assert counts.min() > 0.9 * counts.mean() and counts.sum() < 30_000


def test_the_bins_stay_those_of_the_first_call() -> None:
    probe = Probe(Linear(2, 2, rng=seeded()))
    for scale in (1, 100):
        probe.model((scale * normal(9, 2)).astype(np.float32))
        probe.step()
    first, second = probe.calls
    assert (first.low, first.high) == (second.low, second.high)
    assert second.histogram[0] + second.histogram[-1] > 9 > first.histogram[0] + first.histogram[-1]


def test_a_backward_holds_no_more_than_before() -> None:
    from core.cost import kept_bytes

    model = Sequential(Linear(8, 8, rng=seeded()), tanh, Linear(8, 8, rng=seeded()))
    x = normal(10, 8).astype(np.float32)
    weights = [array for _, p in model.named_params() for array in (p.data, p.grad)]
    kept = [kept_bytes(call(x)[1], weights) for call in (model, Probe(model).model)]
    assert kept[0] == kept[1] > 0


def test_watch_can_see_and_replace_a_backward() -> None:
    def negate(path, step, inputs, outputs, backward):
        return (lambda dy: -backward(dy)) if path == "f" else backward

    model = Sequential(f=partial(relu), g=tanh)
    x = normal(4, 3)
    np.testing.assert_array_equal(watch(model, negate)(x)[1](x), -model(x)[1](x))


def test_every_must_be_a_whole_number() -> None:
    with pytest.raises(ValueError, match="Probe: every is 0"):
        Probe(Linear(2, 2, rng=seeded()), every=0)
