"""The predictors: three that learn nothing, a linear one, and two networks. All map a past (N, window) to (N, 1)."""

from typing import Any

import numpy as np

from core import GRU, Array, Backward, Layer, Linear, Sequential, tanh


def linear(rng: np.random.Generator, window: int) -> Linear:
    """A linear autoregression: a weight for each of the last years, and a bias."""
    return Linear(window, 1, rng=rng)


def mlp(rng: np.random.Generator, window: int, hidden: int) -> Sequential:
    """One layer of squashed units between the window and the prediction."""
    return Sequential(Linear(window, hidden, rng=rng), tanh, Linear(hidden, 1, rng=rng))


class GRUPredictor(Layer):
    """A GRU that reads the window year by year; its last state predicts.

    Kept for backward: the callbacks of the GRU and of the linear layer.
    """

    def __init__(self, rng: np.random.Generator, hidden: int) -> None:
        self.gru = GRU(1, hidden, rng=rng)
        self.output = Linear(hidden, 1, rng=rng)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        (states, h), backward_gru = self.gru(x[:, :, None])  # (N, T, hidden), (N, hidden)
        y, backward_output = self.output(h)

        def backward(dy: Array) -> Any:
            dh = backward_output(dy)  # y = output(h)
            return backward_gru(np.zeros_like(states), dh)[:, :, 0]  # h = the last state of gru(x)

        return y, backward
