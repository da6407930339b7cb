"""Layers: names, walking, modes, types, copies and observation."""

import numpy as np
import pytest

from core import Layer, Linear, Param, Sequential, evaluation_copy, tanh
from tests.core.helpers import normal, seeded


class Dropout(Layer):
    """Inverted dropout, for tests: it draws at run time, and counts its calls in a buffer."""

    def __init__(self, *, rng: np.random.Generator) -> None:
        self.rng = rng.spawn(1)[0]
        self.calls = np.zeros((), np.int64)

    def __call__(self, x):
        self.calls = self.calls + 1
        mask = (self.rng.random(x.shape) < 0.5).astype(x.dtype) * 2 if self.training else np.ones_like(x)
        return x * mask, lambda dy: dy * mask


class Everything(Layer):
    """One attribute of each kind that a layer can have."""

    def __init__(self) -> None:
        rng = seeded()
        self.W = Param(np.ones((2, 3), np.float32))
        self.parts = [Linear(2, 2, rng=rng), (Linear(2, 1, rng=rng, bias=False), "words")]
        self.table = {"a": Param(np.zeros(1, np.float32)), "f": tanh}
        self.mean = np.zeros(3, np.float32)
        self.ids = np.arange(3)
        self.rng = rng
        self.size = 3
        self.nothing = None


def test_names_are_paths() -> None:
    model = Everything()
    assert [name for name, _ in model.named_params()] == ["W", "parts.0.W", "parts.0.b", "parts.1.0.W", "table.a"]
    assert [name for name, _ in model.named_buffers()] == ["mean", "ids"]
    assert [name for name, _ in model.named_generators()] == ["rng"]
    assert [name for name, _ in model.named_layers()] == ["", "parts.0", "parts.1.0"]


def test_what_is_shared_is_walked_once() -> None:
    shared = Linear(2, 2, rng=seeded())
    model = Sequential(shared, tanh, shared, last=Linear(2, 2, rng=seeded()))
    model["last"].W = shared.W
    assert [name for name, _ in model.named_params()] == ["0.W", "0.b", "last.b"]


def test_a_cycle_does_not_hang() -> None:
    parent = Everything()
    parent.parts[0].parent = parent
    assert len(list(parent.named_layers())) == 3
    assert evaluation_copy(parent).parts[0].parent is not parent


def test_modes() -> None:
    model = Sequential(Dropout(rng=seeded()), Sequential(Dropout(rng=seeded())))
    assert model.training
    assert model.eval() is model
    assert not any(layer.training for _, layer in model.named_layers())
    assert model.train() is model
    assert all(layer.training for _, layer in model.named_layers())


def test_astype_casts_params_and_floating_buffers_in_place() -> None:
    model = Everything()
    W = model.W
    assert model.astype(np.float64) is model
    assert model.W is W
    assert {p.data.dtype for _, p in model.named_params()} == {np.dtype(np.float64)}
    assert {p.grad.dtype for _, p in model.named_params()} == {np.dtype(np.float64)}
    assert model.mean.dtype == np.float64
    assert model.ids.dtype == np.int64
    with pytest.raises(ValueError, match=r"Everything\.astype: got .* expected a floating type"):
        model.astype(np.int32)


def test_a_buffer_in_two_places_stays_one() -> None:
    model = Everything()
    model.parts[0].mean = model.mean
    model.astype(np.float64)
    assert model.parts[0].mean is model.mean


def test_zero_grad() -> None:
    model = Everything()
    model.W.grad += 1
    model.zero_grad()
    assert not model.W.grad.any()


def test_an_optimiser_step_in_between_changes_no_gradient() -> None:
    layer = Linear(3, 2, rng=seeded()).astype(np.float64)
    x, dy = normal(4, 3), normal(4, 2, seed=1)
    expected = layer(x)[1](dy)
    _, backward = layer(x)
    layer.W.data = layer.W.data + 1
    np.testing.assert_array_equal(backward(dy), expected)


def test_evaluation_copy() -> None:
    shared = Dropout(rng=seeded())
    model = Sequential(a=shared, b=Sequential(shared), c=Linear(2, 2, rng=seeded()))
    twin = evaluation_copy(model)
    assert not any(layer.training for _, layer in twin.named_layers())
    assert all(layer.training for _, layer in model.named_layers())
    assert dict(twin.named_params()) == dict(model.named_params())
    assert twin["a"] is twin["b"]["0"] and twin["a"] is not shared


def test_a_layer_without_a_call_says_so() -> None:
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match="Empty does not define __call__"):
        Empty()(1)


def test_param_shows_shape_and_type() -> None:
    assert repr(Param(np.zeros((2, 3), np.float32))) == "Param(shape=(2, 3), dtype=float32)"
