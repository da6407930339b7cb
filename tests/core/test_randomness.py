"""No global random state, anywhere; and equal seeds give equal bits."""

import ast
from pathlib import Path

import numpy as np
import pytest

from core import (
    Conv2d,
    Linear,
    Momentum,
    Sequential,
    Subsample,
    check_layer,
    cost,
    load,
    predict,
    save,
    scaled_tanh,
    softmax_cross_entropy,
)
from tests.core.helpers import normal, seeded
from tests.core.test_layer import Dropout

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("core", "firsthand", "papers") for path in (ROOT / folder).rglob("*.py"))
WITHOUT_GLOBAL_STATE = {
    "default_rng", "Generator", "SeedSequence", "BitGenerator",
    "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "RandomState",
}  # fmt: skip


def uses_of_global_randomness(source: str) -> list[str]:
    """Calls of np.random.<function of the global state>, and the standard library's random."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr not in WITHOUT_GLOBAL_STATE:
            if ast.unparse(node.value) in ("np.random", "numpy.random"):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module in ("numpy.random", "random"):
            found += [alias.name for alias in node.names if alias.name not in WITHOUT_GLOBAL_STATE]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name == "random"]
    return found


def test_the_search_finds_them() -> None:
    assert uses_of_global_randomness("np.random.seed(0); x = numpy.random.rand(3); import random")
    assert not uses_of_global_randomness("rng = np.random.default_rng(0); rng.random(3)")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_uses_global_randomness(path: Path) -> None:
    assert uses_of_global_randomness(path.read_text()) == []


def flatten(x):
    return x.reshape(len(x), -1), lambda dy: dy.reshape(x.shape)


def trained(seed: int) -> list[np.ndarray]:
    rng = seeded(seed)
    model = Sequential(
        Conv2d(1, 2, 3, rng=rng), Subsample(2, rng=rng), scaled_tanh, Dropout(rng=rng), flatten, Linear(8, 3, rng=rng)
    )
    optimiser = Momentum(model, 0.1, 0.9)
    x, labels = rng.normal(size=(4, 1, 6, 6)).astype(np.float32), np.array([0, 1, 2, 0])
    for _ in range(5):
        y, backward = model(x)
        _, backward_loss = softmax_cross_entropy(y, labels)
        backward(backward_loss())
        optimiser.step()
    return [predict(model, x), *(p.data for _, p in model.named_params())]


def test_equal_seeds_give_equal_bits() -> None:
    for a, b in zip(trained(1), trained(1), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(trained(1), trained(2), strict=True))


def test_float32_stays_float32_through_training() -> None:
    assert {array.dtype for array in trained(1)} == {np.dtype(np.float32)}


def test_the_global_state_is_untouched(tmp_path) -> None:
    before = np.random.get_state()  # noqa: NPY002
    trained(1)
    model = Linear(3, 2, rng=seeded())
    check_layer(model, normal(4, 3))
    cost(model, (3,))
    save(tmp_path / "a.npz", model)
    load(tmp_path / "a.npz", model)
    for a, b in zip(before, np.random.get_state(), strict=True):  # noqa: NPY002
        np.testing.assert_array_equal(a, b)
