"""The networks: for Cora, of any depth, and for the karate club."""

import itertools
from typing import Any

import numpy as np

from core.activations import relu, tanh
from core.containers import Residual, Sequential
from core.dense import Linear
from core.dropout import Dropout
from core.init import glorot_uniform

from .layers import GraphConvolution, SparseDropout
from .sparse import Operator

HIDDEN = 16


def gcn(
    rng: np.random.Generator,
    supports: tuple[Operator, ...],
    features: int,
    classes: int,
    *,
    layers: int = 2,
    dropout: float = 0.5,
    residual: bool = False,
) -> Sequential:
    """Sparse features (N, F) to scores (N, classes): graph convolutions, `HIDDEN` rectified units between them.

    Dropout stands before the first layer and before the last. With `residual`, each layer between two hidden ones adds
    its input to its output (equation 14).
    """
    sizes = [features, *[HIDDEN] * (layers - 1), classes]
    parts: dict[str, Any] = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        convolution: Any = GraphConvolution(supports, n_in, n_out, rng=rng)
        if i == 1:
            parts["drop1"] = SparseDropout(dropout, rng=rng)
        elif i == layers:
            parts[f"drop{i}"] = Dropout(dropout, rng=rng)
        if residual and 1 < i < layers:
            parts[f"conv{i}"] = Residual(Sequential(conv=convolution, f=relu))
        else:
            parts[f"conv{i}"] = convolution
            if i < layers:
                parts[f"f{i}"] = relu
    return Sequential(**parts)


def embedding(rng: np.random.Generator, supports: tuple[Operator, ...]) -> Sequential:
    """Equation 13: names of nodes (X = I, sparse) to points (N, 2), by three convolutions with tanh."""
    nodes = supports[0].shape[0]
    return Sequential(
        conv1=GraphConvolution(supports, nodes, 4, rng=rng),
        f1=tanh,
        conv2=GraphConvolution(supports, 4, 4, rng=rng),
        f2=tanh,
        conv3=GraphConvolution(supports, 4, 2, rng=rng),
        f3=tanh,
    )


def with_classes(rng: np.random.Generator, body: Sequential, classes: int) -> Sequential:
    """A linear map of the points to scores for a softmax, on top of an embedding."""
    return Sequential(body=body, top=Linear(2, classes, rng=rng, bias=False, init=glorot_uniform))
