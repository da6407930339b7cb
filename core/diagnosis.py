"""From a wrong gradient to a sentence: what kind of mistake gives exactly these numbers?

The suspect gradient is compared, element by element, with central differences, and with what each usual mistake would
have made of them. The first that fits is named.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from core.layer import Array
from core.trial import EPSILON, Quantity, Trial

MOST_ELEMENTS = 400  # of a larger tensor, so many are drawn


class Suspect:
    """A gradient that is wrong, and the right one as far as it was measured (NaN elsewhere)."""

    def __init__(self, trial: Trial, quantity: Quantity, gradients: Mapping[int | str, Array]) -> None:
        self.trial, self.quantity, self.gradients = trial, quantity, gradients
        self.name, self.got = quantity.name, gradients[quantity.key]
        self.right = self.measure(quantity)
        self.known = ~np.isnan(self.right)

    def measure(self, quantity: Quantity, weights: list[Any] | None = None) -> Array:
        """The derivative by single elements of a quantity, by central differences."""
        size = quantity.value.size
        chosen = np.arange(size)
        if size > MOST_ELEMENTS:
            chosen = np.sort(np.random.default_rng(0).choice(size, MOST_ELEMENTS, replace=False))
        slopes = np.full(size, np.nan)
        for k in chosen:
            step = np.zeros(size)
            step[k] = EPSILON
            up, down = self.trial.change(quantity, step.reshape(quantity.value.shape), weights)
            slopes[k] = (up - down) / (2 * EPSILON)
        return slopes.reshape(quantity.value.shape)

    def agree(self, a: Array, b: Array) -> bool:
        """Whether two arrays are equal where the right answer is known, to four digits of the largest element."""
        if a.shape != b.shape:
            return False
        known = ~(np.isnan(a) | np.isnan(b))
        scale = max(np.abs(a[known]).max(initial=0.0), np.abs(b[known]).max(initial=0.0))
        return bool(known.any() and scale > 0 and np.abs(a - b)[known].max() <= 1e-4 * scale)


def diagnose(trial: Trial, quantity: Quantity, gradients: Mapping[int | str, Array]) -> str:
    """A sentence about a gradient that disagrees with central differences."""
    suspect = Suspect(trial, quantity, gradients)
    rules = (_zero, _factor, _moved, _exchanged, _not_linear, _partial_sum, _missing_path, _some_rows, _worst)
    return next(sentence for rule in rules for sentence in rule(suspect))


def _zero(s: Suspect) -> Iterator[str]:
    if not s.got.any():
        missing = "nothing is ever added to it" if isinstance(s.quantity.key, str) else "backward returns zeros"
        yield f"{s.name} is zero and should not be: {missing}. {_numbers(s)}"


def _factor(s: Suspect) -> Iterator[str]:
    got, right = s.got[s.known], s.right[s.known]
    factor = float(got @ right) / (float(right @ right) or math.inf)
    if factor == 0 or not s.agree(s.got, factor * s.right) or abs(factor - 1) < 1e-4:
        return
    if abs(factor + 1) < 1e-4:
        yield f"{s.name} has the wrong sign: it is the right answer times -1"
        return
    reasons = [reason for n, what in _lengths(s.trial).items() for reason in _about(abs(factor), n, what)]
    if abs(abs(factor) - 2) < 1e-3:
        reasons = [*reasons[:1], "or is it added twice?" if reasons else "is it added twice?"]
    else:
        reasons = reasons[:1]
    yield f"{s.name} is {factor:.4g} times the right answer" + (f" ({' '.join(reasons)})" if reasons else "")


def _about(factor: float, n: int, what: str) -> Iterator[str]:
    """What a factor has to do with a number that occurs in the shapes."""
    for value, words, why in (
        (1 / n, f"1/{n}", "a mean for a sum?"),
        (n, f"{n}", "a sum for a mean?"),
        (n * n, f"{n} * {n}", "multiplied where it should be divided?"),
        (1 / (n * n), f"1/({n} * {n})", "divided twice?"),
        (1 / math.sqrt(n), f"1/sqrt({n})", "scaled once too often?"),
        (math.sqrt(n), f"sqrt({n})", "a scale left out?"),
    ):
        if abs(factor - value) < 1e-4 * value:
            yield f"{words}, and {n} is {what}: {why}"


def _lengths(trial: Trial) -> dict[int, str]:
    """Numbers that a mistaken mean or sum would bring in, and what they are."""
    found: dict[int, list[str]] = {}

    def note(n: float, what: str) -> None:
        if n > 1 and n == int(n):
            found.setdefault(int(n), []).append(what)

    inputs = [(n, x) for n, x in zip(trial.input_names, trial.inputs, strict=True) if isinstance(x, np.ndarray)]
    outputs = [(f"output {k}", y) for k, y in enumerate(trial.outputs) if isinstance(y, np.ndarray)]
    for _, array in (outputs or inputs)[:1]:
        if array.ndim:
            note(len(array), "the batch size")
        if array.ndim > 2:
            note(math.prod(array.shape[2:]), "the number of positions")
            note(array.size // max(1, array.shape[1]), "the number of examples and positions")
            note(math.prod(array.shape[:-1]), "the number of rows")
    for (_, x), (_, y) in itertools.product(inputs[:1], outputs[:1]):
        note(x.size / max(1, y.size), "the number of inputs for each output")
    for name, array in inputs + outputs:
        for axis, n in enumerate(array.shape):
            if axis:
                note(n, f"the length of axis {axis} of {name}")
    return {n: " and ".join(what[:2]) for n, what in found.items()}


def _moved(s: Suspect) -> Iterator[str]:
    axes = range(s.got.ndim)
    for order in itertools.islice(itertools.permutations(axes), 1, None):
        if s.agree(s.got.transpose(order), s.right):
            yield f"{s.name} is transposed: with its axes in the order {order} it is right"
        swapped = tuple(s.got.shape[a] for a in np.argsort(order))
        if order == tuple(axes)[::-1] and s.agree(s.got.reshape(swapped).transpose(order), s.right):
            yield f"{s.name} has the right numbers in the wrong order: reshaped where it should be transposed?"
    for flipped in itertools.chain.from_iterable(itertools.combinations(axes, n + 1) for n in axes):
        if s.agree(np.flip(s.got, flipped), s.right):
            yield f"{s.name} is reversed along axes {flipped}: a flip too many or too few?"


def _exchanged(s: Suspect) -> Iterator[str]:
    for other in s.trial.quantities():
        if other.key != s.quantity.key and other.value.shape == s.got.shape and s.agree(s.got, s.measure(other)):
            yield f"{s.name} is the right answer for {other.name}: are the two exchanged, or is a factor left out?"


def _not_linear(s: Suspect) -> Iterator[str]:
    """A backward is linear in the cotangents: twice as large in, twice as large out."""
    if not s.agree(s.trial.gradients(1.0)[s.quantity.key], s.got):
        yield f"{s.name} changes from one run to the next: is it memory that was never written (np.empty)?"
    for number, c in enumerate(s.trial.cotangents):
        if c is not None and isinstance(s.quantity.key, int) and s.agree(s.got, c):
            yield f"{s.name} is the gradient of output {number}, unchanged: the layer's own derivative is missing"
    if not s.trial.is_loss and not s.agree(s.trial.gradients(2.0)[s.quantity.key], 2 * s.got):
        yield f"{s.name} is not proportional to the gradient that comes in: is a product with it missing? {_numbers(s)}"


def _partial_sum(s: Suspect) -> Iterator[str]:
    """Would the gradient be right if only one slice of the outputs counted?"""
    if s.trial.is_loss or isinstance(s.quantity.key, int):
        return
    for number, y in enumerate(s.trial.outputs):
        for axis, index in itertools.product(range(y.ndim), (0, -1)):
            if y.shape[axis] > 1:
                place = (slice(None),) * axis + (index,)
                only = np.zeros(y.shape)
                only[place] = s.trial.weights[number][place]
                weights: list[Any] = [only if k == number else 0.0 for k in range(len(s.trial.outputs))]
                if s.agree(s.got, s.measure(s.quantity, weights)):
                    what = "example" if axis == 0 else f"index along axis {axis} of output {number}"
                    which = "first" if index == 0 else "last"
                    yield f"{s.name} counts the {which} {what} only: is a sum over axis {axis} missing?"


def _missing_path(s: Suspect) -> Iterator[str]:
    for number, c in enumerate(s.trial.cotangents):
        for sign, words in ((1, "lacks"), (-1, "has too much of")):
            if c is not None and s.agree(sign * (s.right - s.got), c):
                yield f"{s.name} {words} the gradient of output {number} itself: the path straight through, y = x + ..."


def _some_rows(s: Suspect) -> Iterator[str]:
    """Are whole slices wrong, and the others right?"""
    wrong, best = _wrong(s), (0.75, "")
    for axis in range(s.got.ndim):
        rest = tuple(a for a in range(s.got.ndim) if a != axis)
        bad, seen = wrong.sum(axis=rest), s.known.sum(axis=rest)
        whole = np.flatnonzero(bad)
        share = len(whole) / int(np.count_nonzero(seen))
        if 0 < share <= best[0] and (bad[whole] > 0.7 * seen[whole]).all():
            at = ", ".join(map(str, whole[:6])) + (", ..." if len(whole) > 6 else "")
            best = share, f"at {at} along axis {axis} (of length {s.got.shape[axis]}) and right elsewhere"
    if best[1]:
        yield f"{s.name} is wrong {best[1]}. {_numbers(s)}"


def _worst(s: Suspect) -> Iterator[str]:
    wrong, known, size = np.count_nonzero(_wrong(s)), np.count_nonzero(s.known), s.got.size
    if wrong == 0 and known < size:
        yield f"{s.name} is wrong in some of its {size} elements, but in none of the {known} that were tried one by one"
    share = f" in {wrong} of {known} elements" if wrong < known else ""
    yield f"{s.name} is wrong{share}. {_numbers(s)}"


def _wrong(s: Suspect) -> Array:
    scale = np.abs(s.right[s.known]).max(initial=0.0)
    wrong: Array = s.known & (np.abs(np.nan_to_num(s.got - s.right)) > 1e-4 * scale)
    return wrong


def _numbers(s: Suspect) -> str:
    """The element that is furthest off, with both numbers."""
    error = np.where(s.known, np.abs(s.got - s.right), -1.0)
    place = np.unravel_index(int(error.argmax()), error.shape)
    where = f"[{', '.join(str(int(i)) for i in place)}]" if place else ""
    return f"Largest error: {s.name}{where} is {float(s.got[place]):.6g}, should be {float(s.right[place]):.6g}"
