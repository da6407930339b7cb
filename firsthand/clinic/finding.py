"""What a check is given, and what it returns."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from core.layer import Array, Backward, Layer
from core.losses import binary_cross_entropy, kl_divergence
from core.optim import Optimiser

Loss: TypeAlias = Callable[[Any, Array], tuple[float, Backward]]
Optimise: TypeAlias = Callable[[Layer], Optimiser]

OF_LOGITS = (binary_cross_entropy, kl_divergence)


@dataclass(frozen=True)
class Finding:
    """The result of one check: `ok` is None if it does not apply. The sentence says what is wrong and what to try."""

    check: str
    ok: bool | None
    sentence: str

    def __str__(self) -> str:
        return f"{'not examined' if self.ok is None else 'ok' if self.ok else 'WRONG'}: {self.check}: {self.sentence}"


@dataclass(frozen=True)
class Case:
    """The model, of which only copies are run, how it is trained and evaluated, and its data."""

    model: Layer
    loss: Loss
    x: Array
    target: Array
    optimiser: Optimise
    evaluate: Callable[[Layer, Array], Any]

    def specimen(self) -> Layer:
        """A copy in training mode, to be spoilt, with no gradient yet."""
        model = copy.deepcopy(self.model).train()
        model.zero_grad()
        return model

    def sample(self, size: int) -> tuple[Array, Array]:
        """At most `size` examples, drawn without replacement, the same each time."""
        if len(self.x) <= size:
            return self.x, self.target
        chosen = np.random.default_rng(0).permutation(len(self.x))[:size]
        return self.x[chosen], self.target[chosen]


def without_knowledge(loss: Loss, y: Array, target: Array) -> float:
    """The loss of outputs that do not look at x: equal logits for classes (cross-entropy: log K), and for numbers the
    mean target."""
    function = loss.func if isinstance(loss, partial) else loss
    if target.dtype.kind in "iu" or function in OF_LOGITS or y.shape != target.shape:
        return loss(np.zeros_like(y), target)[0]
    return loss(np.broadcast_to(target.mean(axis=0), target.shape).astype(y.dtype), target)[0]
