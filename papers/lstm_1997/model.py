"""The networks: memory blocks or simple recurrent units that read a sequence, and logistic outputs at its end."""

from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np

from core.guard import describe
from core.layer import Array, Backward, Layer, Param

from .blocks import MemoryBlocks, Rngs, drawn, logistic


class SimpleRecurrent(Layer):
    r"""R simple recurrent networks side by side, \(h_t = \tanh(x_t W + h_{t-1} U + b)\): (h, h_T) from (x, h_0).

    Shapes: x (R, N, T, n_in), h_0 (R, N, n), h (R, N, T, n); W (R, n_in, n), U (R, n, n), b (R, n), uniform in
    [-spread, spread]. Kept for backward: x and every h. Raises ValueError for other shapes or types. Source: the
    conventional network of section 3.1, with tanh for the logistic function, whose slope is at most a quarter.
    """

    def __init__(self, rngs: Rngs, n_in: int, units: int, *, spread: float = 0.1) -> None:
        self.W, self.U = drawn(rngs, (n_in, units), spread), drawn(rngs, (units, units), spread)
        self.b = drawn(rngs, (units,), spread)

    def __call__(self, x: Array, h: Array) -> tuple[tuple[Array, Array], Backward]:
        W, U, b = self.W.data, self.U.data, self.b.data
        (R, n_in, n), dtype = W.shape, W.dtype
        if x.ndim != 4 or (x.shape[0], x.shape[3]) != (R, n_in) or h.shape != (R, x.shape[1], n) or x.dtype != dtype:
            expected = f"x ({R}, N, T, {n_in}), h ({R}, N, {n}) and {dtype}"
            raise ValueError(f"SimpleRecurrent: got {describe(x)} and {describe(h)}, expected {expected}")
        N, T = x.shape[1:3]
        states = np.empty((T + 1, R, N, n), dtype)
        states[0] = h
        states[1:] = (x @ W[:, None] + b[:, None, None]).transpose(2, 0, 1, 3)
        z = np.empty((R, N, n), dtype)
        for h_old, h_new in pairwise(states):
            np.matmul(h_old, U, z)
            np.add(h_new, z, h_new)
            np.tanh(h_new, h_new)  # h_t = tanh(x W + h_{t-1} U + b)

        def backward(dh: Array, dh_T: Array) -> tuple[Array, Array]:
            UT, outside = np.ascontiguousarray(U.swapaxes(1, 2)), dh.transpose(2, 0, 1, 3)
            dz = 1 - states[1:] * states[1:]  # h_t = tanh z_t
            flow = dh_T
            for t in range(T - 1, -1, -1):
                dz[t] *= flow + outside[t]  # h_t goes to the next step, and outside
                flow = dz[t] @ UT  # z_t = ... + h_{t-1} U + ...
            rows = dz.swapaxes(0, 1).reshape(R, T * N, n)
            self.W.grad += x.swapaxes(1, 2).reshape(R, T * N, n_in).swapaxes(1, 2) @ rows  # z = x W + ...
            self.U.grad += states[:-1].swapaxes(0, 1).reshape(R, T * N, n).swapaxes(1, 2) @ rows  # z = ... + h U + ...
            self.b.grad += rows.sum(axis=1)  # z = ... + b
            return (rows @ W.swapaxes(1, 2)).reshape(R, T, N, n_in).swapaxes(1, 2), flow  # z = x W + h U + b

        return (states[1:].transpose(1, 2, 0, 3).copy(), states[-1].copy()), backward


