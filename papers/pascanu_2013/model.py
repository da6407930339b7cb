r"""The recurrent network in the paper's form, R of them side by side, and the regulariser on its errors.

\(x_t = W_{rec}\, \sigma(x_{t-1}) + W_{in} u_t + b\) (equation 2): x is what a unit gathers, before it is squashed. Here
it is two layers, `Affine` from u to a drive a, and `Recurrence` from a to x. The gradient of the drive is the error
\(\delta_t = \partial E / \partial x_t\) that the regulariser is made of.
"""

from collections.abc import Callable, Sequence
from copy import copy
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from core.guard import describe
from core.law import lawful
from core.layer import Array, Backward, Layer, Param

Rngs: TypeAlias = Sequence[np.random.Generator]

LEAST = 1e-20  # squared length of an error, below which the regulariser leaves it out


def _logistic(x: Array) -> Array:
    """1 / (1 + e^-x), as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    sigma: Array = 0.5 + 0.5 * np.tanh(0.5 * x)
    return sigma


# of each kind of unit: s(x), and its slope s'(x) in terms of h = s(x)
UNITS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "logistic": (_logistic, lambda h: h * (1 - h)),
    "identity": (lambda x: x, np.ones_like),
}
STEEPEST = {"tanh": 1.0, "logistic": 0.25, "identity": 1.0}  # gamma, the largest slope


class Affine(Layer):
    r"""R affine maps side by side, \(y = x W^T + b\), each on a batch of its own.

    Shapes: x (R, ..., n_in), y (R, ..., n_out), W (R, n_out, n_in), b (R, n_out). Kept for backward: x and W. Raises
    ValueError for other shapes or types. Source: \(W_{in} u_t + b\) of equation 2. Difference: none.
    """

    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = Param(W), Param(b)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W, b = self.W.data, self.b.data
        R, n_out, n_in = W.shape
        if x.ndim < 3 or (x.shape[0], x.shape[-1]) != (R, n_in) or x.dtype != W.dtype:
            raise ValueError(f"Affine: got x {describe(x)}, expected ({R}, ..., {n_in}) and {W.dtype}")
        rows = x.reshape(R, -1, n_in)
        y = rows @ W.swapaxes(1, 2) + b[:, None]

        def backward(dy: Array) -> Array:
            dy = dy.reshape(R, -1, n_out)
            self.W.grad += dy.swapaxes(1, 2) @ rows  # y = x W^T + ...
            self.b.grad += dy.sum(axis=1)  # y = ... + b
            return (dy @ W).reshape(x.shape)  # y = x W^T + ...

        return y.reshape(*x.shape[:-1], n_out), backward


class Recurrence(Layer):
    r"""R networks of recurrent units that a drive a moves: every x from a and \(x_0\).

    $$x_t = W \sigma(x_{t-1}) + a_t \qquad \delta_t = dx_t + (\delta_{t+1} W) \odot \sigma'(x_t) \qquad
      dW = \sum_t \delta_t^T \sigma(x_{t-1}) \qquad da_t = \delta_t$$

    where dx is the part of the gradient that does not go through later states, \(\delta_{T+1} = 0\), and errors are
    rows. So the gradient of the drive is the whole error \(\delta_t\).

    Shapes: a and x (R, N, T, n), x_0 (R, N, n), W (R, n, n). `units` is tanh, logistic or identity. Kept for backward:
    every \(\sigma(x_t)\), and W. Raises ValueError for other shapes, types or units. Source: equations 2 to 5.
    Difference: equation 5 prints \(W^T \mathrm{diag}(\sigma')\), the Jacobian in neither convention (claim J1).
    """

    def __init__(self, W: Array, units: str = "tanh") -> None:
        if units not in UNITS:
            raise ValueError(f"Recurrence: units are {units!r}, expected one of {', '.join(UNITS)}")
        self.W, self.units = Param(W), units

    def __call__(self, a: Array, x_0: Array) -> tuple[Array, Backward]:
        W, (sigma, slope) = self.W.data, UNITS[self.units]
        R, n = W.shape[:2]
        fits = a.ndim == 4 and (a.shape[0], a.shape[3]) == (R, n) and x_0.shape == (*a.shape[:2], n)
        if not fits or {a.dtype, x_0.dtype} != {W.dtype}:
            expected = f"a ({R}, N, T, {n}), x_0 ({R}, N, {n}) and {W.dtype}"
            raise ValueError(f"Recurrence: got a {describe(a)} and x_0 {describe(x_0)}, expected {expected}")
        (N, T), WT = a.shape[1:3], W.swapaxes(1, 2)
        x = a.transpose(2, 0, 1, 3).copy()  # (T, R, N, n), the drive at first
        h = np.empty((T + 1, R, N, n), W.dtype)
        h[0] = sigma(x_0)
        for x_t, (h_old, h_new) in zip(x, pairwise(h), strict=True):
            x_t += h_old @ WT  # x_t = s(x_{t-1}) W^T + a_t
            h_new[:] = sigma(x_t)

        def backward(dx: Array) -> tuple[Array, Array]:
            delta = dx.transpose(2, 0, 1, 3).copy()  # (T, R, N, n)
            slopes = slope(h)
            for t in range(T - 1, 0, -1):
                delta[t - 1] += delta[t] @ W * slopes[t]  # x_{t+1} = s(x_t) W^T + ...
            dx_0 = delta[0] @ W * slopes[0]  # x_1 = s(x_0) W^T + ...
            rows = delta.swapaxes(0, 1).reshape(R, T * N, n)
            self.W.grad += rows.swapaxes(1, 2) @ h[:-1].swapaxes(0, 1).reshape(
                R, T * N, n
            )  # x_t = s(x_{t-1}) W^T + ...
            return delta.transpose(1, 2, 0, 3), dx_0  # x_t = ... + a_t

        return x.transpose(1, 2, 0, 3), backward


@lawful
def omega(W: Array, x: Array, delta: Array, units: str = "tanh") -> tuple[float, Backward]:
    r"""How far each step back in time is from keeping the error's length; its gradient by W, with x and delta as data.

    $$v_k = (\delta_{k+1} W) \odot \sigma'(x_k) \qquad q_k = \frac{|v_k|^2}{|\delta_{k+1}|^2} \qquad
      \Omega = \frac{1}{M} \sum_k (q_k - 1)^2 \qquad
      dW = \frac{1}{M} \sum_k \frac{4 (q_k - 1)}{|\delta_{k+1}|^2}\; \delta_{k+1}^T \big(v_k \odot \sigma'(x_k)\big)$$

    over all steps and sequences of a network, M of them, with \(|\delta_{k+1}|^2\) of at least 1e-20; summed over the
    R networks. Shapes: W (R, n, n), x and delta (R, N, T, n), with the same k. Kept for backward: all but W.
    Source: equation 10. Differences: equation 9 has the ratio of lengths and not of their squares (claim O2); the paper
    sums over steps, the authors' program divides by M, and so do we.
    """
    R, n = W.shape[:2]
    if x.ndim != 4 or x.shape != delta.shape or (x.shape[0], x.shape[3]) != (R, n) or W.shape != (R, n, n):
        raise ValueError(
            f"omega: got W {describe(W)}, x {describe(x)} and delta {describe(delta)}, "
            "expected (R, n, n) and twice (R, N, T, n)"
        )
    sigma, slope = UNITS[units]
    d = delta[:, :, 1:].reshape(R, -1, n)  # delta_{k+1}, (R, M, n)
    s = slope(sigma(x[:, :, :-1].reshape(R, -1, n)))  # s'(x_k)
    v = d @ W * s
    length = (d * d).sum(axis=2)  # (R, M)
    seen = length >= LEAST
    inverse = seen / np.where(seen, length, 1)  # 1 / |delta|^2, or 0
    inverse = inverse.astype(W.dtype)
    off = (v * v).sum(axis=2) * inverse - seen.astype(W.dtype)  # q - 1, or 0
    M = np.maximum(seen.sum(axis=1, keepdims=True), 1).astype(W.dtype)

    def backward() -> Array:
        dv = 4 * (off * inverse / M)[:, :, None] * v  # (q - 1)^2 / M, q = |v|^2 / |delta|^2
        dW: Array = d.swapaxes(1, 2) @ (dv * s)  # v = (delta W) s'(x)
        return dW

    return float((off * off / M).sum()), backward


class Network(Layer):
    r"""R networks that read a sequence and answer at its end: logits \(W_{out} \sigma(x_T) + b_{out}\) from u.

    Shapes: u (R, N, T, n_in), logits (R, N, K). Kept for backward: what the three layers keep. \(x_0 = 0\). Raises
    ValueError for other shapes or types. Source: section 4.1. Difference: none; the paper leaves \(x_0\) open.
    """

    def __init__(self, drive: Affine, recurrence: Recurrence, readout: Affine) -> None:
        self.drive, self.recurrence, self.readout = drive, recurrence, readout

    def __call__(self, u: Array) -> tuple[Array, Backward]:
        logits, _, send_back = self.traced(u)

        def backward(dlogits: Array) -> Array:
            du, _ = send_back(dlogits)
            return du

        return logits, backward

    def traced(self, u: Array) -> tuple[Array, Array, Callable[[Array], tuple[Array, Array]]]:
        """The logits, every x, and a function from the gradient of the logits to that of u and every delta."""
        sigma, slope = UNITS[self.recurrence.units]
        a, backward_drive = self.drive(u)
        x, backward_recurrence = self.recurrence(a, np.zeros((*a.shape[:2], a.shape[3]), a.dtype))
        h = sigma(x[:, :, -1])
        logits, backward_readout = self.readout(h)

        def send_back(dlogits: Array) -> tuple[Array, Array]:
            dx = np.zeros(a.shape, a.dtype)
            dx[:, :, -1] = backward_readout(dlogits) * slope(h)  # h = s(x_T)
            delta, _ = backward_recurrence(dx)
            return backward_drive(delta), delta

        return logits, x, send_back

    def only(self, which: Array | list[int]) -> "Network":
        """Those of the R networks, with copies of their weights."""

        # written again on purpose, as another paper has it: no paper imports another
        def part(layer: Any) -> Any:
            twin = copy(layer)
            for name, value in vars(layer).items():
                if isinstance(value, Param):
                    setattr(twin, name, Param(value.data[which]))
                elif isinstance(value, Layer):
                    setattr(twin, name, part(value))
            return twin

        network: Network = part(self)
        return network


def network(rngs: Rngs, init: str = "smart", n: int = 50, n_in: int = 6, K: int = 4) -> Network:
    """A network of tanh for each Generator, in float32; biases are zero.

    smart: 15 weights to each unit, the others zero, scaled to a spectral radius of 0.95; all other weights of deviation
    0.01. basic: all weights of deviation 0.1. (The paper writes N(0, 0.01) and N(0, 0.1), its program takes the number
    for the deviation.)
    """
    if init not in ("smart", "basic"):
        raise ValueError(f"network: init is {init!r}, expected smart or basic")
    drawn: list[list[Array]] = []
    for rng in rngs:
        deviation = 0.01 if init == "smart" else 0.1
        W = rng.normal(0, deviation, (n, n))
        if init == "smart":
            W[rng.permuted(np.tile(np.arange(n) >= 15, (n, 1)), axis=1)] = 0
            W *= 0.95 / radius(W)
        drawn.append([W, rng.normal(0, deviation, (n, n_in)), rng.normal(0, deviation, (K, n))])
    W_rec, W_in, W_out = (np.stack(each).astype(np.float32) for each in zip(*drawn, strict=True))
    b, b_out = (np.zeros((len(drawn), width), np.float32) for width in (n, K))
    return Network(Affine(W_in, b), Recurrence(W_rec), Affine(W_out, b_out))


def radius(W: Array) -> float:
    """The spectral radius of a matrix: the largest absolute value of its eigenvalues."""
    return float(np.abs(np.linalg.eigvals(W)).max())
