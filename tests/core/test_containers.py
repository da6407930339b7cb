"""Containers and prediction: contract, callbacks given up, modes left alone."""

import weakref

import numpy as np
import pytest

from core import Layer, Linear, Residual, Sequential, check_layer, predict, relu, scaled_tanh, tanh
from tests.core.helpers import agrees_with_torch, data_of, normal, seeded


class Kept:
    """Stands for the activations that a callback holds."""


def watched_function(references: list) -> object:
    """y = x. Asserts, on each call of it or of its callback, that the callbacks made since then are gone."""

    def function(x):
        kept = Kept()
        number = len(references)

        def backward(dy):
            assert kept is not None
            assert all(reference() is None for reference in references[number + 1 :])
            return dy

        references.append(weakref.ref(kept))
        return x, backward

    return function


def mlp() -> Sequential:
    rng = seeded()
    return Sequential(Linear(3, 4, rng=rng), scaled_tanh, inner=Sequential(relu, Linear(4, 2, rng=rng)))


def test_contract() -> None:
    check_layer(mlp(), normal(5, 3))
    check_layer(Sequential(tanh), normal(5, 3))
    check_layer(Residual(Linear(3, 3, rng=seeded())), normal(5, 3))
    check_layer(Residual(Sequential(tanh, Linear(3, 3, rng=seeded()))), normal(2, 5, 3))


def test_a_layer_used_twice_in_one_forward() -> None:
    shared = Linear(3, 3, rng=seeded())
    check_layer(Sequential(shared, tanh, shared, Residual(shared)), normal(5, 3))


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    shared = Linear(3, 3, rng=seeded())
    model = Sequential(shared, tanh, Residual(shared)).astype(np.float64)

    def theirs(x, W, b):
        h = torch.tanh(x @ W + b)
        return h + h @ W + b

    agrees_with_torch(model, theirs, normal(5, 3), *data_of(model), params=2)


def test_names_and_parts() -> None:
    model = mlp()
    assert [name for name, _ in model.named_params()] == ["0.W", "0.b", "inner.1.W", "inner.1.b"]
    assert model["0"] is model[0] and model["inner"][1].W.data.shape == (4, 2)
    assert model[1] is scaled_tanh
    with pytest.raises(KeyError, match="no part 'C1'; it has 0, 1, inner"):
        model["C1"]


@pytest.mark.parametrize("model", [Sequential(tanh), Residual(tanh), mlp()])
def test_a_spent_backward_says_so(model) -> None:
    y, backward = model(normal(5, 3).astype(np.float32))
    backward(y)
    with pytest.raises(RuntimeError, match=r"^(Sequential|Residual): this backward is spent.*Run the forward pass"):
        backward(y)


def test_callbacks_are_given_up_as_they_are_used() -> None:
    references: list = []
    part = watched_function(references)
    _, backward = Sequential(part, Residual(part), part)(normal(2))
    assert all(reference() is not None for reference in references)
    backward(normal(2))
    assert all(reference() is None for reference in references)


def test_predict_drops_every_callback_before_the_next_layer_runs() -> None:
    references: list = []

    def nothing_is_held(x):
        assert all(reference() is None for reference in references)
        return x, None

    part = watched_function(references)
    predict(Sequential(part, nothing_is_held, Residual(part), nothing_is_held, Sequential(part)), normal(2))
    assert len(references) == 3


class Mode(Layer):
    def __call__(self, x):
        return x + (1 if self.training else 0), lambda dy: dy


def test_predict_is_in_evaluation_mode_and_leaves_the_mode() -> None:
    model = Sequential(Mode(), Residual(Mode()))
    x = np.zeros((2, 3))
    assert predict(model, x).max() == 0
    assert all(layer.training for _, layer in model.named_layers())
    assert model(x)[0].max() == 3
    model.eval()
    predict(model, x)
    assert not any(layer.training for _, layer in model.named_layers())


def test_predict_in_batches() -> None:
    model = mlp()
    x = normal(7, 3).astype(np.float32)
    expected = predict(model, x)
    for batch_size in (1, 3, 7, 100):
        np.testing.assert_allclose(predict(model, x, batch_size=batch_size), expected, rtol=1e-5)
    assert predict(model, x[:0], batch_size=3).shape == (0, 2)
    assert predict(relu, -x, batch_size=2).min() == 0


def test_predict_with_several_inputs_and_outputs() -> None:
    def both(x, y):
        return (x + y, x - y), None

    x, y = normal(5, 2), normal(5, 2, seed=1)
    sums, differences = predict(both, x, y, batch_size=2)
    np.testing.assert_array_equal(sums, x + y)
    np.testing.assert_array_equal(differences, x - y)
    with pytest.raises(ValueError, match=r"predict: the inputs have lengths \[5, 4\]"):
        predict(both, x, y[:4], batch_size=2)
    with pytest.raises(ValueError, match="predict: batch_size is 0"):
        predict(both, x, y, batch_size=0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="Sequential: got no layers"):
        Sequential()
    with pytest.raises(ValueError, match="Sequential: part 'a' is 3, expected a layer or a function"):
        Sequential(a=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Residual: f\(x\) is .* \(5, 2\) .*, expected .* of x, .* \(5, 3\)"):
        Residual(mlp())(normal(5, 3).astype(np.float32))
    with pytest.raises(ValueError, match="Residual"):
        predict(Residual(mlp()), normal(5, 3).astype(np.float32))
