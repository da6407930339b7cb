"""What the exercises of this paper are checked on. All sizes differ, so that a transpose that is lost is noticed."""

from collections.abc import Callable
from typing import Any

import numpy as np


def model(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    networks = [m.DeepLinear(3, 5, 2, depth, rng=rng) for depth in (1, 2, 4)]
    tanh = m.GainTanh(rng.normal(size=(3, 4, 4)) / 2, 1.1)
    return [*((network, rng.normal(size=(6, 3))) for network in networks), (tanh, rng.normal(size=(5, 4)))]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"model": model}
