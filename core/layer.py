"""Layers, and the one law they keep: a call returns its outputs and the chain rule for that call.

    y, backward = layer(x)      # forward, now
    dx = backward(dy)           # later: adds into every Param's grad and returns dLoss/dx

The arguments of `backward` mirror the outputs of the call; its results mirror the inputs. `backward` is an ordinary
nested function that reads as the derivation of the lines above it. What the derivation needs, it holds as a closure,
which dies with it: no layer ever stores an activation on itself, so that a layer may be called many times in one
forward pass and weights may be shared. The idiom is that of the library Thinc (Explosion, thinc.ai). `core.law` sees to
it, around every call, that a backward runs once and that what it gets mirrors the outputs.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.law import lawful_method, located

Array: TypeAlias = NDArray[Any]
Backward: TypeAlias = Callable[..., Any]
Step: TypeAlias = Callable[..., tuple[Any, Backward]]  # a Layer, or a plain function of the same form
L = TypeVar("L", bound="Layer")


class Param:
    """A trained array: `data`, and `grad`, into which every backward adds.

    An optimiser must rebind `data` (`p.data = p.data - step`), never write into it: a backward that is still to come
    holds the array that its forward used, and so cannot be changed by a step taken in between.
    """

    __slots__ = ("data", "grad")

    def __init__(self, data: Array) -> None:
        self.data = data
        self.grad = np.zeros_like(data)

    def __repr__(self) -> str:
        return f"Param(shape={self.data.shape}, dtype={self.data.dtype})"


class Layer:
    """The base of every layer. A subclass assigns its parts in `__init__` and defines `__call__`.

    The attributes of a layer are its Params, its Layers, lists, tuples or dicts of these, the Generators it draws from
    at run time, and its configuration. Every other NumPy array or scalar is a *buffer*: saved with the model and cast
    with it (if it is of a floating type), never trained. `training` says which mode the layer is in.

    A name is a path, `encoder.0.W`: it follows from where a thing is and is stored nowhere. What is reachable by two
    paths (tied weights, a layer used twice) is one thing, and is walked once, under the first of them.
    """

    training: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        """Whatever a subclass defines is kept to the law: see `core.law`."""
        super().__init_subclass__(**options)
        for name, keep in (("__call__", lawful_method), ("predict", located)):
            if name in vars(cls):
                setattr(cls, name, keep(vars(cls)[name]))

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, Backward]:
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")

    def predict(self, *inputs: Any) -> Any:
        """The outputs alone, for a layer that is in evaluation mode (see `core.predict`, which puts a copy there).

        Containers override this to drop the callback of each part before they run the next.
        """
        return self(*inputs)[0]

    def children(self) -> Iterator[tuple[str, Any]]:
        """The Params, Layers, buffers and Generators right below this layer, by name."""
        for name, value in vars(self).items():
            yield from parts(name, value)

    def walk(self) -> Iterator[tuple[str, Any]]:
        """Everything below this layer, by path, each thing once: a layer first, then what is below it."""
        seen = {id(self)}

        def below(layer: Layer, prefix: str) -> Iterator[tuple[str, Any]]:
            for name, child in layer.children():
                if id(child) not in seen:
                    seen.add(id(child))
                    yield prefix + name, child
                    if isinstance(child, Layer):
                        yield from below(child, f"{prefix}{name}.")

        return below(self, "")

    def named_layers(self) -> Iterator[tuple[str, "Layer"]]:
        """This layer, whose path is the empty string, and every layer below it."""
        yield "", self
        yield from ((path, child) for path, child in self.walk() if isinstance(child, Layer))

    def named_params(self) -> Iterator[tuple[str, Param]]:
        """Every Param by path, shared ones once."""
        yield from ((path, child) for path, child in self.walk() if isinstance(child, Param))

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """Every buffer by path."""
        yield from ((path, child) for path, child in self.walk() if isinstance(child, np.ndarray | np.generic))

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Every Generator by path."""
        yield from ((path, child) for path, child in self.walk() if isinstance(child, np.random.Generator))

    def train(self, training: bool = True) -> Self:
        """Put this layer and all below it in training mode, or in evaluation mode."""
        for _, layer in self.named_layers():
            layer.training = training
        return self

    def eval(self) -> Self:
        """Put this layer and all below it in evaluation mode."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set every grad to zero."""
        for _, p in self.named_params():
            p.grad = np.zeros_like(p.data)

    def astype(self, dtype: DTypeLike) -> Self:
        """Cast every Param and every floating buffer, in place: float32 for runs, float64 for checks."""
        if not np.issubdtype(dtype, np.floating):
            raise ValueError(f"{type(self).__name__}.astype: got {dtype!r}, expected a floating type")
        for _, p in self.named_params():
            p.data, p.grad = p.data.astype(dtype), p.grad.astype(dtype)
        floating = [b for _, b in self.named_buffers() if np.issubdtype(b.dtype, np.floating)]
        replace_buffers(self, {id(b): b.astype(dtype) for b in floating})
        return self


def parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The Params, Layers, arrays and Generators in an attribute, through lists, tuples and dicts: `name.i`."""
    if isinstance(value, Param | Layer | np.ndarray | np.generic | np.random.Generator):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from parts(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from parts(f"{name}.{key}", item)


def rebuild(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """An attribute's value with `leaf` applied to what its lists, tuples and dicts hold."""
    if isinstance(value, list):
        return [rebuild(item, leaf) for item in value]
    if isinstance(value, tuple):
        return tuple(rebuild(item, leaf) for item in value)
    if isinstance(value, dict):
        return {key: rebuild(item, leaf) for key, item in value.items()}
    return leaf(value)


def replace_buffers(model: Layer, table: Mapping[int, Array]) -> None:
    """Put `table[id(old)]` in the place of each buffer `old`, wherever the model holds it."""
    for _, layer in model.named_layers():
        for name, value in list(vars(layer).items()):
            vars(layer)[name] = rebuild(value, lambda leaf: table.get(id(leaf), leaf))


def evaluation_copy(model: L) -> L:
    """The same model in evaluation mode: it shares every Param, buffer and Generator, and the mode is its own."""
    copies: dict[int, Layer] = {}

    def leaf(value: Any) -> Any:
        if not isinstance(value, Layer):
            return value
        if id(value) not in copies:  # a layer that is used twice stays one layer in the copy
            twin = copies[id(value)] = copy.copy(value)
            vars(twin).update({name: rebuild(item, leaf) for name, item in vars(value).items()})
            twin.training = False
        return copies[id(value)]

    twin: L = leaf(model)
    return twin
