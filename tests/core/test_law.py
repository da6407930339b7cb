"""The law that surrounds every call: a backward runs once, with what mirrors the outputs, and errors say where."""

import inspect
import weakref

import numpy as np
import pytest

from core import LSTM, Bidirectional, Layer, Linear, Residual, Sequential, mse, predict, relu, silu, tanh
from core.law import lawful
from core.watch import watch
from tests.core.helpers import normal, seeded


class Many(Layer):
    """Outputs of every kind: an array, a pair of arrays, integers, None."""

    def __call__(self, x):
        outputs = x, (2 * x, 3 * x[:, :1]), np.arange(3), None

        def backward(dx, pair, none, nothing):
            assert none is None and nothing is None
            return dx + 2 * pair[0] + 3 * pair[1]

        return outputs, backward


class Block(Layer):
    """Parts among its attributes, one of which it calls twice."""

    def __init__(self, n: int = 3) -> None:
        rng = seeded()
        self.parts = [Linear(3, 3, rng=rng), Sequential(tanh, last=Linear(3, n, rng=rng))]

    def __call__(self, x):
        y, first = self.parts[0](x)
        z, second = self.parts[1](y)

        def backward(dz):
            return first(second(dz))

        return z, backward


class Broken(Layer):
    """A layer without a guard, whose backward is wrong."""

    def __init__(self, n: int = 3) -> None:
        self.n = n

    def __call__(self, x):
        return x + np.ones(self.n), lambda dy: dy.T @ dy


def batch(*shape: int) -> np.ndarray:
    return normal(*shape).astype(np.float32)


@pytest.mark.parametrize("step", [Linear(3, 3, rng=seeded()), relu, Block(), Sequential(relu), Residual(tanh)])
def test_a_backward_runs_once(step) -> None:
    y, backward = step(batch(5, 3))
    backward(y)
    with pytest.raises(RuntimeError, match=r"this backward is spent: it gave up .* Run the forward pass again"):
        backward(y)


def test_a_refused_gradient_spends_nothing_a_failure_does() -> None:
    y, backward = Sequential(Broken())(normal(2, 3))
    with pytest.raises(ValueError, match=r"Sequential: backward got an array of shape .2, 4. .* expected shape .2, 3."):
        backward(normal(2, 4))
    backward(y)
    _, backward = Sequential(tanh, Broken())(normal(2, 3))
    with pytest.raises(ValueError, match=r"0: tanh: backward got .* \(3, 3\)"):
        backward(y)
    with pytest.raises(RuntimeError, match="spent"):
        backward(y)


def test_what_a_backward_holds_is_given_up_as_it_runs() -> None:
    class Kept:
        pass

    references = []

    @lawful
    def function(x):
        kept = Kept()
        references.append(weakref.ref(kept))
        return x, lambda dy: dy if kept else None

    y, backward = function(batch(2))
    assert references[0]() is not None
    backward(y)
    assert references[0]() is None  # though `backward` is still here


@pytest.mark.parametrize(
    ("gradients", "words"),
    [
        ((), "got nothing, expected a gradient for each of 1 output"),
        ((0, 0), "got int 0, int 0, expected a gradient for each of 1 output"),
        ((None,), r"got NoneType None, expected shape \(5, 2\) and type float32, as the output"),
        ((1.0,), r"got float 1.0, expected shape \(5, 2\)"),
        ((batch(5, 1),), r"got an array of shape \(5, 1\) and type float32, expected shape \(5, 2\)"),
        ((batch(2),), r"got an array of shape \(2,\)"),
        ((normal(5, 2),), "got .* type float64, expected .* type float32"),
        ((np.ones((5, 2), int),), "got .* type int64, expected .* type float32"),
    ],
)
def test_a_gradient_mirrors_its_output(gradients, words: str) -> None:
    _, backward = Sequential(Linear(3, 2, rng=seeded()))(batch(5, 3))
    with pytest.raises(ValueError, match=f"^Sequential: backward {words}"):
        backward(*gradients)


def test_several_outputs() -> None:
    x = normal(4, 3)
    a, b, c = normal(4, 3, seed=1), normal(4, 3, seed=2), normal(4, 1, seed=3)
    np.testing.assert_array_equal(Many()(x)[1](a, (b, c), None, None), a + 2 * b + 3 * c)
    np.testing.assert_array_equal(Many()(x)[1](a), a)
    np.testing.assert_array_equal(Many()(x)[1](None, (b, None)), 2 * b)
    for wrong in ((), (a, b), (a, (b,), None, None, None), (a, (b, b)), (a, b, None), (a, (b, c, c))):
        with pytest.raises(ValueError, match=r"Many: backward got .*, expected"):
            Many()(x)[1](*wrong)


