"""The model of elman_1990, on core layers. REPLACE."""

import numpy as np

from core.dense import Linear
from core.init import lecun_normal


def line(rng: np.random.Generator) -> Linear:
    """One linear unit: (N, 1) to (N, 1)."""
    return Linear(1, 1, rng=rng, init=lecun_normal)
