"""Dropout."""

import numpy as np

from core.guard import describe, finite, generator
from core.layer import Array, Backward, Layer


class Dropout(Layer):
    r"""y = x r / (1 - p) in training, where r is 0 with probability p, else 1, drawn anew for every element and call;
    y = x in evaluation. The mean of y over the draws is x.

    Shapes: x and y (...). The draws come from a child spawned from `rng`, and are the same in float32 and float64.

    Kept for backward: r / (1 - p). Raises ValueError unless 0 <= p < 1. Source: Srivastava et al. 2014,
    section 4. Differences: the paper's p is the probability to keep, our 1 - p; and where the paper multiplies the
    weights by it at test time, we divide by it in training, as its section 10 suggests.
    """

    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        self.p = finite("Dropout", "p", p, least=0.0)
        if self.p >= 1:
            raise ValueError(f"Dropout: p is {p}, expected less than 1")
        self.rng = generator("Dropout", rng).spawn(1)[0]

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        if x.dtype.kind != "f":
            raise ValueError(f"Dropout: got {describe(x)}, expected a floating type")
        if not self.training or self.p == 0:
            return x, lambda dy: dy  # y = x
        r = self.rng.random(x.shape, np.float32) >= self.p
        slope = np.multiply(r, 1 / (1 - self.p), dtype=x.dtype)

        def backward(dy: Array) -> Array:
            return dy * slope  # y = x r / (1 - p)

        return x * slope, backward
