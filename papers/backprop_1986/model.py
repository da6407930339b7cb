r"""The networks of the paper, many trials of each side by side, and its way of learning.

The leading axis of every array is the trial, B of them, which share nothing: one call of NumPy serves all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.activations import sigmoid
from core.containers import Sequential
from core.guard import describe
from core.law import lawful
from core.layer import Array, Backward, Layer, Param
from core.optim import Momentum
from core.regression import alike
from firsthand import Run

Generators = list[np.random.Generator]  # one for each trial, so that a trial does not depend on its neighbours


class Units(Layer):
    r"""A layer of logistic units, for trials that share nothing.

    $$x_j = \sum_i y_i w_{ji} + b_j \qquad y_j = \frac{1}{1 + e^{-x_j}}$$

    $$\frac{\partial E}{\partial x_j} = \frac{\partial E}{\partial y_j} y_j (1 - y_j) \qquad
      \frac{\partial E}{\partial w_{ji}} = \sum_c \frac{\partial E}{\partial x_j} y_i \qquad
      \frac{\partial E}{\partial y_i} = \sum_j \frac{\partial E}{\partial x_j} w_{ji}$$

    Shapes: inputs y_i (B, N, n_in) for N cases, outputs y_j (B, N, n_out); W (B, n_in, n_out) holds \(w_{ji}\) at
    [i, j], b (B, 1, n_out). Kept for backward: inputs, outputs, W. Raises ValueError for shapes and types that do not
    fit. Source: equations 1, 2 and 5 to 7. Difference: the bias, in the paper the weight of a unit that is always on,
    is a Param of its own. Weights and biases are uniform in \(\pm\)`width`.
    """

    def __init__(self, n_in: int, n_out: int, *, rngs: Generators, width: float) -> None:
        drawn = [[rng.uniform(-width, width, shape) for shape in ((n_in, n_out), (1, n_out))] for rng in rngs]
        self.W, self.b = (Param(np.array(weights)) for weights in zip(*drawn, strict=True))

    def __call__(self, y_i: Array) -> tuple[Array, Backward]:
        W = self.W.data
        trials, n_in, _ = W.shape
        if y_i.ndim != 3 or y_i.shape[::2] != (trials, n_in) or y_i.dtype != W.dtype:
            raise ValueError(f"Units: got {describe(y_i)}, expected ({trials}, N, {n_in}) and {W.dtype}")
        y_j, _ = sigmoid(y_i @ W + self.b.data)  # (B, N, n_out)

        def backward(dy_j: Array) -> Array:
            dx_j = dy_j * y_j * (1 - y_j)  # y_j = 1 / (1 + e^-x_j): equation 5
            self.W.grad += y_i.swapaxes(1, 2) @ dx_j  # x_j = sum y_i w_ji: equation 6, summed over cases
            self.b.grad += dx_j.sum(axis=1, keepdims=True)  # x_j = ... + b_j, the same for every case
            dy_i: Array = dx_j @ W.swapaxes(1, 2)  # x_j = sum y_i w_ji: equation 7
            return dy_i

        return y_j, backward


class SymmetryNetwork(Layer):
    r"""The network of figure 1: six bits, hidden units, one answer, \(y = f(g(x))\) with Units f and g.

    Shapes: x (B, N, 6), y (B, N, 1). Kept for backward: what its parts keep. Raises ValueError as they do.
    Source: figure 1. Difference: none; `hidden` is 2 and `width` 0.3 there.
    """

    def __init__(self, *, rngs: Generators, hidden: int = 2, width: float = 0.3) -> None:
        self.hidden = Units(6, hidden, rngs=rngs, width=width)
        self.answer = Units(hidden, 1, rngs=rngs, width=width)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        h, backward_g = self.hidden(x)
        y, backward_f = self.answer(h)

        def backward(dy: Array) -> Any:
            return backward_g(backward_f(dy))  # y = f(h), h = g(x)

        return y, backward


class FamilyNetwork(Layer):
    r"""The network of figure 3: who answers to a person and a relation.

    $$y = f([\,g(p), h(r)\,]) \qquad [\,dg, dh\,] = \text{what comes back from } f, \text{ cut where they meet}$$

    with Units g (24 to `units`), h (12 to 6) and f (`units` + 6 to 12 to 6 to 24). Shapes: p (B, N, 24), r (B, N, 12),
    y (B, N, 24). Kept for backward: what its parts keep. Raises ValueError as they do. Source: figure 3.
    Difference: none; `units` is 6 there.
    """

    def __init__(self, *, rngs: Generators, width: float, units: int = 6) -> None:
        self.person = Units(24, units, rngs=rngs, width=width)
        self.relation = Units(12, 6, rngs=rngs, width=width)
        sizes = ((units + 6, 12), (12, 6), (6, 24))
        self.answer = Sequential(*(Units(*size, rngs=rngs, width=width) for size in sizes))

    def __call__(self, p: Array, r: Array) -> tuple[Array, Backward]:
        g, backward_g = self.person(p)
        h, backward_h = self.relation(r)
        y, backward_f = self.answer(np.concatenate([g, h], axis=2))
        border = g.shape[2]

        def backward(dy: Array) -> tuple[Array, Array]:
            dgh = backward_f(dy)  # y = f([g, h])
            dp = backward_g(dgh[:, :, :border])  # [g, ...]
            dr = backward_h(dgh[:, :, border:])  # [..., h]
            return dp, dr

        return y, backward


class IterativeNetwork(Layer):
    r"""Units that are run on their own outputs (figure 5): \(y_{t+1} = \sigma(y_t W + b)\), `steps` times.

    One W stands for the W of every layer of the layered network, so its gradient is the sum of theirs. The paper takes
    their average, and so steps `steps` times less far. Shapes: y (B, N, n) in and out. Kept for backward: the outputs
    of every step. Raises ValueError as Units does. Source: figure 5. Difference: the sum.
    """

    def __init__(self, n: int, steps: int, *, rngs: Generators, width: float) -> None:
        self.units, self.steps = Units(n, n, rngs=rngs, width=width), steps

    def __call__(self, y: Array) -> tuple[Array, Backward]:
        backwards = []
        for _ in range(self.steps):
            y, back = self.units(y)
            backwards.append(back)

        def backward(dy: Array) -> Array:
            while backwards:
                dy = backwards.pop()(dy)  # y_{t+1} from y_t: adds this step's share to the gradient of W and b
            return dy

        return y, backward


@lawful
def summed_error(y: Array, d: Array, tolerance: float = 0.0) -> tuple[float, Backward]:
    r"""Half the squared error, summed over outputs and cases (and trials, which share nothing).

    $$E = \frac12 \sum_{c, j} (y_{jc} - d_{jc})^2 \qquad \frac{\partial E}{\partial y_j} = y_j - d_j$$

    An output nearer to its target than `tolerance` counts as right, and its error as zero: with targets 0 and 1 and a
    tolerance of 0.2, above 0.8 and below 0.2. Shapes: y and d, the same. Kept for backward: y - d. Raises ValueError
    for shapes or types that differ. Source: equations 3 and 4, and figure 4. Difference: none.
    """
    alike("summed_error", y, d)
    error = y - d
    if tolerance:
        error *= np.abs(error) >= tolerance

    def backward() -> Any:
        return error  # E = |y - d|^2 / 2: equation 4

    return 0.5 * float(np.vdot(error, error)), backward


class SweepDescent(Momentum):
    r"""\(\Delta w(t) = -\varepsilon\,\partial E / \partial w(t) + \alpha\,\Delta w(t-1)\) (equation 9); after it,
    every weight loses the share `decay` of itself, which is no part of \(\Delta w\) (figure 4)."""

    def __init__(self, model: Layer, rate: float, momentum: float, decay: float = 0.0) -> None:
        super().__init__(model, rate, momentum)
        self.decay = decay

    def step(self) -> None:
        super().step()
        if self.decay:
            for p in self.params.values():
                p.data = p.data * (1 - self.decay)


def learn(
    run: Run,
    network: Layer,
    inputs: tuple[Array, ...],
    target: Array,
    optimiser: SweepDescent,
    *,
    sweeps: int,
    tolerance: float = 0.0,
    before: Callable[[int, Array], None] = lambda sweep, y: None,
) -> None:
    """Change the weights after each sweep over all cases, by the gradient of the summed error. `before` is told the
    outputs of each sweep, with the number of changes so far."""
    for sweep in range(sweeps):
        y, backward = network(*inputs)
        before(sweep, y)
        loss, backward_loss = summed_error(y, target, tolerance)
        backward(backward_loss())
        optimiser.step()
        if sweep % 100 == 99:
            run.progress(sweep + 1, sweeps, loss / len(y))
