"""One layer under test: copies of it, its inputs and cotangents in float64, and runs of its forward and backward.

`core.check` says what is demanded; this file only does what it asks, on copies, so that nothing of the caller's changes.
"""

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from core.layer import Array, Backward, Layer, Param

Step = Callable[..., tuple[Any, Backward]]
STEP = 1e-6  # of the central differences; the error of a smooth function is then about 1e-10 of its gradient


class GradientError(AssertionError):
    """A backward that breaks the gradient contract; the message says how."""


@dataclass(frozen=True)
class Run:
    """What one forward and backward gave."""

    outputs: tuple[Any, ...]
    results: tuple[Any, ...]
    after: dict[str, Any]  # the grad of each Param afterwards
    added: dict[str, Array]  # what was added to it (of those that kept their shape)
    written: list[str]  # complaints: which inputs, outputs and cotangents were written to


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

    def __init__(self, model: Step, inputs: Sequence[Any], rng: np.random.Generator, jitter: float) -> None:
        self.rng = rng
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
                raise GradientError(f"output {number} is {type(y).__name__}, expected an array, or a float for a loss")
        self.cotangents = [rng.normal(size=y.shape) if differentiable(y) else None for y in self.outputs]
        weights = [1.0 if self.is_loss else 0.0 if c is None else c for c in self.cotangents]
        self.rounding = 1e-15 * sum(float(np.abs(c * y).sum()) for c, y in zip(weights, self.outputs, strict=True))
        self.input_names = _input_names(model, len(self.inputs))

    def fresh(self) -> Step:
        """A copy of the layer as it was at first, Generators and buffers included."""
        return copy.deepcopy(self.model)

    def quantities(self) -> list[Quantity]:
        """What there is to differentiate by. Of the inputs of a loss, the first; the others are data."""
        inputs = list(zip(self.input_names, range(len(self.inputs)), self.inputs, strict=True))
        found = [
            Quantity(f"d{name}", k, x) for name, k, x in inputs[: 1 if self.is_loss else None] if differentiable(x)
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
        written = [f"forward changes its input {n}" for n in _changed(self.input_names, inputs, self.inputs)]
        kept = copy.deepcopy(outputs)
        between(model)
        try:
            results = as_tuple(backward() if self.is_loss else backward(*cotangents))
        except Exception as error:
            raise GradientError(_explain(error)) from error
        written = written or [f"backward changes input {n}" for n in _changed(self.input_names, inputs, self.inputs)]
        written += [f"backward changes {n}" for n in _changed(names, outputs, kept)]
        written += [f"backward changes the gradient of {n}" for n in _changed(names, cotangents, self.cotangents)]
        after = {name: p.grad for name, p in params_of(model).items()}
        added = {name: g - seeds[name] for name, g in after.items() if np.shape(g) == seeds[name].shape}
        return Run(kept, results, after, added, written)

    def other_inputs(self) -> list[Any]:
        """Inputs of the same kind with other values: floats shrunk at random, integers in reverse order."""
        shrunk = [x * self.rng.uniform(0.5, 0.9, x.shape) if differentiable(x) else x for x in self.inputs]
        return [x[::-1] if isinstance(x, np.ndarray) and x.ndim else x for x in shrunk]

    def change(self, quantity: Quantity, step: Array, cotangents: Sequence[Any] | None = None) -> tuple[float, float]:
        """How <cotangents, outputs> changes when the quantity changes by +step and by -step."""
        base = self._evaluate(quantity, np.zeros_like(step))
        weights = self.cotangents if cotangents is None else cotangents
        changes = []
        for sign in (1, -1):
            pairs = zip(weights, self._evaluate(quantity, sign * step), base, strict=True)
            if self.is_loss:
                changes.append(sum(float(y - y0) for _, y, y0 in pairs))
            else:
                changes.append(sum(float(np.vdot(c, y - y0)) for c, y, y0 in pairs if c is not None))
        return changes[0], changes[1]

    def _evaluate(self, quantity: Quantity, step: Array) -> tuple[Any, ...]:
        model, inputs = self.fresh(), cast(self.inputs, np.float64)
        if isinstance(quantity.key, int):
            inputs[quantity.key] += step
        else:
            p = params_of(model)[quantity.key]
            p.data = p.data + step
        return as_tuple(model(*inputs)[0])


def _input_names(model: Step, count: int) -> list[str]:
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
