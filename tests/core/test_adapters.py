"""Adapters: contract, the same as the layer inside, and chains of them."""

import numpy as np
import pytest

from core import (
    GRU,
    LSTM,
    Embedding,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    Output,
    Residual,
    SelfAttention,
    Sequential,
    causal_mask,
    check_layer,
    cost,
    predict,
)
from tests.core.helpers import close, normal, seeded


@pytest.mark.parametrize("k", [0, 1, 2])
def test_an_output_is_that_of_the_layer(k: int) -> None:
    lstm, x = LSTM(3, 4, rng=seeded()).astype(np.float64), normal(2, 5, 3)
    check_layer(Output(lstm, k), x)
    check_layer(Output(lstm, k), x, normal(2, 4, seed=1), normal(2, 4, seed=2))
    y, backward = Output(lstm, k)(x)
    expected, expected_backward = lstm(x)
    np.testing.assert_array_equal(y, expected[k])
    zeros = [np.zeros_like(each) for each in expected]
    zeros[k] = y
    np.testing.assert_array_equal(backward(y), expected_backward(*zeros))


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_attention_of_three_copies(causal: bool) -> None:
    heads, x = MultiHeadAttention(6, 2, rng=seeded()).astype(np.float64), normal(3, 5, 6)
    check_layer(SelfAttention(heads, causal=causal), x)
    y, backward = SelfAttention(heads, causal=causal)(x)
    expected, expected_backward = heads(x.copy(), x.copy(), x.copy(), causal_mask(5) if causal else None)
    np.testing.assert_array_equal(y, expected)
    close(backward(y), sum(expected_backward(y)[:3]))


def test_chains() -> None:
    rng = seeded()
    reader = Sequential(
        Embedding(7, 3, rng=rng), Output(LSTM(3, 5, rng=rng)), Output(GRU(5, 4, rng=rng), 1), Linear(4, 2, rng=rng)
    )
    words = np.array([[1, 2, 1, 0], [6, 1, 2, 5], [3, 3, 3, 3]])
    check_layer(reader, words)
    assert predict(reader, words, batch_size=2).shape == (3, 2)
    attention = SelfAttention(MultiHeadAttention(6, 2, rng=rng), causal=True)
    block = Residual(Sequential(norm=LayerNorm(6), attention=attention))
    check_layer(block, normal(2, 4, 6))
    assert [name for name, _ in block.named_params()][-1] == "layer.attention.attention.W_o"
    assert [row.kind for row in cost(block, (4, 6)).rows] == ["LayerNorm", "MultiHeadAttention"]


def test_refusals() -> None:
    x = normal(2, 5, 3).astype(np.float32)
    with pytest.raises(ValueError, match=r"Output: GRU has 2 output\(s\), expected one of number 2"):
        Output(GRU(3, 4, rng=seeded()), 2)(x)
    with pytest.raises(ValueError, match=r"Output: Linear has 1 output\(s\), expected one of number 0"):
        Output(Linear(3, 4, rng=seeded()))(x)
    with pytest.raises(ValueError, match=r"Output: k is -1"):
        Output(GRU(3, 4, rng=seeded()), -1)
    with pytest.raises(ValueError, match=r"^layer\.attention: MultiHeadAttention\(6\): got .* \(2, 5, 3\)"):
        Residual(SelfAttention(MultiHeadAttention(6, 2, rng=seeded()), causal=True))(x)
