"""Checks of one forward and backward pass at the start of training."""

import math
from typing import Any

from core.layer import Backward, Layer, Param, Step
from core.probe import Call, Probe
from core.watch import kind_of, watch
from firsthand.clinic.finding import Case, Finding, without_knowledge
from firsthand.clinic.gates import gate_saturation
from firsthand.clinic.nan import FINITE, where_nan

EXAMPLES = 256
TOO_MANY = 0.25  # dead units of a layer; with healthy initial weights there are next to none
TOO_SATURATED = 0.5  # numbers of a layer in the flat parts; a unit input leaves 7 % there
RANGE = 1e3  # between the gradients of the first and of the last layer with Params
FEWEST = 8  # examples in which a unit must stay zero to be called dead


def not_a_number(case: Case) -> Finding:
    sentence = where_nan(case.specimen(), case.loss, *case.sample(EXAMPLES))
    return Finding("not a number", sentence == FINITE, sentence)


def loss_at_start(case: Case) -> Finding:
    """The loss before training against that of outputs that know nothing of x.

    Too high: above it by half and by 1 for classes (logits of unit size cost about half), four times for numbers. Too
    low: below half of it.
    """
    name = "loss at the start"
    x, target = case.sample(EXAMPLES)
    y, _ = case.specimen()(x)
    found, chance = case.loss(y, target)[0], without_knowledge(case.loss, y, target)
    classes = target.dtype.kind in "iu"
    if chance <= 1e-12:
        return Finding(name, None, "All targets are the same, so that there is nothing to compare the loss with.")
    other = f"log K = {chance:.3g} for K = {y.shape[-1]}" if classes else f"{chance:.3g} for a constant output"
    if found < chance / 2:
        return Finding(
            name,
            False,
            f"The loss starts at {found:.3g}, against {other}: an untrained model cannot know so much, so look for the "
            "target among the inputs, and for weights that are trained already.",
        )
    if found > (chance + max(1.0, chance / 2) if classes else 4 * chance):
        remedy = "smaller weights in the last layer" if classes else "targets of mean 0 and variance 1, smaller weights"
        return Finding(
            name,
            False,
            f"The loss starts at {found:.3g}, against {other}: outputs of the wrong size must be unlearnt first; try "
            f"inputs of unit size and {remedy}.",
        )
    return Finding(name, True, f"The loss starts at {found:.3g}, against {other}.")


def dead_units(case: Case) -> Finding:
    """Units that are zero for every example, in outputs after the first layer with Params (before it, zeros are the
    data's own: a border of an image) that are more than a change of shape (maps as rows make units of places, and a
    place may be blank in all images). Units are those of `core.probe.Call.dead`."""
    calls, owners = _passed(case).calls, _owners(case.model)
    first = next((i for i, call in enumerate(calls) if call.path in owners), len(calls))
    measured = [call for call in calls[first:] if call.leaf and call.dead is not None]
    measured = [call for call, before in zip(measured, [None, *measured], strict=False) if not _reshapes(call, before)]
    if not measured or len(case.x) < FEWEST:
        what = f"fewer than {FEWEST} examples" if measured else "no layer with Params and units"
        return Finding("dead units", None, f"There are {what}.")
    for call in measured:
        if call.dead and call.dead > TOO_MANY:
            return Finding(
                "dead units",
                False,
                f"{call.dead:.0%} of the units of {_name(call)} are zero for every example, and learn nothing: try "
                "smaller or less negative biases, weights by he_normal, inputs of mean 0, a lower rate, or leaky_relu.",
            )
    worst = max(measured, key=lambda call: call.dead or 0.0)
    return Finding("dead units", True, f"At most {worst.dead or 0.0:.0%} of the units of a layer are dead.")


