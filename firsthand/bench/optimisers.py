"""Optimisers alone, on many tensors of middling size."""

from typing import Literal

from core.layer import Layer, Param
from firsthand.bench.twins import Twins
from firsthand.bench.workload import Draw, Pair, Pass, Workload


class Weights(Layer):
    """Params and nothing else."""

    def __init__(self, draw: Draw, count: int, rows: int, columns: int) -> None:
        self.W = [Param(draw.normal(rows, columns)) for _ in range(count)]


def update(draw: Draw, optimiser: Literal["adam", "momentum"], count: int, rows: int, columns: int) -> Pair:
    """The same gradient in every step. It gets to the optimiser as it does in training: ours is added into grads that
    the last step set to zero, PyTorch's takes the place of none."""
    model = Weights(draw, count, rows, columns)
    gradients = [draw.normal(rows, columns) for _ in range(count)]

    def ours() -> None:
        for p, g in zip(model.W, gradients, strict=True):
            p.grad += g

    def theirs(t: Twins) -> list[Pass]:
        tensors, t_gradients = [t.parameter(p) for p in model.W], [t.array(g) for g in gradients]

        def run() -> None:
            for tensor, g in zip(tensors, t_gradients, strict=True):
                tensor.grad = g

        return [run]

    return Pair([model], [ours], theirs, optimiser)


WORKLOADS = [
    Workload(
        name,
        f"{title} over 1M parameters in 64 tensors",
        update,
        {"optimiser": name, "count": 64, "rows": 128, "columns": 128},
        {"optimiser": name, "count": 3, "rows": 4, "columns": 5},
    )
    for name, title in (("adam", "Adam"), ("momentum", "Momentum"))
]
