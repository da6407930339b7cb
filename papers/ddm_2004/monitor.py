r"""The monitor, in two forms: as a loop that keeps five numbers, and for many streams at once.

With \(p_i\) the mean of the first i errors and \(s_i = \sqrt{p_i (1 - p_i) / i}\), from i = 31 on,

$$\text{if } p_i + s_i < p_{\min} + s_{\min}: \quad p_{\min}, s_{\min} \leftarrow p_i, s_i$$

$$\text{warning: } p_i + s_i > p_{\min} + 2 s_{\min} \qquad \text{drift: } p_i + s_i > p_{\min} + 3 s_{\min}$$

Source: section on the drift detection method. Difference: "above", where the paper is quoted with "at least", under
which a model without errors raises alarms (claim E2).
"""

import math
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from core.layer import Array

SILENT = 30  # examples of a context before the first look
State = Literal["quiet", "warning", "drift"]


@dataclass
class Monitor:
    """`add` takes one error after the other, true or false, and says what to make of it. `reset` after each drift.

    `since` is the example of this context, counted from 1, at which the warning that is open began; 0 if none is.
    """

    level: float = 3.0
    warning: float = 2.0
    i: int = 0
    errors: int = 0
    p_min: float = math.inf
    s_min: float = math.inf
    since: int = 0

    def reset(self) -> None:
        self.i, self.errors, self.p_min, self.s_min, self.since = 0, 0, math.inf, math.inf, 0

    def add(self, error: bool) -> State:
        self.i += 1
        self.errors += bool(error)
        if self.i <= SILENT:
            return "quiet"
        p = self.errors / self.i
        s = math.sqrt(p * (1 - p) / self.i)
        if p + s < self.p_min + self.s_min:
            self.p_min, self.s_min = p, s
        drift = p + s > self.p_min + self.level * self.s_min
        if not drift and not p + s > self.p_min + self.warning * self.s_min:
            self.since = 0  # a warning that recedes is forgotten
            return "quiet"
        self.since = self.since or self.i
        return "drift" if drift else "warning"

    @classmethod
    def kept(cls) -> int:
        """How many numbers it keeps, besides its two levels."""
        return len(fields(cls)) - 2


@dataclass(frozen=True)
class Track:
    """What a monitor that is never reset sees, (B, T - 30): from the 31st example of each stream on."""

    p: Array
    s: Array
    p_min: Array
    s_min: Array

    def beyond(self, level: float, rule: str = "above") -> Array:
        """Where p + s is above p_min + level s_min; with the rule "at least", where it is above or equal."""
        left, right = self.p + self.s, self.p_min + level * self.s_min
        found: Array = left >= right if rule == "at least" else left > right
        return found


def track(errors: Array, *, minimum: str = "together", counts: str = "raw") -> Track:
    """The monitor's numbers for streams of errors (B, T). Variants: the least p and the least s each for themselves
    ("apart"); one error and one right answer counted beforehand ("smoothed")."""
    extra = 1 if counts == "smoothed" else 0
    i = np.arange(1, errors.shape[1] + 1) + 2.0 * extra
    p = ((errors.cumsum(axis=1) + extra) / i)[:, SILENT:]
    s = np.sqrt(p * (1 - p) / i[SILENT:])
    if minimum == "apart":
        return Track(p, s, np.minimum.accumulate(p, axis=1), np.minimum.accumulate(s, axis=1))
    least = np.minimum.accumulate(p + s, axis=1)
    before = np.concatenate([np.full((len(p), 1), np.inf), least[:, :-1]], axis=1)
    place = np.where(p + s < before, np.arange(p.shape[1]), 0)  # of a new minimum; the first look always is one
    place = np.maximum.accumulate(place, axis=1)
    return Track(p, s, np.take_along_axis(p, place, axis=1), np.take_along_axis(s, place, axis=1))


def first(found: Array) -> Array:
    """Of looks (B, T - 30), the number of the first example at which something was found, from 1; infinity if never."""
    at: Array = np.where(found.any(axis=1), found.argmax(axis=1) + SILENT + 1, np.inf)
    return at


def opened(warned: Array, at: Array) -> Array:
    """Where the warning began that is open at the alarms, numbers of examples from 1; `at` is what `first` returns."""
    looks = np.arange(warned.shape[1])
    receded = np.maximum.accumulate(np.where(warned, -1, looks), axis=1)  # the last look without a warning, so far
    place = np.where(np.isinf(at), SILENT + 1, at).astype(int) - SILENT - 1
    began: Array = np.take_along_axis(receded, place[:, None], axis=1)[:, 0] + SILENT + 2
    return np.where(np.isinf(at), np.inf, began)


def cusum(errors: Array, before: float, after: float, threshold: float) -> Array:
    r"""Page 1954: where the sum \(S_i = \max(0, S_{i-1} + \log \frac{P'(e_i)}{P(e_i)})\) exceeds the threshold, (B, T).

    P and P' are the likelihoods at the rates before and after the change, which must both be known.
    """
    hit, miss = np.log(after / before), np.log((1 - after) / (1 - before))
    total = np.cumsum(errors * (hit - miss) + miss, axis=1)
    least = np.minimum(np.minimum.accumulate(total, axis=1), 0.0)
    exceeds: Array = total - least > threshold  # S_i is how far the total has risen since its least value, or since 0
    return exceeds
