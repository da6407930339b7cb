"""The clinic: every check finds a planted fault and passes the healthy twin, and nothing of the caller's changes."""

import math
from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure

from core import (
    SGD,
    Adam,
    Conv2d,
    Layer,
    Linear,
    Momentum,
    Param,
    Sequential,
    binary_cross_entropy,
    gaussian_nll,
    he_normal,
    predict,
    relu,
    sigmoid,
    softmax_cross_entropy,
    squared_error,
    tanh,
)
from core.probe import Probe
from firsthand.clinic import CHECKS, Finding, examine, where_nan
from firsthand.clinic.figures import activation_histograms, gradient_flow, saturation
from firsthand.clinic.gates import gate_saturation
from firsthand.clinic.nan import FINITE
from firsthand.errors import FirsthandError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def problem(n: int = 300, dtype: type = np.float32):
    """Three classes, a noisy and nonlinear function of ten inputs; and its scores, as numbers to predict."""
    x = rng(1).normal(size=(n, 10))
    scores = np.tanh(x @ rng(2).normal(size=(10, 8))) @ rng(3).normal(size=(8, 3))
    labels = (scores + 0.3 * rng(4).normal(size=scores.shape)).argmax(axis=1)
    numbers = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    return x.astype(dtype), labels, numbers.astype(dtype)


X, LABELS, NUMBERS = problem()


def mlp(
    f=relu, *, first: float = 1.0, last: float = 1.0, bias: float = 0.0, n_out: int = 3, seed: int = 0
) -> Sequential:
    init = he_normal if f is relu else None
    given = {"init": init} if init else {}
    model = Sequential(
        a=Linear(10, 32, rng=rng(seed), **given),
        f=f,
        b=Linear(32, 32, rng=rng(seed + 1), **given),
        g=f,
        c=Linear(32, n_out, rng=rng(seed + 2)),
    )
    model["a"].W.data = np.float32(first) * model["a"].W.data
    model["a"].b.data = model["a"].b.data + np.float32(bias)
    model["c"].W.data = np.float32(last) * model["c"].W.data
    return model


def check(name: str, model: Layer, loss=softmax_cross_entropy, x=X, target=LABELS, **given) -> Finding:
    (finding,) = examine(model, loss, x, target, checks=[name], **given)
    assert finding.check == name
    return finding


class Dropout(Layer):
    """Draws in training; `heeds=False` forgets to stop in evaluation."""

    def __init__(self, keep: float = 0.5, heeds: bool = True) -> None:
        self.rng, self.keep, self.heeds, self.calls = rng(7), keep, heeds, np.zeros(())

    def __call__(self, x):
        self.calls = self.calls + 1
        if not self.training and self.heeds:
            return x, lambda dy: dy
        r = (self.rng.random(x.shape) < self.keep).astype(x.dtype) / x.dtype.type(self.keep)
        return x * r, lambda dy: dy * r


class Centre(Layer):
    """Subtracts the mean of the batch in training, and zero in evaluation."""

    def __call__(self, x):
        if not self.training:
            return x, lambda dy: dy
        return x - x.mean(axis=0), lambda dy: dy - dy.mean(axis=0)


class Cut(Layer):
    """A backward that passes nothing on."""

    def __call__(self, x):
        return x, np.zeros_like


class Blow(Layer):
    """Something that is not finite: in the output, or in the gradient of the input, or in that of a Param."""

    def __init__(self, where: str) -> None:
        self.where, self.inner = where, Linear(10, 10, rng=rng())

    def __call__(self, x):
        y, backward_inner = self.inner(x)
        if self.where == "output":
            y = np.log(y * 0)

        def pass_back(dy):
            dx = backward_inner(dy)
            if self.where == "param":
                self.inner.W.grad *= math.nan
            return dx / 0 if self.where == "input" else dx

        return y, pass_back


# Each check: the fault, a part of its sentence, and the healthy twin.


