r"""Losses for numbers: `loss, backward = f(y, target)`, a Python float and, from `backward()`, the gradient of y.

Targets are data and get no gradient. `squared_error` and the Gaussian losses are summed over each example and averaged
over the batch; `mse`, `mae` and `huber` are averaged over all numbers.
"""

import math
from typing import Any

import numpy as np

from core.guard import describe, finite
from core.law import lawful
from core.layer import Array, Backward

LOG_2PI = math.log(2 * math.pi)


@lawful
def squared_error(y: Array, target: Array) -> tuple[float, Backward]:
    r"""Half the squared distance to the target, summed over each example and averaged over the batch.

    $$E = \frac{1}{N} \sum_n \frac{1}{2} \sum_j (y_{nj} - t_{nj})^2 \qquad dy = (y - t) / N$$

    Shapes: y and target (N, ...), the same. Kept for backward: y - target.
    Raises ValueError for an empty batch, and for a target of another shape or type than y.
    """
    alike("squared_error", y, target)
    n = len(y)
    error = y - target
    loss = 0.5 * float(np.vdot(error, error)) / n

    def backward() -> Any:
        return error / n  # E = |y - t|^2 / 2 N

    return loss, backward


@lawful
def mse(y: Array, target: Array) -> tuple[float, Backward]:
    r"""\(E = \frac{1}{M} \sum (y - t)^2\), the mean over all M numbers. Shapes and errors as for `squared_error`."""
    alike("mse", y, target)
    error = y - target
    loss = float(np.vdot(error, error)) / y.size

    def backward() -> Any:
        return error * (2 / error.size)  # E = |y - t|^2 / M

    return loss, backward


@lawful
def mae(y: Array, target: Array) -> tuple[float, Backward]:
    r"""\(E = \frac{1}{M} \sum |y - t|\), the mean over all M numbers; the derivative is taken as 0 where y = t.

    Shapes and errors as for `squared_error`. Kept for backward: y - target.
    """
    alike("mae", y, target)
    error = y - target
    loss = float(np.abs(error).sum()) / y.size

    def backward() -> Any:
        return np.sign(error) * (1 / error.size)  # |e|' = sign e

    return loss, backward


@lawful
def huber(y: Array, target: Array, delta: float = 1.0) -> tuple[float, Backward]:
    r"""Squared near the target, absolute away from it, with one slope where they meet; the mean over all M numbers.

    $$E = \frac{1}{M} \sum \begin{cases} \frac12 e^2 & |e| \le \delta \\
      \delta (|e| - \frac12 \delta) & |e| > \delta \end{cases} \qquad e = y - t$$

    Source: Huber 1964. Shapes and errors as for `squared_error`. Kept for backward: e cut to \([-\delta, \delta]\).
    """
    alike("huber", y, target)
    delta = finite("huber", "delta", delta, least=0.0)
    error = y - target
    cut = np.clip(error, -delta, delta)
    loss = float((cut * (error - 0.5 * cut)).sum()) / y.size  # e^2 / 2 inside; delta (|e| - delta / 2) outside

    def backward() -> Any:
        return cut * (1 / cut.size)  # e inside, delta sign e outside

    return loss, backward


@lawful
def gaussian_nll(y: Array, target: Array) -> tuple[float, Backward]:
    r"""The negative log likelihood of the target under a Gaussian whose mean and log variance are the halves of y.

    $$E = \frac{1}{N} \sum_n \sum_j \frac12 \Big[ \log 2\pi + s + (t - \mu)^2 e^{-s} \Big] \qquad y = [\mu, s]$$
    $$d\mu = -(t - \mu) e^{-s} / N \qquad ds = \tfrac12 \big(1 - (t - \mu)^2 e^{-s}\big) / N$$

    Shapes: y (N, ..., 2 D), target (N, ..., D). Kept for backward: \(t - \mu\) and \(e^{-s}\).
    """
    fits = target.ndim > 1 and y.shape == (*target.shape[:-1], 2 * target.shape[-1]) and y.dtype == target.dtype
    if not fits or y.size == 0:
        expected = "(N, ..., 2 D) and (N, ..., D) of one type, not empty"
        raise ValueError(f"gaussian_nll: got {describe(y)} and {describe(target)}, expected {expected}")
    mean, log_variance = np.split(y, 2, axis=-1)
    n = len(y)
    error, precision = target - mean, np.exp(-log_variance)
    loss = 0.5 * float((LOG_2PI + log_variance + error * error * precision).sum()) / n

    def backward() -> Any:
        d_mean = -error * precision  # (t - mu)^2 e^-s / 2: - (t - mu) e^-s
        d_log_variance = 0.5 * (1 + d_mean * error)  # s / 2: 1 / 2; and minus half of (t - mu)^2 e^-s
        return np.concatenate([d_mean, d_log_variance], axis=-1) * (1 / n)

    return loss, backward


@lawful
def gaussian_kl(y: Array) -> tuple[float, Backward]:
    r"""How far the Gaussian of mean and log variance \(y = [\mu, s]\) is from the standard one.

    $$E = \frac{1}{N} \sum_n \sum_j \frac12 \big[ \mu^2 + e^s - 1 - s \big] \qquad d\mu = \mu / N \qquad
      ds = \tfrac12 (e^s - 1) / N$$

    Shapes: y (N, ..., 2 D). Kept for backward: \(\mu\) and \(e^s\). Source: Kingma and Welling 2014, appendix B.
    """
    if y.ndim < 2 or y.shape[-1] % 2 or y.size == 0:
        raise ValueError(f"gaussian_kl: got {describe(y)}, expected (N, ..., 2 D), not empty")
    mean, log_variance = np.split(y, 2, axis=-1)
    n, variance = len(y), np.exp(log_variance)
    loss = 0.5 * float((mean * mean + variance - 1 - log_variance).sum()) / n

    def backward() -> Any:
        return np.concatenate([mean, 0.5 * (variance - 1)], axis=-1) * (1 / n)  # mu^2 / 2: mu; (e^s - s) / 2

    return loss, backward


def alike(owner: str, y: Array, target: Array) -> None:
    """Outputs and targets: floats of one shape and type, not empty."""
    if y.shape != target.shape or y.dtype != target.dtype or y.dtype.kind != "f" or y.size == 0:
        raise ValueError(
            f"{owner}: got {describe(y)} and {describe(target)}, expected floats of one shape and type, not empty"
        )
