"""The gradient contract. Our own instrument, and the reason to trust every backward in this house."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from core.diagnosis import diagnose
from core.layer import Array, Layer, Step
from core.trial import (
    EPSILON,
    GradientError,
    Quantity,
    Run,
    Trial,
    as_tuple,
    cast,
    differentiable,
    input_names,
    params_of,
)

__all__ = ["GradientError", "check_layer"]

DIRECTIONS = 3
TOLERANCE = 1e-6  # of the largest gradient in the layer
ROUNDING = 1e-12  # of the same: what two sums that cancel may leave
ATTEMPTS = 5


def check_layer(layer: Step, *inputs: Any, no_grad: tuple[str, ...] = (), seed: int = 0) -> None:
    """Demand of a layer, a function of the same form or a loss, that its backward is the derivative of its forward.

    In float64, on copies (the layer, its Params and Generators, and the inputs stay as they are):

    1. inputs, outputs and cotangents are left unchanged;
    2. results mirror the inputs in number, shape and type. An integer array (labels, ids) gets None; an input that is
       no array (a stride) is configuration and gets no result; a loss gives the gradient of its first input alone; an
       input that `no_grad` names (a layer `of_data`) must get None;
    3. gradients are added to what a grad held before;
    4. another forward in between, or an optimiser that rebinds `p.data`, changes nothing; nor does the order in which
       the inputs lie in memory;
    5. along 3 random directions for each input and each Param, the gradient agrees with central differences of the
       random projection `sum(cotangent * output)`, within 1e-6 of the largest gradient in the layer. Every evaluation
       starts from the same Generators, so that dropout can be differentiated. Where one-sided slopes or two step sizes
       disagree, there is a kink within reach: then the whole check is repeated on inputs moved by about a thousandth;
    6. every Param receives a gradient, unless its path is in `no_grad`: then it must receive none, but for rounding.

    And in float32: outputs, results and grads are float32.

    Use two examples or more, since in a batch of one a missing sum does not show, and axes of different lengths. On the
    copies, every Param is moved by about 0.1 at random, so that a bias or gain that starts at zero hides nothing: a
    layer may not count on zeros in its Params (it keeps a mask for them). A lambda around a Layer hides its Params.
    Raises GradientError with a diagnosis, ValueError if `no_grad` names neither a Param of the layer nor an input.
    """
    known = [*params_of(layer), *input_names(layer, len(inputs))]
    unknown = sorted(set(no_grad) - set(known))
    if unknown:
        raise ValueError(f"check_layer: no_grad names {unknown}, expected some of {known}")
    rng = np.random.default_rng(seed)
    for attempt in range(ATTEMPTS):
        trial = Trial(layer, inputs, rng, jitter=1e-3 if attempt else 0.0, no_grad=no_grad)
        run = _check_form(trial)
        if _check_directions(trial, run, no_grad):
            _check_independence(trial, run)
            break
    else:
        trial.fail(
            f"{ATTEMPTS} times the inputs lay within {EPSILON} of a kink, where central differences mean nothing, "
            "and the gradient did not agree with them: check it on fewer or other inputs"
        )
    _check_float32(layer, inputs)


def _check_form(trial: Trial) -> Run:
    """Points 1, 2 and 3: what is written to, what comes back, and that gradients are added."""
    run = trial.run()
    if run.complaints:
        trial.fail("; ".join(run.complaints))
    arrays = [(n, x) for n, x in zip(trial.input_names, trial.inputs, strict=True) if isinstance(x, np.ndarray)]
    arrays = arrays[:1] if trial.is_loss else arrays
    if len(run.results) != len(arrays):
        expected = ", ".join(f"d{name}" for name, _ in arrays)
        trial.fail(f"backward returns {len(run.results)} results, expected {len(arrays)}: {expected}")
    for (name, x), result in zip(arrays, run.results, strict=True):
        if differentiable(x) and name not in trial.no_grad:
            _check_alike(trial, f"d{name}", result, x)
        elif result is not None:
            because = "no_grad names it" if name in trial.no_grad else f"{name} is {x.dtype}"
            trial.fail(f"d{name} is {type(result).__name__}, expected None, because {because}")
    again = trial.run()  # with other numbers in every grad
    if not all(np.array_equal(a, b) for a, b in zip(run.outputs, again.outputs, strict=True)):
        trial.fail("two runs from the same Generators differ: does the layer draw from elsewhere?")
    for name, p in params_of(trial.model).items():
        _check_alike(trial, f"{name}.grad", run.after[name], p.data)
        if p.data.size and np.array_equal(run.after[name], again.after[name], equal_nan=True):
            trial.fail(
                f"{name}.grad is overwritten, and what it held is lost: add to it, with +=; a Param may be shared"
            )
    return run


def _check_directions(trial: Trial, run: Run, no_grad: tuple[str, ...]) -> bool:
    """Points 5 and 6. False if the only disagreements are at kinks, so that other inputs must be tried."""
    gradients = trial.gradients_of(run)
    largest = max((np.abs(g).max(initial=0.0) for g in gradients.values()), default=0.0)
    for q in trial.quantities():
        if not np.isfinite(gradients[q.key]).all():
            trial.fail(f"{q.name} holds NaN or infinity")
        if q.key in no_grad and np.abs(gradients[q.key]).max(initial=0.0) > ROUNDING * largest:
            trial.fail(f"{q.name} receives a gradient, but no_grad says that it has none")
    tested = [q for q in trial.quantities() if q.key not in no_grad]
    probes = [_probe(trial, q, gradients[q.key]) for q in tested for _ in range(DIRECTIONS)]
    sizes = [abs(slope) for probe in probes for slope in (probe.measured, probe.claimed)]
    sizes += [EPSILON * float(np.linalg.norm(g)) for g in gradients.values()]
    allowed = TOLERANCE * max(sizes, default=0.0) + trial.rounding
    wrong = [probe for probe in probes if not probe.error <= allowed]
    for probe in wrong:
        if not _at_kink(trial, probe):
            trial.fail(diagnose(trial, probe.quantity, gradients))
    for q in tested:
        if isinstance(q.key, str) and q.value.size and not gradients[q.key].any() and not wrong:
            trial.fail(
                f"{q.name} receives no gradient, nor do the outputs depend on it: "
                f"if that is meant, declare no_grad=({q.key!r},)"
            )
    return not wrong


@dataclass(frozen=True)
class Probe:
    """A small step along a random direction: the change that it makes, and the change that the gradient claims."""

    quantity: Quantity
    step: Array
    up: float
    down: float
    claimed: float

    @property
    def measured(self) -> float:
        return (self.up - self.down) / 2

    @property
    def error(self) -> float:
        return abs(self.measured - self.claimed)


def _probe(trial: Trial, quantity: Quantity, gradient: Array) -> Probe:
    step = EPSILON * trial.rng.normal(size=quantity.value.shape)
    step = ((quantity.value + step) - (quantity.value - step)) / 2  # as it is after rounding
    return Probe(quantity, step, *trial.change(quantity, step), float(np.vdot(gradient, step)))


def _at_kink(trial: Trial, probe: Probe) -> bool:
    """Whether a kink can explain a disagreement: the slopes of the two sides, or those of two steps, disagree too."""
    up, down = trial.change(probe.quantity, probe.step / 4)
    two_sides = abs(4 * (up + down))
    two_steps = abs(probe.measured - 4 * (up - down) / 2)
    return max(two_sides, two_steps) > probe.error / 2


def _check_independence(trial: Trial, run: Run) -> None:
    """Points 3 and 4: nothing that happens between a forward and its backward matters, nor does the memory order."""

    def other_forward(model: Step) -> None:
        model(*trial.other_inputs())

    def optimiser_step(model: Step) -> None:
        for p in params_of(model).values():
            p.data = p.data + trial.rng.normal(size=p.data.shape)

    fortran = partial(np.array, order="F")
    for other, what in (
        (trial.run(), "when grad held other numbers before: is the gradient added to grad, and all of it"),
        (trial.run(other_forward), "after another forward in between: does the layer keep an array on itself"),
        (trial.run(optimiser_step), "after an optimiser step in between: does backward read p.data, not bound before"),
        (trial.run(layout=fortran), "for arrays in Fortran order: is memory taken to be contiguous"),
    ):
        for name, a, b in _pairs(run, other):
            if not np.allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + np.abs(a).max(initial=0.0))):
                trial.fail(f"{name} differs {what}?")


def _pairs(run: Run, other: Run) -> Iterator[tuple[str, Array, Array]]:
    """The gradients of two runs, side by side."""
    for k, (a, b) in enumerate(zip(run.results, other.results, strict=True)):
        if a is not None:
            yield f"result {k} of backward", a, b
    for name in run.added:
        yield f"{name}.grad", run.added[name], other.added[name]


def _check_float32(layer: Step, inputs: tuple[Any, ...]) -> None:
    """In float32, everything stays float32."""
    trial = Trial(layer, inputs, np.random.default_rng(0), jitter=0.0)
    if isinstance(trial.model, Layer):
        trial.model.astype(np.float32)
    outputs, backward = trial.model(*cast(trial.inputs, np.float32))
    gradients = [c if c is None else c.astype(np.float32) for c in trial.cotangents]
    _all_float32(trial, {f"output {k}": y for k, y in enumerate(as_tuple(outputs))})
    try:
        results = backward() if trial.is_loss else backward(*gradients)
    except ValueError as error:  # from a part that got the wrong type
        raise GradientError(f"{trial.name}: in float32, backward raised ValueError: {error}") from error
    _all_float32(trial, {f"result {k} of backward": result for k, result in enumerate(as_tuple(results))})
    _all_float32(trial, {f"{name}.grad": p.grad for name, p in params_of(trial.model).items()})


def _all_float32(trial: Trial, arrays: dict[str, Any]) -> None:
    for name, array in arrays.items():
        if differentiable(array) and array.dtype != np.float32:
            trial.fail(
                f"{name} is {array.dtype} where everything else is float32: does a NumPy scalar (np.sqrt, a mean) "
                "or a float64 constant enter? Python floats promote nothing"
            )


def _check_alike(trial: Trial, name: str, gradient: Any, value: Array) -> None:
    """A gradient has the shape and type of what it is the gradient of."""
    if not isinstance(gradient, np.ndarray):
        trial.fail(f"{name} is {type(gradient).__name__}, expected an array")
    if gradient.shape != value.shape or gradient.dtype != value.dtype:
        hint = ": is a sum over the batch or the positions missing?" if gradient.size > value.size else ""
        trial.fail(f"{name} is {gradient.dtype} {gradient.shape}, expected {value.dtype} {value.shape}{hint}")
