"""Does x contain the label?

What can be seen from data alone is that the label is *too easy to read*. A data set that is truly that easy looks the
same, and a label that is hidden in a pattern of several inputs is not seen: this check asks a question, and only the
origin of the data answers it.
"""

import numpy as np

from core.layer import Array
from firsthand.clinic.finding import Case, Finding

FEWEST, MOST = 40, 2000  # examples: with fewer, an accident can look like a rule; more are not needed
PERFECT = 1e-6  # of the variance of a target, left unexplained


def label_leakage(case: Case) -> Finding:
    """Three ways to read the label, from the simplest:

    - one feature: for classes, all values of x_j that belong to a class lie in one interval without another class, or
      x_j has few values of which each has one class; for numbers, x_j is the target up to scale and shift;
    - a linear readout (least squares) or the nearest neighbour, fitted to every other example, that is right for every
      one of the rest (examples that occur in both halves are left out).
    """
    name = "label leakage"
    x, target = case.sample(MOST)
    if len(x) < FEWEST or x.dtype.kind not in "fiub" or not (np.isfinite(x).all() and np.isfinite(target).all()):
        return Finding(name, None, f"Fewer than {FEWEST} examples, or x or target that are not finite numbers.")
    rows = x.reshape(len(x), -1).astype(np.float64)
    classes = _classes(target)
    if classes is None and target.dtype.kind != "f":
        return Finding(name, None, "The targets are neither classes, one for each example, nor numbers.")
    numbers = target.reshape(len(x), -1).astype(np.float64)
    if not numbers.std(axis=0).any() or (classes is not None and not _hard_to_guess(classes)):
        return Finding(name, None, "The targets are so unequal that a good guess means nothing.")
    features = _by_one_feature(rows, classes, numbers)
    if features:
        return Finding(
            name,
            False,
            f"Feature {features[0]} of x (flattened) alone tells the target of all {len(x)} examples"
            f"{f', and so do {len(features) - 1} more' if len(features) > 1 else ''}: see how it was made, and whether "
            "it will be there for new examples.",
        )
    reader = _by_readout(rows, classes, numbers)
    if reader:
        return Finding(
            name,
            False,
            f"{reader} reads the target of every example that it was not fitted to: either the task is that easy, and "
            "needs no deep network, or x contains the target in a disguise; see how x was made.",
        )
    return Finding(name, True, "No single feature, linear readout or nearest neighbour reads the target without error.")


def _classes(target: Array) -> Array | None:
    """The class of each example, from labels or two numbers (N,), or from one-hot rows (N, K)."""
    values, places = np.unique(target, return_inverse=True)
    if target.size == len(target) and (target.dtype.kind in "iub" or len(values) == 2):
        return np.asarray(places).reshape(-1)
    one_hot = target.ndim == 2 and len(values) == 2 and ((target == values[1]).sum(axis=1) == 1).all()
    return np.asarray(target.argmax(axis=1)) if one_hot else None


def _hard_to_guess(classes: Array) -> bool:
    counts = np.bincount(classes)
    return bool(counts.max() <= 0.9 * len(classes) and len(classes) - counts.max() >= 8)


def _by_one_feature(x: Array, classes: Array | None, numbers: Array) -> list[int]:
    if classes is None:
        return [j for j in range(x.shape[1]) if all(_is_line(x[:, j], t) for t in numbers.T)]
    k = len(np.unique(classes))
    return [j for j in range(x.shape[1]) if _tells(x[:, j], classes, k)]


def _tells(feature: Array, classes: Array, k: int) -> bool:
    """Is there one class for each value, and an interval for each class or no more than 2 K values?"""
    order = np.lexsort((classes, feature))
    value, label = feature[order], classes[order]
    same_value, other_class = value[1:] == value[:-1], label[1:] != label[:-1]
    if (same_value & other_class).any():
        return False
    values = 1 + np.count_nonzero(~same_value)
    return bool(np.count_nonzero(other_class) == k - 1 or values <= 2 * k)


def _is_line(feature: Array, t: Array) -> bool:
    a, b = feature - feature.mean(), t - t.mean()
    both = np.sqrt((a @ a) * (b @ b))
    return bool(both > 0 and 1 - (a @ b / both) ** 2 < PERFECT)


def _by_readout(x: Array, classes: Array | None, numbers: Array) -> str:
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    seen = {row.tobytes() for row in x[::2]}
    fresh = np.array([row.tobytes() not in seen for row in x[1::2]])
    if fresh.sum() < FEWEST // 2 - 2:
        return ""
    fit, test = x[::2], x[1::2][fresh]
    t_fit, t_test = numbers[::2], numbers[1::2][fresh]
    if classes is not None:
        c_fit, c_test = classes[::2], classes[1::2][fresh]
        if len(np.unique(c_test)) < 2:
            return ""
        distance = (fit * fit).sum(axis=1) - 2 * test @ fit.T
        if (c_fit[distance.argmin(axis=1)] == c_test).all():
            return "The nearest neighbour"
        t_fit = np.eye(classes.max() + 1)[c_fit]
    design = np.column_stack([fit, np.ones(len(fit))])
    if design.shape[1] > len(fit) // 2:  # more weights than half of the examples: a ridge keeps it from wildness
        gram = design @ design.T
        weights = design.T @ np.linalg.solve(gram + 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram)), t_fit)
    else:
        weights = np.linalg.lstsq(design, t_fit, rcond=None)[0]
    read = np.column_stack([test, np.ones(len(test))]) @ weights
    if classes is not None:
        return "A linear readout" if (read.argmax(axis=1) == c_test).all() else ""
    spread = ((t_test - t_test.mean(axis=0)) ** 2).sum()
    return "A linear readout" if ((read - t_test) ** 2).sum() < PERFECT * spread else ""
