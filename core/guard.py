"""Arguments refused early, in one voice: who refuses, what it got, what it expected."""

import math
import reprlib
from typing import Any

import numpy as np


def whole(owner: str, name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{owner}: {name} is {value!r}, expected a whole number of at least {least}")
    return int(value)


def finite(owner: str, name: str, value: Any, least: float = -math.inf) -> float:
    """A finite number of at least `least`, as a Python float (which never promotes a float32 array)."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < least:
        wanted = "a finite number" if least == -math.inf else f"a finite number of at least {least}"
        raise ValueError(f"{owner}: {name} is {value!r}, expected {wanted}")
    return float(value)


def generator(owner: str, rng: Any) -> np.random.Generator:
    """A NumPy Generator: core draws from no other source of randomness."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{owner}: rng is {rng!r}, expected a numpy.random.Generator")
    return rng


def maps(owner: str, x: Any) -> None:
    """A batch of feature maps, (N, C, H, W), of a floating type."""
    if not isinstance(x, np.ndarray) or x.ndim != 4 or x.dtype.kind != "f":
        raise ValueError(f"{owner}: got {describe(x)}, expected feature maps (N, C, H, W) of a floating type")


def describe(x: Any) -> str:
    """What an argument is, for an error message."""
    if isinstance(x, np.ndarray):
        return f"an array of shape {x.shape} and type {x.dtype}"
    return f"{type(x).__name__} {reprlib.repr(x)}"
