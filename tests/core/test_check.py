"""The gradient contract: it passes what is right, names what is wrong, and leaves everything as it was."""

import copy
import itertools
from collections.abc import Callable

import numpy as np
import pytest

from core import GradientError, Layer, Linear, Param, Sequential, check_layer, relu, tanh
from tests.core.helpers import normal, seeded
from tests.core.test_layer import Dropout

COUNTER = itertools.count()  # for a planted mistake: other numbers on every call


class Planted(Layer):
    """y = x W + b with a backward from outside, `mistake(layer, x, W, dy) -> dx`."""

    def __init__(self, mistake: Callable, n_in: int = 4, n_out: int = 3) -> None:
        self.W, self.b = Param(normal(n_in, n_out)), Param(normal(n_out, seed=1))
        self.mistake = mistake

    def __call__(self, x):
        W = self.W.data
        return x @ W + self.b.data, lambda dy: self.mistake(self, x, W, dy)


def correct(self, x, W, dy):
    self.W.grad += x.T @ dy
    self.b.grad += dy.sum(0)
    return dy @ W.T


def but(**changes: Callable) -> Callable:
    """The correct backward with one of its three parts replaced."""

    def mistake(self, x, W, dy):
        for name, right in (("W", lambda: x.T @ dy), ("b", lambda: dy.sum(0))):
            p = getattr(self, name)
            if name in changes:
                changes[name](p, x, W, dy)
            else:
                p.grad += right()
        return changes["x"](x, W, dy) if "x" in changes else dy @ W.T

    return mistake


def add(gradient: Callable) -> Callable:
    def added(p, x, W, dy):
        p.grad += gradient(x, W, dy)

    return added


def assign(gradient: Callable) -> Callable:
    def assigned(p, x, W, dy):
        p.grad = gradient(x, W, dy)

    return assigned


def some_rows(x, W, dy):
    dx = dy @ W.T
    dx[:, 2] = 0
    return dx


def one_element(x, W, dy):
    dx = dy @ W.T
    dx[3, 1] *= 1.5
    return dx


def in_place(x, W, dy):
    dy *= 2
    return dy @ W.T / 2


