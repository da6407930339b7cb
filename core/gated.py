"""LSTM and GRU over whole sequences. `core.recurrent` has the equations; `core.sequence` says how they are arranged."""

from typing import Any

import numpy as np
from numpy import add, multiply, subtract, tanh

from core.layer import Array, Backward
from core.sequence import Sequence, blocks


class LSTM(Sequence):
    """`LSTMCell` over time: (y, h_T, c_T) from (x[, h_0, c_0[, lengths]]). See `Sequence` and `LSTMCell`."""

    gates, sigmas, planes, n_states = 4, 3, 6, 2  # planes o, i, f, g, c, h

    def __call__(
        self, x: Array, h: Array | None = None, c: Array | None = None, lengths: Array | None = None
    ) -> tuple[Any, Backward]:
        return self._call(x, (h, c), lengths)

    def _steps(self, kept: Array, U: Array, K: Array, ended: Array) -> Backward:
        T, (_, _, n_hidden, N), dtype = len(kept) - 1, kept.shape, kept.dtype
        A = kept[1:].transpose(0, 3, 1, 2)  # (T, N, planes, n_hidden)
        if ended.any():
            A[ended, 1], A[ended, 2] = -np.inf, np.inf  # i = 0 and f = 1: c stays as it is
        now, products = kept[0].copy(), np.empty((2, n_hidden, N), dtype)
        o, _, _, _, c, h = now
        gates, o_i_f, i_f, g_c = now[:4], now[:3], now[1:3], now[3:5]
        (ig, fc), t, columns = products, np.empty_like(c), gates.reshape(4 * n_hidden, N)
        one, half = np.ones((), dtype), np.full((), 0.5, dtype)  # arrays: NumPy takes longer to convert numbers
        for a, keep in zip(kept[1:, :4], kept[1:], strict=True):
            K.dot(h, columns)
            add(gates, a, gates)  # z = A + U^T h
            tanh(gates, gates)
            add(o_i_f, one, o_i_f)
            multiply(o_i_f, half, o_i_f)  # sigma(z) = (1 + tanh(z / 2)) / 2
            multiply(i_f, g_c, products)
            add(ig, fc, c)  # c' = f c + i g
            tanh(c, t)
            multiply(o, t, h)  # h' = o tanh c'
            keep[...] = now

        def backward(dH: Array, dc: Array) -> tuple[Array, ...]:
            dh, dA = dH[T].copy(), np.empty((4, n_hidden, T, N), dtype)
            dc_old, copies = dc.T, np.empty((4, n_hidden, N), dtype)
            for block in blocks(kept):
                o, i, f, g, c_new, _ = kept[1:][block].transpose(1, 0, 2, 3)  # (B, n_hidden, N), each
                c, t = kept[block, 4], tanh(c_new)
                L = np.empty((len(o), 6, n_hidden, N), dtype)
                L[:, 0] = o * (1 - t * t)  # h' = o tanh c'
                L[:, 1] = t * o * (1 - o)  # h' = o tanh c', o = sigma(z_o)
                L[:, 2] = g * i * (1 - i)  # c' = ... + i g, i = sigma(z_i)
                L[:, 3] = c * f * (1 - f)  # c' = f c + ..., f = sigma(z_f)
                L[:, 4] = i * (1 - g * g)  # c' = ... + i g, g = tanh z_g
                L[:, 5] = f  # c' = f c + ...
                dz = L.reshape(len(o), 6 * n_hidden, N)[:, n_hidden : 5 * n_hidden]
                steps = L[:, 0], L[:, 1], L[:, 2:], L[:, 5], dz, dH[block]
                for dc_new, dz_o, by_c, dc_f, dz_t, dh_out in zip(*(s[::-1] for s in steps), strict=True):
                    multiply(dz_o, dh, dz_o)
                    multiply(dc_new, dh, dc_new)
                    add(dc_new, dc_old, dc_new)  # c' is used by the next step, too
                    copies[...] = dc_new  # for each plane: NumPy takes longer to broadcast in a small product
                    multiply(by_c, copies, by_c)
                    dc_old = dc_f
                    U.dot(dz_t, dh)  # z = A + U^T h
                    add(dh, dh_out, dh)  # h is an output, too
                dA[:, :, block] = L[:, 1:5].transpose(1, 2, 0, 3)
            return dA, dA, dh, dc_old

        return backward


