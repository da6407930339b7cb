"""Memory cells in blocks, as of 1997.

Every array has a leading axis R: R networks, each with weights of its own, that see sequences of their own. Nothing is
shared between them, so that trials run side by side for little more than the price of one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.guard import describe
from core.layer import Array, Backward, Layer, Param

Rngs = Sequence[np.random.Generator]


def drawn(rngs: Rngs, shape: tuple[int, ...], spread: float) -> Param:
    """Weights uniform in [-spread, spread], (R, *shape), each network's from its own Generator."""
    return Param(np.stack([rng.uniform(-spread, spread, shape) for rng in rngs]).astype(np.float32))


def logistic(net: Array) -> Array:
    """f(net) = 1 / (1 + e^-net), as (1 + tanh(net / 2)) / 2, which cannot overflow."""
    f: Array = 0.5 + 0.5 * np.tanh(0.5 * net)
    return f


class Local(NamedTuple):
    """The local derivatives at every step, (T, S, B, R, N) or (T, gates, R, N): of what, by what."""

    s_by_y: Array
    out_by_y: Array
    in_by_s: Array
    c_by_s: Array
    forget_by_s: Array | None
    s_by_s: Array | None  # None: 1
    gates: Array


class MemoryBlocks(Layer):
    r"""B blocks of S memory cells that share an input and an output gate: (y, s_T) from (x, s_0), without forget gate.

    $$y^{in} = f(\mathrm{net}^{in}) \qquad y^{out} = f(\mathrm{net}^{out}) \qquad
      s_t = s_{t-1} + y^{in} g(\mathrm{net}^c) \qquad y^c_t = y^{out} h(s_t)$$

    where \(\mathrm{net}_t = x_t W + y_{t-1} U + b\), and \(y_{t-1}\) are the outputs of all gates and cells one step
    before, zero at first; f is logistic, \(g = 4 f - 2\), \(h = 2 f - 1\). The H hidden units are, in this order: B
    input gates, B output gates, B first cells of the blocks, B second cells, and so on.

    With `gradient="truncated"`, the published rule, an error that reaches a net input changes W, U and b and goes no
    further back in time: this is the gradient with \(y_{t-1}\) held constant. "full" is the gradient itself.

    With `forget` (a number) there are also B gates \(y^f\), between output gates and cells, of that initial bias, and
    \(s_t = y^f s_{t-1} + \dots\) The paper has none.

    Shapes: x (R, N, T, n_in), s_0 (R, N, S, B); y (R, N, T, S B), the outputs of the cells at every step, and s_T; W
    (R, n_in, H), U (R, H, H), b_gates (R, gates) and b_cells (R, S B), if `biased` names them. All are uniform in
    [-spread, spread], but for input gates whose initial biases are given, block by block. Kept for backward: x, and
    the y, g and s of every step, unit by unit (T, H, R, N), so that what is done to all gates or all cells of a step is
    one call. Raises ValueError for other shapes or types. Source: sections 4 and A.1. Differences:
    none.
    """

    def __init__(
        self,
        rngs: Rngs,
        n_in: int,
        blocks: int,
        size: int,
        *,
        spread: float = 0.1,
        biased: Sequence[str] = ("gates", "cells"),
        input_gate_bias: Sequence[float] = (),
        forget: float | None = None,
        gradient: str = "truncated",
    ) -> None:
        self.blocks, self.size, self.forgets, self.gradient = blocks, size, forget is not None, gradient
        self.gates = blocks * (3 if self.forgets else 2)
        H = self.gates + blocks * size
        self.W, self.U = drawn(rngs, (n_in, H), spread), drawn(rngs, (H, H), spread)
        self.b_gates = drawn(rngs, (self.gates,), spread) if "gates" in biased else None
        self.b_cells = drawn(rngs, (blocks * size,), spread) if "cells" in biased else None
        if self.b_gates is not None:
            self.b_gates.data[:, : len(input_gate_bias)] = input_gate_bias
            self.b_gates.data[:, 2 * blocks :] = forget if forget is not None else 0.0

    def __call__(self, x: Array, s: Array) -> tuple[tuple[Array, Array], Backward]:
        W, U, G = self.W.data, self.U.data, self.gates
        y, g, states = self.activations(x, s)
        T, R, N = len(g), *x.shape[:2]
        x_rows = x.swapaxes(1, 2).reshape(R, T * N, -1)
        y_rows = y[:-1].transpose(2, 0, 3, 1).reshape(R, T * N, -1)

        def backward(dy: Array, ds: Array) -> tuple[Array, Array]:
            eps, ds = dy.transpose(2, 3, 0, 1).reshape(g.shape), ds.transpose(2, 3, 0, 1)  # eps arrives at y^c
            L = self._local(y[1:], g, states)
            dnet, ds_0 = self._truncated(L, eps, ds) if self.gradient == "truncated" else self._full(L, eps, ds, U)
            dnet = dnet.transpose(2, 0, 3, 1).reshape(R, T * N, -1)  # (R, T N, H)
            self.W.grad += x_rows.swapaxes(1, 2) @ dnet  # net = x W + ...
            self.U.grad += y_rows.swapaxes(1, 2) @ dnet  # net = ... + y_{t-1} U + ...
            db = dnet.sum(axis=1)  # net = ... + b
            if self.b_gates is not None:
                self.b_gates.grad += db[:, :G]
            if self.b_cells is not None:
                self.b_cells.grad += db[:, G:]
            dx = dnet @ W.swapaxes(1, 2)  # net = x W + ...
            return dx.reshape(R, T, N, -1).swapaxes(1, 2), ds_0.transpose(2, 3, 0, 1)

        return (y[1:, G:].transpose(2, 3, 0, 1).copy(), states[-1].transpose(2, 3, 0, 1).copy()), backward

    def _local(self, y: Array, g: Array, states: Array) -> Local:
        B, G = self.blocks, self.gates
        h, slopes = np.tanh(0.5 * states[1:]), y[:, :G] * (1 - y[:, :G])  # h(s) = tanh(s / 2); f' = f (1 - f)
        y_in, y_out, y_f = (y[:, None, k * B : (k + 1) * B] for k in range(3))
        f_in, f_out, f_f = (slopes[:, None, k * B : (k + 1) * B] for k in range(3))
        return Local(
            s_by_y=y_out * (0.5 - 0.5 * h * h),  # y^c = y^out h(s), h' = (1 - h^2) / 2
            out_by_y=h * f_out,  # y^c = y^out h(s), y^out = f(net^out)
            in_by_s=g * f_in,  # s_t = ... + y^in g, y^in = f(net^in)
            c_by_s=y_in * (1 - 0.25 * g * g),  # s_t = ... + y^in g, g' = 1 - g^2 / 4
            forget_by_s=states[:-1] * f_f if self.forgets else None,  # s_t = y^f s_{t-1} + ..., y^f = f(net^f)
            s_by_s=y_f if self.forgets else None,  # s_t = y^f s_{t-1} + ..., or s_t = s_{t-1} + ...
            gates=slopes,
        )

    def _truncated(self, L: Local, eps: Array, ds: Array) -> tuple[Array, Array]:
        """dnet (T, H, R, N) and ds_0, if nothing flows from net to y_{t-1}: only the carousel goes back in time."""
        e = eps * L.s_by_y  # enters the state at each step
        e[-1] += ds
        if L.s_by_s is None:
            e = np.cumsum(e[::-1], axis=0)[::-1]  # ds_tau / ds_t = 1: e_t is the sum of what enters at tau >= t
            ds_0 = e[0]
        else:
            for t in range(len(e) - 1, 0, -1):
                e[t - 1] += L.s_by_s[t] * e[t]
            ds_0 = L.s_by_s[0] * e[0]
        dnet = [(e * L.in_by_s).sum(axis=1), (eps * L.out_by_y).sum(axis=1)]  # a gate has all cells of its block
        if L.forget_by_s is not None:
            dnet.append((e * L.forget_by_s).sum(axis=1))
        dnet_c = e * L.c_by_s
        return np.concatenate([*dnet, dnet_c.reshape(len(e), -1, *e.shape[3:])], axis=1), ds_0

    def _full(self, L: Local, eps: Array, ds: Array, U: Array) -> tuple[Array, Array]:
        """The same if errors also flow from net_t through U to all gates and cells at t - 1."""
        (T, S, B, R, N), G = eps.shape, self.gates
        dnet = np.empty((T, G + B * S, R, N), eps.dtype)
        dy, e = np.zeros_like(dnet[0]), ds
        for t in range(T - 1, -1, -1):
            d, eps_t = dnet[t], eps[t] + dy[G:].reshape(S, B, R, N)  # y^c goes outside, and to the next step
            e = e + eps_t * L.s_by_y[t]  # y^c = y^out h(s_t)
            np.multiply(dy[:G], L.gates[t], d[:G])  # gates, too, go to the next step
            d[:B] += (e * L.in_by_s[t]).sum(axis=0)  # s_t = ... + y^in g
            d[B : 2 * B] += (eps_t * L.out_by_y[t]).sum(axis=0)  # y^c = y^out h(s_t)
            if L.forget_by_s is not None:
                d[2 * B : G] += (e * L.forget_by_s[t]).sum(axis=0)  # s_t = y^f s_{t-1} + ...
            np.multiply(e, L.c_by_s[t], d[G:].reshape(S, B, R, N))  # s_t = ... + y^in g
            e = e if L.s_by_s is None else L.s_by_s[t] * e  # s_t = s_{t-1} + ..., or y^f s_{t-1} + ...
            np.matmul(U, d.swapaxes(0, 1), dy.swapaxes(0, 1))  # net_t = ... + y_{t-1} U + ...
        return dnet, e

    def activations(self, x: Array, s: Array) -> tuple[Array, Array, Array]:
        """All y (T + 1, H, R, N), g (T, S, B, R, N) and states (T + 1, S, B, R, N); at 0 is what there is at first."""
        W, (B, S, G) = self.W.data, (self.blocks, self.size, self.gates)
        if x.ndim != 4 or (len(x), x.shape[3]) != W.shape[:2] or s.shape != (*x.shape[:2], S, B) or x.dtype != W.dtype:
            expected = f"x ({len(W)}, N, T, {W.shape[1]}), s ({len(W)}, N, {S}, {B}) and {W.dtype}"
            raise ValueError(f"MemoryBlocks: got {describe(x)} and {describe(s)}, expected {expected}")
        (R, N, T), half = x.shape[:3], np.full((), 0.5, x.dtype)
        UT = np.ascontiguousarray(0.5 * self.U.data.swapaxes(1, 2))  # (R, H, H)
        net = x @ W[:, None]  # (R, N, T, H)
        if self.b_gates is not None:
            net[..., :G] += self.b_gates.data[:, None, None]
        if self.b_cells is not None:
            net[..., G:] += self.b_cells.data[:, None, None]
        net = np.ascontiguousarray((net * half).transpose(2, 3, 0, 1))  # (T, H, R, N): half of net, without y U
        y, z = np.empty((T + 1, *net.shape[1:]), x.dtype), np.empty(net.shape[1:], x.dtype)
        states, g = np.empty((T + 1, S, B, R, N), x.dtype), np.empty((T, S, B, R, N), x.dtype)
        u, z_gates, z_c, z_columns = np.empty_like(g[0]), z[:G], z[G:].reshape(S, B, R, N), z.swapaxes(0, 1)
        y[0], states[0] = 0, s.transpose(2, 3, 0, 1)
        y_in, y_out, y_f = (y[1:, k * B : (k + 1) * B] for k in range(3))
        y_c = y[1:, G:].reshape(g.shape)
        steps = zip(net, y.swapaxes(1, 2), y[1:, :G], y_in, y_out, y_f, y_c, g, states, states[1:], strict=False)
        for net_t, y_old, gates, in_t, out_t, forget_t, y_c_t, g_t, s_old, s_new in steps:
            np.matmul(UT, y_old, z_columns)
            np.add(z, net_t, z)
            np.tanh(z, z)
            np.multiply(z_gates, half, gates)
            np.add(gates, half, gates)  # f(net) = (1 + tanh(net / 2)) / 2
            np.add(z_c, z_c, g_t)  # g(net) = 2 tanh(net / 2)
            np.multiply(in_t, g_t, u)
            if self.forgets:
                np.multiply(forget_t, s_old, s_new)
                np.add(s_new, u, s_new)
            else:
                np.add(s_old, u, s_new)  # s_t = s_{t-1} + y^in g
            np.multiply(s_new, half, u)
            np.tanh(u, u)  # h(s) = tanh(s / 2)
            np.multiply(out_t, u, y_c_t)  # y^c = y^out h(s_t)
        return y, g, states
