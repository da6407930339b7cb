"""What the exercises of this paper are checked on: two networks side by side, three sequences each."""

from collections.abc import Callable
from typing import Any

import numpy as np


def model(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    W, W_in, b = rng.normal(0, 0.5, (2, 4, 4)), rng.normal(size=(2, 4, 5)), rng.normal(size=(2, 4))
    u, a, x_0 = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(2, 3, 6, 4)), rng.normal(size=(2, 3, 4))
    readout = m.Affine(rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3)))
    delta = rng.normal(size=a.shape)
    return [
        (m.Affine(W_in, b), u),
        *((m.Recurrence(W, units), a, x_0) for units in ("tanh", "logistic", "identity")),
        (m.omega, W, a, delta),
        (m.omega, W, a, delta, "logistic"),
        (m.Network(m.Affine(W_in, b), m.Recurrence(W), readout), u),
    ]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"model": model}
