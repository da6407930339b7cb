"""The series, its years for training, validation and test, and rows of (past, next value) cut from it.

The split is by time, as it is in use: what is predicted comes after all that was learned from. `training_years.npz` and
`training_windows.npz` hold the training years alone, so that the probes, too, see nothing else.
"""

from dataclasses import dataclass

import numpy as np

from core import Array

FIRST, TRAINING, VALIDATION = 1700, 221, 35  # 1700 to 1920; 1921 to 1955; the rest, 1956 to 2008, is the test
LONGEST = 16  # every model is trained on the same years: those with so many before them, whatever its own window


@dataclass(frozen=True)
class Part:
    """Years to predict: the past of each, the latest value last, (N, LONGEST), and its own value, (N,); scaled."""

    years: Array
    past: Array
    target: Array


@dataclass(frozen=True)
class Split:
    """The three parts, and the scale that the training years gave to all of them."""

    training: Part
    validation: Part
    test: Part
    scale: float


def split(values: Array, training: int = TRAINING) -> Split:
    """Cut a series into its parts; all years after the validation are the test. The training years give the scale."""
    known = values[:training]
    scaled = (values - known.mean()) / known.std()
    rows = np.lib.stride_tricks.sliding_window_view(scaled, LONGEST + 1)
    years = FIRST + LONGEST + np.arange(len(rows))
    ends = (training - LONGEST, training - LONGEST + VALIDATION)
    first, second, third = (
        Part(y, r[:, :-1], r[:, -1]) for y, r in zip(np.split(years, ends), np.split(rows, ends), strict=True)
    )
    return Split(first, second, third, float(known.std()))


def for_probes(values: Array) -> dict[str, dict[str, Array]]:
    """What the probes may see, by the name of the file: the training years, and the windows of nine among them."""
    known = values[:TRAINING]
    windows = np.lib.stride_tricks.sliding_window_view(known, 9)
    return {"training_years": {"series": known}, "training_windows": {"table": np.ascontiguousarray(windows)}}


def logistic_map(rng: np.random.Generator, length: int) -> Array:
    """x' = 4 x (1 - x): the next value follows from the last one exactly, and no linear predictor sees how."""
    x = np.empty(length)
    x[0] = rng.uniform(0.1, 0.9)
    for t in range(1, length):
        x[t] = 4 * x[t - 1] * (1 - x[t - 1])
    return x


def second_order(rng: np.random.Generator, length: int) -> Array:
    """A damped oscillation of eleven steps, driven by noise: x'' = 2 r cos(2 pi / 11) x' - r^2 x + noise, r = 0.95.

    Two past values say all that there is to know.
    """
    damping, burn_in = 0.95, 200
    x, noise = np.zeros(length + burn_in), rng.normal(size=length + burn_in)
    for t in range(2, len(x)):
        x[t] = 2 * damping * np.cos(2 * np.pi / 11) * x[t - 1] - damping**2 * x[t - 2] + noise[t]
    return x[burn_in:]
