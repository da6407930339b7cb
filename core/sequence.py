r"""Recurrent layers over whole sequences: the equations of `core.recurrent`, arranged for speed.

- Inside, an example is a column, as in the papers: W^T x + U^T h + b has shape (gates n_hidden, N). So the gates of a
  step are *planes* (n_hidden, N), one after the other in memory, and what they share is one call of NumPy.
- A = W^T x + b is had for all steps before the first; the gradients of the Params are a product each after the last.
- Since sigma(z) = (1 + tanh(z / 2)) / 2, one tanh does for all gates, with the weights of those with a sigma halved.
- A gradient that comes back to a step only meets factors that the forward knows, the *local derivatives* L. They are
  worked out for a block of steps that fits a cache, so that the loop over steps does little more than dh = U (L dh).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer
from core.recurrent import Recurrent

BLOCK_BYTES = 1 << 19  # of planes for which local derivatives are worked out at a time


class Sequence(Recurrent):
    """A recurrent layer over whole sequences: y and the final state(s) from x[, initial state(s)[, lengths]].

    Shapes: x (N, T, n_in), states (N, n_hidden), y (N, T, n_hidden): the h of every step. States that are not given are
    zero. `backward(dy, *dstates)` returns dx and a result for each other array that was given, None for lengths; the
    gradient of a final state may be left out for zero.

    With `reverse`, time runs from the last step to the first. With `lengths`, integers (N,), sequence n has only
    lengths[n] steps, and `reverse` begins at its own last. Beyond them x is not looked at and has gradient zero, y is
    zero, and the state stays as it is: the final state is that of the sequence's own end.

    Kept for backward: x, W, U, and every step's states and gates. Raises ValueError for sizes below 1, for shapes or
    types that do not fit, and for lengths outside 0 ... T.
    """

    axes = ("N", "T")
    sigmas = 0  # so many gates have a sigma: the first
    planes = 1  # kept for every step: the gates, then anything else, then the states, h last
    n_states = 1

    def __init__(
        self, n_in: int, n_hidden: int, *, rng: np.random.Generator, reverse: bool = False, init: Init = lecun_normal
    ) -> None:
        super().__init__(n_in, n_hidden, rng=rng, init=init)
        self.reverse = reverse

    def _steps(self, kept: Array, U: Array, K: Array, ended: Array) -> Backward:
        """The loop over time, which fills `kept` (T + 1, planes, n_hidden, N). At first the states of kept[0] are there
        and, in the place of the gates, A of all steps. In A and in K = U^T the rows of sigma are halved. `ended` (T, N)
        says where a sequence is over. Its backward takes the gradients of every h, (T + 1, n_hidden, N), and of other
        final states, and returns those of A and of U^T h, both (gates, n_hidden, T, N), and of the initial states.
        """
        raise NotImplementedError

    def _call(self, x: Array, states: tuple[Array | None, ...], lengths: Array | None) -> tuple[Any, Backward]:
        self._check(x, *states)
        W, U, b = self.W.data, self.U.data, self.b.data
        (N, T, n_in), (n_hidden, width), dtype = x.shape, U.shape, U.dtype
        ends, rows, t = _ends(type(self).__name__, lengths, N, T), np.arange(N), np.arange(T)
        ended, last = t[:, None] >= ends, ends[:, None] - 1  # (T, N), (N, 1)

        def turn(a: Array) -> Array:
            """(N, T, ...) in the order of reading, and back."""
            if not self.reverse:
                return a
            return a[:, ::-1] if lengths is None else a[rows[:, None], np.where(t <= last, last - t, t)]

        half = np.ones(width, dtype)
        half[: self.sigmas * n_hidden] = 0.5
        X = np.ones((T, N, n_in + 1), dtype)  # with a last input that is always 1: its weights are b
        X[:, :, :n_in] = turn(x).swapaxes(0, 1)
        if lengths is not None:
            X[ended] = 0
        X = X.reshape(T * N, n_in + 1)
        A = (np.vstack([W, b]) * half).T @ X.T  # (gates n_hidden, T N)
        kept = np.empty((T + 1, self.planes, n_hidden, N), dtype)
        kept[1:, : self.gates] = A.reshape(self.gates, n_hidden, T, N).transpose(2, 0, 1, 3)
        del A
        for k, state in enumerate(states):
            kept[0, -1 - k] = 0 if state is None else state.T
        backward_steps = self._steps(kept, U, np.ascontiguousarray((U * half).T), ended)
        H = kept[:, -1]  # (T + 1, n_hidden, N)
        y = turn(H[1:].transpose(2, 0, 1)).copy()
        if lengths is not None:
            y[ended.T] = 0

        def backward(dy: Array, dh: Array, *dothers: Array) -> Any:
            dH = np.zeros(H.shape, dtype)
            dH[1:] = turn(dy).transpose(1, 2, 0)  # y = h of every step ...
            if lengths is not None:
                dH[1:].transpose(0, 2, 1)[ended] = 0  # ... or zero
            dH[ends, :, rows] += dh  # the final h is that of the sequence's end
            dA, dP, *dstates = backward_steps(dH, *dothers)
            dA, dP = dA.reshape(width, T * N), dP.reshape(width, T * N)
            dWb = (dA @ X).T  # A = [W, b]^T [x, 1]
            self.W.grad += dWb[:-1]
            self.b.grad += dWb[-1]
            self.U.grad += (dP @ H[:-1].transpose(0, 2, 1).reshape(T * N, n_hidden)).T  # P = U^T h
            dX = (dA.T @ W.T).reshape(T, N, n_in)  # A = W^T x + ...
            dx = np.ascontiguousarray(turn(dX.transpose(1, 0, 2)))
            results = [d.T for d, s in zip(dstates, states, strict=True) if s is not None]
            results += [None] * (lengths is not None)
            return (dx, *results) if results else dx

        return (y, *(kept[ends, -1 - k, :, rows] for k in range(len(states)))), backward


class RNN(Sequence):
    """`RNNCell` over time: (y, h_T) from (x[, h_0[, lengths]]). See `Sequence` and `RNNCell`."""

    def __call__(self, x: Array, h: Array | None = None, lengths: Array | None = None) -> tuple[Any, Backward]:
        return self._call(x, (h,), lengths)

    def _steps(self, kept: Array, U: Array, K: Array, ended: Array) -> Backward:
        H = kept[:, 0]  # what is A at first becomes h
        p = np.empty_like(H[0])
        for h, h_new in pairwise(H):
            K.dot(h, p)
            h_new += p
            np.tanh(h_new, h_new)  # h' = tanh(A + U^T h)

        def backward(dH: Array) -> tuple[Array, ...]:
            dh, dA = dH[-1].copy(), np.empty_like(H[1:].transpose(1, 0, 2), order="C")
            for block in blocks(kept):
                h_new = H[1:][block]
                L = 1 - h_new * h_new  # h' = tanh z
                for dz, dh_out in zip(L[::-1], dH[block][::-1], strict=True):
                    dz *= dh
                    U.dot(dz, dh)  # z = A + U^T h
                    dh += dh_out  # h is an output, too
                dA[:, block] = L.transpose(1, 0, 2)
            return dA, dA, dh

        return backward


class Bidirectional(Layer):
    """Two readings of a sequence, the second from its end: y = [y_forward, y_backward] along the last axis.

    Shapes: (y, final states of `forward`, then of `backward_layer`) from (x[, lengths]), as for `Sequence`, with y
    (N, T, n_forward + n_backward). Initial states are zero. `backward(dy, *dstates)` returns dx, and None for lengths.

    Kept for backward: the callbacks of the two. Raises ValueError unless the second, and it alone, has `reverse`.
    Source: Schuster and Paliwal 1997. Differences: any two of these layers, where the paper has simple ones.
    """

    def __init__(self, forward: Sequence, backward_layer: Sequence) -> None:
        if forward.reverse or not backward_layer.reverse:
            got = f"{forward.reverse} and {backward_layer.reverse}"
            raise ValueError(f"Bidirectional: got layers with reverse {got}, expected False and True")
        self.forward, self.backward_layer = forward, backward_layer

    def __call__(self, x: Array, lengths: Array | None = None) -> tuple[Any, Backward]:
        n_states, n_forward = self.forward.n_states, len(self.forward.U.data)
        (y_f, *states_f), callback_f = self.forward(x, *[None] * n_states, lengths)
        (y_b, *states_b), callback_b = self.backward_layer(x, *[None] * self.backward_layer.n_states, lengths)

        def backward(dy: Array, *dstates: Array) -> Any:
            dx_b = callback_b(dy[:, :, n_forward:], *dstates[n_states:])  # y = [..., y_b]
            dx_f = callback_f(dy[:, :, :n_forward], *dstates[:n_states])  # y = [y_f, ...]
            return dx_f + dx_b if lengths is None else (dx_f[0] + dx_b[0], None)  # both read x

        return (np.concatenate([y_f, y_b], axis=2), *states_f, *states_b), backward


def _ends(owner: str, lengths: Array | None, N: int, T: int) -> Array:
    """The number of steps of each sequence."""
    if lengths is None:
        return np.full(N, T)
    integers = lengths.shape == (N,) and lengths.dtype.kind in "iu"
    if not integers or lengths.min(initial=0) < 0 or lengths.max(initial=0) > T:
        raise ValueError(f"{owner}: got lengths {lengths} ({lengths.dtype}), expected {N} integers from 0 to {T}")
    return lengths.astype(np.intp)


def blocks(kept: Array) -> Iterator[slice]:
    """Slices of steps, from the last to the first, of about BLOCK_BYTES each."""
    size = max(1, len(kept) * BLOCK_BYTES // max(1, kept.nbytes))
    return (slice(max(0, stop - size), stop) for stop in range(len(kept) - 1, 0, -size))
