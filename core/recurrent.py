r"""Recurrent cells: one step of time, from an input and a state to the next state.

W are the weights from the input, U those from the state, b the biases. In cells with gates each has one block of
n_hidden columns for each gate, side by side, so that one product serves all of them:

    RNN                 W = weight_ih^T, U = weight_hh^T, b = bias_ih + bias_hh in the names of PyTorch
    LSTM    o, i, f, g  likewise, but the blocks there are i, f, g, o
    GRU     r, z, n     likewise, but b_n is from bias_ih alone, and b_q the n of bias_hh

`core.sequence` and `core.gated` have the same equations over whole sequences, with the same Params.
"""

import math

import numpy as np

from core.guard import describe, generator, whole
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


class Recurrent(Layer):
    """What cells and sequences have in common: the Params, and what they demand of their inputs.

    W (n_in, gates n_hidden) is drawn by `init` with fan_in = n_in, U (n_hidden, gates n_hidden) with fan_in = n_hidden,
    both with fan_out = gates n_hidden. Biases are zero.
    """

    axes: tuple[str, ...] = ("N",)  # those of x before the last
    gates = 1
    reset_bias = False  # whether there is a b_q

    def __init__(self, n_in: int, n_hidden: int, *, rng: np.random.Generator, init: Init = lecun_normal) -> None:
        name = type(self).__name__
        n_in, n_hidden, rng = whole(name, "n_in", n_in), whole(name, "n_hidden", n_hidden), generator(name, rng)
        width = self.gates * n_hidden
        self.W = Param(init(rng, (n_in, width), n_in, width))
        self.U = Param(init(rng, (n_hidden, width), n_hidden, width))
        self.b = Param(np.zeros(width, self.W.data.dtype))
        if self.reset_bias:
            self.b_q = Param(np.zeros(n_hidden, self.W.data.dtype))

    def _check(self, x: Array, *states: Array | None) -> None:
        n_in, n_hidden, dtype = len(self.W.data), len(self.U.data), self.W.data.dtype
        given = [s for s in states if s is not None]
        fits = x.ndim == len(self.axes) + 1 and x.shape[-1] == n_in
        if not fits or any(s.shape != (len(x), n_hidden) for s in given) or {a.dtype for a in (x, *given)} != {dtype}:
            got = ", ".join(map(describe, (x, *given)))
            expected = f"x ({', '.join(self.axes)}, {n_in}), states (N, {n_hidden}) and {dtype}"
            raise ValueError(f"{type(self).__name__}({n_in}, {n_hidden}): got {got}, expected {expected}")

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, over all steps: the weights and biases of the gates of each unit."""
        return self.multiply_adds(y_shape) + math.prod(y_shape[1:]) * (self.gates + self.reset_bias)

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications by weights for one example, over all steps (those of gates by states are not counted)."""
        return math.prod(y_shape[1:]) * self.gates * (len(self.W.data) + len(self.U.data))


class RNNCell(Recurrent):
    r"""The simple recurrent cell, \(h' = \tanh(x W + h U + b)\): h' from (x, h).

    Shapes: x (N, n_in), h and h' (N, n_hidden). Kept for backward: x, h, h', W and U. Raises ValueError for sizes below
    1, and for shapes or types that do not fit. Source: Elman 1990. Differences: tanh for its logistic function, and h
    has a gradient, where the paper takes it for a constant.
    """

    def __call__(self, x: Array, h: Array) -> tuple[Array, Backward]:
        self._check(x, h)
        W, U, b = self.W.data, self.U.data, self.b.data
        h_new = np.tanh(x @ W + h @ U + b)  # (N, n_hidden)

        def backward(dh_new: Array) -> tuple[Array, Array]:
            dz = dh_new * (1 - h_new * h_new)  # h' = tanh z
            self.W.grad += x.T @ dz  # z = x W + ...
            self.U.grad += h.T @ dz  # z = ... + h U + ...
            self.b.grad += dz.sum(axis=0)  # z = ... + b
            return dz @ W.T, dz @ U.T  # z = x W + h U + b

        return h_new, backward