class Network(Layer):
    r"""What the hidden layer gives out at the end of each sequence, through weights V: net inputs of the output units.

    $$\mathrm{net}_k = \sum_c V_{ck}\, y^c_{T} + b_k$$

    The outputs are f(net); f is part of the errors below. The hidden layer starts from states of zero; sequence n ends
    after lengths[n] of the T steps. Shapes: x (R, N, T, n_in), lengths (R, N) integers, net (R, N, K); V (R, n, K) and
    b (R, K), if `biased`, uniform in [-spread, spread]. Kept for backward: what the hidden layer gives out at the end.
    Source: sections 4 and 5, connectivity "F" of table 10: outputs see cells only. Differences: none.
    """

    def __init__(
        self, rngs: Rngs, hidden: Any, state: tuple[int, ...], K: int, *, spread: float = 0.1, biased: bool = True
    ) -> None:
        self.hidden, self.state = hidden, state
        self.V = drawn(rngs, (int(np.prod(state)), K), spread)
        self.b = drawn(rngs, (K,), spread) if biased else None

    def __call__(self, x: Array, lengths: Array) -> tuple[Array, Backward]:
        (R, N, T), V = x.shape[:3], self.V.data
        if lengths.shape != (R, N) or lengths.dtype.kind not in "iu" or lengths.min() < 1 or lengths.max() > T:
            raise ValueError(f"Network: got lengths {describe(lengths)}, expected ({R}, {N}) integers from 1 to {T}")
        (y, end), backward_hidden = self.hidden(x, np.zeros((R, N, *self.state), x.dtype))
        at_end = np.arange(R)[:, None], np.arange(N), lengths - 1
        y_T, shape = y[at_end], y.shape  # (R, N, n)
        net = y_T @ V
        if self.b is not None:
            net += self.b.data[:, None]
        nothing = np.zeros_like(end)

        def backward(dnet: Array) -> tuple[Array, None]:
            self.V.grad += y_T.swapaxes(1, 2) @ dnet  # net = y_T V + ...
            if self.b is not None:
                self.b.grad += dnet.sum(axis=1)  # net = ... + b
            dy = np.zeros(shape, dnet.dtype)
            dy[at_end] = dnet @ V.swapaxes(1, 2)  # net = y_T V, y_T = y at the end
            dx, _ = backward_hidden(dy, nothing)
            return dx, None

        return net, backward

    def only(self, which: Array | list[int]) -> "Network":
        """Those of the R networks, with copies of their weights."""

        def part(layer: Layer) -> Any:
            twin = copy(layer)
            for name, value in vars(layer).items():
                if isinstance(value, Param):
                    setattr(twin, name, Param(value.data[which]))
                elif isinstance(value, Layer):
                    setattr(twin, name, part(value))
            return twin

        network: Network = part(self)
        return network

    def count(self) -> int:
        """Weights of one of the R networks: the numbers in its arrays."""
        return sum(p.data[0].size for _, p in self.named_params())


def memory_network(
    rngs: Rngs,
    n_in: int,
    blocks: int,
    size: int,
    K: int,
    *,
    spread: float = 0.1,
    output_bias: bool = True,
    **blocks_options: Any,
) -> Network:
    """Memory blocks and K outputs, one network for each Generator."""
    hidden = MemoryBlocks(rngs, n_in, blocks, size, spread=spread, **blocks_options)
    return Network(rngs, hidden, (size, blocks), K, spread=spread, biased=output_bias)


def simple_network(rngs: Rngs, n_in: int, units: int, K: int, *, spread: float) -> Network:
    """The opponent: simple recurrent units and K outputs, one network for each Generator."""
    return Network(rngs, SimpleRecurrent(rngs, n_in, units, spread=spread), (units,), K, spread=spread)


def squared(net: Array, target: Array) -> tuple[float, Backward]:
    r"""\(E = \sum \frac12 (y - t)^2\) over everything, with \(y = f(\mathrm{net})\). Kept for backward: y and t."""
    y = logistic(net)
    error = y - target
    loss = 0.5 * float(np.vdot(error, error))

    def backward() -> Array:
        dnet: Array = error * y * (1 - y)  # E = (y - t)^2 / 2, y = f(net), f' = y (1 - y)
        return dnet

    return loss, backward


def cross_entropy(net: Array, target: Array) -> tuple[float, Backward]:
    r"""\(E = -\sum [t \log y + (1 - t) \log(1 - y)]\), with \(y = f(\mathrm{net})\). Kept for backward: y and t.

    Not in the paper; without the slope of f, which is nearly zero near 0 and 1, in the gradient.
    """
    loss = float((np.logaddexp(0, net) - target * net).sum())

    def backward() -> Array:
        dnet: Array = logistic(net) - target  # E = log(1 + e^net) - t net
        return dnet

    return loss, backward


ERRORS = {"squared": squared, "cross-entropy": cross_entropy}