@pytest.mark.parametrize("f", [relu, tanh])
@pytest.mark.parametrize("seed", [0, 10, 20, 30])
def test_a_healthy_model_passes_every_check(f, seed: int) -> None:
    findings = examine(mlp(f, seed=seed), softmax_cross_entropy, X, LABELS)
    assert [finding.check for finding in findings] == list(CHECKS)
    not_made = ["saturated units"] if f is relu else []
    assert [finding.check for finding in findings if not finding.ok] == not_made
    assert all(finding.ok is None for finding in findings if not finding.ok)


def test_a_healthy_regression_passes_every_check() -> None:
    findings = examine(mlp(tanh), squared_error, X, NUMBERS, optimiser=lambda model: Momentum(model, 0.02))
    assert [str(finding) for finding in findings if not finding.ok] == []


def test_a_healthy_model_with_dropout_and_batch_statistics_passes() -> None:
    model = Sequential(Linear(10, 32, rng=rng(5)), Centre(), tanh, Dropout(), Linear(32, 3, rng=rng(6)))
    assert [str(finding) for finding in examine(model, softmax_cross_entropy, X, LABELS) if not finding.ok] == []


def test_loss_at_the_start() -> None:
    name = "loss at the start"
    high = check(name, mlp(last=20))
    assert not high.ok and "log K = 1.1 for K = 3" in high.sentence and "unlearnt" in high.sentence
    knowing = mlp()
    optimiser = Adam(knowing, 0.01)
    for _ in range(200):
        y, backward = knowing(X)
        backward(softmax_cross_entropy(y, LABELS)[1]())
        optimiser.step()
    low = check(name, knowing)
    assert not low.ok and "cannot know so much" in low.sentence
    assert check(name, mlp()).ok


def test_loss_at_the_start_of_numbers() -> None:
    name = "loss at the start"
    far = check(name, mlp(tanh), squared_error, X, 50 + NUMBERS)
    assert not far.ok and "targets of mean 0" in far.sentence
    assert check(name, mlp(tanh), squared_error, X, NUMBERS).ok
    assert check(name, mlp(tanh), squared_error, X, 0 * NUMBERS).ok is None
    two = (NUMBERS > 0).astype(np.float32)
    assert check(name, mlp(tanh), binary_cross_entropy, X, two).ok
    assert not check(name, mlp(tanh, last=30), binary_cross_entropy, X, two).ok


def test_one_batch() -> None:
    wrong = check("one batch", Sequential(mlp(), lambda y: (y, lambda dy: -dy)))  # a flipped sign
    assert not wrong.ok and "cannot be learnt by heart" in wrong.sentence and "check_layer" in wrong.sentence
    assert not check("one batch", mlp(lambda x: (0 * x, lambda dy: 0 * dy))).ok
    assert not check("one batch", mlp(), x=np.ones_like(X)).ok  # equal inputs, other targets
    assert check("one batch", mlp()).ok
    assert check("one batch", mlp(), target=0 * LABELS + 1, loss=lambda y, t: (0.0, lambda: y)).ok is None


def test_one_batch_of_losses_with_another_floor() -> None:
    assert check("one batch", mlp(), partial(softmax_cross_entropy, smoothing=0.2)).ok
    assert check("one batch", mlp(tanh), squared_error, X, NUMBERS).ok
    assert check("one batch", mlp(n_out=6), gaussian_nll, X, NUMBERS).ok is None
    with_dropout = Sequential(Linear(10, 64, rng=rng(5)), relu, Dropout(0.05), Linear(64, 3, rng=rng(6)))
    assert check("one batch", with_dropout).ok


def test_dead_units() -> None:
    wrong = check("dead units", mlp(bias=-6))
    assert not wrong.ok and "f (relu)" in wrong.sentence
    assert check("dead units", mlp()).ok
    assert check("dead units", mlp(), x=X[:4], target=LABELS[:4]).ok is None
    border = np.where(np.arange(10) < 6, np.float32(0), X)  # zeros of the data are nobody's fault
    assert check("dead units", Sequential(first=relu, then=mlp()), x=border).ok
    blank = np.zeros((50, 1, 9, 9), np.float32)
    blank[:, :, 3:6, 3:6] = rng().normal(size=(50, 1, 3, 3))
    conv = Conv2d(1, 4, 3, rng=rng())
    maps = Sequential(
        conv, relu, lambda x: (x.reshape(50, -1), lambda dy: dy.reshape(50, 4, 7, 7)), Linear(196, 3, rng=rng())
    )
    assert check("dead units", maps, x=blank, target=LABELS[:50]).ok
    conv.b.data = conv.b.data - np.float32(9)
    assert not check("dead units", maps, x=blank, target=LABELS[:50]).ok


