"""What a probe is, what it returns, and when its evidence counts as strong.

The null model of a probe is the same measurement on data in which one thing was destroyed, usually by a permutation,
19 times over. The strength of the evidence compares the measurement with these 19:

- none: it lies less than 4 of their standard deviations from their mean;
- strong: it lies at least 6 away, and the difference is large enough to build on, which each probe says for itself;
- weak: anything between, such as a difference that is certain and small.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from core.layer import Array
from firsthand.errors import FirsthandError
from firsthand.probes.arrays import Data, Kind

Strength: TypeAlias = Literal["strong", "weak", "none"]
Form: TypeAlias = Literal["curve", "bars"]

PERMUTATIONS = 19  # if the data is no different, one more draw exceeds all of them with probability 1 in 20
WEAK, STRONG = 4.0, 6.0  # standard deviations of the null; by chance, 4 of so few draws come about once in a thousand


class NotApplicable(FirsthandError):
    """The data is well formed, but this probe has nothing to measure in it."""


@dataclass(frozen=True)
class Contrast:
    """A measured number beside the mean and the standard deviation of the same number under the null model."""

    measured: float
    mean: float
    std: float

    @property
    def effect(self) -> float:
        difference = self.measured - self.mean
        return 0.0 if abs(difference) <= 1e-9 * max(1.0, abs(self.measured)) else difference  # rounding is no effect

    @property
    def distance(self) -> float:
        """The effect in standard deviations of the null; infinite if the null does not vary."""
        if self.effect == 0:
            return 0.0
        return self.effect / self.std if self.std > 0 else math.copysign(math.inf, self.effect)

    def strength(self, enough: float, sign: int = 0) -> Strength:
        """The word for the evidence. Structure is an effect of this sign (0: of either), and large from `enough` on."""
        sign = sign or (1 if self.effect >= 0 else -1)
        if sign * self.distance < WEAK:
            return "none"
        return "strong" if sign * self.distance >= STRONG and sign * self.effect >= enough else "weak"

    def __str__(self) -> str:
        """All to two digits of the standard deviation, within two and four decimals."""
        decimals = min(4, max(2, 1 - math.floor(math.log10(self.std)))) if self.std > 0 else 2
        return f"{self.measured:.{decimals}f} against {self.mean:.{decimals}f} ± {self.std:.{decimals}f}"


@dataclass(frozen=True, eq=False)
class Finding:
    """What one probe found in one set of arrays.

    - `measurements`, `units`: numbers by name, and what each counts. `null`: mean and standard deviation of the same
      number under the null model, for those that have one.
    - `definition`: how they are measured, and what the null model is. `sample`: how much of the data was looked at.
    - `decides`: the measurement on which the strength rests; `distance`: how far it lies from its null's mean, in the
      null's standard deviations.
    - `suggests`: one sentence on what to do about it. `arrays`: what the figure shows.
    """

    probe: str
    kind: Kind
    definition: str
    sample: str
    measurements: dict[str, float]
    null: dict[str, tuple[float, float]]
    units: dict[str, str]
    decides: str
    distance: float
    strength: Strength
    suggests: str
    arrays: dict[str, Array] = field(repr=False)


@dataclass
class Sheet:
    """Where a probe writes down its numbers on the way to a Finding."""

    probe: str
    kind: Kind
    definition: str
    sample: str = ""
    measurements: dict[str, float] = field(default_factory=dict)
    null: dict[str, tuple[float, float]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float, unit: str, draws: Sequence[float] | Array | None = None) -> None:
        """Write down a measurement, and what came of it under the null model, if it has one."""
        self.measurements[name], self.units[name] = float(value), unit
        if draws is not None:
            self.null[name] = float(np.mean(draws)), float(np.std(draws, ddof=1))

    def contrast(self, name: str) -> Contrast:
        return Contrast(self.measurements[name], *self.null[name])

    def conclude(self, decides: str, strength: Strength, suggests: str, **arrays: Array) -> Finding:
        distance = self.contrast(decides).distance
        return Finding(
            self.probe,
            self.kind,
            self.definition,
            self.sample,
            self.measurements,
            self.null,
            self.units,
            decides,
            distance,
            strength,
            suggests,
            arrays,
        )


Run: TypeAlias = Callable[[Data, np.random.Generator, Sheet], Finding]


@dataclass(frozen=True)
class Sketch:
    """How the arrays of a finding are drawn: `x`, `measured`, and the null's `null_mean` and `null_std`."""

    title: str
    x: str
    y: str
    null: str
    form: Form = "curve"
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Probe:
    """One measurement: of which kinds of data, from which arrays, and how it is drawn. Its docstring defines it."""

    kinds: tuple[Kind, ...]
    needs: tuple[str, ...]
    run: Run
    sketch: Sketch

    @property
    def definition(self) -> str:
        return " ".join((self.run.__doc__ or "").split())


def against(measured: Array, draws: Array) -> dict[str, Array]:
    """The arrays of a figure: a curve, and the mean and standard deviation of the null's (draws in rows)."""
    return {"measured": measured, "null_mean": draws.mean(axis=0), "null_std": draws.std(axis=0, ddof=1)}
