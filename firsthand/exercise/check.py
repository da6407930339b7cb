"""Specimens held to the gradient contract."""

import numpy as np

from core.check import GradientError, check_layer
from core.layer import Layer
from core.trial import as_tuple, input_names
from firsthand.exercise.specimens import Specimen


def complaint(specimen: Specimen) -> GradientError | None:
    """What the contract has to say against a layer on its inputs."""
    layer, *inputs = specimen
    try:
        with np.errstate(all="ignore"):  # what is wrong may well overflow
            check_layer(layer, *inputs, no_grad=("x",) if getattr(layer, "of_data", False) else ())
    except GradientError as error:
        return error
    return None


def reaches_blank(specimen: Specimen) -> bool:
    """Whether the way back comes through a body that raises NotImplementedError."""
    layer, *inputs = specimen
    if isinstance(layer, Layer):
        layer.astype(np.float64)
    outputs, backward = layer(*inputs)
    try:
        backward(*(() if isinstance(outputs, float) else as_tuple(outputs)))  # their gradients have the same form
    except NotImplementedError:
        return True
    return False


def inputs_of(specimen: Specimen) -> str:
    """`x (5, 4), h (5, 3)`."""
    layer, *inputs = specimen
    named = zip(input_names(layer, len(inputs)), inputs, strict=True)
    return ", ".join(f"{name} {x.shape}" for name, x in named if isinstance(x, np.ndarray))