def saturated_units(case: Case) -> Finding:
    """Outputs with known bounds (tanh, scaled_tanh, sigmoid, softsign in a Sequential), and gates of recurrent layers
    (see `firsthand.clinic.gates`), by layer over all its calls."""
    shares: dict[str, list[float]] = {}
    for call in _passed(case).calls:
        if call.saturated is not None:
            shares.setdefault(f"the outputs of {_place(call)}", []).append(call.saturated)

    def visit(path: str, step: Step, inputs: tuple[Any, ...], outputs: Any, backward: Backward) -> Backward:
        share = gate_saturation(step, inputs, outputs)
        if share is not None:
            shares.setdefault(f"the gates of {path or 'the model'} ({kind_of(step)})", []).append(share)
        return backward

    watch(case.specimen(), visit)(case.sample(EXAMPLES)[0])
    found = {place: sum(each) / len(each) for place, each in shares.items()}
    for place, share in found.items():
        if share > TOO_SATURATED:
            return Finding(
                "saturated units",
                False,
                f"{share:.0%} of {place} lie in the flat parts, where next to no gradient passes: try smaller weights "
                "(lecun_normal, glorot_uniform) or inputs of unit size.",
            )
    if not found:
        return Finding("saturated units", None, "There is no tanh, sigmoid, softsign or gate to be seen.")
    return Finding("saturated units", True, f"At most {max(found.values()):.0%} of a layer's outputs are saturated.")


def gradients_by_layer(case: Case) -> Finding:
    """Params without any gradient; and the gradients of the outputs of all layers with Params, first against last."""
    name = "gradients by layer"
    model = case.specimen()
    probe = _passed(case, model)
    without = [path for path, p in model.named_params() if not p.grad.any()]
    if without:
        more = f" (and {len(without) - 3} more)" if len(without) > 3 else ""
        return Finding(
            name,
            False,
            f"The gradient of {', '.join(without[:3])}{more} is exactly zero: look for a backward that does not pass "
            "it on, a part that the output does not depend on, or dead units.",
        )
    owners = _owners(case.model)
    calls = [call for call in probe.calls if call.path in owners and call.grad_norm is not None]
    if len(calls) < 2:
        return Finding(name, None, "There are fewer than two layers with Params.")
    norms = [call.grad_norm or 0.0 for call in calls]
    ratio = norms[0] / norms[-1] if norms[-1] else math.inf
    places = f"from {norms[-1]:.2g} at {_name(calls[-1])} to {norms[0]:.2g} at {_name(calls[0])}"
    if ratio < 1 / RANGE:
        return Finding(
            name,
            False,
            f"The gradient vanishes on its way back, {places}: try weights by he_normal (relu) or glorot_uniform, "
            "normalisation, Residual, or an activation that saturates less.",
        )
    if ratio > RANGE:
        return Finding(
            name,
            False,
            f"The gradient explodes on its way back, {places}: try smaller weights (he_normal, glorot_uniform), "
            "normalisation, or clip_by_norm.",
        )
    return Finding(name, True, f"The gradient goes {places}.")


def _passed(case: Case, model: Layer | None = None) -> Probe:
    """A probe that saw one forward and backward pass, of the model or of a copy."""
    probe = Probe(case.specimen() if model is None else model)
    x, target = case.sample(EXAMPLES)
    y, backward = probe.model(x)
    dy = case.loss(y, target)[1]()
    backward(*dy if isinstance(dy, tuple) else (dy,))
    return probe


def _owners(model: Layer) -> set[str]:
    """The paths of the layers that own Params."""
    return {path for path, layer in model.named_layers() if any(isinstance(c, Param) for _, c in layer.children())}


def _reshapes(call: Call, before: Call | None) -> bool:
    return before is not None and call.shape != before.shape and math.prod(call.shape) == math.prod(before.shape)


def _place(call: Call) -> str:
    return f"{call.path or 'the model'} ({call.kind})"


def _name(call: Call) -> str:
    return _place(call) if call.call == 0 else f"{_place(call)}, call {call.call + 1}"
