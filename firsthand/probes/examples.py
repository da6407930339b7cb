"""Probes of examples, each described by equally many numbers, and of their classes: distances, and counts."""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import KINDS, Data
from firsthand.probes.finding import PERMUTATIONS, Finding, NotApplicable, Probe, Sheet, Sketch, against

MOST, NEAREST, FEWEST = 1_000, 2_000, 30  # examples for the dimension and for the labels, and the least of them
WIDEST = 4_096  # columns
KEPT, ROUNDING = 0.9, 1e-12


def intrinsic_dimension(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """The two-nearest-neighbour estimate (Facco et al., 2017): for each example, mu is the distance of its second
    neighbour over that of its first; where the density is nearly even, −log(1 − F(mu)) = d log(mu), F the share of
    examples with a smaller ratio. dimension: the slope d through the origin, the largest tenth of the ratios left out.
    Euclidean distances; of equal examples one is kept. Discrete data, in which a tenth of the ratios or more are 1, is
    not measured. Null: the values of each column permuted among the examples, so that the columns are independent."""
    rows, _, sheet.sample = data.sample(rng, MOST, WIDEST)
    rows = np.unique(rows, axis=0)
    if len(rows) < FEWEST:
        raise NotApplicable(f"intrinsic_dimension needs at least {FEWEST} different examples; there are {len(rows)}.")
    logs, dimension = _two_nearest(rows)
    if (ties := (logs < ROUNDING).mean()) > 1 - KEPT:
        raise NotApplicable(
            f"intrinsic_dimension needs distances that differ; for {ties:.0%} of the examples, the two nearest others "
            "are equally far."
        )
    draws = [_two_nearest(rng.permuted(rows, axis=0)) for _ in range(PERMUTATIONS)]
    sheet.put("dimension", dimension, "dimensions", [draw for _, draw in draws])
    sheet.put("columns", rows.shape[1], "columns")
    found = sheet.contrast("dimension")
    strength = found.strength(0.5 * found.mean, sign=-1)
    if strength == "none":
        said = (
            f"The data fills its space as independent columns would (dimension {found}): there is no surface of lower "
            "dimension for a narrow layer to follow."
        )
    else:
        said = (
            f"The data has fewer directions than independent columns (dimension {found}): {strength} evidence for a "
            "narrow layer, somewhat wider than that, or a low-dimensional code."
        )
    quantiles = np.arange(0.05, 0.91, 0.05)
    curve, *null = (np.quantile(values, quantiles) for values in (logs, *(values for values, _ in draws)))
    return sheet.conclude("dimension", strength, said, x=-np.log(1 - quantiles), **against(curve, np.array(null)))


def class_balance(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """entropy: of the classes, in bits; log2 of their number (most) if all are equally frequent. largest: the share of
    the commonest class, the accuracy of always naming it. Null: as many labels drawn from equally frequent classes."""
    classes, counts = np.unique(data["labels"], return_counts=True)
    if len(classes) < 2:
        raise NotApplicable(f"class_balance needs at least two classes; all labels are {classes[0]}.")
    sheet.sample = f"all {counts.sum():,} labels"
    draws = rng.multinomial(counts.sum(), np.full(len(classes), 1 / len(classes)), PERMUTATIONS) / counts.sum()
    shares = counts / counts.sum()
    sheet.put("entropy", _bits(shares), "bits", [_bits(draw) for draw in draws])
    sheet.put("most", np.log2(len(classes)), "bits")
    sheet.put("largest", shares.max(), "share of labels", draws.max(axis=1))
    found = sheet.contrast("entropy")
    strength = found.strength(0.1 * found.mean, sign=-1)
    if strength == "none":
        said = f"The classes are as even as equal ones ({found} bits): no class needs a weight of its own."
    else:
        said = (
            f"The classes are less even than equal ones ({found} bits; the commonest has {shares.max():.0%}): "
            f"{strength} evidence for weighing classes, or for reporting each, since accuracy favours the common ones."
        )
    names = np.array([str(name) for name in classes])
    return sheet.conclude("entropy", strength, said, x=names, **against(shares, draws))


def label_noise(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """disagreement: the share of examples whose nearest other example has another label (Euclidean distance).
    least_error: the smallest error of any rule for which that share is possible with many examples (Cover and Hart,
    1967), (1 − 1/K)(1 − √(1 − disagreement K / (K − 1))) for K classes. Both are large where labels are noisy, and also
    where distance says little. Null: the labels permuted."""
    rows, chosen, sheet.sample = data.sample(rng, NEAREST, WIDEST)
    labels = data["labels"][chosen]
    K = len(np.unique(labels))
    if K < 2 or len(labels) < FEWEST:
        raise NotApplicable(f"label_noise needs two classes and {FEWEST} examples; there are {K} and {len(labels)}.")
    distances = squared_distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    measured = _disagreements(labels, nearest)
    draws = np.array([_disagreements(rng.permutation(labels), nearest) for _ in range(PERMUTATIONS)])
    share = measured[0]
    sheet.put("disagreement", share, "share of examples", draws[:, 0])
    sheet.put("least_error", (1 - 1 / K) * (1 - np.sqrt(max(0.0, 1 - share * K / (K - 1)))), "share of examples")
    found = sheet.contrast("disagreement")
    strength = found.strength(0.5 * found.mean, sign=-1)
    if strength == "none":
        said = (
            f"Nearest neighbours differ in their label as often as by chance ({found}): the labels are noise, or the "
            "distance of raw examples says nothing about them."
        )
    else:
        said = (
            f"Nearest neighbours differ in their label less often than by chance ({found}): {strength} evidence that "
            "labels go with position, so that a smooth rule can learn them."
        )
    names = np.array([str(name) for name in np.unique(labels)])
    return sheet.conclude("disagreement", strength, said, x=names, **against(measured[1:], draws[:, 1:]))


def squared_distances(asked: Array, known: Array) -> Array:
    """|a − k|² for all pairs, (A, K)."""
    found = (asked**2).sum(axis=1)[:, None] - 2 * asked @ known.T + (known**2).sum(axis=1)
    return np.asarray(np.maximum(found, 0))


def _two_nearest(rows: Array) -> tuple[Array, float]:
    """log mu of each row, and the dimension."""
    rows = rows - rows.mean(axis=0)
    distances = squared_distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    first, second = np.partition(distances, 1, axis=1)[:, :2].T
    apart = first > ROUNDING * (rows**2).sum(axis=1).max()
    logs = np.sort(np.log(second[apart] / first[apart]) / 2)
    kept = int(KEPT * len(logs))
    x, y = logs[:kept], -np.log(1 - np.arange(1, kept + 1) / len(logs))
    return logs, float(x @ y / max(x @ x, 1e-300))


def _disagreements(labels: Array, nearest: Array) -> Array:
    """The share of examples whose neighbour has another label: of all, then of those of each label."""
    differ = labels != labels[nearest]
    return np.array([differ.mean(), *(differ[labels == name].mean() for name in np.unique(labels))])


def _bits(shares: Array) -> float:
    return float(-(shares * np.log2(np.where(shares > 0, shares, 1))).sum())


PROBES = {
    "intrinsic_dimension": Probe(
        KINDS,
        ("examples",),
        intrinsic_dimension,
        Sketch(
            "How many directions has the data?",
            "−log(1 − share of examples)",
            "log of the distances' ratio (slope 1 / dimension)",
            "columns permuted",
        ),
    ),
    "class_balance": Probe(
        KINDS,
        ("classes",),
        class_balance,
        Sketch("How even are the classes?", "class", "share of labels", "equal classes", "bars"),
    ),
    "label_noise": Probe(
        KINDS,
        ("examples", "classes"),
        label_noise,
        Sketch("Does the nearest example share the label?", "class", "share that differ", "labels permuted", "bars"),
    ),
}