PLANTED = {
    "a mean for a sum": (
        but(W=add(lambda x, W, dy: x.T @ dy / 5)),
        r"W\.grad is 0\.2 times the right answer \(1/5, and 5 is the batch size.*: a mean for a sum\?\)",
    ),
    "a sum for a mean": (but(x=lambda x, W, dy: 5 * dy @ W.T), r"dx is 5 times the right answer \(5, .*: a sum for"),
    "twice": (but(b=add(lambda x, W, dy: 2 * dy.sum(0))), r"b\.grad is 2 times the right answer.* is it added twice\?"),
    "an odd factor": (but(x=lambda x, W, dy: 0.7 * dy @ W.T), r"dx is 0\.7 times the right answer$"),
    "a factor and a sign": (but(x=lambda x, W, dy: -dy @ W.T / 5), r"dx is -0\.2 times the right answer \(1/5"),
    "a sign": (but(x=lambda x, W, dy: -dy @ W.T), "dx has the wrong sign"),
    "= for +=": (but(W=assign(lambda x, W, dy: x.T @ dy)), r"W\.grad is overwritten.*add to it, with \+="),
    "nothing added": (but(b=lambda p, x, W, dy: None), r"b\.grad is zero and should not be: nothing is ever added"),
    "zeros": (but(x=lambda x, W, dy: np.zeros_like(x)), "dx is zero and should not be: backward returns zeros"),
    "no sum, caught by NumPy": (
        but(b=add(lambda x, W, dy: dy)),
        "backward raised ValueError: .*broadcast.* Is a sum over the batch or over the positions missing",
    ),
    "no sum, not caught": (
        but(b=assign(lambda x, W, dy: dy)),
        r"b\.grad is float64 \(5, 3\), expected float64 \(3,\): is a sum over the batch .* missing\?",
    ),
    "the first example only": (
        but(b=add(lambda x, W, dy: dy[0])),
        r"b\.grad counts the first example only: is a sum over axis 0 missing\?",
    ),
    "the last example only": (but(W=add(lambda x, W, dy: np.outer(x[-1], dy[-1]))), r"W\.grad counts the last example"),
    "reshaped, not transposed": (
        but(W=add(lambda x, W, dy: (dy.T @ x).reshape(4, 3))),
        r"W\.grad has the right numbers in the wrong order: reshaped where it should be transposed\?",
    ),
    "no transpose, caught by NumPy": (
        but(x=lambda x, W, dy: dy @ W),
        r"backward raised ValueError: Planted: matmul.*transpose",
    ),
    "reversed": (but(x=lambda x, W, dy: (dy @ W.T)[:, ::-1]), r"dx is reversed along axes \(1,\)"),
    "only some rows": (
        but(x=some_rows),
        r"dx is wrong at 2 along axis 1 \(of length 4\) and right elsewhere\. Largest error: dx\[\d, 2\] is 0, should",
    ),
    "one element": (
        but(x=one_element),
        r"dx is wrong in 1 of 20 elements\. Largest error: dx\[3, 1\] is .*, should be",
    ),
    "not multiplied": (but(b=add(lambda x, W, dy: np.ones(3))), r"b\.grad is not proportional to the gradient that"),
    "random memory": (
        but(x=lambda x, W, dy: seeded(next(COUNTER)).normal(size=x.shape)),
        "dx changes from one run to the next",
    ),
    "None": (but(x=lambda x, W, dy: None), "dx is NoneType, expected an array"),
    "a list": (but(x=lambda x, W, dy: [dy @ W.T]), "dx is list, expected an array"),
    "a tuple of one": (but(x=lambda x, W, dy: (dy @ W.T,)), "backward returns a tuple of one"),
    "too many results": (but(x=lambda x, W, dy: (dy @ W.T, W)), "backward returns 2 results, expected 1: dx"),
    "wrong shape": (but(x=lambda x, W, dy: dy), r"dx is float64 \(5, 3\), expected float64 \(5, 4\)"),
    "wrong type": (but(x=lambda x, W, dy: (dy @ W.T).astype(np.float32)), r"dx is float32 .*, expected float64"),
    "NaN": (but(x=lambda x, W, dy: np.full_like(x, np.nan)), "dx holds NaN"),
    "the cotangent is written to": (but(x=in_place), "backward changes the gradient of output 0"),
    "float64 creeps in": (but(x=lambda x, W, dy: dy @ W.T * np.float64(1)), "result 0 of backward is float64 where"),
    "the grad is made float64": (
        but(b=lambda p, x, W, dy: setattr(p, "grad", p.grad + dy.sum(0) * np.float64(1))),
        r"b\.grad is float64 where everything else is float32",
    ),
}


@pytest.mark.parametrize("case", PLANTED)
def test_each_planted_mistake_gets_its_diagnosis(case: str) -> None:
    mistake, sentence = PLANTED[case]
    with pytest.raises(GradientError, match=f"Planted: .*{sentence}"):
        check_layer(Planted(mistake), normal(5, 4))


def promoting(x):
    return x * np.float64(1), lambda dy: dy


def promoting_backward(x):
    return x, lambda dy: dy * np.float64(1)


def test_an_output_and_a_gradient_of_float64() -> None:
    with pytest.raises(GradientError, match="output 0 is float64 where everything else is float32"):
        check_layer(Sequential(tanh, promoting), normal(5, 4))
    with pytest.raises(GradientError, match=r"in float32, backward raised .* 0: tanh: backward got .* float64"):
        check_layer(Sequential(tanh, promoting_backward), normal(5, 4))


def test_the_correct_backward_passes() -> None:
    check_layer(Planted(correct), normal(5, 4))
    check_layer(Planted(but()), normal(5, 4))


def test_a_transpose_in_a_square() -> None:
    mistake = but(W=add(lambda x, W, dy: dy.T @ x))
    with pytest.raises(GradientError, match=r"W\.grad is transposed: with its axes in the order \(1, 0\) it is right"):
        check_layer(Planted(mistake, 4, 4), normal(5, 4))


def test_params_exchanged() -> None:
    def mistake(self, x, W, dy):
        self.W.grad += np.outer(x.sum(0), dy.sum(0))[:, :1] * 0 + dy.sum(0)  # shape of W, gradient of nothing
        self.b.grad += dy.sum(0)
        return dy @ W.T

    with pytest.raises(GradientError, match=r"W\.grad is wrong"):
        check_layer(Planted(mistake), normal(5, 4))


