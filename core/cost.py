"""What a model costs: parameters, connections, multiply-adds, units, and the bytes kept for backward.

All is computed from the model itself, by running it once on the inputs in question. `firsthand.roofline` makes of it a
time.
"""

import copy
import functools
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.layer import Array, Backward, Layer, Param, Step
from core.watch import kind_of, watch


@dataclass(frozen=True)
class Row:
    """One call of a layer, or of a function in a `Sequential` or `Residual`, on the whole batch.

    `connections` counts links into units as LeCun does, one for each bias included; `parameters` are those of the layer
    itself, shared or not. The bytes are those of its inputs, its outputs and the weights that they meet; none where the
    output is only another view of an input.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]  # of one example
    parameters: int
    connections: int
    multiply_adds: int
    bytes_in: int
    bytes_out: int
    bytes_weights: int
    of_data: bool  # whether nobody asks for the gradients of the inputs

    @property
    def backward_multiply_adds(self) -> int:
        """As many as forward for the gradients of the inputs, and again for those of the Params, if there are any."""
        return self.multiply_adds * ((not self.of_data) + (self.parameters > 0))


@dataclass(frozen=True)
class Cost:
    """The cost of a model for a batch: a row for each call, and totals. Shared Params are counted once."""

    rows: tuple[Row, ...]
    parameters: int
    units: int
    kept_bytes: int

    @property
    def connections(self) -> int:
        return sum(row.connections for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def backward_multiply_adds(self) -> int:
        return sum(row.backward_multiply_adds for row in self.rows)


def cost(model: Layer, *inputs: Any) -> Cost:
    """Count what `model` does with a batch of inputs. In the place of an array, a shape stands for one example of that
    shape (without the batch axis) and of the type of the Params.

    A row goes to each call of what owns Params or has no layers below it. A layer that owns Params defines
    `connections(y_shape)` and `multiply_adds(y_shape)`, both for one example of an output of that shape (batch axis
    included); if they depend on more, the shapes of the inputs follow. Without them, ValueError. `units` is the size of
    the inputs and of the outputs of the layers that own Params. `kept_bytes` is what the model's backward holds, each
    array once, Params and buffers excepted. The model is left as it was.
    """
    specimen = copy.deepcopy(model)  # its Generators may draw, its buffers may move
    batch = batch_of(specimen, inputs)
    rows: list[Row] = []
    units = [x.size for x in _arrays(batch)]

    def record(path: str, step: Step, given: tuple[Any, ...], outputs: Any, backward: Backward) -> Backward:
        below = [child for _, child in step.children()] if isinstance(step, Layer) else []
        params = [child for child in below if isinstance(child, Param)]
        if params or not any(isinstance(child, Layer) for child in below):  # of a container, the parts report
            rows.append(_row(path, step, params, _arrays(given), _arrays(outputs)))
            units.extend(y.size for y in _arrays(outputs)[:1] if params)
        return backward

    _, backward = watch(specimen, record)(*batch)
    excepted = [array for _, p in specimen.named_params() for array in (p.data, p.grad)]
    excepted += [buffer for _, buffer in specimen.named_buffers()]
    parameters = sum(p.data.size for _, p in specimen.named_params())
    return Cost(tuple(rows), parameters, sum(units), kept_bytes(backward, excepted))


def batch_of(model: Layer, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs, with a batch of one example of ones for each shape."""
    dtype = next((p.data.dtype for _, p in model.named_params()), np.dtype(np.float32))
    return tuple(np.ones((1, *x), dtype) if isinstance(x, tuple) else x for x in inputs)


def _row(path: str, step: Step, params: list[Param], inputs: list[Array], outputs: list[Array]) -> Row:
    shapes = [a.shape for a in (*outputs[:1], *inputs)]
    counted = bool(params) or hasattr(step, "connections")  # fixed weights are connections too
    links, products = (_count(step, name, shapes) if counted else 0 for name in ("connections", "multiply_adds"))
    view = any(np.may_share_memory(x, y) for x in inputs for y in outputs)
    bytes_in, bytes_out = (0 if view else sum(a.nbytes for a in arrays) for arrays in (inputs, outputs))
    weights = sum(p.data.nbytes for p in params)
    parameters = sum(p.data.size for p in params)
    if links < parameters:  # a table, of which the rows that are looked up are all that moves
        weights = weights * links // parameters
    y_shape = shapes[0][1:] if outputs else ()
    of_data = getattr(step, "of_data", False)
    return Row(path, kind_of(step), y_shape, parameters, links, products, bytes_in, bytes_out, weights, of_data)


def _count(step: Step, method: str, shapes: list[tuple[int, ...]]) -> int:
    """What a layer says of one example, times the examples."""
    count = getattr(step, method, None)
    if count is None:
        expected = f"no {method}(y_shape), expected a method that counts them"
        raise ValueError(f"cost: {kind_of(step)} owns Params but has {expected}")
    y_shape, *x_shapes = shapes
    asks_for_inputs = len(inspect.signature(count).parameters) > 1
    return y_shape[0] * int(count(y_shape, *x_shapes) if asks_for_inputs else count(y_shape))


def _arrays(values: Any) -> list[Array]:
    return [a for a in (values if isinstance(values, tuple) else (values,)) if isinstance(a, np.ndarray)]


def kept_bytes(backward: Any, excepted: list[Array]) -> int:
    """The bytes of all arrays that a backward holds, each buffer once, but for those in `excepted`."""
    owners = {id(owner): owner.nbytes for owner in map(_owner, _reachable_arrays(backward))}
    not_counted = {id(_owner(array)) for array in excepted}
    return sum(size for key, size in owners.items() if key not in not_counted)


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
