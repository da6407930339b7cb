"""Embedding: contract, repeated words, PyTorch, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import check_layer
from core.embedding import Embedding
from tests.core.helpers import close, few, normal, seeded


@few
@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 9), st.integers(1, 4), st.sampled_from("bBiIqQ"))
def test_contract(shape: list[int], n_words: int, n_dim: int, kind: str) -> None:
    ids = np.asarray(seeded().integers(0, n_words, shape)).astype(kind)
    check_layer(Embedding(n_words, n_dim, rng=seeded()), ids)


@few
@given(st.lists(st.integers(0, 9), max_size=40))
def test_equations_in_loops(words: list[int]) -> None:
    layer, ids = Embedding(10, 3, rng=seeded()).astype(np.float64), np.array(words, int)
    y, backward = layer(ids)
    dy, dW = normal(len(words), 3), np.zeros((10, 3))
    for m, word in enumerate(words):
        close(y[m], layer.W.data[word])
        dW[word] += dy[m]
    assert backward(dy) is None
    close(layer.W.grad, dW)


@pytest.mark.parametrize("n_words", [3, 50, 100_000])
def test_torch(n_words: int) -> None:
    torch = pytest.importorskip("torch")
    layer, ids = Embedding(n_words, 4, rng=seeded()).astype(np.float64), seeded().integers(0, n_words, (6, 20))
    y, backward = layer(ids)
    theirs = torch.tensor(layer.W.data, requires_grad=True)
    expected = torch.nn.functional.embedding(torch.tensor(ids), theirs)
    close(y, expected.detach().numpy())
    dy = normal(*y.shape)
    backward(dy)
    expected.backward(torch.tensor(dy))
    close(layer.W.grad, theirs.grad.numpy())


def test_no_ids() -> None:
    layer = Embedding(5, 3, rng=seeded())
    y, backward = layer(np.zeros((0, 4), int))
    assert y.shape == (0, 4, 3)
    backward(y)
    assert not layer.W.grad.any()


def test_words_as_they_are_drawn_have_unit_variance() -> None:
    assert abs(Embedding(100, 100, rng=seeded()).W.data.std() - 1) < 0.02


def test_outputs_may_be_written_to() -> None:
    layer = Embedding(5, 3, rng=seeded())
    before = layer.W.data.copy()
    for ids in (np.array(2), np.array([2]), np.arange(5)):
        y, _ = layer(ids)
        y += 1
    np.testing.assert_array_equal(layer.W.data, before)


def test_counts() -> None:
    layer = Embedding(1000, 8, rng=seeded())
    assert layer.connections((1, 5, 8)) == 40
    assert layer.multiply_adds((1, 5, 8)) == 0


def test_refusals() -> None:
    layer = Embedding(5, 3, rng=seeded())
    for bad, words in (
        (np.array([0, 5]), "that run from 0 to 5, expected integers from 0 to 4"),
        (np.array([-1, 4]), "that run from -1 to 4"),
        (np.array([1.0]), "type float64"),
        (np.array([True]), "type bool"),
        (np.zeros(0), "type float64, expected"),
    ):
        with pytest.raises(ValueError, match=rf"Embedding\(5, 3\): got .*{words}"):
            layer(bad)
    with pytest.raises(ValueError, match="Embedding: n_words is 0, expected"):
        Embedding(0, 3, rng=seeded())
    with pytest.raises(ValueError, match="Embedding: n_dim is -1, expected"):
        Embedding(5, -1, rng=seeded())
