"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.layer import Array, Param
from core.optim import SGD
from core.regression import squared_error
from firsthand import Result, Run

from .digits import digits as digits
from .digits import noise as noise
from .model import beta_law, controller, just_missed, of_bound, pinball, rank

LOCAL = 200  # examples of a local average


def scale(rng: np.random.Generator, stream: str, steps: int) -> Array:
    """The scale of the scores along a stream (T,)."""
    t = np.arange(steps)
    if stream == "jump":
        return np.where(t < steps // 2, 1.0, 2.0)
    if stream == "switching":
        return np.where(t // 2000 % 2 == 0, 1.0, 2.0)
    if stream == "walk":
        walk: Array = np.exp(0.02 * rng.normal(size=steps).cumsum())
        return walk
    return np.ones(steps)


def descent(run: Run, *, loss: str, alpha: float, gamma: float, steps: int) -> Result:
    """The controller, and SGD on a loss of the level: the same numbers, if it is the right loss."""
    rng = run.rng("scores")
    beta = np.exp(-scale(rng, "jump", steps) * rng.exponential(size=steps))  # the distribution of the scores is known
    levels, _ = controller(beta, alpha, gamma)
    theta = Param(np.array([alpha]))
    optimiser, found = SGD([("theta", theta)], gamma), [alpha]
    for b in beta:
        _, backward = pinball(theta.data, b[None], alpha) if loss == "pinball" else squared_error(theta.data, b[None])
        theta.grad += backward()
        optimiser.step()
        found.append(float(theta.data[0]))
    return Result({"difference": float(np.abs(levels - found).max()), "still": float(np.abs(levels - alpha).max())})


def law(run: Run, *, n: int, alpha: float, rule: str, copies: int, draws: int) -> Result:
    """Coverage given the calibration set, by the distribution function of the scores: no test set is needed."""
    rng, k, coverage = run.rng("scores"), rank(n, alpha, rule), np.empty(draws)
    for start in range(0, draws, 500):
        sets = rng.exponential(size=(min(500, draws - start), n // copies)).repeat(copies, axis=1)  # (B, n)
        coverage[start : start + 500] = 1 - np.exp(-np.partition(sets, k - 1, axis=1)[:, k - 1])
    places = np.linspace(0.001, 0.999, 999)
    expected = beta_law(places, n, alpha)
    found = np.searchsorted(np.sort(coverage), places, side="right") / draws
    promise = places >= 1 - alpha
    counts, edges = np.histogram(coverage, bins=60, range=(0.7, 1.0))
    return Result(
        {
            "coverage": coverage.mean(),
            "distance": math.sqrt(draws) * np.abs(found - expected).max(),
            "distance_promise": math.sqrt(draws) * np.abs(promise - expected).max(),
            "tenth": np.quantile(coverage, 0.1),
        },
        {"density": counts / draws / (edges[1] - edges[0]), "edges": edges},
    )


def wander(run: Run, *, stream: str, alpha: float, gamma: float, delay: int, steps: int) -> Result:
    """How far the level strays, where the distribution of the scores of the first part is known."""
    rng = run.rng("scores")
    beta = np.exp(-scale(rng, stream, steps) * rng.exponential(size=steps))
    levels, errors = controller(beta, alpha, gamma, delay=delay)
    deviation = float(levels.std())
    return Result(
        {
            "deviation": deviation,
            "of_theory": deviation / math.sqrt(gamma * alpha * (1 - alpha) / 2),
            "still": 0.0,
            "misses": errors.mean(),
            "everything": float((levels <= 0).mean()),
        }
    )


def hostile(rng: np.random.Generator, n: int, steps: int) -> dict[str, Array]:
    """Streams that know what is just missed: scores above all calibration scores, below all, or now this, now that."""
    strangest = np.full(steps, 1 / (n + 1))
    blocks = rng.integers(0, 2, steps // 500 + 1).repeat(500)[:steps]
    return {"strange": strangest, "ordinary": np.ones(steps), "blocks": np.where(blocks, 1.0, strangest)}


def bound(run: Run, *, alpha: float, gammas: list[float], clip: bool, n: int, steps: int) -> Result:
    """Proposition 4.1 at every step of seven streams, for each gamma."""
    rng = run.rng("scores")
    calibration = np.sort(rng.exponential(size=n))
    streams = hostile(rng, n, steps)
    for stream in ("steady", "jump", "switching", "walk"):
        streams[stream] = just_missed(calibration, scale(rng, stream, steps) * rng.exponential(size=steps))
    found, still = [], []
    for beta in streams.values():
        for gamma in gammas:
            found.append(of_bound(controller(beta, alpha, gamma, clip=clip)[1], alpha, gamma))
            still.append(of_bound(controller(beta, alpha, 0.0)[1], alpha, gamma))
    return Result({"of_bound": max(found), "of_bound_static": max(still)})


def jump(run: Run, *, alpha: float, gamma: float, calibration: str, n: int, steps: int) -> Result:
    """Intervals for numbers at an exponential distance from their prediction, whose scale doubles at half time. The
    calibration set is drawn "once", or is that of the n most "recent" examples."""
    rng = run.rng("scores")
    held_out = rng.exponential(size=n)
    stream = scale(rng, "jump", steps) * rng.exponential(size=steps)
    sets = np.sort(held_out)[None]  # (1, n), for all examples
    if calibration == "recent":
        sets = np.sort(sliding_window_view(np.concatenate([held_out, stream[:-1]]), n), axis=1)  # (T, n)
    below = (sets < stream[:, None]).sum(axis=1)
    beta = (n + 1 - below) / (n + 1)  # as `just_missed`, each example by its own set
    levels, errors = controller(beta, alpha, gamma)
    _, errors_static = controller(beta, alpha, 0.0)
    half = steps // 2
    late = np.array([rank(n, level) for level in levels[half:-1]])
    edges = sets[half:] if len(sets) > 1 else sets.repeat(steps - half, axis=0)
    q = np.array([math.inf if k > n else edge[k - 1] if k > 0 else 0 for k, edge in zip(late, edges, strict=True)])
    window = min(LOCAL, steps)
    local = [np.convolve(e, np.ones(window) / window, mode="valid")[::20] for e in (errors, errors_static)]
    return Result(
        {
            "before": errors[:half].mean(),
            "after": errors[half:].mean(),
            "after_static": errors_static[half:].mean(),
            "everything": float((late > n).mean()),
            "width": min(float(np.median(q)), 1e6) / (2 * -math.log(alpha)),
        },
        {
            "misses": np.array(local),
            "names": ["with the controller", "without"],
            "time": np.arange(window, steps + 1, 20),
            "level": levels[:-1:3],
        },
    )