@pytest.mark.parametrize("f", [tanh, sigmoid])
def test_saturated_units(f) -> None:
    wrong = check("saturated units", mlp(f, first=30))
    assert not wrong.ok and f"f ({f.__name__})" in wrong.sentence and "smaller weights" in wrong.sentence
    assert check("saturated units", mlp(f)).ok
    assert check("saturated units", mlp(relu)).ok is None


class Recurrent(Layer):
    """A gated unit, h' = u h + (1 - u) n; without its own backward, which the check does not need."""

    gates = 2

    def __init__(self, scale: float, reverse: bool) -> None:
        init = rng().normal
        self.W, self.U = (Param(init(0, scale / math.sqrt(n), (n, 16)).astype(np.float32)) for n in (10, 8))
        self.b, self.reverse, self.opened = Param(np.zeros(16, np.float32)), reverse, []

    def step(self, x, h):
        z = x @ self.W.data + h @ self.U.data + self.b.data
        u = 1 / (1 + np.exp(-z[:, :8]))
        self.opened.append(np.abs(2 * u - 1) > 0.95)
        return u * h + (1 - u) * np.tanh(z[:, 8:])

    def __call__(self, x):
        h, states = np.zeros((len(x), 8), np.float32), {}
        for t in range(4)[:: -1 if self.reverse else 1]:
            h = states[t] = self.step(x[:, t], h)
        return np.stack([states[t] for t in range(4)], axis=1), lambda dy: 0 * x


def last(y):
    return y[:, -1, :3], lambda dy: np.zeros_like(y)


@pytest.mark.parametrize("reverse", [False, True])
def test_saturated_gates(reverse: bool) -> None:
    x = rng(3).normal(size=(40, 4, 10)).astype(np.float32)
    for scale, good in ((1.0, True), (20.0, False)):
        layer = Recurrent(scale, reverse)
        y, _ = layer(x)
        assert gate_saturation(layer, (x,), y) == pytest.approx(np.mean(layer.opened), abs=1e-3)
        finding = check("saturated units", Sequential(r=layer, f=last), x=x, target=LABELS[:40])
        assert finding.ok is good and ("the gates of r (Recurrent)" in finding.sentence) is not good
    h = y[:, 1]
    layer.opened.clear()
    step = layer.step(x[:, 0], h)
    assert gate_saturation(layer, (x[:, 0], h), step) == pytest.approx(np.mean(layer.opened), abs=1e-3)
    assert gate_saturation(Linear(2, 2, rng=rng()), (x,), y) is None


def deep(f, scale: float) -> Sequential:
    model = Sequential(*[part for i in range(12) for part in (Linear(10, 10, rng=rng(i)), f)])
    for _, p in model.named_params():
        p.data = np.float32(scale) * p.data
    return model


def test_gradients_by_layer() -> None:
    name = "gradients by layer"
    vanishing = check(name, deep(sigmoid, 1.0), squared_error, X, X)
    assert not vanishing.ok and "vanishes" in vanishing.sentence and "at 0 (Linear)" in vanishing.sentence
    exploding = check(name, deep(lambda x: (x, lambda dy: dy), 3.0), squared_error, X, X)
    assert not exploding.ok and "explodes" in exploding.sentence
    assert check(name, deep(tanh, 1.0), squared_error, X, X).ok
    missing = check(name, Sequential(a=Linear(10, 4, rng=rng()), cut=Cut(), b=Linear(4, 3, rng=rng())))
    assert not missing.ok and "The gradient of a.W, a.b is exactly zero" in missing.sentence
    assert check(name, Linear(10, 3, rng=rng())).ok is None


