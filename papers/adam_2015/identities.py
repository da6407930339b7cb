"""The identities of algorithm 1, its correction, and the size of its steps."""

import numpy as np

from core.adaptive import Adam as CoreAdam
from core.adaptive import RMSProp
from core.layer import Array, Param
from core.optim import Optimiser
from firsthand import Result, Run

from . import bounds, problems
from .model import AdaGrad, Adam, AdaMax, EfficientAdam, IterateAverage, Rule


def rescaling(run: Run, *, steps: int, epsilon: float) -> Result:
    """The same gradients at two scales."""
    gradients = problems.noisy_gradients(run, steps)
    scales = np.array([1e-3, 1, 10, 1e4, 7])
    path, rescaled = (_path(Adam(0.01, epsilon=epsilon), g) for g in (gradients, scales * gradients))
    sgd, sgd_rescaled = (-0.01 * np.cumsum(g, axis=0) for g in (gradients, scales * gradients))
    return Result({"difference": _apart(path, rescaled), "difference_sgd": _apart(sgd, sgd_rescaled)})


def constant(run: Run, *, corrected: bool, beta1: float, beta2: float, steps: int) -> Result:
    """A constant gradient into Adam's moments, constant weights into the average of section 7.2."""
    g = run.rng("gradient").normal(size=5) * np.array([1e-4, 1e-2, 1, 100, 1e4])
    rule, raw = (Adam(0.01, beta1, beta2, 0.0, corrected=c) for c in (corrected, False))
    average = IterateAverage(beta2, corrected=corrected)
    moments_error = raw_error = average_error = 0.0
    for _ in range(steps):
        (m, v), (m_raw, v_raw) = rule.moments(g), raw.moments(g)
        moments_error = max(moments_error, _relative(m, g), _relative(v, g * g))
        raw_error = max(raw_error, _relative(m_raw, g), _relative(v_raw, g * g))
        average_error = max(average_error, _relative(average.add(g), g))

    def first_step(corrected: bool) -> float:
        sizes: Array = np.abs(Adam(1.0, beta1, beta2, 0.0, corrected=corrected).step(0.0, g))
        return float(sizes[np.abs(sizes - 1).argmax()])

    sizes: dict[str, list[float]] = {}
    for name, correct in (("steps_corrected", True), ("steps_raw", False)):
        shown = Adam(1.0, beta1, beta2, 0.0, corrected=correct)
        sizes[name] = [abs(shown.step(0.0, 1.0)) for _ in range(steps)]
    marks = np.unique(np.geomspace(1, steps, 100).round().astype(int))
    return Result(
        {
            "moments_error": moments_error,
            "raw_error": raw_error,
            "first_step": first_step(corrected),
            "first_step_raw": first_step(False),
            "average_error": average_error,
        },
        {"t": marks, **{name: np.array(values)[marks - 1] for name, values in sizes.items()}},
    )


def moments(run: Run, *, chains: int, steps: int, beta2: float, growth: float) -> Result:
    """Equation 4 by simulation; `growth` is the factor by which gradients grow in a step."""
    rng = run.rng("gradients")
    rule = Adam(beta2=beta2, corrected=False)
    for t in range(1, steps + 1):
        g = growth**t * (0.5 + rng.standard_normal(chains))
        _, v = rule.moments(g)
    mean_square = growth ** (2 * steps) * 1.25  # E[g^2] at the last step: 0.5^2 + 1
    ratio_raw = float(v.mean()) / mean_square
    return Result({"ratio": ratio_raw / (1 - beta2**steps), "ratio_raw": ratio_raw})


def adagrad_limit(run: Run, *, memory: float, steps: int) -> Result:
    """Adam towards AdaGrad; `memory` is 1 / (1 - beta2)."""
    gradients = problems.noisy_gradients(run, steps)
    adam, raw = (
        _path(Adam(0.1, 0.0, 1 - 1 / memory, 0.0, annealed=True, corrected=corrected), gradients)
        for corrected in (True, False)
    )
    adagrad = _path(AdaGrad(0.1, epsilon=0.0), gradients)
    return Result({"difference": _apart(adagrad, adam), "difference_raw": _apart(adagrad, raw)})


def trajectories(run: Run, *, other: str, steps: int) -> Result:
    """Algorithm 1 and another form of it, on gradients small enough for epsilon to matter."""
    gradients = problems.noisy_gradients(run, steps, size=1e-7)
    path = _path(Adam(0.01), gradients)
    p = Param(np.zeros(5))
    core = CoreAdam([("p", p)], 0.01)
    if other in ("core", "rmsprop"):
        compared = _core_path(core if other == "core" else RMSProp([("p", p)], 0.01, decay=0.999), p, gradients)
    else:
        efficient = EfficientAdam(0.01)
        efficient.same_epsilon = other == "efficient, same epsilon"
        compared = _path(efficient, gradients)
    kept = p.data.size + sum(array.size for slot in core.slots.values() for array in slot.values())
    return Result(
        {
            "difference": _apart(path, compared),
            "moved": _apart(path, np.zeros_like(path)),
            "numbers_per_weight": kept / p.data.size,
        }
    )


def largest_step(run: Run, *, rule: str, gradients: str, beta1: float, beta2: float, zeros: int, length: int) -> Result:
    """The largest step of a rule on a sequence of gradients made to try its bound."""
    tried: Rule = AdaMax(1.0, beta1, beta2) if rule == "adamax" else Adam(1.0, beta1, beta2, 0.0)
    supremum = (bounds.largest_adamax_step if rule == "adamax" else bounds.largest_step)(beta1, beta2)
    played = list(problems.sequence(run, gradients, beta1=beta1, beta2=beta2, zeros=zeros, length=length))
    steps = [float(np.abs(tried.step(0.0, g)).max()) for g in played]
    shown = [float(np.max(g)) for g in played[-60:]]
    return Result(
        {
            "largest": max(steps),
            "of_supremum": max(steps) / supremum,
            "printed_of_supremum": bounds.printed_step(beta1, beta2) / supremum,
        },
        {"gradients": shown, "steps": steps[-60:]},
    )


def _path(rule: Rule, gradients: Array) -> Array:
    """The weights after each gradient, from zero."""
    theta, path = np.zeros(gradients.shape[1]), []
    for g in gradients:
        theta = rule.step(theta, g)
        path.append(theta)
    return np.array(path)


def _core_path(optimiser: Optimiser, p: Param, gradients: Array) -> Array:
    path = []
    for g in gradients:
        p.grad += g
        optimiser.step()
        path.append(p.data)
    return np.array(path)


def _apart(path: Array, other: Array) -> float:
    """The largest distance, relative to the largest weight of the first path."""
    return float(np.abs(path - other).max() / np.abs(path).max())


def _relative(found: Array, right: Array) -> float:
    return float(np.abs(found / right - 1).max())
