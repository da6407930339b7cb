"""Checks that train or evaluate a copy of the model."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from core.adaptive import Adam
from core.containers import predict
from core.layer import Array, Layer, Param
from core.optim import Optimiser
from firsthand.clinic.finding import Case, Finding, Loss, without_knowledge

BATCH = 16  # examples to learn by heart
RATES, STEPS = (0.01, 0.001, 0.1), 200  # of Adam, each tried from the start
LEARNT = 0.1  # of the way between the best loss there is and that without knowledge
TRIAL_BATCH, TRIAL_BATCHES, TRIAL_STEPS = 32, 8, 40  # of a short run at a rate
FACTORS = (0.1, 1.0, 10.0, 100.0)


def one_batch(case: Case) -> Finding:
    """Can Adam, at any of three rates, learn a few examples by heart? Layers that draw at run time (dropout) do not.

    Learnt is a loss that is closer to the best than a tenth of the way from there to a loss without knowledge. The best
    is what the same number of steps find for outputs that are free (so that smoothed labels cost what they must); for a
    loss that can be negative, as that of a density, there is no best.
    """
    name = "one batch"
    x, target = case.sample(BATCH)
    y, _ = case.specimen()(x)
    chance, best = without_knowledge(case.loss, y, target), _best(case.loss, y, target)
    if not chance - best > 1e-12:
        return Finding(name, None, f"The targets of {len(x)} examples are all the same, or leave nothing to learn.")
    if best < 0:
        return Finding(name, None, "The loss has no floor at zero, so that there is no telling how low it should get.")
    goal = best + LEARNT * (chance - best)
    reached = math.inf
    for rate in RATES:
        model = case.specimen()
        for _, layer in model.named_layers():
            if any(isinstance(child, np.random.Generator) for _, child in layer.children()):
                layer.training = False
        optimiser = Adam(model, rate)
        for _ in range(STEPS):
            value = _step(model, case.loss, optimiser, x, target)
            reached = min(reached, value)
            if not math.isfinite(value) or value < goal:
                break
        if reached < goal:
            return Finding(name, True, f"{len(x)} examples are learnt by heart: the loss falls to {reached:.3g}.")
    return Finding(
        name,
        False,
        f"{len(x)} examples cannot be learnt by heart: in {STEPS} steps of Adam the loss gets to {reached:.3g}, and "
        f"{goal:.3g} was asked ({chance:.3g} is without knowledge): run check_layer on every layer, see that x and "
        "target are in the same order, scale the targets, look for equal x with different targets, try a larger model.",
    )


def learning_rate(case: Case) -> Finding:
    """Short runs over the same batches, in float64, at a tenth of the rate, at it, at ten and a hundred times.

    Too high: the loss is not finite, has not fallen while at a tenth of the rate it has, or has fallen by less than
    half as much as there. Too low: it has fallen by less than a fiftieth, and ten or a hundred times the rate
    bring five times as much.
    """
    name = "learning rate"
    x, target = case.sample(TRIAL_BATCH * TRIAL_BATCHES)
    model = case.specimen().astype(np.float64)
    x, target = (a.astype(np.float64) if a.dtype.kind == "f" else a for a in (x, target))
    before = _in_evaluation(model, case.loss, x, target)
    own = case.optimiser(case.specimen()).rate
    if own == 0:
        return Finding(name, False, "The rate is 0: nothing will be learnt.")
    falls = {factor: before - _after(case, x, target, own * factor) for factor in FACTORS}
    fall, most = falls[1.0], max(falls.values())
    better = own * max(falls, key=lambda factor: falls[factor])
    if not most > 0:
        return Finding(
            name,
            False,
            f"In {TRIAL_STEPS} steps the loss falls at no rate from {own * FACTORS[0]:.2g} to {own * FACTORS[-1]:.2g}: "
            "try far lower ones, and check the gradients (check_layer).",
        )
    if not math.isfinite(fall) or fall <= 0 < falls[0.1] or fall < falls[0.1] / 2:
        what = "the loss falls by " + f"{fall:.2g}" if math.isfinite(fall) and fall > 0 else "the loss does not fall"
        return Finding(
            name,
            False,
            f"The rate {own:.2g} is too high: in {TRIAL_STEPS} steps {what}, but by {most:.2g} at {better:.2g}; "
            "try that.",
        )
    if fall < before / 50 and max(falls[10.0], falls[100.0]) > 5 * max(fall, 0.0):
        return Finding(
            name,
            False,
            f"The rate {own:.2g} is too low: in {TRIAL_STEPS} steps the loss falls by {fall:.2g} from {before:.3g}, "
            f"and by {most:.2g} at {better:.2g}; try that.",
        )
    return Finding(name, True, f"At the rate {own:.2g} the loss falls from {before:.3g} by {fall:.2g} in the trial.")


def evaluation_mode(case: Case) -> Finding:
    """Predictions from a model left in training mode: are they the same in a second call, and for half of the batch?"""
    name, x = "evaluation mode", case.sample(64)[0]
    model = case.specimen()
    first, second = (np.asarray(case.evaluate(model, x)) for _ in range(2))
    remedy = "evaluate with core.predict, or after model.eval(), and see that every layer heeds `training`."
    if not np.array_equal(first, second):
        share = np.mean(first != second)
        return Finding(
            name,
            False,
            f"Two identical calls differ in {share:.0%} of the predictions, because a layer draws: {remedy}",
        )
    half = (len(x) + 1) // 2
    alone, scale = np.asarray(case.evaluate(model, x[:half])), float(np.abs(first).max())
    if alone.shape != first[:half].shape:
        return Finding(name, None, "Predictions do not have the examples along axis 0.")
    if float(np.abs(alone - first[:half]).max()) > 1e-3 * scale:
        return Finding(
            name,
            False,
            "The prediction for an example changes with the other examples of its batch, as batch normalisation makes "
            f"it do in training: {remedy}",
        )
    return Finding(name, True, "Predictions are the same in a second call, and in another batch.")


def _step(model: Layer, loss: Loss, optimiser: Optimiser, x: Array, target: Array) -> float:
    y, backward = model(x)
    value, backward_loss = loss(y, target)
    dy = backward_loss()
    backward(*dy if isinstance(dy, tuple) else (dy,))
    optimiser.step()
    return value


class _Free(Layer):
    """Outputs that are Params."""

    def __init__(self, y: Array) -> None:
        self.y = Param(y)

    def __call__(self, x: Any) -> tuple[Array, Callable[[Array], None]]:
        def pass_back(dy: Array) -> None:
            self.y.grad += dy

        return self.y.data, pass_back


def _best(loss: Loss, y: Array, target: Array) -> float:
    """The loss that free outputs reach; they start from the mean target, or from zero."""
    numbers = target.dtype.kind == "f" and y.shape == target.shape
    begin = np.broadcast_to(target.mean(axis=0), y.shape).astype(y.dtype) if numbers else np.zeros_like(y)
    spread = float(target.std()) if numbers else 1.0
    free = _Free(begin.copy())
    optimiser = Adam(free, 0.1 * spread)
    return min(_step(free, loss, optimiser, y, target) for _ in range(STEPS))


def _after(case: Case, x: Array, target: Array, rate: float) -> float:
    """The loss on all examples after a short run; infinity if it diverges."""
    model = case.specimen().astype(np.float64)
    optimiser = case.optimiser(model)
    optimiser.rate = rate
    order = np.random.default_rng(1)
    try:
        for _ in range(TRIAL_STEPS):
            chosen = order.permutation(len(x))[:TRIAL_BATCH]
            if not math.isfinite(_step(model, case.loss, optimiser, x[chosen], target[chosen])):
                return math.inf
        value = _in_evaluation(model, case.loss, x, target)
    except ValueError:  # layers and losses may refuse what a diverging run makes
        return math.inf
    return value if math.isfinite(value) else math.inf


def _in_evaluation(model: Layer, loss: Loss, x: Array, target: Array) -> float:
    return loss(predict(model, x), target)[0]
