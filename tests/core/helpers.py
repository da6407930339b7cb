"""What the tests of core share: random arrays, a few drawn shapes, and the comparison with PyTorch."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import core
from core import Array, Layer

few = settings(deadline=None, derandomize=True, max_examples=25)


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> Array:
    return seeded(seed).normal(size=shape)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def agrees_with_torch(ours: Callable[..., Any], theirs: Callable[..., Any], *inputs: Array, params: int = 0) -> None:
    """Forward, and the gradients of every input, the same in PyTorch. The last `params` inputs stand for Params:
    `theirs` takes them as tensors, `ours` is a Layer that has them (in the order of its names)."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    expected = theirs(*tensors)
    y, backward = ours(*inputs[: len(inputs) - params])
    close(y, expected.detach().numpy())
    if isinstance(y, float):
        expected.backward()
        gradients = [backward()]
    else:
        dy = normal(*y.shape, seed=1)
        expected.backward(torch.tensor(dy))
        results = backward(dy)
        gradients = list(results) if isinstance(results, tuple) else [results]
    if isinstance(ours, Layer):
        gradients += [p.grad for _, p in ours.named_params()]
    for gradient, tensor in zip(gradients, tensors, strict=not isinstance(y, float)):
        close(gradient, tensor.grad.numpy())


def data_of(layer: Layer) -> list[Array]:
    return [p.data for _, p in layer.named_params()]


def public_names() -> list[str]:
    """What `core/__init__.py` imports."""
    tree = ast.parse(Path(core.__file__).read_text())
    return [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
