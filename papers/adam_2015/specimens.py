"""What the exercises of this paper are checked on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.layer import Array, Backward


def training(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    epsilon, code = rng.normal(size=(4, 3)), rng.normal(size=(4, 6))

    def draw(code: Array) -> tuple[Array, Backward]:  # the noise is data
        drawn: tuple[Array, Backward] = m.draw(code, epsilon.astype(code.dtype))
        return drawn

    return [(draw, code)]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"training": training}
