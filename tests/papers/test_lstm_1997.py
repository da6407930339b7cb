"""lstm_1997: both gradients, a loop over the equations, tasks, trials that keep to themselves, and sabotage."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, check_layer
from firsthand import Run
from firsthand.project import Project
from firsthand.records import Unit
from firsthand.run import execute
from papers.lstm_1997 import data, training
from papers.lstm_1997.blocks import MemoryBlocks
from papers.lstm_1997.experiments import NETS
from papers.lstm_1997.model import SimpleRecurrent, cross_entropy, memory_network, simple_network, squared
from papers.lstm_1997.training import Rule, Trial, train

SLUG = "lstm_1997"
PROJECT = Project.find(Path(__file__))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blocks(gradient: str = "truncated", **options: Any) -> MemoryBlocks:
    return MemoryBlocks([rng(1), rng(2)], 4, 3, 2, spread=0.5, gradient=gradient, **options)


INPUTS = rng(3).normal(size=(2, 3, 5, 4)), rng(4).normal(size=(2, 3, 2, 3))  # two cells in each of three blocks


@pytest.mark.parametrize(
    "options", [{}, {"forget": 0.5}, {"biased": ()}, {"biased": ("gates",), "input_gate_bias": (-2, -4, -1)}]
)
def test_the_full_gradient_keeps_the_contract(options: dict[str, Any]) -> None:
    check_layer(blocks("full", **options), *INPUTS)


def test_the_others_keep_the_contract() -> None:
    check_layer(
        SimpleRecurrent([rng(1), rng(2)], 4, 5, spread=0.5), rng(3).normal(size=(2, 3, 6, 4)), np.ones((2, 3, 5))
    )
    lengths, x = np.array([[6, 2, 4], [1, 6, 3]]), rng(3).normal(size=(2, 3, 6, 4))
    check_layer(memory_network([rng(1), rng(2)], 4, 3, 2, 2, spread=0.5, gradient="full"), x, lengths)
    check_layer(simple_network([rng(1), rng(2)], 4, 5, 2, spread=0.5), x, lengths)
    for criterion in (squared, cross_entropy):
        check_layer(criterion, rng().normal(size=(3, 2, 4)), rng(1).uniform(size=(3, 2, 4)))


def gradients(layer: MemoryBlocks, dy: Array, ds: Array) -> dict[str, Array]:
    layer = layer.astype(np.float64)
    _, backward = layer(*INPUTS)
    dx, ds_0 = backward(dy, ds)
    return {name: p.grad for name, p in layer.named_params()} | {"x": dx, "s": ds_0}


@pytest.mark.parametrize("forget", [None, 0.5])
def test_without_recurrent_weights_the_truncated_gradient_is_the_full_one(forget: float | None) -> None:
    cotangents = rng(5).normal(size=(2, 3, 5, 6)), rng(6).normal(size=(2, 3, 2, 3))
    found = []
    for gradient in ("truncated", "full"):
        layer = blocks(gradient, forget=forget)
        layer.U.data = 0 * layer.U.data
        found.append(gradients(layer, *cotangents))
    for name in found[0]:
        np.testing.assert_allclose(found[0][name], found[1][name], atol=1e-12, err_msg=name)


def second_opinion(layer: MemoryBlocks, x: Array, s: Array, held: Array | None = None) -> tuple[Array, Array, Array]:
    """The equations, number by number, for one network and one sequence: y^c of every step, s_T, all y.

    With `held`, the outputs of a step before, as inputs to the next, are these constants.
    """

    def f(net: float) -> float:
        return 1 / (1 + math.exp(-net))

    W, U, B, S, G = layer.W.data[0], layer.U.data[0], layer.blocks, layer.size, layer.gates
    assert layer.b_gates is not None and layer.b_cells is not None
    b = np.concatenate([layer.b_gates.data[0], layer.b_cells.data[0]])
    y, states, all_y = np.zeros(len(b)), s.copy(), []
    for t, x_t in enumerate(x):
        before = y if held is None else held[t]
        net = [sum(x_t[i] * W[i, j] for i in range(len(x_t))) + b[j] for j in range(len(b))]
        net = [net[j] + sum(before[i] * U[i, j] for i in range(len(b))) for j in range(len(b))]
        y = np.array([f(net_j) for net_j in net])
        for k in range(S):
            for block in range(B):
                g = 4 * f(net[G + k * B + block]) - 2
                kept = y[2 * B + block] if layer.forgets else 1.0
                states[k, block] = kept * states[k, block] + y[block] * g
                y[G + k * B + block] = y[B + block] * (2 * f(states[k, block]) - 1)
        all_y.append(y)
    return np.array(all_y)[:, G:], states, np.concatenate([np.zeros((1, len(b))), all_y])


@pytest.mark.parametrize("forget", [None, 0.5])
def test_the_equations_number_by_number(forget: float | None) -> None:
    layer = blocks(forget=forget).astype(np.float64)
    (y, s), _ = layer(*INPUTS)
    for n in range(3):
        expected_y, expected_s, _ = second_opinion(layer, INPUTS[0][0, n], INPUTS[1][0, n])
        np.testing.assert_allclose(y[0, n], expected_y, atol=1e-12)
        np.testing.assert_allclose(s[0, n], expected_s, atol=1e-12)


@pytest.mark.parametrize("forget", [None, 0.5])
def test_the_truncated_gradient_is_that_with_the_outputs_of_the_step_before_held(forget: float | None) -> None:
    layer = blocks(forget=forget).astype(np.float64)
    x, s = INPUTS[0][0, 0], INPUTS[1][0, 0]
    dy, ds = rng(5).normal(size=(5, 6)), rng(6).normal(size=(2, 3))
    (y, _), backward = layer(INPUTS[0], INPUTS[1])
    cotangent_y, cotangent_s = np.zeros_like(y), np.zeros(INPUTS[1].shape)
    cotangent_y[0, 0], cotangent_s[0, 0] = dy, ds
    dx, ds_0 = backward(cotangent_y, cotangent_s)
    *_, held = second_opinion(layer, x, s)

    def projected() -> float:
        y, s_T, _ = second_opinion(layer, x, s, held)
        return float((dy * y).sum() + (ds * s_T).sum())

    checked = [(p.data[0], p.grad[0]) for _, p in layer.named_params()] + [(x, dx[0, 0]), (s, ds_0[0, 0])]
    for value, gradient in checked:
        for place in [tuple(rng(k).integers(value.shape)) for k in range(4)]:
            here, found = value[place], []
            for move in (1e-6, -1e-6):
                value[place] = here + move
                found.append(projected())
            value[place] = here
            assert (found[0] - found[1]) / 2e-6 == pytest.approx(gradient[place], abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 60))
def test_the_carousel_neither_shrinks_nor_grows(R: int, B: int, S: int, T: int) -> None:
    layer = MemoryBlocks([rng(k) for k in range(R)], 2, B, S, spread=3.0)
    (y, s), backward = layer(rng(9).normal(size=(R, 2, T, 2)).astype(np.float32), np.zeros((R, 2, S, B), np.float32))
    ds = rng(8).normal(size=s.shape).astype(np.float32)
    assert (backward(np.zeros_like(y), ds)[1] == ds).all()


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"MemoryBlocks: got .* expected x \(2, N, T, 4\)"):
        blocks()(np.zeros((2, 3, 5, 3), np.float32), np.zeros((2, 3, 2, 3), np.float32))
    with pytest.raises(ValueError, match="SimpleRecurrent: got"):
        SimpleRecurrent([rng()], 4, 5)(np.zeros((2, 3, 5, 4), np.float32), np.zeros((2, 3, 5), np.float32))
    network = memory_network([rng()], 4, 1, 1, 2)
    with pytest.raises(ValueError, match=r"expected \(1, 2\) integers from 1 to 3"):
        network(np.zeros((1, 2, 3, 4), np.float32), np.array([[1, 4]]))


def test_networks_are_counted_as_the_paper_counts_them() -> None:
    """nh (ni + nh) and the biases, plus no (B S) and the biases: a formula beside the arrays."""
    for (n_in, B, S, K), biased, output_bias, published in NETS.values():
        H = 2 * B + B * S
        formula = H * (n_in + H) + 2 * B * ("gates" in biased) + B * S * ("cells" in biased) + K * (B * S + output_bias)
        assert formula == published


# -- the tasks ---------------------------------------------------------------------------------------------------------


def test_temporal_order() -> None:
    made = data.temporal_order(rng(), 500, length=100)
    assert made.x.shape == (500, 110, 8) and set(made.lengths) == set(range(100, 111))
    ends = np.arange(500), made.lengths - 1
    assert made.x[:, 0, data.E].all() and made.x[ends][:, data.B].all()
    assert (made.x.sum(axis=2) == (np.arange(110) < made.lengths[:, None])).all()  # one symbol at each step, then none
    relevant = made.x[:, :, [data.X, data.Y]]
    places = np.nonzero(relevant.any(axis=2))[1].reshape(500, 2) + 1
    assert set(places[:, 0]) == set(range(10, 21)) and set(places[:, 1]) == set(range(50, 61))
    second_is_y = relevant[np.arange(500)[:, None], places - 1, 1]
    assert (made.targets.argmax(axis=1) == 2 * second_is_y[:, 0] + second_is_y[:, 1]).all()


def test_adding() -> None:
    made = data.adding(rng(), 2000, length=100)
    values, markers = made.x[..., 0], made.x[..., 1]
    assert ((markers == 1).sum(axis=1) == 2).all()
    sums = (values * (markers == 1)).sum(axis=1)
    np.testing.assert_allclose(made.targets[:, 0], 0.5 + sums / 4, atol=1e-6)
    places = np.nonzero(markers == 1)[1].reshape(-1, 2)
    assert places.min() == 0 and places[:, 0].max() == 9 and places.max() == 48
    first = markers[:, 0] == 1
    assert first.any() and (values[first, 0] == 0).all() and (markers[~first, 0] == -1).all()
    assert (markers[np.arange(2000), made.lengths - 1] == -1).all()


def test_distractors() -> None:
    made = data.distractors(rng(), 1000, lag=10, symbols=7)
    symbols = made.x.argmax(axis=2)
    assert made.lengths.min() == 13 and made.lengths.mean() == pytest.approx(
        10 + 2 + 10, abs=0.8
    )  # b, x or y, and ten trials until e
    assert (symbols[:, 0] == 8).all() and (symbols[np.arange(1000), made.lengths - 1] == 7).all()
    assert (symbols[:, 1] == 9 + made.targets.argmax(axis=1)).all()
    inside = (np.arange(symbols.shape[1]) > 1) & (np.arange(symbols.shape[1]) < made.lengths[:, None] - 1)
    assert set(symbols[inside]) == set(range(7))


# -- trials ------------------------------------------------------------------------------------------------------------

TASKS: list[tuple[Any, tuple[int, int, int, int]]] = [
    (partial(data.temporal_order, length=20), (8, 2, 2, 4)),
    (partial(data.distractors, lag=5, symbols=3), (7, 2, 1, 2)),
]


def trials(seeds: list[int], task: Any, sizes: tuple[int, int, int, int], **options: Any) -> list[Trial]:
    runs = [Run(seed) for seed in seeds]
    network = memory_network([run.rng("weights") for run in runs], *sizes, **options)
    return train(runs, network, task, squared, Rule(0.3, most=120), [0.5] * len(runs))


@pytest.mark.parametrize(("task", "sizes"), TASKS)
@pytest.mark.parametrize("gradient", ["truncated", "full"])
def test_a_trial_does_not_depend_on_its_company(task: Any, sizes: tuple[int, int, int, int], gradient: str) -> None:
    alone = trials([3], task, sizes, gradient=gradient)[0]
    for seeds in ([1, 3, 2], [9, 8, 7, 6, 5, 4, 3]):
        among = trials(seeds, task, sizes, gradient=gradient)[seeds.index(3)]
        assert (among.errors == alone.errors).all() and (among.right == alone.right).all()
        for (name, p), (_, q) in zip(among.network.named_params(), alone.network.named_params(), strict=True):
            assert (p.data == q.data).all(), name


def test_a_solved_trial_leaves_and_the_others_go_on() -> None:
    """All is right, and the average falls far enough in some trials sooner than in others."""
    easy = Rule(tolerance=1.0, average=0.42, window=8, most=100)
    runs = [Run(seed) for seed in (0, 1, 2)]

    def task(stream: np.random.Generator, count: int) -> data.Sequences:
        return data.temporal_order(stream, count, length=20)

    def go(chosen: list[Run]) -> list[Trial]:
        network = memory_network([run.rng("weights") for run in chosen], 8, 2, 2, 4)
        return train(chosen, network, task, squared, easy, [0.5] * len(chosen))

    together, alone = go(runs), [go([run])[0] for run in runs]
    assert len({trial.sequences for trial in together}) > 1
    for a, b in zip(together, alone, strict=True):
        assert (a.solved, a.sequences) == (b.solved, b.sequences) and (a.errors == b.errors).all()
        assert not a.solved or a.right[-8:].all()


def test_a_trial_is_over_when_enough_fresh_sequences_are_right() -> None:
    """The weights are held while it is tested, on sequences that no other trial and no training step has seen."""
    tested = Rule(tolerance=0.8, window=500, most=200, every=40)
    task, sizes = TASKS[1]
    runs = [Run(seed) for seed in (0, 1, 2, 3)]
    found = train(runs, memory_network([r.rng("weights") for r in runs], *sizes), task, squared, tested, [0.5] * 4)
    assert all(trial.solved and trial.sequences % 40 == 0 for trial in found)
    strict = Rule(tolerance=0.0, window=500, most=80, every=40)
    (trial,) = train(runs[:1], memory_network([rng()], *sizes), task, squared, strict, [0.5])
    assert not trial.solved and trial.sequences == 80


def test_all_fresh_sequences_must_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    network, rule = memory_network([rng()], *TASKS[1][1]), Rule(tolerance=0.2, window=750, most=1)
    errors = np.zeros((3, 250, 2))
    monkeypatch.setattr(training, "absolute_errors", lambda network, part: next(parts))
    parts = iter(errors)
    assert training.all_right(network, TASKS[1][0], rng(), rule)
    errors[2, 249, 1] = 0.2
    parts = iter(errors)
    assert not training.all_right(network, TASKS[1][0], rng(), rule)


def test_the_average_that_the_rule_asks_for() -> None:
    network = memory_network([rng()], 8, 2, 2, 4)
    rule = Rule(tolerance=1.0, average=0.0, window=5, most=20)  # all is right, and no average is below zero
    (trial,) = train([Run(0)], network, TASKS[0][0], squared, rule, [0.5])
    assert trial.right.all() and not trial.solved and trial.sequences == 20


def test_when_the_average_fell() -> None:
    errors = np.concatenate([np.full(3000, 0.5), np.zeros(3000)]).astype(np.float32)
    trial = Trial(False, errors, errors == 0, memory_network([rng()], 1, 1, 1, 1))
    assert trial.average_below(0.25) == 4001 and trial.average_below(0.0) == 6000
    assert trial.correct() == 1 and trial.curve("errors") == [0.5] * 3 + [0.0] * 3


def test_every_network_steps_at_its_own_rate_and_is_cut_by_itself() -> None:
    network = memory_network([rng(1), rng(2)], 3, 1, 1, 2)
    before = {name: p.data.copy() for name, p in network.named_params()}
    for _, p in network.named_params():
        p.grad[0], p.grad[1] = 100.0, 0.01
    training.step(network, np.array([0.5, 0.1], np.float32), clip=1.0)
    moved = {name: before[name] - p.data for name, p in network.named_params()}
    norm = math.sqrt(sum(float((m[0] ** 2).sum()) for m in moved.values()))
    assert norm == pytest.approx(0.5, rel=1e-4)
    assert all(m[1] == pytest.approx(0.001, rel=1e-2) for m in moved.values())
    assert not any(p.grad.any() for _, p in network.named_params())


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


def holds() -> bool:
    """Whether the quickest trial of the quick experiment lies in the region of Q1, run here and now."""
    experiment = PROJECT.manifest(SLUG).experiments["order"]
    quick = experiment.settings | experiment.tiers["quick"].settings | {"most": 8000}
    record = execute(PROJECT, Unit(SLUG, "order", quick, 102))
    return PROJECT.manifest(SLUG).claim("Q1").accept.contains(record.measurements["solved"])


def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "step", lambda network, rates, clip: network.zero_grad())


def flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the cell inputs has the wrong sign."""
    original = MemoryBlocks._local

    def wrong(self: MemoryBlocks, y: Array, g: Array, states: Array) -> Any:
        local = original(self, y, g, states)
        return local._replace(c_by_s=-local.c_by_s)

    monkeypatch.setattr(MemoryBlocks, "_local", wrong)


def leaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The carousel is no carousel: half of the state is lost at every step."""
    original = MemoryBlocks.__init__

    def leaky(self: MemoryBlocks, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options | {"forget": 0.0})

    monkeypatch.setattr(MemoryBlocks, "__init__", leaky)


def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    original = data.temporal_order
    monkeypatch.setattr(data, "temporal_order", lambda r, n, length: original(r, n, length=length).shuffled(rng(n)))


def test_the_claim_holds_without_sabotage() -> None:
    assert holds()


@pytest.mark.parametrize("sabotage", [frozen, flipped, shuffled])
def test_sabotage_is_noticed(sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch)
    assert not holds()


def test_a_leaking_carousel_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_ = PROJECT.manifest(SLUG).experiments["error_flow"].settings
    unit = Unit(SLUG, "error_flow", settings_, 100)
    region = PROJECT.manifest(SLUG).claim("E1").accept
    assert region.contains(execute(PROJECT, unit).measurements["deviation"])
    leaking(monkeypatch)
    assert not region.contains(execute(PROJECT, unit).measurements["deviation"])


# -- at full length (pytest -m full) -----------------------------------------------------------------------------------


@pytest.mark.full
def test_one_trial_at_the_length_of_the_paper() -> None:
    settings_ = PROJECT.manifest(SLUG).experiments["order"].settings
    record = execute(PROJECT, Unit(SLUG, "order", settings_ | {"most": 60000}, 7))
    assert record.measurements["solved"] == 1 and record.measurements["wrong"] <= 3
