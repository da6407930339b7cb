"""What the exercise of this paper is checked on: gradients that are derivatives.

Elman's procedure takes the context for a given input. With one step, or no context, that leaves nothing out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


def model(m: Any) -> list[tuple[Any, ...]]:
    def network(**options: bool) -> Any:
        rngs = [np.random.default_rng(trial) for trial in range(2)]
        return m.SimpleRecurrent(3, 4, 5, rngs=rngs, width=1.0, **options)

    rng = np.random.default_rng(2)
    x, h = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 4))
    return [(network(through_time=True), x, h), (network(), x[:, :1], h), (network(context=False), x, h)]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"model": model}
