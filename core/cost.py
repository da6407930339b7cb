"""What a model costs: parameters, connections, multiply-adds, units, and the bytes kept for backward.

All counts are for one example and are computed from the model itself, by running it once.
"""

import copy
import functools
import math
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.layer import Array, Layer, Param, observe


@dataclass(frozen=True)
class Row:
    """One call of one layer. `connections` counts links into units as LeCun does, one for each bias included."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    connections: int
    multiply_adds: int


@dataclass(frozen=True)
class Cost:
    """The cost of a model for one example: a row for each call of a layer, and totals."""

    input_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    units: int
    kept_bytes: int

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def connections(self) -> int:
        return sum(row.connections for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)


def cost(model: Layer, input_shape: tuple[int, ...]) -> Cost:
    """Count what `model` does with one example of `input_shape` (without the batch axis).

    Every layer that owns Params or has no layers below it gets a row for each of its calls; shared Params are counted
    where they are first used. A layer that owns Params defines `connections(y_shape)` and `multiply_adds(y_shape)`,
    both for one example of an output of that shape (batch axis included); without them, ValueError. `units` is the
    size of the input and of the outputs of the layers that own Params. `kept_bytes` is what the model's backward holds,
    each array once, Params and buffers excepted. The model is left as it was.
    """
    specimen = copy.deepcopy(model)  # its Generators may draw, its buffers may move
    rows: list[Row] = []
    counted: set[int] = set()
    outputs_of_owners: list[int] = []

    def record(name: str, layer: Layer, inputs: tuple[Any, ...], outputs: Any) -> None:
        below = [child for _, child in layer.children()]
        params = [child for child in below if isinstance(child, Param)]
        if not params and any(isinstance(child, Layer) for child in below):
            return  # a container: its parts report for themselves
        y_shape = (outputs[0] if isinstance(outputs, tuple) else outputs).shape
        fresh = {id(p): p.data.size for p in params if id(p) not in counted}
        counted.update(fresh)
        counts = bool(params) or hasattr(layer, "connections")  # fixed weights are connections too
        links = _count(layer, "connections", y_shape) if counts else 0
        products = _count(layer, "multiply_adds", y_shape) if counts else 0
        rows.append(Row(name, type(layer).__name__, y_shape[1:], sum(fresh.values()), links, products))
        if params:
            outputs_of_owners.append(math.prod(y_shape[1:]))

    dtype = next((p.data.dtype for _, p in specimen.named_params()), np.dtype(np.float32))
    _, backward = observe(specimen, record)(np.zeros((1, *input_shape), dtype))
    excepted = [array for _, p in specimen.named_params() for array in (p.data, p.grad)]
    excepted += [buffer for _, buffer in specimen.named_buffers()]
    units = math.prod(input_shape) + sum(outputs_of_owners)
    return Cost(tuple(input_shape), tuple(rows), units, kept_bytes(backward, excepted))


def kept_bytes(backward: Any, excepted: list[Array]) -> int:
    """The bytes of all arrays that a backward holds, each buffer once, but for those in `excepted`."""
    owners = {id(owner): owner.nbytes for owner in map(_owner, _reachable_arrays(backward))}
    not_counted = {id(_owner(array)) for array in excepted}
    return sum(size for key, size in owners.items() if key not in not_counted)


def _count(layer: Layer, method: str, y_shape: tuple[int, ...]) -> int:
    count = getattr(layer, method, None)
    if count is None:
        kind = type(layer).__name__
        raise ValueError(f"cost: {kind} owns Params but has no {method}(y_shape), expected a method that counts them")
    return int(count(y_shape))


def _owner(array: Array) -> Array:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _reachable_arrays(backward: Any) -> Iterator[Array]:
    """The arrays that a callback holds: through closures, methods, objects, lists, tuples and dicts, but not Layers."""
    seen: set[int] = set()
    waiting = [backward]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, Layer | Param | type | types.ModuleType):
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, types.FunctionType):
            waiting += [_contents(cell) for cell in value.__closure__ or ()] + list(value.__defaults__ or ())
        elif isinstance(value, types.MethodType):
            waiting += [value.__func__, value.__self__]
        elif isinstance(value, functools.partial):
            waiting += [value.func, *value.args, *value.keywords.values()]
        elif isinstance(value, list | tuple | set):
            waiting += value
        else:
            waiting += (value if isinstance(value, dict) else getattr(value, "__dict__", {})).values()


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # deleted in the forward, or not yet assigned
        return None