def product(x, h):
    return x * h, lambda dy: (dy * h, dy * x)


def test_results_in_the_wrong_order() -> None:
    def exchanged(x, h):
        return x * h, lambda dy: (dy * x, dy * h)

    check_layer(product, normal(3, 4), normal(3, 4, seed=1))
    with pytest.raises(GradientError, match="dx is the right answer for dh: are the two exchanged"):
        check_layer(exchanged, normal(3, 4), normal(3, 4, seed=1))
    with pytest.raises(GradientError, match="backward returns 1 results, expected 2: dx, dh"):
        check_layer(lambda x, h: (x * h, lambda dy: dy * h), normal(3, 4), normal(3, 4, seed=1))


def test_several_outputs() -> None:
    def split(x):
        return (x[:, :2], 3 * x), lambda da, db: np.pad(da, ((0, 0), (0, 2))) + 3 * db

    def forgetful(x):
        return (x[:, :2], 3 * x), lambda da, db: 3 * db

    def one_argument(x):
        return (x[:, :2], 3 * x), lambda dy: 3 * dy

    check_layer(split, normal(5, 4))
    with pytest.raises(GradientError, match="dx is wrong at 0, 1 along axis 1"):
        check_layer(forgetful, normal(5, 4))
    with pytest.raises(GradientError, match="Its arguments must mirror the outputs"):
        check_layer(one_argument, normal(5, 4))


def test_a_missing_path_straight_through() -> None:
    def residual(x):
        y, backward = tanh(x)
        return x + y, backward

    with pytest.raises(GradientError, match="dx lacks the gradient of output 0 itself: the path straight through"):
        check_layer(residual, normal(3, 4))


def test_a_missing_derivative() -> None:
    with pytest.raises(GradientError, match="dx is the gradient of output 0, unchanged"):
        check_layer(lambda x: (np.tanh(x), lambda dy: dy.copy()), normal(3, 4))


def test_a_layer_that_keeps_its_input_on_itself() -> None:
    class Cached(Layer):
        def __call__(self, x):
            self.x = x
            return x * x, lambda dy: 2 * self.x * dy

    with pytest.raises(GradientError, match="after another forward in between: does the layer keep an array on itself"):
        check_layer(Cached(), normal(3, 4))


def test_a_backward_that_reads_the_weights_late() -> None:
    def late(self, x, W, dy):
        correct(self, x, W, dy)
        return dy @ self.W.data.T

    with pytest.raises(GradientError, match="after an optimiser step in between"):
        check_layer(Planted(late), normal(5, 4))


def test_a_backward_that_takes_memory_to_be_contiguous() -> None:
    def careless(x):
        return x.copy(), lambda dy: np.ascontiguousarray(dy.ravel("K").reshape(dy.shape))

    with pytest.raises(GradientError, match="for arrays in Fortran order"):
        check_layer(careless, normal(3, 4))


def test_an_input_that_is_written_to() -> None:
    def forward(x):
        x += 1
        return x * 1, lambda dy: dy

    def backward(x):
        def write(dy):
            x[:] = 0
            return dy

        return x * 1, write

    def output(x):
        y = x * 1

        def write(dy):
            y[:] = 0
            return dy * 1

        return y, write

    for function, words in ((forward, "forward changes its input x"), (backward, "backward changes its input x"),
                            (output, "backward changes output 0")):  # fmt: skip
        with pytest.raises(GradientError, match=words):
            check_layer(function, normal(3, 4))


def test_integer_inputs_and_configuration() -> None:
    def take(x, ids, scale):
        def backward(dy):
            dx = np.zeros_like(x)
            np.add.at(dx, ids, scale * dy)
            return dx, None

        return scale * x[ids], backward

    check_layer(take, normal(5, 3), np.array([0, 2, 2, 4]), 3)
    with pytest.raises(GradientError, match="dids is ndarray, expected None, because ids is int64"):
        check_layer(lambda x, ids: (x[ids], lambda dy: (x, ids)), normal(5, 3), np.array([0, 2]))


