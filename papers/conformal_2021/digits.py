"""The sets of a small network on the embedded digits: once calibrated, and with the controller on a noisy stream."""

from dataclasses import dataclass

import numpy as np

from core.containers import Sequential
from core.layer import Array
from firsthand import Result, Run

from .model import controller, just_missed, network, rank, scores, threshold, train


@dataclass(frozen=True)
class Digits:
    """All digits in a random order, the first `known` of them to train on, and a network."""

    x: Array  # (N, 64), from 0 to 1
    labels: Array  # (N,)
    known: int
    model: Sequential

    def others(self, run: Run, purpose: str, n: int) -> tuple[Array, Array]:
        """n digits to calibrate on, and those that are left, by number; none of them was trained on."""
        order = run.rng(purpose).permutation(np.arange(self.known, len(self.x)))
        return order[:n], order[n:]


def trained(run: Run, known: int, steps: int, hidden: int) -> Digits:
    """Train a network on some digits; with no steps it keeps its first weights."""
    data = run.data("optdigits")
    order = run.rng("order").permutation(len(data["labels"]))
    x = (data["images"].reshape(len(order), -1) / np.float32(16)).astype(np.float32)[order]
    labels = data["labels"].astype(np.int64)[order]
    model = network(x.shape[1], hidden, 10, run.rng("weights"))
    train(run, model, x[:known], labels[:known], steps=steps)
    return Digits(x, labels, known, model)


def digits(
    run: Run, *, alpha: float, train: int, steps: int, hidden: int, calibrate: str, threshold: str, n: int, splits: int
) -> Result:
    """Coverage of all classes and of each, over random splits into calibration and test."""
    d = trained(run, train, steps, hidden)
    every = scores(d.model, d.x)  # (N, 10)
    own = np.take_along_axis(every, d.labels[:, None], axis=1)[:, 0]  # (N,), the score of the label
    covered, sizes, empty, right = [], [], [], []
    by_class = np.zeros((2, 10))
    for split in range(splits):
        known, test = d.others(run, f"split {split}", n)
        if calibrate == "trained on":
            known = np.arange(train)
        if calibrate == "0 to 4":
            known = known[d.labels[known] < 5]
        q = thresholds(own[known], d.labels[known], alpha, threshold)  # (10,)
        inside = own[test] <= q[d.labels[test]]
        size = (every[test] <= q).sum(axis=1)
        covered.append(inside.mean())
        sizes.append(size.mean())
        empty.append((size == 0).mean())
        right.append((every[test].argmin(axis=1) == d.labels[test]).mean())
        by_class += [np.bincount(d.labels[test], w, minlength=10) for w in (inside, np.ones(len(test)))]
    per_class = by_class[0] / by_class[1]
    return Result(
        {
            "coverage": float(np.mean(covered)),
            "worst": per_class.min(),
            "size": float(np.mean(sizes)),
            "empty": float(np.mean(empty)),
            "accuracy": float(np.mean(right)),
        },
        {"per_class": per_class},
    )


def thresholds(own: Array, labels: Array, alpha: float, which: str) -> Array:
    """The largest score that is covered, for each class (10,): one for all of them, or one of its own."""
    groups = [own[labels == k] if which == "each class" else own for k in range(10)]
    return np.array([threshold(np.sort(group), alpha) for group in groups])


def noise(
    run: Run, *, alpha: float, gamma: float, noise: float, train: int, steps: int, hidden: int, n: int, length: int
) -> Result:
    """A stream of digits that were not trained on, drawn with replacement; noise on every pixel from half time on."""
    d = trained(run, train, steps, hidden)
    known, rest = d.others(run, "split", n)
    calibration = np.sort(scores(d.model, d.x[known])[np.arange(n), d.labels[known]])
    drawn, late = run.rng("stream").choice(rest, length), np.arange(length) >= length // 2
    x = d.x[drawn] + noise * late[:, None] * run.rng("noise").normal(size=(length, d.x.shape[1]))
    every = scores(d.model, x.astype(np.float32))  # (T, 10)
    beta = just_missed(calibration, every[np.arange(length), d.labels[drawn]])
    levels, errors = controller(beta, alpha, gamma)
    size = (just_missed(calibration, every) > levels[:-1, None]).sum(axis=1)  # the labels that are not missed
    return Result(
        {
            "before": errors[~late].mean(),
            "after": errors[late].mean(),
            "after_single": float((every.argmin(axis=1) != d.labels[drawn])[late].mean()),
            "size_before": size[~late].mean(),
            "size_after": size[late].mean(),
            "everything": float(np.mean([rank(n, level) > n for level in levels[:-1][late]])),
        }
    )
