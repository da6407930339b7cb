"""The paper's experiments: each optimiser at every rate of its grid, judged at its best one."""

import math
from typing import Any

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from . import problems
from .training import network_curve, regression_curves, vae_curve

Rates = dict[str, list[float]]


def logistic(
    run: Run, *, images: str, number: int, passes: int, batch: int, decay: float, annealed_twice: bool, rates: Rates
) -> Result:
    """Softmax regression on digits; each optimiser has its mean training cost over the passes, at its best rate."""
    x, labels = problems.digits(run, images, number)
    curves = {
        name: regression_curves(
            run,
            name if annealed_twice else name.removeprefix("annealed "),
            grid,
            x,
            labels,
            passes=passes,
            batch=batch,
            decay=decay,
        )
        for name, grid in rates.items()
    }
    best, at_an_end, arrays = _best(curves, rates)
    return Result(
        {
            "adam": best["adam"],
            "adam_over_nesterov": best["adam"] / best["nesterov"],
            "adagrad_over_adam": best["adagrad"] / best["adam"],
            "adagrad_over_nesterov": best["adagrad"] / best["nesterov"],
            "annealed_adagrad_over_adam": best["annealed adagrad"] / best["adam"],
            "untrained_over_nesterov": math.log(10) / best["nesterov"],
            "best_at_an_end": at_an_end,
        },
        arrays,
    )


def matrix(run: Run, *, passes: int, batch: int, decay: float, rates: Rates) -> Result:
    """Softmax regression on the small digits, with the second moments of all pairs of weights or of each alone."""
    x, labels = problems.digits(run, "optdigits", 1797)
    curves = {
        name: regression_curves(run, name, grid, x, labels, passes=passes, batch=batch, decay=decay)
        for name, grid in rates.items()
    }
    best, at_an_end, arrays = _best(curves, rates)
    return Result(
        {
            "matrix_over_adam": best["matrix"] / best["adam"],
            "numbers_per_weight": x.shape[1] * 10,
            "best_at_an_end": at_an_end,
        },
        arrays,
    )


def sparse(
    run: Run, *, frequencies: str, documents: int, words: int, passes: int, batch: int, dropout: float, rates: Rates
) -> Result:
    """Softmax regression on bags of words, judged likewise."""
    x, labels = problems.bags_of_words(run, frequencies, documents, words)
    curves = {
        name: regression_curves(run, name, grid, x, labels, passes=passes, batch=batch, dropout=dropout)
        for name, grid in rates.items()
    }
    best, at_an_end, arrays = _best(curves, rates)
    frequency = x.mean(axis=0)  # at zero weights p = 1/2, and the squared gradient is 1/4 where the word is, else 0
    return Result(
        {
            "adam_over_adagrad": best["adam"] / best["adagrad"],
            "adam_over_nesterov": best["adam"] / best["nesterov"],
            "adagrad_over_nesterov": best["adagrad"] / best["nesterov"],
            "untrained_over_nesterov": math.log(2) / best["nesterov"],
            "spread": float(frequency.max() / frequency[frequency > 0].min()),
            "best_at_an_end": at_an_end,
        },
        arrays,
    )


def network(run: Run, *, number: int, passes: int, batch: int, hidden: int, dropout: float, rates: Rates) -> Result:
    """The multilayer network, judged likewise."""
    x, labels = problems.digits(run, "mnist", number)
    curves: dict[str, Array] = {}
    fades: list[float] = []
    for name, grid in rates.items():
        columns = []
        for rate in grid:
            costs, squares = network_curve(
                run, name, rate, x, labels, passes=passes, batch=batch, hidden=hidden, dropout=dropout
            )
            columns.append(costs)
            if name == "adam":
                fades.append(squares[0] / squares[-1])
        curves[name] = np.array(columns).T
    best, at_an_end, arrays = _best(curves, rates)
    others = {name: cost for name, cost in best.items() if name != "adam"}
    return Result(
        {
            "adam": best["adam"],
            **{f"over_{name}": best["adam"] / cost for name, cost in others.items()},
            "over_best_other": best["adam"] / min(others.values()),
            "untrained_over_best_other": math.log(10) / min(others.values()),
            "fade": fades[int(_means(curves["adam"]).argmin())],
            "best_at_an_end": at_an_end,
        },
        arrays,
    )


def vae(
    run: Run,
    *,
    beta1: float,
    beta2: float,
    corrected: bool,
    passes: int,
    hidden: int,
    latent: int,
    batch: int,
    log_rates: list[float],
) -> Result:
    """A variational auto-encoder at every rate of the grid."""
    x, _ = problems.digits(run, "optdigits", 1797)
    curves = []
    for done, log_rate in enumerate(log_rates, start=1):
        curve = vae_curve(
            run,
            10**log_rate,
            x,
            beta1=beta1,
            beta2=beta2,
            corrected=corrected,
            passes=passes,
            hidden=hidden,
            latent=latent,
            batch=batch,
        )
        curves.append(curve)
        run.progress(done, len(log_rates))
    losses = np.array(curves)  # (rates, passes)
    pixel = x.mean(axis=0)
    logs = np.log(np.maximum([pixel, 1 - pixel], 1e-30))
    mean_image = -float((pixel * logs[0] + (1 - pixel) * logs[1]).sum())
    untrained = float(losses[int(np.argmin(log_rates)), 0])
    at_10, last = np.minimum(losses[:, min(9, passes - 1)], untrained), np.minimum(losses[:, -1], untrained)
    high = int(np.argmin(np.abs(np.array(log_rates) + 2)))
    return Result(
        {
            "best_10": at_10.min(),
            "best_100": last.min(),
            "at_high_rate_10": at_10[high],
            "stable_10": int((at_10 < mean_image).sum()),
            "mean_image_over_best": mean_image / last.min(),
        },
        {"log_rates": log_rates, "at_10": at_10, "at_100": last, "mean_image": mean_image},
    )


def _means(curve: Array) -> Array:
    """(A,): the mean over the passes at each rate; a rate at which the cost is not finite is as bad as can be."""
    means: Array = np.where(np.isfinite(curve).all(axis=0), curve.mean(axis=0), np.inf)
    return means


def _best(curves: dict[str, Array], rates: Rates) -> tuple[dict[str, float], int, dict[str, Any]]:
    """Each optimiser's mean cost at its best rate, how many best rates lie at an end of their grids, and what figures
    need: the best curve of each, and the mean cost at every rate."""
    best, at_an_end = {}, 0
    arrays: dict[str, Any] = {"optimisers": list(curves), "best_rates": []}
    for name, curve in curves.items():
        means = _means(curve)
        place = int(means.argmin())
        best[name] = float(means[place])
        at_an_end += place in (0, len(means) - 1)
        arrays["best_rates"].append(rates[name][place])
        arrays |= {f"curve {name}": curve[:, place], f"rates {name}": rates[name], f"means {name}": means}
    return best, at_an_end, arrays