@pytest.mark.parametrize("f", [relu, tanh])
@pytest.mark.parametrize(("kind", "good", "high", "low"), [(SGD, 0.1, 30.0, 1e-5), (Adam, 0.003, 1.0, 1e-6)])
def test_learning_rate(f, kind, good: float, high: float, low: float) -> None:
    def finding(rate: float) -> Finding:
        return check("learning rate", mlp(f), optimiser=lambda model: kind(model, rate))

    assert not finding(high).ok and "too high" in finding(high).sentence
    assert not finding(low).ok and "too low" in finding(low).sentence
    assert finding(good).ok
    assert not finding(0.0).ok
    assert "falls at no rate" in finding(1e9).sentence or kind is Adam


def test_a_rate_at_which_the_loss_still_falls_a_little_is_too_high() -> None:
    finding = check("learning rate", mlp(tanh), optimiser=lambda model: SGD(model, 3.0))
    assert not finding.ok and "the loss falls by 0.2" in finding.sentence and "at 0.3; try that" in finding.sentence


def test_evaluation_mode() -> None:
    def careless(model, x):
        return model(x)[0]

    name, model = "evaluation mode", Sequential(Linear(10, 8, rng=rng()), Dropout(), Linear(8, 3, rng=rng()))
    wrong = check(name, model, evaluate=careless)
    assert not wrong.ok and "identical calls" in wrong.sentence and "core.predict" in wrong.sentence
    assert check(name, model, evaluate=predict).ok
    model["1"].heeds = False
    assert not check(name, model, evaluate=predict).ok

    model = Sequential(Linear(10, 8, rng=rng()), Centre(), Linear(8, 3, rng=rng()))
    wrong = check(name, model, evaluate=careless)
    assert not wrong.ok and "other examples of its batch" in wrong.sentence
    assert check(name, model).ok
    assert check(name, mlp(), evaluate=careless).ok
    assert check(name, mlp(), evaluate=lambda model, x: predict(model, x).T).ok is None


def clusters(labels):
    """Four clusters in the plane, two opposite ones for each of two classes."""
    side = rng(8).choice([-1, 1], len(labels))
    return np.column_stack([side, side * (2 * labels - 1)]) + rng(9).normal(0, 0.05, (len(labels), 2))


def disguise(labels):
    """The label, as the difference of two features that say nothing alone."""
    cover = rng(8).normal(0, 9, len(labels))
    return np.column_stack([cover + labels, cover, *rng(9).normal(size=(20, len(labels)))])


@pytest.mark.parametrize(
    ("x", "labels", "sentence"),
    [
        (np.column_stack([X, LABELS]), LABELS, "Feature 10"),
        (np.column_stack([X, np.array([5, -2, 9])[LABELS]]), LABELS, "Feature 10"),
        (np.column_stack([X, LABELS + 0.3 * rng().random(len(X))]), LABELS, "Feature 10"),
        (np.column_stack([X, np.where(rng().random(len(X)) < 0.5, LABELS, LABELS + 3)]), LABELS, "Feature 10"),
        (clusters(LABELS % 2), LABELS % 2, "The nearest neighbour"),
        (disguise(LABELS % 2), LABELS % 2, "A linear readout"),
    ],
)
def test_label_leakage(x, labels, sentence: str) -> None:
    wrong = check("label leakage", mlp(), x=x, target=labels)
    assert wrong.ok is False and sentence in wrong.sentence


def test_no_label_leakage() -> None:
    name = "label leakage"
    assert check(name, mlp()).ok
    assert check(name, mlp(), x=rng().normal(size=(300, 500))).ok  # more features than examples, all of them noise
    one_hot = np.eye(3, dtype=np.float32)[LABELS]
    assert check(name, mlp(), squared_error, X, one_hot).ok
    assert not check(name, mlp(), squared_error, np.column_stack([X, LABELS]), one_hot).ok
    assert check(
        name, mlp(), x=np.repeat(X[:100], 3, axis=0), target=np.repeat(LABELS[:100], 3)
    ).ok  # copies tell nothing
    assert check(name, mlp(), x=X[:20], target=LABELS[:20]).ok is None
    assert check(name, mlp(), target=(np.arange(300) < 3).astype(int)).ok is None


