"""Initial weights: functions of (rng, shape, fan_in, fan_out) that return a float32 array.

`fan_in` is the number of weighted inputs of a unit, `fan_out` the number of units that an input feeds; a layer knows
both and passes them. Params are float32 by default; `model.astype(np.float64)` makes a model for checks. Numbers are
drawn in float64 and then rounded, so that a seed gives the same weights in both.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from core.guard import finite
from core.layer import Array

Init: TypeAlias = Callable[[np.random.Generator, tuple[int, ...], int, int], Array]


def uniform_fan_in(scale: float) -> Init:
    """w ~ U(-scale / fan_in, scale / fan_in); LeCun et al. 1989 take scale = 2.4."""
    scale = finite("uniform_fan_in", "scale", scale, least=0.0)

    def init(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        bound = scale / fan_in
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    return init


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
    """w ~ N(0, 1 / fan_in): sums keep the variance of their inputs (LeCun et al. 1998, Efficient BackProp, eq. 16)."""
    return rng.normal(0.0, 1.0 / math.sqrt(fan_in), shape).astype(np.float32)


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
    """w ~ U(-a, a), a = sqrt(6 / (fan_in + fan_out)): variance kept both ways (Glorot and Bengio 2010, eq. 16)."""
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def orthogonal(gain: float = 1.0) -> Init:
    """w = gain Q with orthonormal rows or columns, whichever are fewer: lengths are kept (Saxe et al. 2014, section 3).

    An array of more than two axes is taken as a matrix of its first axis against all others.
    """
    gain = finite("orthogonal", "gain", gain)

    def init(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        rows, columns = shape[0], math.prod(shape[1:])
        normal = rng.normal(size=(max(rows, columns), min(rows, columns)))
        Q, R = np.linalg.qr(normal)
        Q *= np.sign(np.diag(R))  # which makes every Q equally likely
        return (gain * (Q if rows >= columns else Q.T)).reshape(shape).astype(np.float32)

    return init


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
    """w ~ N(0, 2 / fan_in): a ReLU lets half of the variance through (He et al. 2015, eq. 10)."""
    return rng.normal(0.0, math.sqrt(2.0 / fan_in), shape).astype(np.float32)
