"""What the exercise of this paper is checked on: levels away from the kink."""

from collections.abc import Callable
from typing import Any

import numpy as np


def model(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    return [(m.pinball, rng.normal(size=7), rng.normal(size=7), tau) for tau in (0.1, 0.7)]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"model": model}
