r"""Schedules of the rate: functions of the number of steps taken so far, from 0. The training loop assigns their value.

schedule = cosine(0.1, steps=1000)
for step in range(1000):
    optimiser.rate = schedule(step)
"""

import math
from collections.abc import Callable
from typing import TypeAlias

from core.guard import finite, whole

Schedule: TypeAlias = Callable[[int], float]


def constant(rate: float) -> Schedule:
    r"""\(\eta_t = \eta\)."""
    rate = finite("constant", "rate", rate, least=0.0)
    return lambda step: rate


def staircase(rate: float, every: int, factor: float) -> Schedule:
    r"""\(\eta_t = \eta\, f^{\lfloor t / T \rfloor}\): the rate is multiplied by `factor` every so many steps."""
    rate, factor = finite("staircase", "rate", rate, least=0.0), finite("staircase", "factor", factor, least=0.0)
    every = whole("staircase", "every", every)
    return lambda step: rate * factor ** (step // every)


def cosine(rate: float, steps: int, lowest: float = 0.0) -> Schedule:
    r"""Half a cosine from `rate` to `lowest`, where it stays (Loshchilov and Hutter 2017, equation 5, no restarts).

    $$\eta_t = \eta_{\min} + \tfrac12 (\eta - \eta_{\min}) \Big(1 + \cos \frac{\pi t}{T}\Big)$$
    """
    rate, lowest = finite("cosine", "rate", rate, least=0.0), finite("cosine", "lowest", lowest, least=0.0)
    steps = whole("cosine", "steps", steps)
    return lambda step: lowest + 0.5 * (rate - lowest) * (1 + math.cos(math.pi * min(step, steps) / steps))


def warm_up(steps: int, then: Schedule) -> Schedule:
    r"""\(\eta_t = \min(1, \frac{t + 1}{T})\, \eta'_t\): a linear start of another schedule \(\eta'\)."""
    steps = whole("warm_up", "steps", steps)
    return lambda step: then(step) * min(1.0, (step + 1) / steps)


def transformer(n_model: int, warm_up: int = 4000) -> Schedule:
    r"""\(\eta_t = d^{-1/2} \min(t^{-1/2},\ t\, w^{-3/2})\) with t counted from 1 (Vaswani et al. 2017, equation 3)."""
    n_model, warm_up = whole("transformer", "n_model", n_model), whole("transformer", "warm_up", warm_up)
    return lambda step: n_model**-0.5 * min((step + 1) ** -0.5, (step + 1) * warm_up**-1.5)
