"""The experiments of study.yml: one predictor on one series, judged on the years after those that it learned from."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from core import Adam, Array, Layer, Linear, mse, predict
from firsthand import Result, Run

from . import model as models
from .series import TRAINING, Part, Split, logistic_map, second_order, split

Answer: TypeAlias = Callable[[Part], Array]

EARLIER = 141  # years up to 1840
CYCLE = 11  # years from one maximum to the next, about


def forecast(
    run: Run, *, series: str, order: str, model: str, window: int, hidden: int, steps: int, rate: float
) -> Result:
    """Train on the training years, choose the step by the validation years, judge on the test years."""
    parts = split(_values(run, series, order))
    return _judged(run, parts, model, window, hidden, steps, rate)


def earlier(run: Run, *, series: str, model: str, window: int, hidden: int, steps: int, rate: float) -> Result:
    """The same within the training years of `forecast`: learn to 1840, stop by 1841 to 1875, judge on 1876 to 1920."""
    parts = split(_values(run, series, "in order")[:TRAINING], EARLIER)
    return _judged(run, parts, model, window, hidden, steps, rate)


def _judged(run: Run, parts: Split, model: str, window: int, hidden: int, steps: int, rate: float) -> Result:
    answer = _trained(run, parts, model, window, hidden, steps, rate)
    predicted = answer(parts.test)
    error = _rmse(predicted, parts.test)
    residuals = (predicted - parts.test.target) * parts.scale
    usual = ~np.isin(parts.test.years, range(1957, 1961))
    highest = parts.test.target >= np.quantile(parts.test.target, 0.8)
    mean_error = _rmse(np.zeros_like(predicted), parts.test)
    persistence_error = _rmse(parts.test.past[:, -1], parts.test)
    validation = _rmse(answer(parts.validation), parts.validation)
    return Result(
        {
            "error": error / mean_error,
            "rmse": error * parts.scale,
            "rmse_but_1957_1960": float(np.sqrt((residuals[usual] ** 2).mean())),
            "bias_high": residuals[highest].mean(),
            "persistence_error": persistence_error / mean_error,
            "validation_error": validation / _rmse(np.zeros(len(parts.validation.target)), parts.validation),
        },
        {"years": parts.test.years, "residuals": residuals},
    )


def _values(run: Run, series: str, order: str) -> Array:
    real = run.data("sunspots")["series"]
    made = {"second order": second_order, "logistic map": logistic_map}
    values = real.astype(np.float64) if series == "sunspots" else made[series](run.rng("series"), len(real))
    return run.rng("order").permutation(values) if order == "shuffled" else values


def _trained(run: Run, parts: Split, model: str, window: int, hidden: int, steps: int, rate: float) -> Answer:
    simple: dict[str, Answer] = {
        "mean": lambda part: np.zeros(len(part.target)),
        "persistence": lambda part: part.past[:, -1],
        "same phase": lambda part: part.past[:, -CYCLE],
    }
    if model in simple:
        return simple[model]
    rng = run.rng("weights")
    if model == "linear":
        network: Layer = least_squares(models.linear(rng, window), parts.training, window)
    else:
        network = models.mlp(rng, window, hidden) if model == "mlp" else models.GRUPredictor(rng, hidden)
        network.astype(np.float64)
        _descend(run, network, parts, window, steps, rate)
    return lambda part: predict(network, part.past[:, -window:])[:, 0]


def shape(run: Run, *, series: str) -> Result:
    """How unlike rise and fall are, in the training years alone. A linear process driven by noise has skewness 0."""
    changes = np.diff(_values(run, series, "in order")[:TRAINING])
    deviations = changes - changes.mean()
    return Result({"skewness": (deviations**3).mean() / changes.std() ** 3, "rising": (changes > 0).mean()})


def least_squares(layer: Linear, part: Part, window: int) -> Linear:
    """The weights at which the squared error over the part is least."""
    x = np.column_stack([part.past[:, -window:], np.ones(len(part.target))])
    found = np.linalg.lstsq(x, part.target, rcond=None)[0]
    layer.astype(np.float64)
    layer.W.data = found[:-1, None]
    assert layer.b is not None
    layer.b.data = found[-1:]
    return layer


def _descend(run: Run, network: Layer, parts: Split, window: int, steps: int, rate: float) -> None:
    """Adam on all training years at once; in the end, the weights of the step with the least validation error."""
    x, target = parts.training.past[:, -window:], parts.training.target[:, None]
    optimiser = Adam(network, rate)
    best, kept = np.inf, dict[str, Array]()
    for step in range(steps):
        y, backward = network(x)
        loss, backward_loss = mse(y, target)
        backward(backward_loss())
        optimiser.step()
        if step % 10 == 9:
            error = _rmse(predict(network, parts.validation.past[:, -window:])[:, 0], parts.validation)
            if error < best:
                best, kept = error, {name: p.data for name, p in network.named_params()}
            run.progress(step + 1, steps, loss)
    for name, p in network.named_params():
        p.data = kept[name]


def _rmse(predicted: Array, part: Part) -> float:
    return float(np.sqrt(((predicted - part.target) ** 2).mean()))
