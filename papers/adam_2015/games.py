"""Reddi's games on [-1, 1], which Adam loses."""

import math

import numpy as np

from firsthand import Result, Run

from . import bounds, problems
from .model import Adam, AMSGrad


def online(run: Run, *, problem: str, rule: str, alpha: float, beta1: float, beta2: float, rounds: int) -> Result:
    """Reddi's synthetic problem, with the large slope in turn or at random."""
    if problem == "cycle":
        game = problems.play(
            _online_rule(rule, alpha, beta1, beta2), lambda t: 1010.0 if t % 101 == 1 else -10.0, rounds, 0.0, _ignore
        )
    else:
        large = (run.rng("slopes").random(rounds) < 0.01).tolist()
        game = problems.play(
            _online_rule(rule, alpha, beta1, beta2), lambda t: 1010.0 if large[t - 1] else -10.0, rounds, 0.0, _ignore
        )
    averages = np.array(game.regrets) / np.array(game.rounds)
    return Result(
        {"final_x": game.x, "average_regret": game.regret / rounds},
        {"rounds": game.rounds, "x": game.xs, "average_regrets": averages},
    )


def three_cycle(run: Run, *, C: float, rule: str, rounds: int) -> Result:
    """The game of theorem 1 of Reddi et al., and the regret bound of theorem 4.1 on it."""
    beta2 = 1 / (1 + C * C)
    alpha = 0.9 * math.sqrt(1 - beta2)
    player = _online_rule(rule, alpha, 0.0, beta2)
    starts: list[float] = []
    lowest: list[float] = [1.0]
    bound: list[float] = []
    marks = set(np.unique(np.geomspace(1, rounds, 200).round().astype(int)).tolist())

    def note(t: int, x: float) -> None:
        if t % 3 == 1:
            starts.append(x)
        lowest[0] = min(lowest[0], x)
        if t - 1 in marks:
            bound.append(right_side(t - 1))

    def right_side(t: int) -> float:
        v_hat = player.u if isinstance(player, AMSGrad) else player.v / (1 - beta2**t)
        cycles, rest = divmod(t, 3)
        squares = cycles * (C * C + 2) + (C * C + rest - 1 if rest else 0)
        return bounds.regret(
            t, v_hat, squares, alpha=alpha, beta1=0.0, beta2=beta2, diameter=2.0, steepest=C, decay=0.5
        )

    game = problems.play(player, lambda t: float(C) if t % 3 == 1 else -1.0, rounds, 1.0, note)
    bound.append(right_side(rounds))
    earlier = float(np.interp(rounds / 10, game.rounds, game.regrets))
    return Result(
        {
            "smallest_cycle_start": min(starts),
            "smallest_x": lowest[0],
            "regret_over_bound": game.regret / bound[-1],
            "growth": math.log10(abs(game.regret / earlier)),
        },
        {"rounds": game.rounds, "regrets": game.regrets, "bound": bound},
    )


def _online_rule(rule: str, alpha: float, beta1: float, beta2: float) -> Adam:
    kind = AMSGrad if rule == "amsgrad" else Adam
    return kind(alpha, beta1, beta2, 0.0, annealed=True)


def _ignore(t: int, x: float) -> None:
    """A game whose rounds nobody looks at."""