def test_a_param_that_gets_nothing_must_be_declared() -> None:
    class Unused(Layer):
        def __init__(self):
            self.W = Param(np.ones(3))

        def __call__(self, x):
            return 2 * x, lambda dy: 2 * dy

    with pytest.raises(GradientError, match=r"W\.grad receives no gradient.*declare no_grad=\('W',\)"):
        check_layer(Unused(), normal(3, 4))
    check_layer(Unused(), normal(3, 4), no_grad=("W",))
    with pytest.raises(GradientError, match=r"W\.grad receives a gradient, but no_grad"):
        check_layer(Planted(correct), normal(5, 4), no_grad=("W",))
    with pytest.raises(ValueError, match=r"no_grad names \['V'\], expected some of \['W', 'b', 'x'\]"):
        check_layer(Planted(correct), normal(5, 4), no_grad=("V",))


def test_an_input_that_is_data_must_get_nothing() -> None:
    check_layer(lambda x: (2 * x, lambda dy: None), normal(3, 4), no_grad=("x",))
    with pytest.raises(GradientError, match="dx is ndarray, expected None, because no_grad names it"):
        check_layer(lambda x: (2 * x, lambda dy: 2 * dy), normal(3, 4), no_grad=("x",))
    with pytest.raises(GradientError, match="dx is NoneType, expected an array"):
        check_layer(lambda x: (2 * x, lambda dy: None), normal(3, 4))


def test_dropout_can_be_differentiated() -> None:
    check_layer(Dropout(rng=seeded()), normal(5, 4))
    check_layer(Sequential(Linear(4, 6, rng=seeded()), Dropout(rng=seeded()), tanh), normal(5, 4))


def test_hidden_randomness_is_found() -> None:
    rng = seeded()

    def noisy(x):
        return x + rng.normal(), lambda dy: dy

    with pytest.raises(GradientError, match="two runs from the same Generators differ"):
        check_layer(noisy, normal(3, 4))


def test_kinks_are_avoided() -> None:
    check_layer(relu, np.zeros((20, 20)))
    check_layer(relu, 1e-6 * normal(20, 20))
    check_layer(relu, normal(100, 1000))


def test_a_mistake_at_a_kink_is_found() -> None:
    def leaky(x):
        return np.maximum(x, 0), lambda dy: dy * np.where(x > 0, 1.0, 0.01)

    with pytest.raises(GradientError, match=r"dx is wrong in \d+ of 12 elements"):
        check_layer(leaky, np.zeros((3, 4)))


def test_a_function_of_nothing_but_kinks_is_refused() -> None:
    def saw(x):
        return np.abs(x * 1e6 % 1 - 0.5), lambda dy: dy * 0

    with pytest.raises(GradientError, match="5 times the inputs lay within 1e-06 of a kink"):
        check_layer(saw, normal(3, 4))


def test_outputs_must_be_arrays_and_finite() -> None:
    with pytest.raises(GradientError, match="output 0 is list"):
        check_layer(lambda x: ([x], lambda dy: dy), normal(3))
    with pytest.raises(GradientError, match="output 0 holds NaN or infinity"):
        check_layer(lambda x: (x * np.inf, lambda dy: dy), normal(3))


def test_large_tensors_are_sampled() -> None:
    wrong = but(W=add(lambda x, W, dy: -(x.T @ dy)))
    with pytest.raises(GradientError, match=r"W\.grad has the wrong sign"):
        check_layer(Planted(wrong, 40, 30), normal(5, 40))


def test_everything_is_left_as_it_was_whatever_happens() -> None:
    for mistake in (correct, but(x=in_place), but(x=lambda x, W, dy: None)):
        layer = Sequential(Planted(mistake), Dropout(rng=seeded()))
        for _, p in layer.named_params():
            p.grad += 1
        x = normal(5, 4).astype(np.float32)
        arrays = [array for _, p in layer.named_params() for array in (p.data, p.grad)] + [x, layer[1].calls]
        values, state = copy.deepcopy(arrays), copy.deepcopy(layer[1].rng.bit_generator.state)
        try:
            check_layer(layer, x)
        except GradientError:
            assert mistake is not correct
        now = [array for _, p in layer.named_params() for array in (p.data, p.grad)] + [x, layer[1].calls]
        assert all(a is b for a, b in zip(now, arrays, strict=True))
        for a, b in zip(now, values, strict=True):
            np.testing.assert_array_equal(a, b)
        assert layer[1].rng.bit_generator.state == state