class GRU(Sequence):
    """`GRUCell` over time: (y, h_T) from (x[, h_0[, lengths]]). See `Sequence` and `GRUCell`."""

    gates, sigmas, planes, reset_bias = 3, 2, 5, True  # planes r, z, n, q, h

    def __call__(self, x: Array, h: Array | None = None, lengths: Array | None = None) -> tuple[Any, Backward]:
        return self._call(x, (h,), lengths)

    def _steps(self, kept: Array, U: Array, K: Array, ended: Array) -> Backward:
        T, (_, _, n_hidden, N), dtype = len(kept) - 1, kept.shape, kept.dtype
        b_q = np.repeat(self.b_q.data, N).reshape(n_hidden, N)
        now, p = kept[0].copy(), np.empty((3, n_hidden, N), dtype)
        r, z, n, q, h = now
        r_z, p_r_z, p_n, columns, rest = now[:2], p[:2], p[2], p.reshape(3 * n_hidden, N), np.empty_like(h)
        one, half = np.ones((), dtype), np.full((), 0.5, dtype)  # arrays: NumPy takes longer to convert numbers
        for a_r_z, a_n, keep in zip(kept[1:, :2], kept[1:, 2], kept[1:], strict=True):
            K.dot(h, columns)  # p = U^T h
            add(a_r_z, p_r_z, r_z)
            tanh(r_z, r_z)
            add(r_z, one, r_z)
            multiply(r_z, half, r_z)  # sigma(s) = (1 + tanh(s / 2)) / 2
            add(p_n, b_q, q)
            multiply(r, q, n)
            add(n, a_n, n)
            tanh(n, n)  # n = tanh(a_n + r q)
            subtract(h, n, rest)
            multiply(rest, z, rest)
            add(n, rest, h)  # h' = n + z (h - n)
            keep[...] = now

        def backward(dH: Array) -> tuple[Array, ...]:
            dh, (dA, dP) = dH[T].copy(), np.empty((2, 3, n_hidden, T, N), dtype)
            for block in blocks(kept):
                r, z, n, q, _ = kept[1:][block].transpose(1, 0, 2, 3)  # (B, n_hidden, N), each
                h = kept[block, 4]
                L = np.empty((len(r), 5, n_hidden, N), dtype)
                ds_r, ds_z, dq, ds_n, dh_z = L.transpose(1, 0, 2, 3)
                ds_n[...] = (1 - z) * (1 - n * n)  # h' = (1 - z) n + ..., n = tanh s_n
                dq[...] = ds_n * r  # s_n = a_n + r q
                ds_r[...] = ds_n * q * r * (1 - r)  # s_n = a_n + r q, r = sigma(s_r)
                ds_z[...] = (h - n) * z * (1 - z)  # h' = n + z (h - n), z = sigma(s_z)
                dh_z[...] = z  # h' = ... + z h
                dp = L.reshape(len(r), 5 * n_hidden, N)[:, : 3 * n_hidden]
                for by_h, dp_t, through, dh_out in zip(L[::-1], dp[::-1], dh_z[::-1], dH[block][::-1], strict=True):
                    multiply(by_h, dh, by_h)
                    U.dot(dp_t, dh)  # p = U^T h
                    add(dh, through, dh)
                    add(dh, dh_out, dh)  # h is an output, too
                dA[:, :, block] = L[:, [0, 1, 3]].transpose(1, 2, 0, 3)  # s = A + ...
                dP[:, :, block] = L[:, :3].transpose(1, 2, 0, 3)  # s = ... + p, q = p_n + b_q
            self.b_q.grad += dP[2].sum(axis=(1, 2))  # q = p_n + b_q
            return dA, dP, dh

        return backward
