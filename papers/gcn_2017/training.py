"""Full-batch training with Adam, weight decay on the first layer, and the two rules of early stopping."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from core.adaptive import Adam
from core.containers import Sequential, predict
from core.layer import Backward, Param
from core.losses import softmax_cross_entropy
from firsthand import Run

from .data import Nodes

WINDOW = 10

StoppingRule = Callable[[list[float]], bool]


def exceeds_recent_mean(losses: list[float]) -> bool:
    """The authors' code: the validation loss is above the mean of the ten before it, from the twelfth epoch on."""
    return len(losses) > WINDOW + 1 and losses[-1] > float(np.mean(losses[-WINDOW - 1 : -1]))


def no_new_minimum(losses: list[float]) -> bool:
    """The paper's text, section 5.2: the validation loss has not decreased for ten epochs, below what it was before."""
    return len(losses) - 1 - int(np.argmin(losses)) >= WINDOW


STOPPING: dict[str, StoppingRule] = {"code": exceeds_recent_mean, "text": no_new_minimum, "never": lambda losses: False}


def decay_penalty(params: Iterable[Param], decay: float) -> tuple[float, Backward]:
    r"""\(\tfrac{\lambda}{2} \sum w^2\). Its backward adds \(\lambda w\) to every grad."""
    params = list(params)
    w = [p.data for p in params]
    loss = decay / 2 * sum(float((w_k * w_k).sum()) for w_k in w)

    def backward() -> None:
        for p, w_k in zip(params, w, strict=True):
            p.grad += decay * w_k  # lambda/2 w^2: lambda w

    return loss, backward


@dataclass(frozen=True)
class Trained:
    """What training came to."""

    epochs: int
    accuracy: dict[str, float]  # by part: train, val, test


def train(
    run: Run,
    model: Sequential,
    nodes: Nodes,
    *,
    decay: float,
    epochs: int,
    stopping: str = "never",
    loss: str = "mean",
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> Trained:
    """Train in place, with all labelled nodes in every step; the last weights are kept.

    The criterion is the mean (or, with loss = "sum", the sum) of the cross-entropies of the labelled nodes, plus
    decay / 2 times the squared weights of the first layer. The validation loss has the same form.
    """
    optimiser, should_stop = Adam(model, rate=0.01), STOPPING[stopping]
    first = [p for _, p in model["conv1"].named_params()] if decay else []
    targets, val_targets = nodes.targets("train"), nodes.targets("val")
    weight, val_weight = (len(nodes.train), len(nodes.val)) if loss == "sum" else (1, 1)
    val_losses: list[float] = []
    for epoch in range(1, epochs + 1):
        Z, backward = model(nodes.X)
        error, backward_error = softmax_cross_entropy(Z, targets, ignore=-1)
        penalty, backward_penalty = decay_penalty(first, decay)
        backward(weight * backward_error())
        backward_penalty()
        optimiser.step()
        after_epoch(epoch)
        run.progress(epoch, epochs, weight * error + penalty)
        if stopping != "never":
            val_error, _ = softmax_cross_entropy(predict(model, nodes.X), val_targets, ignore=-1)
            val_losses.append(val_weight * val_error + decay_penalty(first, decay)[0])
            if should_stop(val_losses):
                break
    answers = predict(model, nodes.X).argmax(axis=1)
    parts = {"train": nodes.train, "val": nodes.val, "test": nodes.test}
    hits = {part: answers[of] == nodes.labels[of] for part, of in parts.items()}
    return Trained(epoch, {part: float(hit.mean()) for part, hit in hits.items() if len(hit)})
