"""Whatever does not fit is refused by name and path, by every layer and function of core, and whatever fits is not.

The table says, in its own words, which shapes each of them accepts; the inputs are mutations of ones that are accepted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core import Array, Layer, Linear, Sequential
from core.layer import Step
from tests.core.helpers import few, normal, public_names, seeded

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A layer or function, inputs that it accepts, and which shapes of them it accepts."""

    make: Callable[[], Any]
    inputs: tuple[Array, ...]
    accepts: Callable[..., bool]
    rest: tuple[Any, ...] = field(default=())  # what else it is called with
    empty: bool = True  # whether it accepts batches of no examples


def ids(*shape: int, most: int = 3) -> Array:
    return seeded().integers(0, most, shape)


def anything(*shapes: Shape) -> bool:
    return True


def equal(a: Shape, b: Shape) -> bool:
    return a == b and math.prod(a) > 0


def ends_in(*sizes: int) -> Callable[[Shape], bool]:
    return lambda x: x[len(x) - len(sizes) :] == sizes


def maps(channels: int) -> Callable[[Shape], bool]:
    return lambda x: len(x) == 4 and x[1] == channels


def windows(x: Shape) -> bool:
    return len(x) == 4 and x[2] % 2 == x[3] % 2 == 0


def broadcasts(small: Shape, large: Shape) -> bool:
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def attended(q: Shape, k: Shape, v: Shape, mask: Shape = ()) -> bool:
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or q[-1] == 0:
        return False
    return q[:-2] == k[:-2] == v[:-2] and k[-2] == v[-2] and broadcasts(mask, (*q[:-1], k[-2]))


def heads(q: Shape, k: Shape, v: Shape, mask: Shape = ()) -> bool:
    if not (len(q) == len(k) == len(v) == 3 and q[2] == k[2] == v[2] == 6 and attended(q, k, v)):
        return False
    return broadcasts(mask, (q[0], q[1], k[1]) if len(mask) < 4 else (q[0], 2, q[1], k[1]))


def additive(s: Shape, h: Shape, mask: Shape = ()) -> bool:
    return len(h) == 3 and h[2] == 3 and s == (h[0], 4) and broadcasts(mask, h[:2])


def convolved(x: Shape, W: Shape) -> bool:
    return len(x) == len(W) == 4 and W[0] > 0 and x[1] == W[1] > 0 and x[2] >= W[2] > 0 and x[3] >= W[3] > 0


def stepped(x: Shape, *states: Shape) -> bool:
    return len(x) == 2 and x[1] == 3 and all(s == (x[0], 4) for s in states)


def sequences(x: Shape, *states: Shape) -> bool:
    return len(x) == 3 and x[2] == 3 and all(s == (x[0], 4) for s in states)


def with_lengths(x: Shape, lengths: Shape) -> bool:
    return sequences(x) and lengths == x[:1]


def read_both_ways() -> Layer:
    return core.Bidirectional(core.LSTM(3, 4, rng=seeded()), core.RNN(3, 2, rng=seeded(), reverse=True))


ELEMENTWISE = "tanh scaled_tanh sigmoid relu leaky_relu elu selu gelu gelu_tanh silu softplus softsign".split()
IMAGES, SERIES, STATE = normal(3, 4, 6, 8), normal(2, 5, 3), normal(2, 4, seed=1)
QKV, MASK = (normal(2, 4, 6), normal(2, 5, 6, seed=1), normal(2, 5, 6, seed=2)), normal(2, 4, 5, seed=3) < 0.3
SOME = np.abs(normal(3, 4, seed=1)) / 9

