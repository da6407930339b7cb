"""A Transformer block."""

import numpy as np

from core.attention import MultiHeadAttention, causal_mask
from core.containers import Residual, Sequential
from core.dense import Linear
from core.gelu import gelu
from core.layer import Array, Backward, Layer
from core.normalisation import LayerNorm
from firsthand.bench.twins import Twins
from firsthand.bench.workload import Draw, Pair, Pass, Workload


class SelfAttention(Layer):
    """Attention of a sequence to itself, or to its past."""

    def __init__(self, dim: int, heads: int, mask: Array | None, rng: np.random.Generator) -> None:
        self.heads = MultiHeadAttention(dim, heads, rng=rng)
        self.mask = mask

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        y, backward_heads = self.heads(x, x, x, self.mask) if self.mask is not None else self.heads(x, x, x)

        def backward(dy: Array) -> Array:
            dq, dk, dv, *_ = backward_heads(dy)
            dx: Array = dq + dk + dv  # x is query, key and value
            return dx

        return y, backward


def block(draw: Draw, dim: int, heads: int, length: int, batch: int, causal: bool) -> Pair:
    """Norms before each part, four times as many hidden units as dimensions, GELU. A random gradient comes in,
    and on both sides one goes out, since such a block stands on others."""
    rng = draw.rng
    norm1, norm2 = LayerNorm(dim), LayerNorm(dim)
    attention = SelfAttention(dim, heads, causal_mask(length) if causal else None, rng)
    up, down = Linear(dim, 4 * dim, rng=rng), Linear(4 * dim, dim, rng=rng)
    model = Sequential(Residual(Sequential(norm1, attention)), Residual(Sequential(norm2, up, gelu, down)))
    x, dy = draw.normal(batch, length, dim), draw.normal(batch, length, dim)

    def ours() -> None:
        _, backward = model(x)
        backward(dy)

    def theirs(t: Twins) -> list[Pass]:
        a = attention.heads
        t_norm1, t_norm2, t_up, t_down = t.norm(norm1), t.norm(norm2), t.linear(up), t.linear(down)
        project, out = t.packed([a.W_q, a.W_k, a.W_v], [None] * 3), t.packed([a.W_o], [None])
        tx, t_dy = t.array(x).requires_grad_(), t.array(dy)

        def run() -> None:
            tx.grad = None
            parts = project(t_norm1(tx)).view(batch, length, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
            q, k, v = parts  # (batch, heads, length, dim / heads)
            h = t.F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            y = tx + out(h.transpose(1, 2).reshape(batch, length, dim))
            (y + t_down(t.F.gelu(t_up(t_norm2(y))))).backward(t_dy)

        return [run]

    return Pair([model], [ours], theirs)


WORKLOADS = [
    Workload(
        "transformer-5",
        "Transformer block, 128 dimensions, 4 heads, T 5, batch 512, Adam",
        block,
        {"dim": 128, "heads": 4, "length": 5, "batch": 512, "causal": False},
        {"dim": 6, "heads": 2, "length": 5, "batch": 3, "causal": False},
    ),
    Workload(
        "transformer-256",
        "Transformer block, 256 dimensions, 8 heads, T 256, batch 8, causal, Adam",
        block,
        {"dim": 256, "heads": 8, "length": 256, "batch": 8, "causal": True},
        {"dim": 6, "heads": 3, "length": 7, "batch": 2, "causal": True},
    ),
]
