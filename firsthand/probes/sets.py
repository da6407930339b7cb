"""The probe of sets: whether the order of the elements matters to the target.

A set is M elements of D numbers each, (N, M, D) or (N, M); the labels are classes (whole numbers) or amounts (floats).
"""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import Data, choose
from firsthand.probes.examples import squared_distances
from firsthand.probes.finding import PERMUTATIONS, Finding, NotApplicable, Probe, Sheet, Sketch, against

MOST, FEWEST, NEGLIGIBLE = 2_000, 20, 0.02
RULES = ("linear", "neighbour")


def permutation_invariance(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """Two rules, a linear one (least squares on all numbers of the set, standardised, with the penalty |w|²) and the
    nearest neighbour, learn the target from half of the sets and are tested on the others. Their skill is the share of
    the squared error of the mean target that they remove (classes are coded as one amount each, 0 or 1), 0 for no use
    and 1 for no error. linear, neighbour: the skill on the sets as they are. Null: on the same sets, the elements of
    each put in an order of its own, in both halves. linear_permuted, neighbour_permuted: the mean of these. Their null:
    the labels are permuted too, so that there is nothing to learn. The better rule decides; a loss below 0.02 of skill
    counts as none."""
    chosen, sheet.sample = choose(rng, len(data["sets"]), MOST, "sets")
    if len(chosen) < FEWEST:
        raise NotApplicable(f"{sheet.probe} needs at least {FEWEST} sets; there are {len(chosen)}.")
    x = data["sets"][chosen].astype(np.float64)
    x = x if x.ndim == 3 else x[:, :, None]
    target = _amounts(data["labels"][chosen])
    order = rng.permutation(len(x))  # the halves must not depend on how the sets are sorted
    x, target = x[order], target[order]
    measured = _skills(x, target)
    draws, chance = np.empty((2, PERMUTATIONS, len(RULES)))
    for draw in range(PERMUTATIONS):
        places = rng.permuted(np.tile(np.arange(x.shape[1]), (len(x), 1)), axis=1)
        permuted = np.take_along_axis(x, places[:, :, None], axis=1)
        draws[draw] = _skills(permuted, target)
        chance[draw] = _skills(permuted, target[rng.permutation(len(x))])
    for rule, skill, null, nothing in zip(RULES, measured, draws.T, chance.T, strict=True):
        sheet.put(rule, skill, "share of squared error removed", null)
        sheet.put(f"{rule}_permuted", null.mean(), "share of squared error removed", nothing)
    better = RULES[int(measured.argmax())]
    return _judged(sheet, better, x=np.array(["linear rule", "nearest neighbour"]), **against(measured, draws))


def _judged(sheet: Sheet, rule: str, **shown: Array) -> Finding:
    loss, kept = sheet.contrast(rule), sheet.contrast(f"{rule}_permuted")
    strength = loss.strength(0.1, sign=1)
    if strength != "none" and loss.effect >= NEGLIGIBLE:
        said = (
            f"The {rule} rule is better when the elements keep their places (skill {loss} permuted): {strength} "
            "evidence that the target depends on position, which pooling would forget."
        )
        return sheet.conclude(rule, strength, said, **shown)
    strength = kept.strength(0.1, sign=1)
    if strength == "none":
        said = (
            f"Neither rule learns the target, with the elements in their places or permuted (skill {kept} of permuted "
            "labels): nothing can be said about invariance."
        )
    else:
        said = (
            f"The {rule} rule loses nothing when the elements are permuted (skill {kept} of permuted labels): "
            f"{strength} evidence of permutation invariance, for pooling over the elements."
        )
    return sheet.conclude(f"{rule}_permuted", strength, said, **shown)


def _amounts(labels: Array) -> Array:
    """(N, K): the amounts (K = 1), or 1 in the column of the class."""
    if labels.dtype.kind == "f":
        return labels[:, None].astype(np.float64)
    return np.asarray(labels[:, None] == np.unique(labels), np.float64)


def _skills(x: Array, target: Array) -> Array:
    """The skills of the two rules, learned from the first half and tested on the second."""
    flat, half = x.reshape(len(x), -1), len(x) // 2
    spread = flat[:half].std(axis=0)
    flat = (flat - flat[:half].mean(axis=0)) / np.where(spread > 0, spread, 1)
    mean = target[:half].mean(axis=0)
    known, asked = flat[:half], flat[half:]
    gram = known @ known.T + np.eye(half)  # Xᵀ (X Xᵀ + 1)⁻¹ = (Xᵀ X + 1)⁻¹ Xᵀ, however many numbers
    linear = asked @ (known.T @ np.linalg.solve(gram, target[:half] - mean)) + mean
    nearest = target[:half][squared_distances(asked, known).argmin(axis=1)]
    wrong = ((target[half:] - mean) ** 2).sum()
    if wrong == 0:
        raise NotApplicable("permutation_invariance needs labels that differ.")
    return np.array([1 - ((target[half:] - answer) ** 2).sum() / wrong for answer in (linear, nearest)])


PROBES = {
    "permutation_invariance": Probe(
        ("sets",),
        ("sets", "labels"),
        permutation_invariance,
        Sketch("Does the place of an element matter?", "", "skill on unseen sets", "elements permuted", "bars"),
    )
}