CASES = {name: Case(lambda name=name: getattr(core, name), (normal(2, 3, 4),), anything) for name in ELEMENTWISE} | {
    "softmax": Case(lambda: core.softmax, (normal(3, 4),), lambda x: x[-1:] > (0,)),
    "log_softmax": Case(lambda: core.log_softmax, (normal(3, 4),), lambda x: x[-1:] > (0,)),
    "softmax_cross_entropy": Case(
        lambda: core.softmax_cross_entropy,
        (normal(3, 2, 4), ids(3, 2)),
        lambda x, labels: len(x) > 0 and x[:-1] == labels and math.prod(x) > 0,
        empty=False,
    ),
    "binary_cross_entropy": Case(lambda: core.binary_cross_entropy, (normal(3, 4), SOME), equal, empty=False),
    "kl_divergence": Case(
        lambda: core.kl_divergence, (normal(3, 4), SOME), lambda x, t: equal(x, t) and len(x) > 0, empty=False
    ),
    "squared_error": Case(
        lambda: core.squared_error, (normal(3, 4), SOME), lambda y, t: equal(y, t) and len(y) > 0, empty=False
    ),
    "mse": Case(lambda: core.mse, (normal(3, 4), SOME), equal, empty=False),
    "mae": Case(lambda: core.mae, (normal(3, 4), SOME), equal, empty=False),
    "huber": Case(lambda: core.huber, (normal(3, 4), SOME), equal, empty=False),
    "gaussian_nll": Case(
        lambda: core.gaussian_nll,
        (normal(3, 2, 4), normal(3, 2, 2, seed=1)),
        lambda y, t: len(y) > 1 and math.prod(y) > 0 and y == (*t[:-1], 2 * t[-1]),
        empty=False,
    ),
    "gaussian_kl": Case(
        lambda: core.gaussian_kl,
        (normal(3, 2, 4),),
        lambda y: len(y) > 1 and math.prod(y) > 0 and y[-1] % 2 == 0,
        empty=False,
    ),
    "attention": Case(lambda: core.attention, QKV, attended),
    "attention with a mask": Case(lambda: core.attention, (*QKV, MASK), attended),
    "pad2d": Case(lambda: core.pad2d, (IMAGES,), lambda x: len(x) == 4, rest=(1,)),
    "conv2d": Case(lambda: core.conv2d, (IMAGES, normal(5, 4, 3, 2)), convolved),
    "sum_pool2d": Case(lambda: core.sum_pool2d, (IMAGES,), windows, rest=(2,)),
    "avg_pool2d": Case(lambda: core.avg_pool2d, (IMAGES,), windows, rest=(2,)),
    "max_pool2d": Case(lambda: core.max_pool2d, (IMAGES,), windows, rest=(2,)),
    "rotary": Case(
        lambda: core.rotary,
        (normal(2, 3, 4), ids(3)),
        lambda x, p: len(x) > len(p) and x[-1] % 2 == 0 < x[-1] and broadcasts(p, x[:-1]),
    ),
    "Linear": Case(lambda: Linear(4, 3, rng=seeded()), (normal(2, 3, 4),), ends_in(4)),
    "PReLU": Case(lambda: core.PReLU(4), (normal(2, 4, 3),), lambda x: len(x) > 1 and x[1] == 4),
    "Conv2d": Case(
        lambda: core.Conv2d(4, 6, (3, 4), groups=2, dilation=2, rng=seeded()),
        (IMAGES,),
        lambda x: maps(4)(x) and x[2] >= 5 and x[3] >= 7,
    ),
    "Conv2d of the whole map": Case(
        lambda: core.Conv2d(4, 6, (6, 8), rng=seeded()), (IMAGES,), lambda x: maps(4)(x) and x[2] >= 6 and x[3] >= 8
    ),
    "Conv1d": Case(
        lambda: core.Conv1d(4, 6, 3, stride=2, rng=seeded()),
        (normal(2, 4, 7),),
        lambda x: len(x) == 3 and x[1] == 4 and x[2] >= 3,
    ),
    "ConvTranspose2d": Case(
        lambda: core.ConvTranspose2d(4, 3, 3, stride=2, padding=2, rng=seeded()),
        (IMAGES,),
        lambda x: maps(4)(x) and x[2] > 1 and x[3] > 1,
    ),
    "MaxPool2d": Case(lambda: core.MaxPool2d(2), (IMAGES,), windows),
    "AvgPool2d": Case(lambda: core.AvgPool2d(2), (IMAGES,), windows),
    "GlobalAvgPool": Case(core.GlobalAvgPool, (IMAGES,), lambda x: len(x) == 4 and x[2] * x[3] > 0),
    "Subsample": Case(lambda: core.Subsample(4, rng=seeded()), (IMAGES,), lambda x: maps(4)(x) and windows(x)),
    "BatchNorm": Case(
        lambda: core.BatchNorm(4),
        (IMAGES,),
        lambda x: len(x) in (2, 4) and x[1] == 4 and math.prod(x) // 4 > 1,
        empty=False,
    ),
    "BatchNorm in evaluation": Case(
        lambda: core.BatchNorm(4).eval(), (IMAGES,), lambda x: len(x) in (2, 4) and x[1] == 4
    ),
    "LayerNorm": Case(lambda: core.LayerNorm(4), (normal(2, 3, 4),), ends_in(4)),
    "RMSNorm": Case(lambda: core.RMSNorm(4), (normal(2, 3, 4),), ends_in(4)),
    "GroupNorm": Case(
        lambda: core.GroupNorm(2, 4), (IMAGES,), lambda x: len(x) > 1 and x[1] == 4 and math.prod(x[2:]) > 0
    ),
    "Dropout": Case(lambda: core.Dropout(0.5, rng=seeded()), (normal(2, 3, 4),), anything),
    "Dropout in evaluation": Case(lambda: core.Dropout(0.5, rng=seeded()).eval(), (normal(2, 3, 4),), anything),
    "Embedding": Case(lambda: core.Embedding(3, 4, rng=seeded()), (ids(2, 5),), anything),
    "RNNCell": Case(lambda: core.RNNCell(3, 4, rng=seeded()), (normal(2, 3), STATE), stepped),
    "GRUCell": Case(lambda: core.GRUCell(3, 4, rng=seeded()), (normal(2, 3), STATE), stepped),
    "LSTMCell": Case(lambda: core.LSTMCell(3, 4, rng=seeded()), (normal(2, 3), STATE, STATE), stepped),
    "RNN": Case(lambda: core.RNN(3, 4, rng=seeded()), (SERIES,), sequences),
    "GRU": Case(lambda: core.GRU(3, 4, rng=seeded()), (SERIES, STATE), sequences),
    "LSTM": Case(lambda: core.LSTM(3, 4, rng=seeded(), reverse=True), (SERIES, STATE, STATE), sequences),
    "Lengths of an LSTM": Case(
        lambda: Lengths(core.LSTM(3, 4, rng=seeded())), (SERIES, np.array([5, 2])), with_lengths
    ),
    "Bidirectional": Case(read_both_ways, (SERIES,), sequences),
    "Bidirectional with lengths": Case(read_both_ways, (SERIES, np.array([5, 2])), with_lengths),
    "MultiHeadAttention": Case(lambda: core.MultiHeadAttention(6, 2, rng=seeded()), QKV, heads),
    "MultiHeadAttention with a mask": Case(lambda: core.MultiHeadAttention(6, 2, rng=seeded()), (*QKV, MASK), heads),
    "AdditiveAttention": Case(
        lambda: core.AdditiveAttention(4, 3, 5, rng=seeded()), (normal(2, 4), normal(2, 5, 3)), additive
    ),
    "AdditiveAttention with a mask": Case(
        lambda: core.AdditiveAttention(4, 3, 5, rng=seeded()), (normal(2, 4), normal(2, 5, 3), MASK[:, 0]), additive
    ),
    "Output": Case(lambda: core.Output(core.GRU(3, 4, rng=seeded()), 1), (SERIES,), sequences),
    "SelfAttention": Case(
        lambda: core.SelfAttention(core.MultiHeadAttention(6, 2, rng=seeded())), QKV[:1], lambda x: heads(x, x, x)
    ),
    "Sequential": Case(lambda: Sequential(Linear(4, 3, rng=seeded())), (normal(2, 3, 4),), ends_in(4)),
    "Residual": Case(lambda: core.Residual(Linear(4, 4, rng=seeded())), (normal(2, 3, 4),), ends_in(4)),
}


