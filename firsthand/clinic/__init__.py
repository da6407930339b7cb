"""What ails a model: checks that are made on copies, each with a sentence on what is wrong and what to try.

    for finding in examine(model, softmax_cross_entropy, x, labels, optimiser=lambda m: Momentum(m, 0.1)):
        print(finding)

Figures of what a `core.probe.Probe` recorded are in `firsthand.clinic.figures`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from core.adaptive import Adam
from core.containers import predict
from core.layer import Array, Layer
from firsthand.clinic.anatomy import dead_units, gradients_by_layer, loss_at_start, not_a_number, saturated_units
from firsthand.clinic.finding import Case, Finding, Loss, Optimise
from firsthand.clinic.leakage import label_leakage
from firsthand.clinic.nan import where_nan
from firsthand.clinic.trials import evaluation_mode, learning_rate, one_batch
from firsthand.errors import FirsthandError

__all__ = ["CHECKS", "Finding", "examine", "where_nan"]

Check = Callable[[Case], Finding]

CHECKS: dict[str, Check] = {
    "not a number": not_a_number,
    "loss at the start": loss_at_start,
    "dead units": dead_units,
    "saturated units": saturated_units,
    "gradients by layer": gradients_by_layer,
    "one batch": one_batch,
    "learning rate": learning_rate,
    "evaluation mode": evaluation_mode,
    "label leakage": label_leakage,
}


def examine(
    model: Layer,
    loss: Loss,
    x: Array,
    target: Array,
    *,
    optimiser: Optimise = Adam,
    evaluate: Callable[[Layer, Array], Any] = predict,
    checks: Iterable[str] | None = None,
) -> list[Finding]:
    """Make the checks (all of CHECKS, in their order, or those named) on copies of a model that is not yet trained.

    - `x`, `target`: examples along axis 0; a few hundred are plenty. `loss(model's output, target)` returns (float,
      backward), as those of core do.
    - `optimiser(model)` makes the optimiser that training will use, at its rate.
    - `evaluate(model, x)` is how predictions are had at test time.

    The model, its Generators and the data stay as they are; the same call gives the same findings. A model whose
    numbers are not finite is not examined further: the other checks of it say so, with `ok` None.
    Raises FirsthandError for a check that does not exist, and for x and target that are empty or of unequal length.
    """
    wanted = list(CHECKS if checks is None else checks)
    for name in wanted:
        if name not in CHECKS:
            raise FirsthandError(f"There is no check {name!r}; there are {', '.join(CHECKS)}.")
    if len(x) != len(target) or not len(x):
        raise FirsthandError(f"There are {len(x)} examples and {len(target)} targets; give as many of each, not none.")
    return list(_findings(Case(model, loss, x, target, optimiser, evaluate), wanted))


def _findings(case: Case, wanted: list[str]) -> Iterator[Finding]:
    with np.errstate(all="ignore"):
        of_model = set(wanted) - {"label leakage"}
        finite = CHECKS["not a number"](case) if of_model else None
        for name in wanted:
            if finite is None or finite.ok or name == "label leakage":
                yield CHECKS[name](case)
            else:
                yield finite if name == finite.check else Finding(name, None, "The model's numbers are not finite.")
