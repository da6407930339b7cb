"""What the exercises of this paper are checked on."""

from collections.abc import Callable
from typing import Any

import numpy as np


def model(m: Any) -> list[tuple[Any, ...]]:
    def rngs() -> list[np.random.Generator]:
        return [np.random.default_rng(trial) for trial in range(2)]

    rng = np.random.default_rng(2)
    x, bits, p, r = (rng.normal(size=(2, 3, n)) for n in (4, 6, 24, 12))
    return [
        (m.Units(4, 5, rngs=rngs(), width=1.0), x),
        (m.SymmetryNetwork(rngs=rngs(), hidden=3, width=1.0), bits),
        (m.FamilyNetwork(rngs=rngs(), width=1.0, units=5), p, r),
        (m.IterativeNetwork(4, 3, rngs=rngs(), width=1.0), x),
        (m.summed_error, x, rng.normal(size=x.shape), 0.2),
    ]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"model": model}
