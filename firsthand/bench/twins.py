"""PyTorch's layers with the weights of ours, and which tensor belongs to which Param."""

import importlib
import operator
from collections.abc import Callable
from typing import Any

from core.batch_norm import BatchNorm
from core.conv import Conv2d
from core.dense import Linear
from core.layer import Array, Layer, Param
from core.normalisation import LayerNorm

View = Callable[[Any], Any]  # of a tensor in PyTorch's layout, the part and layout that a Param of ours has


class Twins:
    """Makes PyTorch's layers out of ours. PyTorch is imported here only, so that the rest runs without it."""

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.nn: Any = self.torch.nn
        self.F: Any = self.torch.nn.functional
        self._of: dict[int, tuple[Any, View]] = {}

    def array(self, x: Array) -> Any:
        """Data: a tensor with memory of its own."""
        return self.torch.tensor(x)

    def pair(self, p: Param, tensor: Any, view: View = lambda t: t) -> Any:
        """Note that `tensor`, seen through `view`, is `p`, and give it the same numbers."""
        places = view(self.torch.arange(tensor.numel()).view(tensor.shape))  # of the numbers of p, in the tensor
        with self.torch.no_grad():
            tensor.view(-1)[places.reshape(-1)] = self.torch.tensor(p.data).view(-1)
        self._of[id(p)] = tensor, view
        return tensor

    def parameter(self, p: Param) -> Any:
        """A Param that belongs to no layer."""
        return self.pair(p, self.nn.Parameter(self.torch.tensor(p.data)))

    def linear(self, *layers: Linear) -> Any:
        """nn.Linear for a Linear, or for several with the same input, their outputs side by side."""
        return self.packed([layer.W for layer in layers], [layer.b for layer in layers])

    def packed(self, weights: list[Param], biases: list[Param | None]) -> Any:
        """nn.Linear with the columns of all the weights (n_in, n_out), side by side."""
        n_in, n_out = weights[0].data.shape
        kind = self.type_of(weights[0])
        twin = self.nn.Linear(n_in, n_out * len(weights), bias=biases[0] is not None, dtype=kind)
        for k, (W, b) in enumerate(zip(weights, biases, strict=True)):
            part = slice(k * n_out, (k + 1) * n_out)
            self.pair(W, twin.weight, _transposed(part))
            if b is not None:
                self.pair(b, twin.bias, operator.itemgetter(part))
        return twin

    def conv(self, layer: Conv2d) -> Any:
        W, bias = layer.W.data, layer.b is not None
        twin = self.nn.Conv2d(
            W.shape[1], len(W), W.shape[2:], layer.stride, layer.padding, bias=bias, dtype=self.type_of(layer.W)
        )
        self.pair(layer.W, twin.weight)
        if layer.b is not None:
            self.pair(layer.b, twin.bias)
        return twin

    def norm(self, layer: BatchNorm | LayerNorm) -> Any:
        """nn.BatchNorm2d or nn.LayerNorm."""
        size, kind = len(layer.gamma.data), self.type_of(layer.gamma)
        if isinstance(layer, BatchNorm):
            twin = self.nn.BatchNorm2d(size, eps=layer.eps, momentum=layer.momentum, dtype=kind)
        else:
            twin = self.nn.LayerNorm(size, eps=layer.eps, dtype=kind)
        self.pair(layer.gamma, twin.weight)
        if layer.beta is not None:
            self.pair(layer.beta, twin.bias)
        return twin

    def tensors(self, model: Layer) -> list[Any]:
        """The tensors of a model, each once: what PyTorch's optimiser is given."""
        return list({id(tensor): tensor for tensor, _ in self._each(model).values()}.values())

    def gradients(self, model: Layer) -> dict[str, Array]:
        return {name: view(tensor.grad).numpy().copy() for name, (tensor, view) in self._each(model).items()}

    def weights(self, model: Layer) -> dict[str, Array]:
        return {name: view(tensor.detach()).numpy().copy() for name, (tensor, view) in self._each(model).items()}

    def _each(self, model: Layer) -> dict[str, tuple[Any, View]]:
        missing = [name for name, p in model.named_params() if id(p) not in self._of]
        if missing:
            raise ValueError(f"Twins: {', '.join(missing)} of ours are not in PyTorch's model; pair them")
        return {name: self._of[id(p)] for name, p in model.named_params()}

    def type_of(self, p: Param) -> Any:
        return self.torch.float64 if p.data.itemsize == 8 else self.torch.float32


def _transposed(part: slice) -> View:
    """Rows of PyTorch's weight (n_out, n_in), as columns of ours."""
    return lambda t: t[part].T
