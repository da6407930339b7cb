"""What every layer and function keeps without saying so: the law of `core.layer`, and errors that say where.

- A backward runs once: it gives up what it holds as it is used, and refuses a second call.
- Its arguments mirror the outputs in number, shape and type. Of several outputs, those that have no part in the loss
  may get None, or be left out at the end: their gradients are zero.
- An error names the layer, by its path in the outermost model: "encoder.0: Linear(3, 4): got ...".

`Layer` puts this around the `__call__` of every subclass, `lawful` around a function. It adds about a microsecond to a
call and its backward; paths are looked up only when there is an error.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from core.guard import describe

F = TypeVar("F", bound=Callable[..., Any])
SPENT: Any = object()


def lawful(f: F) -> F:
    """The function `outputs, backward = f(x, ...)`, for an array x of a floating type, kept to the law."""

    @functools.wraps(f)
    def call(*inputs: Any, **named: Any) -> Any:
        try:
            x = inputs[0] if inputs else next(iter(named.values()), None)
            if not isinstance(x, ndarray) or x.dtype.kind != "f":
                raise ValueError(f"{_name(f)}: got {describe(x)}, expected an array of a floating type")
            outputs, backward = f(*inputs, **named)
        except Exception as error:
            _say_where(error, call, inputs)
            raise
        return outputs, _once(call, _form(outputs), backward)

    return call  # type: ignore[return-value]


def lawful_method(f: F) -> F:
    """The `__call__` of a layer, kept to the law."""

    forward = located(f)

    @functools.wraps(f)
    def call(self: Any, *inputs: Any, **named: Any) -> Any:
        outputs, backward = forward(self, *inputs, **named)
        return outputs, _once(self, _form(outputs), backward)

    return call  # type: ignore[return-value]


def located(f: F) -> F:
    """A method of a layer, whose errors say where."""

    @functools.wraps(f)
    def call(self: Any, *inputs: Any, **named: Any) -> Any:
        try:
            return f(self, *inputs, **named)
        except Exception as error:
            _say_where(error, self, inputs)
            raise

    return call  # type: ignore[return-value]


def at(owner: Any, path: str, f: Callable[..., Any], *inputs: Any) -> Any:
    """f(*inputs), done by the part of `owner` at this path: for functions, and for layers that are used twice."""
    try:
        return f(*inputs)
    except Exception as error:
        _say_where(error, owner, inputs, path)
        raise


def _once(owner: Any, form: Any, backward: Callable[..., Any]) -> Callable[..., Any]:
    """The backward, for one call only, with gradients that have the form of the outputs."""

    def once(*gradients: Any) -> Any:
        nonlocal backward
        try:
            if backward is SPENT:
                raise RuntimeError(
                    f"{_name(owner)}: this backward is spent: it gave up its activations when it was first called. "
                    "Run the forward pass again for another backward"
                )
            if not form or len(gradients) != 1 or _form(gradients[0]) != form:
                gradients = _mirror(_name(owner), gradients, form)
            run, backward = backward, SPENT
            return run(*gradients)
        except Exception as error:
            _say_where(error, owner, gradients)
            raise

    return once


def _form(value: Any) -> Any:
    """Of an array, its shape and type; of several, a list with that of each; of a loss, an empty list."""
    if isinstance(value, ndarray):
        return value.shape, value.dtype
    if isinstance(value, tuple):
        return [_form(each) for each in value]
    return [] if isinstance(value, float) else None


def _mirror(name: str, gradients: tuple[Any, ...], form: Any) -> tuple[Any, ...]:
    """One gradient for each output; refused, or zero for those of several outputs that have none."""
    forms = form if isinstance(form, list) else [form]
    missing = len(forms) - len(gradients)
    if missing < 0 or (forms and not gradients):
        got = ", ".join(map(describe, gradients)) or "nothing"
        wanted = f"a gradient for each of {len(forms)} output(s)" if forms else "nothing: it is that of a loss"
        raise ValueError(f"{name}: backward got {got}, expected {wanted}")
    given = zip(forms, gradients + (None,) * missing, strict=True)
    return tuple(_gradient(name, f, g, len(forms) > 1) for f, g in given)


def _gradient(name: str, form: Any, gradient: Any, several: bool) -> Any:
    """The gradient of one output."""
    if not form or _form(gradient) == form or (isinstance(form, tuple) and form[1].kind != "f"):
        return gradient  # (what has no gradient may get anything)
    if isinstance(form, list):
        if gradient is None or (isinstance(gradient, tuple) and len(gradient) == len(form)):
            return _mirror(name, gradient or (None,) * len(form), form)
        expected = f"a tuple of {len(form)}"
    elif gradient is None and several:
        return np.zeros(*form)
    else:
        expected = f"shape {form[0]} and type {form[1]}"
    raise ValueError(f"{name}: backward got {describe(gradient)}, expected {expected}, as the output")


@dataclass(frozen=True)
class Place:
    """Where an error arose: the path to there from the outermost owner that it has come through, and the message."""

    owner: Any
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def _say_where(error: Exception, owner: Any, inputs: tuple[Any, ...], path: str | None = None) -> None:
    """Put into the message of an error that it came through `owner`, from the part at `path` if that is known."""
    before: Place | None = vars(error).get("place")
    if before is None:
        if isinstance(error, AttributeError) and error.name in ("shape", "ndim", "dtype"):
            refused = ValueError(f"{_name(owner)}: got {describe(error.obj)}, expected an array")
            _say_where(refused, owner, inputs, path)
            raise refused from error
        message = str(error)
        if not message.startswith(_name(owner)):  # not a guard's
            got = ", ".join(map(describe, inputs))
            message = f"{_name(owner)}: {message} (for {got})" if path is None else f"{message} (for {got})"
        place = Place(owner, path or "", message)
    else:
        path = _path(before.owner, owner) if path is None else path
        if path is not None:
            place = Place(owner, ".".join(filter(None, (path, before.path))), before.message)
        else:  # a function that the owner calls, or a layer that is not among its attributes
            place = Place(owner, "", f"{_name(owner)}: {before}")
    vars(error)["place"] = place
    if type(error).__str__ is BaseException.__str__:
        error.args = (str(place),)
    else:
        error.__notes__ = [note for note in getattr(error, "__notes__", []) if note != str(before)] + [str(place)]


def _path(part: Any, owner: Any) -> str | None:
    """The path of a layer in another; a stand-in (`core.watch`) counts as the layer with which it shares its `vars`."""
    if not hasattr(owner, "named_layers"):
        return None
    return next((path for path, layer in owner.named_layers() if vars(layer) is vars(part)), None)


def _name(owner: Any) -> str:
    return owner.__name__ if hasattr(owner, "__name__") else type(owner).__name__
