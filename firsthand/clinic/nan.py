"""Where a number that is not finite was born."""

import copy
from typing import Any

import numpy as np

from core.layer import Array, Backward, Layer, Step
from core.watch import kind_of, watch
from firsthand.clinic.finding import Loss

FINITE = "Every input, Param, output and gradient is finite for this batch."


def where_nan(model: Layer, loss: Loss, x: Array, target: Array) -> str:
    """One sentence: the first place of a training step, in the order of its computation, that is not finite, by path;
    FINITE if there is none. The step is made on a copy, in the mode that the model is in."""
    with np.errstate(all="ignore"):
        return _first(copy.deepcopy(model), loss, x, target) or FINITE


def _first(model: Layer, loss: Loss, x: Array, target: Array) -> str:
    for name, data in (("x", x), ("target", target)):
        if not _finite(data):
            return f"The {name} that was given {_holds(data)}: clean the data before anything else."
    for path, p in model.named_params():
        if not _finite(p.data):
            return (
                f"The Param {path} {_holds(p.data)} before the forward pass: an earlier step spoilt it, so lower the "
                "rate or clip the gradients, and look at the loss of the steps before."
            )
    model.zero_grad()
    born: list[str] = []

    def visit(path: str, step: Step, inputs: tuple[Any, ...], outputs: Any, backward: Backward) -> Backward:
        place = f"{path or 'the model'} ({kind_of(step)})"
        if not born and not _finite(inputs):
            born.append(
                f"The input of {place} {_holds(inputs)}: look at what is computed between the layer before and it."
            )
        if not born and not _finite(outputs):
            born.append(
                f"The output of {place} {_holds(outputs)}, while its inputs are finite "
                f"(largest {_largest(inputs):.3g}): look for an overflow, a division by zero or a logarithm of zero."
            )
        own = dict(step.named_params()) if isinstance(step, Layer) else {}

        def watched(*gradients: Any, **named: Any) -> Any:
            if not born and not _finite(gradients):
                born.append(
                    f"The gradient that arrives at {place} {_holds(gradients)}: look at what is computed after it."
                )
            results = backward(*gradients, **named)
            grads = {f"gradient of the Param {path + '.' if path else ''}{name}": p.grad for name, p in own.items()}
            for what, value in {**grads, "gradient of the input": results}.items():
                if not born and not _finite(value):
                    born.append(
                        f"The {what} that the backward of {place} returns {_holds(value)}, while the gradient of its "
                        f"output is finite (largest {_largest(gradients):.3g}): look for a division by zero in its "
                        "derivative, or an overflow."
                    )
            return results

        return watched

    y, backward = watch(model, visit)(x)
    if born:
        return born[0]
    value, backward_loss = loss(y, target)
    if not np.isfinite(value):
        return (
            f"The loss is {value}, while the model's output is finite (largest {_largest(y):.3g}): look into the loss."
        )
    dy = backward_loss()
    if not _finite(dy):
        return (
            f"The gradient that the loss returns {_holds(dy)}, while the loss is {value:.3g}: look into its backward."
        )
    backward(*dy if isinstance(dy, tuple) else (dy,))
    return born[0] if born else ""


def _arrays(value: Any) -> list[Array]:
    each = value if isinstance(value, tuple) else (value,)
    return [a for a in each if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size]


def _finite(value: Any) -> bool:
    return all(np.isfinite(a).all() for a in _arrays(value))


def _largest(value: Any) -> float:
    return max((float(np.abs(a).max()) for a in _arrays(value)), default=0.0)


def _holds(value: Any) -> str:
    bad = sum(int(a.size - np.isfinite(a).sum()) for a in _arrays(value))
    word = "NaN" if any(np.isnan(a).any() for a in _arrays(value)) else "infinity"
    return f"holds {word} ({bad} of {sum(a.size for a in _arrays(value))} numbers)"
