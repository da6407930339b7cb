"""Stand-ins for a model that let one see each call of a layer and of its backward, and change no bit."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from core.containers import Residual, Sequential
from core.layer import Backward, Layer, Step, parts, rebuild

L = TypeVar("L", bound=Layer)
Visit: TypeAlias = Callable[[str, Step, tuple[Any, ...], Any, Backward], Backward]


def watch(model: L, visit: Visit) -> L:
    """A stand-in for the model: after each call of a layer, `visit(path, layer, inputs, outputs, backward)` runs, and
    the caller gets the backward that it returns. Likewise for functions in a Sequential or Residual.

    A stand-in has the very attributes of its layer (one `__dict__`), but for those that hold what is watched.
    """
    paths = {id(layer): path for path, layer in model.named_layers()}
    stand_ins: dict[int, Any] = {}

    def function(f: Step, path: str) -> Step:
        def call(*inputs: Any, **named: Any) -> tuple[Any, Backward]:
            outputs, backward = f(*inputs, **named)
            return outputs, visit(path, f, inputs, outputs, backward)

        return call

    def stand_in(layer: Any) -> Any:
        if not isinstance(layer, Layer) or id(layer) not in paths:
            return layer
        if id(layer) in stand_ins:  # a layer that is used twice stays one
            return stand_ins[id(layer)]
        kind, path = type(layer), paths[id(layer)]

        def call(self: Layer, *inputs: Any, **named: Any) -> tuple[Any, Backward]:
            outputs, backward = kind.__call__(self, *inputs, **named)
            return outputs, visit(path, layer, inputs, outputs, backward)

        members = {
            "__call__": call,
            "predict": lambda self, *inputs: layer.predict(*inputs),
            "children": lambda self: layer.children(),
            "__copy__": lambda self: copy.copy(layer),
            "__deepcopy__": lambda self, memo: copy.deepcopy(layer, memo),
        }
        watched: Any = type(kind.__name__, (kind,), members)
        twin = stand_ins[id(layer)] = object.__new__(watched)
        twin.__dict__ = vars(layer)
        prefix = f"{path}." if path else ""
        for name, value in vars(layer).items():
            if isinstance(layer, Sequential) and name == "layers":
                parts_of = value.items()
                each: Any = {k: stand_in(f) if isinstance(f, Layer) else function(f, prefix + k) for k, f in parts_of}
            elif isinstance(layer, Residual) and name == "layer" and not isinstance(value, Layer):
                each = function(value, prefix + name)
            elif any(isinstance(child, Layer) for _, child in parts(name, value)):
                each = rebuild(value, stand_in)
            else:
                continue
            setattr(watched, name, property(partial(_always, each)))  # goes before what is in __dict__
        return twin

    twin: L = stand_in(model)
    return twin


def kind_of(step: Step) -> str:
    """The name of a layer's class, or of a function (for a partial, that of the function it completes)."""
    step = step.func if isinstance(step, partial) else step
    return type(step).__name__ if isinstance(step, Layer) else getattr(step, "__name__", type(step).__name__)


def _always(value: Any, owner: Layer) -> Any:
    return value
