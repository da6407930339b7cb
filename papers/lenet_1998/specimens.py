"""What the exercises of this paper are checked on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.init import lecun_normal

TABLE = [[0, 1], [1, 2], [0, 2], [0, 1, 2]]  # output map -> input maps


def layers(m: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    x, common = rng.normal(size=(2, 3, 6, 7)), {"rng": rng, "init": lecun_normal}
    biases = [(1, (1, 1)), (1, (4, 5)), (2, (1, 1)), (2, (2, 3))]
    return [
        *((m.TableConv2d(TABLE, 3, stride=stride, unit_biases=size, **common), x) for stride, size in biases),
        *((m.LocalConv2d(TABLE, 3, stride=stride, size=size, **common), x) for stride, size in biases[1::2]),
        (m.OnePlace(3, **common), rng.normal(size=(2, 3, 4, 6))),
        *((m.EuclideanUnits(rng.normal(size=(4, 5))), rng.normal(size=shape)) for shape in ((3, 5), (3, 2, 5))),
        (m.map_criterion, rng.normal(size=(5, 4)) ** 2, np.array([0, 3, 1, 1, 2])),
    ]


SPECIMENS: dict[str, Callable[[Any], list[tuple[Any, ...]]]] = {"layers": layers}
