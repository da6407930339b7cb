r"""Losses for classes: `loss, backward = f(logits, target)`, a Python float and, from `backward()`, the gradient of the
logits. Targets and labels are data and get no gradient. Each is averaged over the batch, and over positions."""

from typing import Any

import numpy as np

from core.guard import describe, finite
from core.law import lawful
from core.layer import Array, Backward
from core.nonlinearities import log_softmax
from core.regression import alike


@lawful
def softmax_cross_entropy(
    logits: Array, labels: Array, *, smoothing: float = 0.0, ignore: int | None = None, weights: Array | None = None
) -> tuple[float, Backward]:
    r"""The negative log probability of the labels under softmax, averaged over the batch (and over positions).

    $$E = -\frac{1}{M} \sum_m \log p_{m, l_m} \qquad p = \mathrm{softmax}(x) \qquad dx = (p - \mathrm{onehot}(l)) / M$$

    Shapes: logits x (..., K), labels (...), of an integer type; M is the number of labels.

    - `ignore`: labels with this value are left out of the sum and of M; if all are, the loss is zero.
    - `weights` c (K,): a label counts \(c_l\) times, in the sum and in M.
    - `smoothing` \(\varepsilon\) (Szegedy et al. 2016, section 7): the target is \(1 - \varepsilon\) on the label and
      \(\varepsilon / K\) on every class, each weighted by its c.

    Kept for backward: p, but for a factor of each row, and the labels. Softmax and logarithm are one, and stable for
    logits of any size. Raises ValueError for an empty batch, labels of the wrong shape or type, and labels outside
    0 ... K - 1.
    """
    fits = logits.ndim > 0 and labels.shape == logits.shape[:-1]
    if not fits or logits.dtype.kind != "f" or labels.dtype.kind not in "iu" or logits.size == 0:
        raise ValueError(
            f"softmax_cross_entropy: got logits {describe(logits)} and labels {describe(labels)}, "
            "expected floats (..., K) and integers (...), not empty"
        )
    k = logits.shape[-1]
    rows, flat = logits.reshape(-1, k), labels.reshape(-1).astype(np.intp)  # (M, K), (M,)
    seen = np.ones(len(flat), bool) if ignore is None else flat != ignore
    flat = flat * seen
    if flat.min() < 0 or flat.max() >= k:
        raise ValueError(f"softmax_cross_entropy: labels run from {flat.min()} to {flat.max()}, expected 0 to {k - 1}")
    c = _class_weights(weights, k, rows)
    smoothing = finite("softmax_cross_entropy", "smoothing", smoothing, least=0.0)
    weight = seen * c[flat]  # (M,), how much each label counts
    m = float(weight.sum()) or 1.0
    on_label = (1 - smoothing) / m * weight  # (M,)
    on_every = (smoothing / k / m) * seen  # (M,), times c for each class
    index = np.arange(len(flat))
    e = rows - rows.max(axis=1, keepdims=True)  # x from here on: the shift cancels in p
    x_label, x_mean = e[index, flat], e @ c if smoothing else 0
    np.exp(e, out=e)
    total = e @ np.ones(k, e.dtype)  # (M,), and p = e / total
    log_total = np.log(total)
    loss = float((on_label * (log_total - x_label)).sum())  # - log p_l
    loss += float((on_every * (log_total * c.sum() - x_mean)).sum())

    def backward() -> Any:
        share = on_label + on_every * c.sum()  # (M,): how much target each row has in all
        dx = e * (share / total).astype(e.dtype)[:, None]  # log sum_j e^x_j gives p ...
        dx[index, flat] -= on_label  # ... and - x minus the target: on the label ...
        if smoothing:
            dx -= (on_every[:, None] * c).astype(e.dtype)  # ... and on every class
        return dx.reshape(logits.shape)

    return loss, backward


@lawful
def binary_cross_entropy(logits: Array, target: Array) -> tuple[float, Backward]:
    r"""The negative log likelihood of targets between 0 and 1 under sigmoid(x), averaged over all M numbers.

    $$E = \frac{1}{M} \sum \big[ \max(x, 0) - x t + \log(1 + e^{-|x|}) \big] \qquad dx = (\sigma(x) - t) / M$$

    which is \(-t \log \sigma(x) - (1 - t) \log(1 - \sigma(x))\) without its overflows. Shapes: logits and target, the
    same. Kept for backward: \(\sigma(x) - t\). Raises ValueError as `squared_error`, and for targets outside 0 to 1.
    """
    alike("binary_cross_entropy", logits, target)
    if not (0 <= target.min() and target.max() <= 1):
        raise ValueError(f"binary_cross_entropy: targets run from {target.min()} to {target.max()}, expected 0 to 1")
    small = np.exp(-np.abs(logits))
    loss = float((np.maximum(logits, 0) - logits * target + np.log1p(small)).sum()) / logits.size
    error = np.exp(np.minimum(logits, 0)) / (1 + small) - target  # sigmoid(x) - t

    def backward() -> Any:
        return error * (1 / error.size)  # log(1 + e^x) - x t: sigmoid(x) - t

    return loss, backward


@lawful
def kl_divergence(logits: Array, target: Array) -> tuple[float, Backward]:
    r"""How far softmax(x) is from the distribution t, averaged over the batch (and over positions).

    $$E = \frac{1}{M} \sum_m \sum_k t_{mk} \log \frac{t_{mk}}{p_{mk}} \qquad dx = \Big(p \sum_k t_k - t\Big) / M$$

    Shapes: logits x and target t (..., K), t not negative, where t = 0 counts as zero. Kept for backward: p and t.
    Raises ValueError as `squared_error`, and for negative targets.
    """
    alike("kl_divergence", logits, target)
    if target.min() < 0:
        raise ValueError(f"kl_divergence: the smallest target is {target.min()}, expected none below 0")
    m = logits.size // logits.shape[-1]
    log_p, _ = log_softmax(logits)
    log_t = np.log(np.maximum(target, np.finfo(target.dtype).tiny))
    loss = float((target * (log_t - log_p)).sum()) / m
    mass = target.sum(axis=-1, keepdims=True)

    def backward() -> Any:
        return (np.exp(log_p) * mass - target) * (1 / m)  # - t log p = t (log sum e^x - x)

    return loss, backward


def _class_weights(weights: Array | None, k: int, rows: Array) -> Array:
    if weights is None:
        return np.ones(k, rows.dtype)
    if weights.shape != (k,) or not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(f"softmax_cross_entropy: got weights {weights}, expected {k} numbers, none negative")
    return weights.astype(rows.dtype)