def test_a_loss_takes_nothing() -> None:
    _, backward = mse(batch(3), batch(3))
    with pytest.raises(ValueError, match=r"mse: backward got float 1\.0, expected nothing: it is that of a loss"):
        backward(1.0)
    backward()
    with pytest.raises(RuntimeError, match="mse: this backward is spent"):
        backward()


def test_paths() -> None:
    twice = Linear(3, 3, rng=seeded())
    model = Sequential(encoder=Sequential(twice, relu, twice, relu, Block()), top=Residual(Block(2)))
    for path, x in (
        ("encoder.0: Linear(3, 3): got an array of shape (5, 2) and type float32", batch(5, 2)),
        ("top: Residual: f(x) is an array of shape (5, 2)", batch(5, 3)),
    ):
        for call in (model, watch(model, lambda *of: of[-1])):
            with pytest.raises(ValueError) as caught:
                call(x)
            assert str(caught.value).startswith(path)
        with pytest.raises(ValueError) as caught:
            predict(model, x)
        assert str(caught.value).startswith(path)
    for where, wrong, path in (
        ("encoder", Sequential(relu, relu, wide := Linear(4, 3, rng=seeded())), "encoder.2: Linear(4, 3)"),
        ("encoder", Sequential(relu, wide, relu), "encoder.1: Linear(4, 3)"),
        ("encoder", Sequential(wide, wide), "encoder.0: Linear(4, 3)"),
        ("encoder", Block(), "encoder.parts.1.last: Linear(4, 3)"),
        ("top", Residual(wide), "top.layer: Linear(4, 3)"),
        ("top", Bidirectional(LSTM(4, 3, rng=seeded()), LSTM(3, 3, rng=seeded(), reverse=True)), "top.forward: LSTM"),
        ("top", Broken(7), "top: Broken: operands could not be broadcast"),
        ("top", lambda x: x + np.ones(7), "top: operands could not be broadcast"),
        ("top", lambda x: relu(x.astype(int)), "top: relu: got an array of shape (5, 3) and type int64"),
        ("top", lambda x: silu(x.astype(int)), "top: silu: got"),
    ):
        parts = {"encoder": relu, "top": relu} | {where: wrong}
        if isinstance(wrong, Block):
            wrong.parts[1].layers["last"] = wide
        with pytest.raises(ValueError) as caught:
            Sequential(**parts)(batch(5, 3))
        assert str(caught.value).startswith(path)


def test_the_right_one_of_equal_parts_is_named() -> None:
    linear = Linear(3, 3, rng=seeded())

    def narrow(x):
        return x[:, :2], lambda dy: dy

    with pytest.raises(ValueError, match=r"^3: Linear"):
        Sequential(linear, relu, narrow, linear)(batch(5, 3))
    with pytest.raises(ValueError, match=r"^1: relu: backward got .* expected shape \(5, 3\)"):
        Sequential(relu, relu, narrow, relu)(batch(5, 3))[1](batch(5, 2))


def test_errors_inside_a_backward_say_where() -> None:
    model = Sequential(encoder=Sequential(tanh, Broken()), top=tanh)
    y, backward = model(batch(2, 3).astype(float))
    with pytest.raises(ValueError, match=r"^encoder\.0: tanh: backward got .* \(3, 3\) .* expected shape \(2, 3\)"):
        backward(y)


def test_the_kind_of_an_error_stays() -> None:
    class Angry(Layer):
        def __call__(self, x):
            raise x

    for error in (KeyError("a"), TypeError("b"), np.exceptions.AxisError(3, 2), ZeroDivisionError(), OSError(2, "no")):
        with pytest.raises(type(error)) as caught:
            Sequential(a=Sequential(b=Angry()))(error)
        assert caught.value is error
        assert "a.b: Angry: " in "".join([str(error), *getattr(error, "__notes__", [])])


def test_a_call_looks_as_it_was_written() -> None:
    assert list(inspect.signature(Linear.__call__).parameters) == ["self", "x"]
    assert list(inspect.signature(mse).parameters) == ["y", "target"]
    assert "class Many" not in inspect.getsource(Many.__call__) and "outputs = x" in inspect.getsource(Many.__call__)
    assert (relu.__name__, relu.__module__) == ("relu", "core.activations") and "max(x, 0)" in (relu.__doc__ or "")


def test_a_subclass_of_a_subclass() -> None:
    class Twice(Linear):
        def __call__(self, x):
            y, backward = super().__call__(x)
            return 2 * y, lambda dy: backward(2 * dy)

    class Same(Linear):
        pass

    for kind, factor in ((Twice, 2), (Same, 1)):
        layer = kind(3, 2, rng=seeded())
        y, backward = layer(batch(5, 3))
        np.testing.assert_allclose(backward(y), factor * y @ layer.W.data.T, rtol=1e-5)
        with pytest.raises(ValueError, match=rf"^a: {kind.__name__}: Linear\(3, 2\): got"):
            Sequential(a=layer)(batch(5, 4))
