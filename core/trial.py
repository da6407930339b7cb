"""One layer under test: copies of it, its inputs and cotangents in float64, and runs of its forward and backward.

`core.check` says what is demanded; this file only does what it asks, on copies, and nothing of the caller's changes.
"""

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike

from core.layer import Array, Layer, Param, Step

EPSILON = 1e-6  # the step of the central differences, which are then good to about ten digits


class GradientError(AssertionError):
    """A backward that breaks the gradient contract; the message says how."""


@dataclass(frozen=True)
class Run:
    """What one forward and backward gave."""

    outputs: tuple[Any, ...]
    results: tuple[Any, ...]
    after: dict[str, Any]  # the grad of each Param afterwards
    added: dict[str, Array]  # what was added to it (of those that kept their shape)
    complaints: list[str]  # which inputs, outputs and cotangents were written to, and the like


@dataclass(frozen=True)
class Quantity:
    """Something to differentiate by: an input (key: its number) or a Param (key: its path)."""

    name: str
    key: int | str
    value: Array


def differentiable(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def params_of(model: Step) -> dict[str, Param]:
    return dict(model.named_params()) if isinstance(model, Layer) else {}


def cast(inputs: Sequence[Any], dtype: DTypeLike) -> list[Any]:
    """Copies of the inputs, the floating arrays among them in another type."""
    return [x.astype(dtype) if differentiable(x) else copy.deepcopy(x) for x in inputs]


class Trial:
    """A layer, or function, with the inputs to try it on; everything random in it is drawn once, here."""

    def __init__(
        self, model: Step, inputs: Sequence[Any], rng: np.random.Generator, jitter: float, no_grad: Sequence[str] = ()
    ) -> None:
        self.rng, self.no_grad = rng, no_grad
        self.name = type(model).__name__ if isinstance(model, Layer) else getattr(model, "__name__", "function")
        self.inputs = cast(inputs, np.float64)
        for x in filter(differentiable, self.inputs):
            x += jitter * rng.normal(size=x.shape)
        self.model = copy.deepcopy(model)
        if isinstance(self.model, Layer):
            self.model.astype(np.float64)
            for p in params_of(self.model).values():
                p.data = p.data + 0.1 * rng.normal(size=p.data.shape)  # zeros at the start must hide nothing
        outputs, _ = self.fresh()(*cast(self.inputs, np.float64))
        self.is_loss = isinstance(outputs, float)
        self.outputs = as_tuple(outputs)
        for number, y in enumerate(self.outputs):
            if not isinstance(y, np.ndarray | float):
                self.fail(f"output {number} is {type(y).__name__}, expected an array, or a float for a loss")
            if not np.isfinite(y).all():
                self.fail(f"output {number} holds NaN or infinity, expected inputs for which all is finite")
        self.cotangents = [rng.normal(size=y.shape) if differentiable(y) else None for y in self.outputs]
        self.weights: list[Any] = [1.0 if self.is_loss else 0.0 if c is None else c for c in self.cotangents]
        self.rounding = 1e-15 * sum(float(np.abs(c * y).sum()) for c, y in zip(self.weights, self.outputs, strict=True))
        self.input_names = input_names(model, len(self.inputs))

    def fail(self, message: str) -> NoReturn:
        raise GradientError(f"{self.name}: {message}")

    def fresh(self) -> Step:
        """A copy of the layer as it was at first, Generators and buffers included."""
        return copy.deepcopy(self.model)

    def quantities(self) -> list[Quantity]:
        """What there is to differentiate by. Of the inputs of a loss, the first; the others are data."""
        inputs = list(zip(self.input_names, range(len(self.inputs)), self.inputs, strict=True))
        found = [
            Quantity(f"d{name}", k, x)
            for name, k, x in inputs[: 1 if self.is_loss else None]
            if differentiable(x) and name not in self.no_grad
        ]
        return found + [Quantity(f"{name}.grad", name, p.data) for name, p in params_of(self.model).items()]

    def run(
        self, between: Callable[[Step], None] = lambda model: None, layout: Callable[[Array], Array] = np.array
    ) -> Run:
        """Forward, `between`, backward, with random numbers in every grad and the arrays in a memory layout."""
        model = self.fresh()
        seeds = {name: self.rng.normal(size=p.data.shape) for name, p in params_of(model).items()}
        for name, p in params_of(model).items():
            p.grad = seeds[name].copy()
        inputs = [layout(x) if isinstance(x, np.ndarray) else x for x in self.inputs]
        cotangents = [layout(c) if c is not None else None for c in self.cotangents]
        returned, backward = model(*inputs)
        outputs = as_tuple(returned)
        names = [f"output {k}" for k in range(len(outputs))]
        complaints = [f"forward changes its input {n}" for n in _changed(self.input_names, inputs, self.inputs)]
        kept = copy.deepcopy(outputs)
        between(model)
        try:
            results = backward() if self.is_loss else backward(*cotangents)
        except Exception as error:
            raise GradientError(f"{self.name}: {_explain(error)}") from error
        if not complaints:
            complaints = [f"backward changes its input {n}" for n in _changed(self.input_names, inputs, self.inputs)]
        complaints += [f"backward changes {n}" for n in _changed(names, outputs, kept)]
        complaints += [f"backward changes the gradient of {n}" for n in _changed(names, cotangents, self.cotangents)]
        complaints += [
            f"{what} returns a tuple of one, expected the array itself"
            for what, value in (("forward", returned), ("backward", results))
            if isinstance(value, tuple) and len(value) == 1
        ]
        after = {name: p.grad for name, p in params_of(model).items()}
        added = {name: g - seeds[name] for name, g in after.items() if np.shape(g) == seeds[name].shape}
        return Run(kept, as_tuple(results), after, added, complaints)

    def gradients_of(self, run: Run) -> dict[int | str, Array]:
        """The gradients that a run gave, by the key of their quantity."""
        arrays = [k for k, x in enumerate(self.inputs) if isinstance(x, np.ndarray)]  # the others have no result
        results = dict(zip(arrays, run.results, strict=False))
        return {q.key: run.added[q.key] if isinstance(q.key, str) else results[q.key] for q in self.quantities()}

    def gradients(self, factor: float) -> dict[int | str, Array]:
        """The gradients for cotangents that are larger by a factor."""
        larger = copy.copy(self)
        larger.cotangents = [c if c is None else factor * c for c in self.cotangents]
        return larger.gradients_of(larger.run())

    def other_inputs(self) -> list[Any]:
        """Inputs of the same kind with other values: floats shrunk at random, integers in reverse order."""
        shrunk = [x * self.rng.uniform(0.5, 0.9, x.shape) if differentiable(x) else x for x in self.inputs]
        return [x[::-1] if isinstance(x, np.ndarray) and x.ndim else x for x in shrunk]

    def change(self, quantity: Quantity, step: Array, weights: Sequence[Any] | None = None) -> tuple[float, float]:
        """How <cotangents, outputs> changes when the quantity changes by +step and by -step."""
        weights = self.weights if weights is None else weights
        base, up, down = (self.outputs_at(quantity, change) for change in (0 * step, step, -step))
        return _projection(weights, up, base), _projection(weights, down, base)

    def outputs_at(self, quantity: Quantity, step: Array) -> tuple[Any, ...]:
        """The outputs when one quantity is moved by a step."""
        model, inputs = self.fresh(), cast(self.inputs, np.float64)
        if isinstance(quantity.key, int):
            inputs[quantity.key] += step
        else:
            p = params_of(model)[quantity.key]
            p.data = p.data + step
        return as_tuple(model(*inputs)[0])


def _projection(weights: Sequence[Any], outputs: Sequence[Any], base: Sequence[Any]) -> float:
    """<weights, outputs - base>, the difference taken first: it is small."""
    return sum(float(np.sum(c * (y - y0))) for c, y, y0 in zip(weights, outputs, base, strict=True))


def input_names(model: Step, count: int) -> list[str]:
    """The names of the parameters of the call, if it has any to tell."""
    try:
        signature = inspect.signature(type(model).__call__ if isinstance(model, Layer) else model)
    except (TypeError, ValueError):
        return [f"input{k}" for k in range(count)]
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in plain and p.name != "self"]
    return names[:count] + [f"input{k}" for k in range(len(names), count)]


def _changed(names: Sequence[str], now: Sequence[Any], then: Sequence[Any]) -> list[str]:
    arrays = [(n, a, b) for n, a, b in zip(names, now, then, strict=True) if isinstance(a, np.ndarray)]
    return [n for n, a, b in arrays if a.shape != b.shape or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")]


def _explain(error: Exception) -> str:
    """Why a backward raised, as far as that can be told from the exception."""
    text = f"backward raised {type(error).__name__}: {error}."
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return text + " Is a sum over the batch or over the positions missing, or an axis?"
    if isinstance(error, ValueError) and "matmul" in str(error):
        return text + " Is a transpose missing, or are the factors in the wrong order?"
    if isinstance(error, TypeError) and "argument" in str(error):
        return text + " Its arguments must mirror the outputs: one gradient for each of them."
    return text
