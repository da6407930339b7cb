"""The experiments that paper.yml names: each takes a run, or the runs of all seeds, and returns named measurements."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from core.containers import Sequential
from core.dense import Linear
from core.layer import Array, Layer
from firsthand import Result, Run

from . import data
from .blocks import MemoryBlocks
from .model import ERRORS, Network, SimpleRecurrent, memory_network, simple_network, squared
from .training import TEST, Rule, Trial, absolute_errors, train

# tables 1, 3, 4, 7 and 9: inputs, blocks, cells in a block, outputs, biased units of the hidden layer, output biases
NETS: dict[str, tuple[tuple[int, int, int, int], tuple[str, ...], bool, int]] = {
    "1, 3 blocks of 2": ((7, 3, 2, 7), ("gates",), False, 276),
    "1, 4 blocks of 1": ((7, 4, 1, 7), ("gates",), False, 264),
    "2c, 50 distractors": ((54, 2, 1, 2), (), False, 364),
    "2c, 100 distractors": ((104, 2, 1, 2), (), False, 664),
    "2c, 200 distractors": ((204, 2, 1, 2), (), False, 1264),
    "2c, 500 distractors": ((504, 2, 1, 2), (), False, 3064),
    "2c, 1000 distractors": ((1004, 2, 1, 2), (), False, 6064),
    "3a": ((1, 3, 1, 1), ("gates", "cells"), False, 102),
    "4": ((2, 2, 2, 1), ("gates", "cells"), True, 93),
    "6a": ((8, 2, 2, 4), ("gates", "cells"), True, 156),
    "6b": ((8, 3, 2, 8), ("gates", "cells"), True, 308),
}
LAGS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000)


def weights(run: Run, *, forget: float | None) -> Result:
    """Build the network of every table, and count the numbers in its arrays."""
    rng = run.rng("weights")
    nets: dict[str, Network] = {}
    counted: dict[str, int] = {}
    for name, (sizes, biased, output_bias, _) in NETS.items():
        nets[name] = memory_network([rng], *sizes, biased=biased, output_bias=output_bias, forget=forget)
        counted[name] = nets[name].count()
    published = {name: count for name, (*_, count) in NETS.items()}
    # 2a: a cell and its input gate, or a unit that also sees itself, on 101 inputs; 101 outputs see inputs and cell
    counted["2a"] = _numbers(Linear(101, 2, rng=rng, bias=False), Linear(102, 101, rng=rng, bias=False))
    counted["2a, RTRL"] = _numbers(Linear(102, 1, rng=rng, bias=False), Linear(102, 101, rng=rng, bias=False))
    published |= {"2a": 10504, "2a, RTRL": 10404}
    without_gates = {name: nets[name].count() - _of_gates(nets[name].hidden) for name in nets}
    blocks = nets["6a"].hidden
    return Result(
        {
            "miscounted": sum(counted[name] != published[name] for name in published),
            "order": counted["6a"],
            "adding": counted["4"],
            "modern_order": _modern(8, 4, 4),
            "modern_adding": _modern(2, 4, 1),
            "cells_only_miscounted": sum(without_gates.get(name, 0) != published[name] for name in published),
            "multiply_adds": blocks.W.data[0].size + blocks.U.data[0].size,
        },
        {"names": list(published), "counted": [counted[n] for n in published], "published": list(published.values())},
    )


def _numbers(*layers: Layer) -> int:
    return sum(p.data.size for _, p in Sequential(*layers).named_params())


def _of_gates(blocks: Any) -> int:
    """Weights into the gates of one network."""
    biases = blocks.b_gates.data[0].size if blocks.b_gates is not None else 0
    return int(blocks.W.data[0, :, : blocks.gates].size + blocks.U.data[0, :, : blocks.gates].size + biases)


def _modern(n_in: int, cells: int, K: int) -> int:
    """Four gates for each cell, which see inputs and cells, all biased; and biased outputs."""
    return 4 * cells * (n_in + cells + 1) + K * (cells + 1)


def error_flow(runs: Sequence[Run], *, network: str) -> list[Result]:
    """An error of one for each state at the end of random symbols: what comes back after 1 to 1,000 steps?"""
    rngs = [run.rng("symbols") for run in runs]
    x = np.stack([np.eye(8)[rng.integers(4, 8, (1, max(LAGS)))] for rng in rngs])  # (R, 1, 1000, 8)

    def build(name: str, **options: Any) -> Any:
        draws = [run.rng("weights") for run in runs]
        if name == "simple":
            return SimpleRecurrent(draws, 8, 10).astype(np.float64), (10,)
        return MemoryBlocks(draws, 8, 2, 2, input_gate_bias=(-2, -4), **options).astype(np.float64), (2, 2)

    def back(built: Any, lag: int) -> Array:
        """What comes back (R, to, from) of an error of one in each state."""
        layer, state = built
        n = int(np.prod(state))
        (y, s), backward = layer(np.repeat(x[:, :, :lag], n, axis=1), np.zeros((len(runs), n, *state)))
        _, ds = backward(np.zeros_like(y), np.broadcast_to(np.eye(n).reshape(n, *state), s.shape))
        jacobian: Array = ds.reshape(len(runs), n, n)
        return jacobian

    chosen = build(network)
    far = back(chosen, max(LAGS))
    deviation = np.abs(far - np.eye(far.shape[1])).max(axis=(1, 2))
    U = np.abs(chosen[0].U.data)
    norm, n = U.sum(axis=2).max(axis=1), U.shape[1]  # |U|, with f'max = 1 for tanh and for g
    lags = np.array([lag for lag in LAGS if lag <= 100])
    flow = np.stack([np.abs(back(chosen, int(lag))).max(axis=(1, 2)) for lag in lags], axis=1)  # (R, lags)
    bound = n * norm[:, None] ** lags
    nets = {
        "carousel": build("carousel"),
        "full gradient": build("carousel", gradient="full"),
        "forget gate, bias 5": build("carousel", forget=5.0),
        "forget gate, bias 0": build("carousel", forget=0.0),
        "simple network": build("simple"),
    }
    curves = {
        name: np.stack([np.abs(back(built, lag)).max(axis=(1, 2)) for lag in LAGS], axis=1)
        for name, built in nets.items()
    }
    return [
        Result(
            {"deviation": deviation[r], "over_bound": (flow / bound)[r].max(), "undamped_over_bound": 1 / bound[r, -1]},
            {"lags": LAGS, "names": list(curves), "curves": [curve[r] for curve in curves.values()]},
        )
        for r in range(len(runs))
    ]


def structure(runs: Sequence[Run], *, input_gate_bias: Sequence[float], recurrent: str) -> list[Result]:
    """What sequences of task 6a look like, and what they do to the cells of an untrained network."""
    found = []
    for run in runs:
        sequences = data.temporal_order(run.rng("sequences"), 2000, length=100)
        label = sequences.targets.argmax(axis=1)
        relevant = sequences.x[:, :, [data.X, data.Y]].any(axis=2)  # (2000, 110)
        places = np.nonzero(relevant)[1].reshape(-1, 2) + 1
        counts = sequences.x[:, :, data.Y].sum(axis=1).astype(int)  # how many Y: with two relevant symbols, all of it
        best = np.array([np.bincount(label[counts == count], minlength=4).argmax() for count in range(3)])
        network = memory_network([run.rng("weights")], 8, 2, 2, 4, input_gate_bias=input_gate_bias)
        if recurrent == "cut":
            network.hidden.U.data = 0 * network.hidden.U.data
        (_, s), _ = network.hidden(sequences.x[None, :, :100], np.zeros((1, 2000, 2, 2), np.float32))
        found.append(
            Result(
                {
                    "lag": (sequences.lengths - places[:, 0]).mean(),
                    "least_lag": (sequences.lengths - places[:, 1]).min(),
                    "informative": relevant.sum() / sequences.lengths.sum(),
                    "unordered_error": (best[counts] != label).mean(),
                    "drift": s[0].std(axis=0).mean(),
                    "first_drift": s[0, :, :, 0].std(axis=0).mean(),
                }
            )
        )
    return found


def temporal_order(
    runs: Sequence[Run],
    *,
    length: int,
    input_gate_bias: Sequence[float],
    forget: float | None,
    gradient: str,
    labels: str,
    rate: float,
    most: int,
) -> list[Result]:
    """Task 6a until the outputs of 2,000 sequences in a row were right, with an average error below 0.1."""
    task = partial(data.temporal_order, length=length)
    network = memory_network(
        [run.rng("weights") for run in runs],
        *(8, 2, 2, 4),
        input_gate_bias=input_gate_bias,
        forget=forget,
        gradient=gradient,
    )
    rule = Rule(tolerance=0.3, average=0.1, most=most)
    trials = train(runs, network, task, squared, rule, [rate] * len(runs), shuffled=labels == "shuffled")
    found = []
    for run, trial in zip(runs, trials, strict=True):
        error = absolute_errors(trial.network, task(run.rng("test"), TEST))
        numbers = {
            "wrong": int((error >= rule.tolerance).any(axis=1).sum()),
            "test_error": error.mean(),
            "correct": trial.correct(),
        }
        found.append(Result(_outcome(trial) | numbers, _curves(trial) | _weights(trial.network)))
    return found


def simple_recurrent(
    runs: Sequence[Run], *, length: int, units: int, spread: float, rates: Sequence[float], clip: float, most: int
) -> list[Result]:
    """The same for a simple recurrent network: each run tries every rate, on the same sequences."""
    task, each = partial(data.temporal_order, length=length), [run for run in runs for _ in rates]
    network = simple_network([run.rng("weights") for run in each], 8, units, 4, spread=spread)
    rule = Rule(tolerance=0.3, average=0.1, most=most)
    trials = train(each, network, task, squared, rule, list(rates) * len(runs), clip=clip)
    found = []
    for k, run in enumerate(runs):
        mine = trials[k * len(rates) : (k + 1) * len(rates)]
        fresh = task(run.rng("test"), TEST)
        wrong = [(absolute_errors(t.network, fresh) >= rule.tolerance).any(axis=1).mean() for t in mine]
        numbers = {"correct": max(trial.correct() for trial in mine), "test_correct": 1 - min(wrong)}
        found.append(Result(numbers))
    return found


def adding(runs: Sequence[Run], *, length: int, error: str, rate: float, labels: str, most: int) -> list[Result]:
    """Experiment 4 until 2,000 sums in a row had an error below 0.04, and below 0.01 on average."""
    task = partial(data.adding, length=length)
    network = memory_network([run.rng("weights") for run in runs], 2, 2, 2, 1, input_gate_bias=(-3, -6))
    rule = Rule(tolerance=0.04, average=0.01, most=most)
    trials = train(runs, network, task, ERRORS[error], rule, [rate] * len(runs), shuffled=labels == "shuffled")
    found = []
    for run, trial in zip(runs, trials, strict=True):
        fresh = task(run.rng("test"), TEST)
        errors = absolute_errors(trial.network, fresh)
        wrong, off = errors[:, 0] >= rule.tolerance, np.abs(fresh.targets[:, 0] - 0.5)
        constant, inner = off >= rule.tolerance, off <= 0.4
        bins = np.minimum((off * 20).astype(int), 9)  # by twentieths from the middle
        numbers = {
            "average_below": trial.average_below(rule.average),
            "correct": trial.correct(),
            "wrong": int(wrong.sum()),
            "inner_wrong": wrong[inner].mean(),
            "outer_wrong": wrong[~inner].mean(),
            "constant_wrong": int(constant.sum()),
            "constant_inner_wrong": constant[inner].mean(),
            "constant_correct": 1 - constant.mean(),
        }
        by_target = {"fresh": np.bincount(bins, minlength=10), "missed": np.bincount(bins[wrong], minlength=10)}
        found.append(Result(_outcome(trial) | numbers, _curves(trial, 2000) | by_target))
    return found


def distractors(
    runs: Sequence[Run], *, lag: int, symbols: int, judged: str, labels: str, rate: float, most: int
) -> list[Result]:
    """Task 2c until both outputs of 10,000 sequences were wrong by less than 0.2: fresh ones, or those trained on."""
    task: Callable[..., data.Sequences] = partial(data.distractors, lag=lag, symbols=symbols)
    network = memory_network(
        [run.rng("weights") for run in runs], symbols + 4, 2, 1, 2, spread=0.2, biased=(), output_bias=False
    )
    rule = Rule(tolerance=0.2, window=10_000, most=most, every=1000 if judged == "fresh" else None)
    trials = train(runs, network, task, squared, rule, [rate] * len(runs), shuffled=labels == "shuffled")
    return [Result(_outcome(trial), _curves(trial)) for trial in trials]


def _outcome(trial: Trial) -> dict[str, float]:
    return {"solved": trial.solved, "sequences": trial.sequences}


def _curves(trial: Trial, every: int = 1000) -> dict[str, Any]:
    return {"errors": trial.curve("errors", every), "right": trial.curve("right", every)}


def _weights(network: Network) -> dict[str, Any]:
    """Of a stack of one, by name, for the figures."""
    return {f"weights.{name}": p.data[0] for name, p in network.named_params()}
