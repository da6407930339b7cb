"""The estimate of a step: known counts, both limits, and that measuring leaves the model alone."""

import numpy as np

from core import LSTM, BatchNorm, Conv2d, Dropout, Embedding, Linear, Sequential, cost, tanh
from firsthand.roofline import Machine, estimate, measure_machine, report, step_time
from tests.core.helpers import close, data_of, seeded

X = np.ones((4, 10), np.float32)


def test_counts_of_a_dense_layer() -> None:
    found = estimate(cost(Linear(10, 20, rng=seeded()), X), Machine(1e9, 1e9))
    assert found.multiply_adds == 800 + 1600
    forward, backward = 4 * (10 + 20) + 220, 4 * (20 + 20) + 3 * 220
    assert found.bytes_moved == 4 * (forward + backward)
    close(found.intensity, 2400 / found.bytes_moved)


def test_the_slower_of_both_limits_counts() -> None:
    counted = cost(Linear(10, 20, rng=seeded()), X)
    moved = estimate(counted, Machine(1e9, 1e9)).bytes_moved
    close(estimate(counted, Machine(1e3, 1e12)).seconds, 2400 / 1e3)
    close(estimate(counted, Machine(1e12, 1e3)).seconds, moved / 1e3)


def test_layers_add_up() -> None:
    rng, machine = seeded(), Machine(1e3, 1e12)
    both = Sequential(Conv2d(1, 2, 3, rng=rng), tanh, Conv2d(2, 3, 3, rng=rng))
    total = estimate(cost(both, np.ones((2, 1, 8, 8), np.float32)), machine).seconds
    between = 4 * 2 * 2 * 36 * (3 + 2) / 1e12  # tanh multiplies nothing, but moves x, x, dx and y, dy
    close(total, 3 * 2 * (36 * 2 * 9 + 16 * 3 * 18) / 1e3 + between)


def test_measuring_leaves_the_model_alone() -> None:
    model = Sequential(Linear(5, 4, rng=seeded()), BatchNorm(4), Dropout(0.5, rng=seeded()))
    before = [a.copy() for a in (*data_of(model), *(b for _, b in model.named_buffers()))]
    state = model["2"].rng.bit_generator.state
    assert step_time(model, np.ones((3, 5), np.float32)) > 0
    after = (*data_of(model), *(b for _, b in model.named_buffers()))
    for a, b in zip(after, before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not any(p.grad.any() for _, p in model.named_params()) and model["2"].rng.bit_generator.state == state


def test_several_outputs_integers_and_a_loss_can_be_timed() -> None:
    assert step_time(LSTM(3, 4, rng=seeded()), (5, 3)) > 0
    assert step_time(Embedding(3, 4, rng=seeded()), np.ones((2, 5), int)) > 0


def test_report() -> None:
    words = report(Sequential(hidden=Linear(10, 20, rng=seeded()), f=tanh), X, machine=Machine(1e6, 1e12)).splitlines()
    intensity = 2400 / (4 * (3 * 40 + 2 * 80 + 4 * 220))
    assert words[1].split() == ["hidden", "Linear", "20", "220", "800", "1,600", f"{intensity:.3g}", "2.4"]
    assert words[2].split() == ["f", "tanh", "20", "0", "0", "0", "0", "1.6e-06"]
    assert words[4:6] == ["220 parameters; 480 bytes kept for backward", "800 multiply-adds forward, 1,600 backward"]
    assert words[7].startswith("2.4 ms predicted, ") and words[7].endswith(" ms measured")


def test_the_machine_does_something() -> None:
    machine = measure_machine()
    assert machine.multiply_adds_per_second > 1e6 and machine.bytes_per_second > 1e6
