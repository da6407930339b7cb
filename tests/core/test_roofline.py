"""The estimate of a step: known counts, both limits, and that measuring leaves the model alone."""

import numpy as np
import pytest

from core import Conv2d, Linear, Sequential, cost, tanh
from core.roofline import Machine, estimate, measure_machine, step_time
from tests.core.helpers import close, seeded


def test_counts_of_a_dense_layer() -> None:
    found = estimate(cost(Linear(10, 20, rng=seeded()), (10,)), 4, Machine(1e9, 1e9))
    assert (found.multiply_adds_forward, found.multiply_adds_backward) == (800, 1600)
    forward, backward = 4 * (10 + 20) + 220, 4 * (20 + 20) + 3 * 220
    assert found.bytes_moved == 4 * (forward + backward)
    close(found.intensity, 2400 / found.bytes_moved)


def test_the_slower_of_both_limits_counts() -> None:
    counted = cost(Linear(10, 20, rng=seeded()), (10,))
    moved = estimate(counted, 4, Machine(1e9, 1e9)).bytes_moved
    close(estimate(counted, 4, Machine(1e3, 1e12)).seconds, 2400 / 1e3)
    close(estimate(counted, 4, Machine(1e12, 1e3)).seconds, moved / 1e3)


def test_layers_add_up() -> None:
    rng, machine = seeded(), Machine(1e3, 1e12)
    both = Sequential(Conv2d(1, 2, 3, rng=rng), tanh, Conv2d(2, 3, 3, rng=rng))
    total = estimate(cost(both, (1, 8, 8)), 2, machine).seconds
    close(total, 3 * 2 * (36 * 2 * 9 + 16 * 3 * 18) / 1e3)


@pytest.mark.parametrize("batch", [1, 3])
def test_measuring_leaves_the_model_alone(batch: int) -> None:
    model = Sequential(Linear(5, 4, rng=seeded()), tanh)
    before = [p.data.copy() for _, p in model.named_params()]
    assert step_time(model, (5,), batch) > 0
    for (_, p), data in zip(model.named_params(), before, strict=True):
        np.testing.assert_array_equal(p.data, data)
        assert not p.grad.any()


def test_the_machine_does_something() -> None:
    machine = measure_machine()
    assert machine.multiply_adds_per_second > 1e6 and machine.bytes_per_second > 1e6