def test_label_leakage_of_numbers() -> None:
    name = "label leakage"
    assert check(name, mlp(), squared_error, X, NUMBERS).ok
    one = NUMBERS[:, :1]
    assert "Feature 3" in check(name, mlp(), squared_error, np.insert(X, 3, 7 - 2 * one[:, 0], axis=1), one).sentence
    noise = rng().normal(0, 0.1, (len(X), 1)).astype(np.float32)
    assert check(name, mlp(), squared_error, np.column_stack([X, one + noise]), one).ok
    hidden = np.column_stack([X, NUMBERS + X[:, :3]])
    assert "A linear readout" in check(name, mlp(), squared_error, hidden, NUMBERS).sentence
    two = (NUMBERS[:, 0] > 0).astype(np.float32)
    assert "Feature 10" in check(name, mlp(), squared_error, np.column_stack([X, NUMBERS[:, 0]]), two).sentence


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("output", "The output of blow (Blow) holds infinity (3000 of 3000 numbers)"),
        ("input", "The gradient of the input that the backward of blow (Blow) returns"),
        ("param", "The gradient of the Param blow.inner.W that the backward of blow (Blow) returns holds NaN"),
    ],
)
def test_where_a_nan_was_born(where: str, words: str) -> None:
    model = Sequential(a=Linear(10, 10, rng=rng()), f=tanh, blow=Blow(where), g=tanh, b=Linear(10, 3, rng=rng(1)))
    assert words in where_nan(model, softmax_cross_entropy, X, LABELS)
    findings = examine(model, softmax_cross_entropy, X, LABELS)
    assert not findings[0].ok and words.split(" holds")[0] in findings[0].sentence
    assert {finding.ok for finding in findings[1:-1]} == {None} and findings[-1].ok
    healthy = mlp()
    healthy["a"].W.grad *= math.nan  # what an earlier backward left is not what this one makes
    assert where_nan(healthy, softmax_cross_entropy, X, LABELS) == FINITE


def test_where_a_nan_was_born_outside_of_the_layers() -> None:
    assert "The x that was given holds NaN" in where_nan(mlp(), softmax_cross_entropy, X * math.nan, LABELS)
    assert "The target that was given" in where_nan(mlp(), squared_error, X, NUMBERS * math.inf)
    spoilt = mlp()
    spoilt["b"].W.data = spoilt["b"].W.data * math.nan
    assert "The Param b.W holds NaN (1024 of 1024 numbers) before" in where_nan(
        spoilt, softmax_cross_entropy, X, LABELS
    )
    assert "The loss is inf" in where_nan(mlp(), lambda y, t: (math.inf, lambda: y), X, LABELS)
    bad = where_nan(mlp(), lambda y, t: (1.0, lambda: y * math.nan), X, LABELS)
    assert "The gradient that the loss returns holds NaN" in bad

    class Unwatched(Layer):
        def __init__(self, forward: float, back: float) -> None:
            self.inner, self.forward, self.back = Linear(10, 3, rng=rng()), forward, back

        def __call__(self, x):
            y, backward_inner = self.inner(x * self.forward)
            return y, lambda dy: backward_inner(dy * self.back)

    assert "The input of inner (Linear)" in where_nan(Unwatched(math.nan, 1), softmax_cross_entropy, X, LABELS)
    arrives = where_nan(Unwatched(1, math.nan), softmax_cross_entropy, X, LABELS)
    assert "The gradient that arrives at inner (Linear) holds NaN" in arrives


def test_a_diverged_run_can_be_asked() -> None:
    model = mlp()
    optimiser = SGD(model, 1e6)
    with np.errstate(all="ignore"):
        for _ in range(20):
            y, backward = model(X)
            backward(softmax_cross_entropy(y, LABELS)[1]())
            optimiser.step()
    assert "holds NaN" in where_nan(model, softmax_cross_entropy, X, LABELS)


