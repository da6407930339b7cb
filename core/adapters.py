"""Layers of one input and one output around layers of several, so that `Sequential` and `Residual` can chain them.

Sequential(Embedding(10, 8, rng=rng), Output(LSTM(8, 16, rng=rng)), Output(GRU(16, 4, rng=rng), 1))
Residual(Sequential(LayerNorm(64), SelfAttention(MultiHeadAttention(64, 4, rng=rng), causal=True)))
"""

from typing import Any

from core.attention import MultiHeadAttention, causal_mask
from core.guard import whole
from core.layer import Array, Backward, Layer


class Output(Layer):
    r"""y = output k of a layer: of a recurrent one, 0 is the sequence, 1 the final h.

    $$(f_0, f_1, \ldots) = f(x) \qquad y = f_k \qquad dx = \Big(\frac{\partial f_k}{\partial x}\Big)^T dy$$

    which is what the layer's backward gives when the gradients of its other outputs are zero. Inputs and results are
    those of the layer. Kept for backward: what it keeps. Raises ValueError if it has no output k.
    """

    def __init__(self, layer: Layer, k: int = 0) -> None:
        self.layer, self.k = layer, whole("Output", "k", k, least=0)

    def __call__(self, *inputs: Any) -> tuple[Any, Backward]:
        outputs, backward_layer = self.layer(*inputs)
        if not isinstance(outputs, tuple) or len(outputs) <= self.k:
            n = len(outputs) if isinstance(outputs, tuple) else 1
            raise ValueError(f"Output: {type(self.layer).__name__} has {n} output(s), expected one of number {self.k}")
        others = (None,) * self.k

        def backward(dy: Any) -> Any:
            return backward_layer(*others, dy)  # y = f_k: the others have no part in the loss

        return outputs[self.k], backward


class SelfAttention(Layer):
    r"""y = f(x, x, x) for a `MultiHeadAttention` f: queries, keys and values are all the same sequence.

    $$dx = dq + dk + dv$$

    since x is used three times. With `causal`, position t attends to positions 0 ... t. Shapes: x and y (N, T, n_dim).
    Kept for backward: what f keeps. Raises ValueError as f does. Source: Vaswani et al. 2017, section 3.2.3.
    Differences: none.
    """

    def __init__(self, attention: MultiHeadAttention, *, causal: bool = False) -> None:
        self.attention, self.causal = attention, causal

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        mask = causal_mask(x.shape[1]) if self.causal and x.ndim == 3 else None
        y, backward_attention = self.attention(x, x, x, mask)

        def backward(dy: Array) -> Any:
            dq, dk, dv, *_ = backward_attention(dy)
            return dq + dk + dv  # y = f(x, x, x): x is all three

        return y, backward
