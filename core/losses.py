"""Losses: `loss, backward = f(y, target)`, a Python float and, from `backward()`, the gradient of the first input.

Targets and labels are data: they get no gradient. Every loss here is a mean over the batch.
"""

import numpy as np

from core.guard import describe
from core.layer import Array, Backward


def squared_error(y: Array, target: Array) -> tuple[float, Backward]:
    r"""Half the squared distance to the target, summed over each example and averaged over the batch.

    $$E = \frac{1}{N} \sum_n \frac{1}{2} \sum_j (y_{nj} - t_{nj})^2 \qquad dy = (y - t) / N$$

    Shapes: y and target (N, ...), the same. Kept for backward: y - target.
    Raises ValueError for an empty batch, and for a target of another shape or type than y.
    """
    if y.shape != target.shape or y.dtype != target.dtype or y.dtype.kind != "f" or y.size == 0:
        raise ValueError(
            f"squared_error: got {describe(y)} and {describe(target)}, expected floats of one shape and type, not empty"
        )
    n = len(y)
    error = y - target
    loss = 0.5 * float(np.vdot(error, error)) / n

    def backward() -> Array:
        return error / n  # E = |y - t|^2 / 2 N

    return loss, backward


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Backward]:
    r"""The negative log probability of the labels under softmax, averaged over the batch (and over positions).

    $$E = -\frac{1}{M} \sum_m \log p_{m, l_m} \qquad p = \mathrm{softmax}(x) \qquad dx = (p - \mathrm{onehot}(l)) / M$$

    Shapes: logits x (..., K), labels (...), of an integer type; M is the number of labels.
    Kept for backward: p and the labels. Softmax and logarithm are one, and stable for logits of any size.
    Raises ValueError for an empty batch, labels of the wrong shape or type, and labels outside 0 ... K - 1.
    """
    fits = logits.ndim > 0 and labels.shape == logits.shape[:-1]
    if not fits or logits.dtype.kind != "f" or labels.dtype.kind not in "iu" or logits.size == 0:
        raise ValueError(
            f"softmax_cross_entropy: got logits {describe(logits)} and labels {describe(labels)}, "
            "expected floats (..., K) and integers (...), not empty"
        )
    k = logits.shape[-1]
    rows, flat = logits.reshape(-1, k), labels.reshape(-1)  # (M, K), (M,)
    if flat.min() < 0 or flat.max() >= k:
        raise ValueError(f"softmax_cross_entropy: labels run from {flat.min()} to {flat.max()}, expected 0 to {k - 1}")
    m, index, shape = len(flat), np.arange(len(flat)), logits.shape
    shifted = rows - rows.max(axis=1, keepdims=True)  # the shift cancels in p
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)  # (M, 1)
    loss = float(np.log(total).sum() - shifted[index, flat].sum()) / m
    p /= total

    def backward() -> Array:
        dx: Array = p / m  # E = mean of (log sum_j e^x_j - x_l): the logarithm gives p ...
        dx[index, flat] -= 1.0 / m  # ... and - x_l gives minus one at the label
        return dx.reshape(shape)

    return loss, backward
