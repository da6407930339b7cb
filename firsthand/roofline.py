r"""How long a training step should take, from what it computes, what it moves, and two constants of the machine.

A layer can be no faster than its arithmetic, and no faster than its traffic with memory (Williams et al. 2009):

$$t = \max\Big( \frac{\text{multiply-adds}}{\text{peak}},\ \frac{\text{bytes}}{\text{bandwidth}} \Big)$$

Each array is counted once for each time it must be read or written: inputs, weights and outputs forward; inputs,
weights, the gradients of outputs, inputs and weights backward. What is far above the prediction wastes time somewhere,
or is too small to fill a call of NumPy. What is below it found its arrays in the cache.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.cost import Cost, Row, batch_of, cost
from core.layer import Layer


@dataclass(frozen=True)
class Machine:
    """What one run of `measure_machine` found for float32, on as many threads as BLAS uses."""

    multiply_adds_per_second: float
    bytes_per_second: float


@dataclass(frozen=True)
class Estimate:
    """A training step, forward and backward: how much it computes and moves, and the seconds that this must take."""

    multiply_adds: int
    bytes_moved: int
    seconds: float

    @property
    def intensity(self) -> float:
        """Multiply-adds for each byte: below peak / bandwidth, memory is what limits the step."""
        return self.multiply_adds / max(1, self.bytes_moved)


def measure_machine() -> Machine:
    """The best of a few matrix products, and of a few copies too large for the caches; about a quarter of a second."""
    n = 768
    a, out = np.ones((n, n), np.float32), np.empty((n, n), np.float32)
    source, target = np.ones(1 << 23, np.float32), np.empty(1 << 23, np.float32)
    product = best_time(lambda: np.matmul(a, a, out=out))
    copied = best_time(lambda: np.copyto(target, source))
    return Machine(n**3 / product, 2 * source.nbytes / copied)


def estimate(counted: Cost | Row, machine: Machine) -> Estimate:
    """The step of a model, or the part of it that is one call: the calls follow each other, so their times add up."""
    if isinstance(counted, Cost):
        parts = [estimate(row, machine) for row in counted.rows]
        return Estimate(
            sum(part.multiply_adds for part in parts),
            sum(part.bytes_moved for part in parts),
            sum(part.seconds for part in parts),
        )
    products = counted.multiply_adds + counted.backward_multiply_adds
    moved = 3 * counted.bytes_in + 2 * counted.bytes_out + 4 * counted.bytes_weights  # x, x, dx; y, dy; W, W, dW += dW
    return Estimate(products, moved, max(products / machine.multiply_adds_per_second, moved / machine.bytes_per_second))


def step(model: Layer, *inputs: Any) -> None:
    """A forward and a backward, whose gradients are the outputs themselves: their values do not matter to the time."""
    outputs, backward = model(*inputs)
    given = () if isinstance(outputs, float) else outputs if isinstance(outputs, tuple) else (outputs,)
    backward(*given)


def step_time(model: Layer, *inputs: Any) -> float:
    """The measured seconds of a forward and a backward, inputs as for `cost`; the best of a few. On a copy."""
    specimen, batch = copy.deepcopy(model), batch_of(model, inputs)
    return best_time(lambda: step(specimen, *batch))


def report(model: Layer, *inputs: Any, machine: Machine | None = None) -> str:
    """A table of what each call costs, and the predicted time of a training step next to the measured one."""
    machine = machine or measure_machine()
    counted = cost(model, *inputs)
    whole, measured = estimate(counted, machine), step_time(model, *inputs)
    form = "{:<20} {:<20} {:>14} {:>12} {:>15} {:>15} {:>9} {:>13}"
    lines = [form.format("path", "kind", "output", "parameters", "forward", "backward", "per byte", "predicted ms")]
    for row in counted.rows:
        one, shape = estimate(row, machine), " x ".join(map(str, row.output_shape))
        counts = [f"{n:,}" for n in (row.parameters, row.multiply_adds, row.backward_multiply_adds)]
        lines.append(
            form.format(row.name, row.kind, shape, *counts, f"{one.intensity:.3g}", f"{one.seconds * 1e3:.4g}")
        )
    ridge = machine.multiply_adds_per_second / machine.bytes_per_second
    return "\n".join(
        [
            *lines,
            "",
            f"{counted.parameters:,} parameters; {counted.kept_bytes:,} bytes kept for backward",
            f"{counted.multiply_adds:,} multiply-adds forward, {counted.backward_multiply_adds:,} backward",
            f"{whole.intensity:.3g} multiply-adds per byte; this machine can do {ridge:.3g} in the time it moves one",
            f"{whole.seconds * 1e3:.4g} ms predicted, {measured * 1e3:.4g} ms measured",
        ]
    )


def best_time(action: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of a few runs, after one that warms up."""
    action()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)
