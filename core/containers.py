"""Containers: layers made of layers. They collect the callbacks of their parts and give each up as it is used.

Giving up matters: a callback holds the activations of its layer, so that dropping it on the way back halves the peak
memory of a training step.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from core.guard import describe
from core.law import at
from core.layer import Array, Backward, Layer, Step, evaluation_copy, parts


class Sequential(Layer):
    """y = f_n(... f_2(f_1(x))): layers, or plain functions of the same form, one after the other.

    Positional parts are named "0", "1", ...; keyword parts have their keyword, and come after the positional ones.
    The names are the paths: in `Sequential(C1=Conv2d(...))` the kernel is `C1.W`, and `model["C1"]` is the layer.

    Kept for backward: the callback of each part, until it is used.
    Raises ValueError for no parts or a part that cannot be called.
    """

    def __init__(self, *layers: Step, **named: Step) -> None:
        self.layers: dict[str, Step] = {str(i): layer for i, layer in enumerate(layers)} | named
        if not self.layers:
            raise ValueError("Sequential: got no layers, expected at least one")
        for name, layer in self.layers.items():
            if not callable(layer):
                raise ValueError(f"Sequential: part {name!r} is {layer!r}, expected a layer or a function")

    def children(self) -> Iterator[tuple[str, Any]]:
        for name, layer in self.layers.items():
            yield from parts(name, layer)

    def __getitem__(self, name: str | int) -> Any:
        if str(name) not in self.layers:
            raise KeyError(f"Sequential has no part {name!r}; it has {', '.join(self.layers)}")
        return self.layers[str(name)]

    def __call__(self, x: Any) -> tuple[Any, Backward]:
        callbacks: list[tuple[str, Backward]] = []
        for name, layer in self.layers.items():
            x, callback = at(self, name, layer, x)
            callbacks.append((name, callback))
        del callback  # the list alone holds it

        def backward(dy: Any) -> Any:
            while callbacks:  # f_n first: dx = f_1'(... f_n'(dy))
                dy = at(self, *callbacks.pop(), dy)
            return dy

        return x, backward

    def predict(self, x: Any) -> Any:
        for name, layer in self.layers.items():
            x = at(self, name, outputs_of, layer, x)
        return x


class Residual(Layer):
    """y = x + f(x), for a layer or function f that keeps the shape (He et al. 2015, equation 1).

    Kept for backward: the callback of f, until it is used.
    Raises ValueError if f changes the shape or type.
    """

    def __init__(self, layer: Step) -> None:
        self.layer = layer

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        f, backward_f = self.layer(x)
        self._alike(x, f)

        def backward(dy: Array) -> Any:
            return dy + backward_f(dy)  # y = x + f(x): straight through, and through f

        return x + f, backward

    def predict(self, x: Array) -> Any:
        f = outputs_of(self.layer, x)
        self._alike(x, f)
        return x + f

    def _alike(self, x: Array, f: Array) -> None:
        if f.shape != x.shape or f.dtype != x.dtype:
            raise ValueError(f"Residual: f(x) is {describe(f)}, expected the shape and type of x, {describe(x)}")


def outputs_of(layer: Step, *inputs: Any) -> Any:
    """The outputs of a layer or function, with its callback already dropped."""
    return layer.predict(*inputs) if isinstance(layer, Layer) else layer(*inputs)[0]


def predict(model: Step, *inputs: Any, batch_size: int | None = None) -> Any:
    """The outputs of a model in evaluation mode, whatever mode it is in; callbacks are dropped as they come.

    With `batch_size`, the inputs are cut along axis 0 into batches of at most that size, and the outputs joined.
    """
    if isinstance(model, Layer):
        model = evaluation_copy(model)
    if batch_size is None:
        return outputs_of(model, *inputs)
    if batch_size < 1:
        raise ValueError(f"predict: batch_size is {batch_size}, expected at least 1")
    n = len(inputs[0])
    if any(len(x) != n for x in inputs):
        raise ValueError(f"predict: the inputs have lengths {[len(x) for x in inputs]}, expected equal ones")
    starts = range(0, max(n, 1), batch_size)  # an empty input still runs once, for the shape of its output
    batches = [outputs_of(model, *(x[start : start + batch_size] for x in inputs)) for start in starts]
    if isinstance(batches[0], tuple):
        return tuple(np.concatenate(output) for output in zip(*batches, strict=True))
    return np.concatenate(batches)
