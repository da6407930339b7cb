"""How far open or shut the gates of recurrent layers are, from what goes in and comes out of them.

A recurrent layer, here, has Params W, U and b, whose columns are `gates` blocks side by side: sigmoid gates, and last
the new value. z = x W + h U + b for a step (x, h) -> h', or for a sequence x (N, T, n_in) -> y (N, T, n_hidden), whose
states h are y one step earlier (after `reverse`, later).
"""

import math
from typing import Any

import numpy as np

from core.layer import Array, Param, Step
from core.probe import SHARE

FLAT = 2 * math.atanh(SHARE)  # |z| from which on sigmoid(z) is as saturated as `core.probe.Call.saturated` asks


def gate_saturation(layer: Step, inputs: tuple[Any, ...], outputs: Any) -> float | None:
    """The share of saturated gates in a call, or None for a layer without such gates. Padding counts like the rest."""
    gates, weights = getattr(layer, "gates", 1), [getattr(layer, name, None) for name in ("W", "U", "b")]
    if gates < 2 or not all(isinstance(p, Param) for p in weights):
        return None
    W, U, b = (p.data for p in weights if isinstance(p, Param))
    x = inputs[0]
    h = inputs[1] if len(inputs) > 1 and inputs[1] is not None else np.zeros((len(x), len(U)), x.dtype)
    if x.ndim == 3:
        h = _states_before(outputs[0] if isinstance(outputs, tuple) else outputs, h, getattr(layer, "reverse", False))
    z = (x @ W + h @ U + b)[..., : -len(U)]  # without the new value
    return float(np.mean(np.abs(z) > FLAT))


def _states_before(y: Array, h: Array, reverse: bool) -> Array:
    """(N, T, n_hidden): the state that each step began with, h for the first."""
    first = h[:, None]
    return np.concatenate([y[:, 1:], first] if reverse else [first, y[:, :-1]], axis=1)