def test_nothing_of_the_caller_changes() -> None:
    model = Sequential(Linear(10, 8, rng=rng()), Dropout(), Centre(), Linear(8, 3, rng=rng(1)))
    model["0"].W.grad += 1
    x, labels = X.copy(), LABELS.copy()

    def state() -> list[bytes | str]:
        params = [a.tobytes() for _, p in model.named_params() for a in (p.data, p.grad)]
        rest = [np.asarray(b).tobytes() for _, b in model.named_buffers()]
        return [
            *params,
            *rest,
            x.tobytes(),
            labels.tobytes(),
            *(str(g.bit_generator.state) for _, g in model.named_generators()),
        ]

    before, kinds = state(), [type(layer) for _, layer in model.named_layers()]
    model["3"].eval()
    findings = examine(model, softmax_cross_entropy, x, labels)
    assert state() == before and [type(layer) for _, layer in model.named_layers()] == kinds
    assert [layer.training for _, layer in model.named_layers()] == [True, True, True, True, False]
    assert examine(model, softmax_cross_entropy, x, labels) == findings
    where_nan(model, softmax_cross_entropy, x, labels)
    assert state() == before


def test_a_finding_reads_as_a_line() -> None:
    assert str(Finding("one batch", False, "It fails.")) == "WRONG: one batch: It fails."
    assert str(Finding("one batch", None, "None.")).startswith("not examined: ")


def test_what_cannot_be_examined_is_refused() -> None:
    with pytest.raises(FirsthandError, match="There is no check 'luck'; there are not a number, loss at the start"):
        examine(mlp(), softmax_cross_entropy, X, LABELS, checks=["luck"])
    with pytest.raises(FirsthandError, match="There are 300 examples and 299 targets"):
        examine(mlp(), softmax_cross_entropy, X, LABELS[1:])


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    model = mlp(tanh)
    probe, optimiser = Probe(model), Momentum(model, 0.1)
    for _ in range(5):
        y, backward = probe.model(X[:32])
        backward(softmax_cross_entropy(y, LABELS[:32])[1]())
        optimiser.step()
        probe.step()
    return probe.table()


def lines(figure: Figure) -> dict[str, np.ndarray]:
    return {line.get_label(): np.asarray(line.get_ydata(), float) for line in figure.axes[0].get_lines()}


def test_figures_show_the_rows(rows) -> None:
    found = lines(gradient_flow(rows))
    norms = [row["grad_norm"] for row in rows if row["what"] == "layer" and row["step"] == 4 and row["leaf"]]
    assert list(found) == ["step 0", "step 4"]
    np.testing.assert_allclose(found["step 4"], norms)
    found = lines(saturation(rows))
    assert list(found) == ["f", "g"]
    shares = [row["saturated"] for row in rows if row["what"] == "layer" and row["path"] == "f"]
    np.testing.assert_allclose(found["f"], shares)
    assert [axes.get_title() for axes in activation_histograms(rows).axes] == ["a", "f", "b", "g", "c"]
    (axes,) = activation_histograms(rows, layers=["f"]).axes
    assert axes.get_ylim() == (-1, 1)
    np.testing.assert_allclose(axes.collections[0].get_array().sum(axis=0), 1)


@pytest.mark.parametrize("draw", [gradient_flow, saturation, activation_histograms])
def test_figures_can_be_saved(draw, rows, tmp_path) -> None:
    draw(rows).savefig(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 5000
    draw([row for row in rows if row["step"] == 0]).savefig(tmp_path / "figure.png")


def test_figures_without_rows_say_so(rows) -> None:
    for draw in (gradient_flow, saturation, activation_histograms):
        with pytest.raises(FirsthandError, match="there are no rows of layers"):
            draw([row for row in rows if row["what"] == "param"])
    with pytest.raises(FirsthandError, match="no recorded layer has bounds"):
        saturation([row for row in rows if row["what"] == "layer" and row["path"] == "a"])
    with pytest.raises(FirsthandError, match="'z' was not recorded; there are a, f, b, g, c"):
        activation_histograms(rows, layers=["z"])
