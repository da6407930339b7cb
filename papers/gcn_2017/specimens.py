"""What the exercises of this paper are checked on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.layer import Backward, Layer, Param

from .graph import propagation
from .sparse import Sparse

EDGES = np.array([[0, 1], [0, 2], [0, 3], [3, 4], [5, 1]])  # a tree; node 6 has no neighbour
NODES = 7


def layers(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(rng.random((NODES, 4)) < 0.4)
    sparse = Sparse.of(rows, columns, rng.normal(size=len(rows)), (NODES, 4))

    def convolution(rule: str) -> Any:  # S is not symmetric in "row"; there are several in "Chebyshev 2"
        return m.GraphConvolution(propagation(rule, EDGES, NODES), 4, 3, rng=rng)

    return [
        (convolution("row"), rng.normal(size=(NODES, 4))),
        (convolution("Chebyshev 2"), rng.normal(size=(NODES, 4))),
        (convolution("row"), sparse),
    ]


class Decayed(Layer):
    """The penalty on two arrays of weights, as a loss without inputs."""

    def __init__(self, penalty: Callable[..., tuple[float, Backward]]) -> None:
        rng = np.random.default_rng(0)
        self.penalty, self.w = penalty, [Param(rng.normal(size=shape)) for shape in ((3, 4), (5,))]

    def __call__(self) -> tuple[float, Backward]:
        loss, add_gradients = self.penalty(self.w, 0.3)
        return loss, lambda: add_gradients() or ()


def training(m: Any) -> list[tuple[Any, ...]]:
    return [(Decayed(m.decay_penalty),)]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"layers": layers, "training": training}
