r"""How long a training step should take, from what it computes, what it moves, and two constants of the machine.

A layer can be no faster than its arithmetic, and no faster than its traffic with memory (Williams et al. 2009):

$$t = \max\Big( \frac{\text{multiply-adds}}{\text{peak}},\ \frac{\text{bytes}}{\text{bandwidth}} \Big)$$

Backward takes the forward's multiply-adds twice, once for the inputs and once for the weights. Bytes are counted for
float32, each array once for each time it must be read or written: inputs and outputs forward, these and their gradients
backward, weights in both directions and their gradients. What is far above the prediction wastes time somewhere.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.cost import Cost, Row
from core.layer import Layer

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Machine:
    """What one run of `measure_machine` found, on as many threads as BLAS uses."""

    multiply_adds_per_second: float
    bytes_per_second: float


@dataclass(frozen=True)
class Estimate:
    """A training step (forward and backward) on a batch."""

    multiply_adds_forward: int
    multiply_adds_backward: int
    bytes_moved: int
    seconds: float

    @property
    def intensity(self) -> float:
        """Multiply-adds for each byte: below peak / bandwidth, memory is what limits the step."""
        return (self.multiply_adds_forward + self.multiply_adds_backward) / self.bytes_moved


def measure_machine() -> Machine:
    """The best of a few matrix products, and of a few copies too large for the caches; about a quarter of a second."""
    n = 768
    a, out = np.ones((n, n), np.float32), np.empty((n, n), np.float32)
    source, target = np.ones(1 << 23, np.float32), np.empty(1 << 23, np.float32)
    product = best_time(lambda: np.matmul(a, a, out=out))
    copy = best_time(lambda: np.copyto(target, source))
    return Machine(n**3 / product, 2 * source.nbytes / copy)


def estimate(cost: Cost, batch: int, machine: Machine) -> Estimate:
    """The step that `core.cost` counted, on a batch of that size; layers that own nothing count as traffic only."""
    forward = batch * cost.multiply_adds
    sizes = [math.prod(cost.input_shape), *(math.prod(row.output_shape) for row in cost.rows)]
    traffic = [_bytes(row, size_in, batch) for row, size_in in zip(cost.rows, sizes, strict=False)]
    seconds = sum(
        max(3 * batch * row.multiply_adds / machine.multiply_adds_per_second, moved / machine.bytes_per_second)
        for row, moved in zip(cost.rows, traffic, strict=True)
    )
    return Estimate(forward, 2 * forward, sum(traffic), seconds)


def _bytes(row: Row, size_in: int, batch: int) -> int:
    size_out = math.prod(row.output_shape)
    forward = batch * (size_in + size_out) + row.parameters
    backward = batch * (2 * size_in + size_out) + 3 * row.parameters  # x, dy -> dx; W -> dW, added to what is there
    return FLOAT * (forward + backward)


def step_time(model: Layer, input_shape: tuple[int, ...], batch: int) -> float:
    """The measured seconds of a forward and a backward on a batch of ones; the best of a few."""
    dtype = next((p.data.dtype for _, p in model.named_params()), np.dtype(np.float32))
    x = np.ones((batch, *input_shape), dtype)

    def step() -> None:
        y, backward = model(x)
        backward(y)

    seconds = best_time(step)
    model.zero_grad()
    return seconds


def best_time(action: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of a few runs, after one that warms up."""
    action()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)
