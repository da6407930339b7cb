"""What the exercises of this paper are checked on: two networks side by side, three sequences each.

Of the memory blocks it is the full gradient. The published rule leaves a part of it out, so that it is no derivative.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


def _rngs() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in (1, 2)]


def blocks(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    x, s = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 2, 3))  # two cells in each of three blocks
    options: list[dict[str, Any]] = [{}, {"forget": 0.5}, {"biased": ()}, {"biased": ("gates",)}]
    return [(m.MemoryBlocks(_rngs(), 4, 3, 2, spread=0.5, gradient="full", **each), x, s) for each in options]


def model(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    x, h, lengths = rng.normal(size=(2, 3, 6, 4)), rng.normal(size=(2, 3, 5)), np.array([[6, 2, 4], [1, 6, 3]])
    memory = {"spread": 0.5, "gradient": "full"}
    return [
        (m.SimpleRecurrent(_rngs(), 4, 5, spread=0.5), x, h),
        (m.memory_network(_rngs(), 4, 3, 2, 2, **memory), x, lengths),
        (m.memory_network(_rngs(), 4, 3, 2, 2, output_bias=False, **memory), x, lengths),
        *((f, rng.normal(size=(3, 2, 4)), rng.uniform(size=(3, 2, 4))) for f in (m.squared, m.cross_entropy)),
    ]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"blocks": blocks, "model": model}