class LSTMCell(Recurrent):
    r"""Long short-term memory, whose cell state c changes by addition: (h', c') from (x, h, c).

    $$[z_o, z_i, z_f, z_g] = x W + h U + b \qquad o, i, f = \sigma(z_o, z_i, z_f) \qquad g = \tanh z_g$$
    $$c' = f c + i g \qquad h' = o \tanh c'$$

    c' acts through h', too, so its gradient is first \(dc' + dh'\,o\,(1 - \tanh^2 c')\), and then

    $$dz_o = dh' \tanh c'\;o (1 - o) \quad dz_i = dc'\,g\;i (1 - i) \quad dz_f = dc'\,c\;f (1 - f) \quad
      dz_g = dc'\,i\,(1 - g^2) \quad dc = dc'\,f$$

    Shapes: x (N, n_in), h, c, h', c' (N, n_hidden). Kept for backward: x, h, c, the gates, tanh c', W and U. Raises
    ValueError for sizes below 1, and for shapes or types that do not fit. Source: Hochreiter and Schmidhuber 1997, with
    the gate f of Gers et al. 2000. Differences: in 1997 f = 1, g runs from -2 to 2, cells may share gates, gates see
    each other, and the gradient is cut where it leaves a cell. (A positive bias of f helps to remember at first.)
    """

    gates = 4

    def __call__(self, x: Array, h: Array, c: Array) -> tuple[tuple[Array, Array], Backward]:
        self._check(x, h, c)
        W, U, b = self.W.data, self.U.data, self.b.data
        z_o, z_i, z_f, z_g = np.split(x @ W + h @ U + b, 4, axis=1)
        o, i, f, g = _sigma(z_o), _sigma(z_i), _sigma(z_f), np.tanh(z_g)  # (N, n_hidden), each
        c_new = f * c + i * g
        t = np.tanh(c_new)

        def backward(dh_new: Array, dc_new: Array) -> tuple[Array, Array, Array]:
            dc_new = dc_new + dh_new * o * (1 - t * t)  # h' = o tanh c'
            dz_o = dh_new * t * o * (1 - o)  # h' = o tanh c', o = sigma(z_o)
            dz_i = dc_new * g * i * (1 - i)  # c' = ... + i g, i = sigma(z_i)
            dz_f = dc_new * c * f * (1 - f)  # c' = f c + ..., f = sigma(z_f)
            dz_g = dc_new * i * (1 - g * g)  # c' = ... + i g, g = tanh z_g
            dz = np.concatenate([dz_o, dz_i, dz_f, dz_g], axis=1)  # (N, 4 n_hidden)
            self.W.grad += x.T @ dz  # z = x W + ...
            self.U.grad += h.T @ dz  # z = ... + h U + ...
            self.b.grad += dz.sum(axis=0)  # z = ... + b
            return dz @ W.T, dz @ U.T, dc_new * f  # z = x W + h U + b; c' = f c + ...

        return (o * t, c_new), backward


class GRUCell(Recurrent):
    r"""The gated recurrent unit, whose h' lies between h and a new n: h' from (x, h).

    $$[a_r, a_z, a_n] = x W + b \qquad [p_r, p_z, p_n] = h U \qquad q = p_n + b_q$$
    $$r = \sigma(a_r + p_r) \qquad z = \sigma(a_z + p_z) \qquad n = \tanh(a_n + r q) \qquad h' = (1 - z) n + z h$$

    and, with s for the arguments of sigma and tanh,

    $$ds_n = dh' (1 - z) (1 - n^2) \quad dq = ds_n\,r \quad ds_r = ds_n\,q\;r (1 - r) \quad
      ds_z = dh' (h - n)\,z (1 - z)$$

    Shapes: x (N, n_in), h and h' (N, n_hidden). Kept for backward: x, h, q, the gates, W and U. Raises ValueError for
    sizes below 1, and for shapes or types that do not fit. Source: Cho et al. 2014, section 2.3. Differences: there r
    acts on h before the product, q = (r h) U_n, and no biases are written. Here, as in PyTorch, it acts on the product,
    so that there is one for all gates. (Some papers exchange z and 1 - z.)
    """

    gates, reset_bias = 3, True

    def __call__(self, x: Array, h: Array) -> tuple[Array, Backward]:
        self._check(x, h)
        W, U, b, b_q = self.W.data, self.U.data, self.b.data, self.b_q.data
        a_r, a_z, a_n = np.split(x @ W + b, 3, axis=1)
        p_r, p_z, p_n = np.split(h @ U, 3, axis=1)
        r, z, q = _sigma(a_r + p_r), _sigma(a_z + p_z), p_n + b_q  # (N, n_hidden), each
        n = np.tanh(a_n + r * q)

        def backward(dh_new: Array) -> tuple[Array, Array]:
            ds_n = dh_new * (1 - z) * (1 - n * n)  # h' = (1 - z) n + ..., n = tanh s_n
            ds_z = dh_new * (h - n) * z * (1 - z)  # h' = n + z (h - n), z = sigma(s_z)
            ds_r = ds_n * q * r * (1 - r)  # s_n = a_n + r q, r = sigma(s_r)
            dq = ds_n * r  # s_n = a_n + r q
            da = np.concatenate([ds_r, ds_z, ds_n], axis=1)  # s = a + ...: (N, 3 n_hidden)
            dp = np.concatenate([ds_r, ds_z, dq], axis=1)  # s = ... + p, q = p_n + b_q
            self.W.grad += x.T @ da  # a = x W + ...
            self.b.grad += da.sum(axis=0)  # a = ... + b
            self.U.grad += h.T @ dp  # p = h U
            self.b_q.grad += dq.sum(axis=0)  # q = ... + b_q
            return da @ W.T, dp @ U.T + dh_new * z  # a = x W + b; p = h U, and h' = ... + z h

        return (1 - z) * n + z * h, backward


def _sigma(z: Array) -> Array:
    """1 / (1 + e^-z), as (1 + tanh(z / 2)) / 2, which cannot overflow."""
    sigma: Array = 0.5 + 0.5 * np.tanh(0.5 * z)
    return sigma
