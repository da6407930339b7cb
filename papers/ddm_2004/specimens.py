"""What the exercises of this paper are checked on."""

from collections.abc import Callable
from typing import Any

import numpy as np


def model(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=6)
    return [(m.Perceptrons(5, 3), x), (m.perceptron_criterion, y, np.array([1.0, -1, -1, 1, 1, -1]))]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"model": model}