class Lengths(Layer):
    """A recurrent layer from states of zero."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __call__(self, x, lengths):
        return self.layer(x, None, None, lengths)


class Model(Layer):
    """The step at `encoder.0` of a model, whatever its inputs."""

    def __init__(self, step: Step) -> None:
        self.encoder = [step]

    def __call__(self, *inputs):
        return self.encoder[0](*inputs)


INNER = {  # which may speak first
    "Sequential": "Linear",
    "Residual": "Linear",
    "Bidirectional": "LSTM",
    "Lengths": "LSTM",
    "Output": "GRU",
    "SelfAttention": "MultiHeadAttention",
}
fewer = settings(few, max_examples=12)
every_case = pytest.mark.parametrize("name", CASES)


def in_model(name: str) -> tuple[Step, str]:
    """A model, and the path and the name with which its errors begin."""
    case, kind = CASES[name], name.split()[0]
    step = case.make()
    if isinstance(step, Layer):
        step = step.astype(np.float64)
        return Model(step), rf"encoder\.0: {kind}|encoder\.0\.\w+: {INNER.get(kind)}"
    if len(case.inputs) == 1 and not case.rest and name != "gaussian_kl":
        return Sequential(encoder=Sequential(step)), rf"encoder\.0: {kind}: "
    return Model(step), f"Model: {kind}: "


def refused(name: str, inputs: tuple[Any, ...], *got: str) -> None:
    model, begins = in_model(name)
    with pytest.raises(ValueError, match=f"^({begins})") as caught:
        model(*inputs, *CASES[name].rest)
    assert any(each in str(caught.value) for each in got)


def replaced(inputs: tuple[Any, ...], k: int, value: Any) -> tuple[Any, ...]:
    return (*inputs[:k], value, *inputs[k + 1 :])


@st.composite
def mutated(draw: st.DrawFn, shape: Shape) -> Shape:
    """One axis more, one less, another length, or two that are exchanged."""
    axes, sizes = list(shape), st.integers(0, 9)
    what = draw(st.sampled_from(["more", "less", "length", "order"] if axes else ["more"]))
    k = draw(st.integers(0, len(axes) - (what != "more")))
    if what == "more":
        axes.insert(k, draw(sizes))
    elif what == "less":
        axes.pop(k)
    elif what == "length":
        axes[k] = draw(sizes)
    else:
        axes[k], axes[0] = axes[0], axes[k]
    return tuple(axes)


@every_case
@fewer
@given(st.data())
def test_shapes(name: str, data: st.DataObject) -> None:
    """Either the shapes are among those that the table accepts, or they are refused, and named."""
    case = CASES[name]
    k = data.draw(st.integers(0, len(case.inputs) - 1))
    shape = data.draw(mutated(case.inputs[k].shape))
    inputs = replaced(case.inputs, k, np.resize(case.inputs[k], shape))
    inputs = tuple(0 * x if x.dtype.kind == "i" else x for x in inputs)  # (labels and lengths fit any shape)
    if case.accepts(*(x.shape for x in inputs)):
        outputs, _ = in_model(name)[0](*inputs, *case.rest)
        assert all(np.isfinite(y).all() for y in (outputs if isinstance(outputs, tuple) else (outputs,)))
    else:
        refused(
            name, inputs, *(str(x.shape) for x in inputs), "lengths", "dim is"
        )  # (which of two is wrong, who can say)


@every_case
def test_types(name: str) -> None:
    """Other types are refused, except another floating type where there is nothing else to agree with."""
    case = CASES[name]
    floats = [x for x in case.inputs if x.dtype.kind == "f"]
    for k, x in enumerate(case.inputs):
        for kind in (np.int64, np.bool_, np.complex128, np.float32, object, "<U3"):
            dtype = np.dtype(kind)
            if dtype.kind != x.dtype.kind and not (x.dtype.kind == "i" and dtype.kind == "u"):
                refused(name, replaced(case.inputs, k, x.astype(dtype)), str(dtype))
        if x.dtype.kind == "f":
            inputs = replaced(case.inputs, k, x.astype(np.float32))
            model, _ = in_model(name)
            if len(floats) > 1 or (isinstance(model, Layer) and any(True for _ in model.named_params())):
                refused(name, inputs, "float32")
            else:
                y, _ = model(*inputs, *case.rest)
                assert isinstance(y, float) or y.dtype == np.float32
        refused(name, replaced(case.inputs, k, x.tolist()), "list")


@every_case
@fewer
@given(st.data())
def test_gradients(name: str, data: st.DataObject) -> None:
    """A backward refuses what does not mirror the outputs, and then a second call."""
    case = CASES[name]
    model, _ = in_model(name)
    outputs, backward = model(*case.inputs, *case.rest)
    if isinstance(outputs, float):
        wrong, right, got = (1.0,), (), "float 1.0"
    else:
        right = outputs if isinstance(outputs, tuple) else (outputs,)
        k = data.draw(st.integers(0, len(right) - 1))
        shape = data.draw(mutated(right[k].shape).filter(lambda shape: shape != right[k].shape))
        other = np.zeros(shape)
        wrong, got = data.draw(
            st.sampled_from(
                [
                    (replaced(right, k, other), str(shape)),
                    (replaced(right, k, right[k].astype(np.float32)), "float32"),
                    (replaced(right, k, right[k].astype(int)), "int64"),
                    (replaced(right, k, right[k].tolist()), "list" if right[k].ndim else "float"),
                    ((), "nothing"),
                    ((*right, right[0]), str(right[0].shape)),
                ]
            )
        )
    with pytest.raises(ValueError, match=r"^(Model|Sequential): backward got") as caught:
        backward(*wrong)
    assert got in str(caught.value)
    backward(*right)
    with pytest.raises(RuntimeError, match=r"^(Model|Sequential): this backward is spent"):
        backward(*right)
    step = case.make()
    _, backward = (step.astype(np.float64) if isinstance(step, Layer) else step)(*case.inputs, *case.rest)
    with pytest.raises(ValueError, match=f"^{name.split()[0]}: backward got"):
        backward(*wrong)


def reversed_strides(x: Array) -> Array:
    flip = (slice(None, None, -1),) * x.ndim
    return x[flip].copy()[flip]


def every_second(x: Array) -> Array:
    wide = np.zeros([2 * n for n in x.shape], x.dtype)
    wide[(slice(None, None, 2),) * x.ndim] = x
    return wide[(slice(None, None, 2),) * x.ndim]


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def fortran(x: Array) -> Array:
    return np.array(x, order="F")


@every_case
@pytest.mark.parametrize("layout", [reversed_strides, every_second, read_only, fortran])
def test_memory(name: str, layout: Callable[[Array], Array]) -> None:
    """How arrays lie in memory changes nothing."""
    case = CASES[name]

    def results(arranged: Callable[[Array], Array]) -> list[Any]:
        model, _ = in_model(name)
        outputs, backward = model(*map(arranged, case.inputs), *case.rest)
        each = outputs if isinstance(outputs, tuple) else (outputs,)
        gradients = () if isinstance(outputs, float) else [arranged(normal(*y.shape, seed=5)) for y in each]
        found = backward(*gradients)
        grads = [p.grad for _, p in model.named_params()]
        return [*each, *(found if isinstance(found, tuple) else (found,)), *grads]

    for a, b in zip(results(np.array), results(layout), strict=True):
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.empty])
def test_no_examples(name: str) -> None:
    case = CASES[name]
    model, _ = in_model(name)
    inputs = [x[:0] for x in case.inputs] if name not in ("rotary", "conv2d") else [case.inputs[0][:0], case.inputs[1]]
    outputs, backward = model(*inputs, *case.rest)
    each = outputs if isinstance(outputs, tuple) else (outputs,)
    assert not any(y.size for y in each)
    results = backward(*each)
    assert [None if x.dtype.kind != "f" else x.shape for x in inputs] == [
        None if d is None else d.shape for d in (results if isinstance(results, tuple) else (results,))
    ]
    assert not any(p.grad.any() for _, p in model.named_params())


def test_values_out_of_range() -> None:
    for name, k, value in (
        ("Embedding", 0, -1),
        ("Embedding", 0, 3),
        ("softmax_cross_entropy", 1, 4),
        ("softmax_cross_entropy", 1, -1),
        ("binary_cross_entropy", 1, 1.5),
        ("binary_cross_entropy", 1, -0.5),
        ("kl_divergence", 1, -0.5),
        ("Lengths of an LSTM", 1, 6),
        ("Lengths of an LSTM", 1, -1),
        ("Bidirectional with lengths", 1, 6),
    ):
        inputs = [x.copy() for x in CASES[name].inputs]
        inputs[k].flat[0] = value
        refused(name, tuple(inputs), str(value))


def test_everything_public_is_in_the_table() -> None:
    public = {name: getattr(core, name) for name in public_names()}
    layers = {name for name, f in public.items() if isinstance(f, type) and issubclass(f, Layer)} - {"Layer"}
    functions = {name for name, f in public.items() if hasattr(f, "__wrapped__") and not isinstance(f, type)}
    functions -= {"threads"}  # a context
    assert {name.split()[0] for name in CASES} - {"Lengths"} == layers | functions
