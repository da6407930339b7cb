r"""The simple recurrent network, many trials of it side by side, and the training that reads a stream."""

import numpy as np

from core.guard import describe
from core.layer import Array, Backward, Layer, Param
from core.optim import SGD
from firsthand import Run

START = 0.5  # of every context unit


class SimpleRecurrent(Layer):
    r"""Trials of a network whose hidden layer is part of its next input: y and the last h from x and the first h.

    $$s_t = [x_t, h_{t-1}, 1] \qquad h_t = \sigma(s_t W) \qquad y_t = \sigma([h_t, 1] V)$$

    and, with \(dh_t\) for what comes back from the step after, and \(V_h, W_h\) for the rows of h,

    $$do_t = dy_t\,y_t (1 - y_t) \quad dV = \sum_t [h_t, 1]^T do_t \quad dz_t = (do_t V_h^T + dh_t)\,h_t (1 - h_t) \quad
      dW = \sum_t s_t^T dz_t$$

    \(dh_{t-1} = dz_t W_h^T\) if `through_time`; Elman's procedure sets it to zero and takes \(h_{t-1}\) for a given
    input, so that its gradients are not those of the loss, and its dx are those of one step.

    Shapes: x (B, T, n_in), h (B, n_hidden), y (B, T, n_out), for B trials that share nothing;
    W (B, n_in + n_hidden + 1, n_hidden), V (B, n_hidden + 1, n_out). With `context` false, h in s is the constant 0.5,
    and nothing is remembered. Kept for backward: s, h and y of every step, W and V. Raises ValueError for shapes and
    types that do not fit. Source: section "Networks with memory" and figure 2. Difference: weights are uniform in
    \(\pm\)`width`, which the paper leaves open; `rngs` has one Generator for each trial, so that a trial does not
    depend on its neighbours.
    """

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        n_out: int,
        *,
        rngs: list[np.random.Generator],
        width: float,
        context: bool = True,
        through_time: bool = False,
    ) -> None:
        shapes = (n_in + n_hidden + 1, n_hidden), (n_hidden + 1, n_out)
        drawn = [[rng.uniform(-width, width, shape) for shape in shapes] for rng in rngs]
        self.W, self.V = (Param(np.array(weights)) for weights in zip(*drawn, strict=True))
        self.n_in, self.context, self.through_time = n_in, context, through_time

    def start(self) -> Array:
        """The hidden layers before the first step."""
        return np.full((len(self.W.data), self.W.data.shape[2]), START, self.W.data.dtype)

    def __call__(self, x: Array, h: Array) -> tuple[tuple[Array, Array], Backward]:
        W, V, n_in = self.W.data, self.V.data, self.n_in
        (trials, _, n_hidden), n_out = W.shape, V.shape[2]
        fits = x.ndim == 3 and x.shape[::2] == (trials, n_in) and h.shape == (trials, n_hidden)
        if not fits or {x.dtype, h.dtype} != {W.dtype}:
            raise ValueError(
                f"SimpleRecurrent: got x {describe(x)} and h {describe(h)}, expected x ({trials}, T, {n_in}), "
                f"h ({trials}, {n_hidden}) and {W.dtype}"
            )
        steps = x.shape[1]
        s = np.ones((steps, trials, 1, n_in + n_hidden + 1), W.dtype)
        s[:, :, 0, :n_in] = x.swapaxes(0, 1)
        h1 = np.ones((steps, trials, 1, n_hidden + 1), W.dtype)  # [h, 1]
        y = np.empty((steps, trials, 1, n_out), W.dtype)
        for t in range(steps):
            s[t, :, 0, n_in:-1] = h if self.context else START
            h1[t, :, :, :-1] = _sigma(s[t] @ W)
            y[t] = _sigma(h1[t] @ V)
            h = h1[t, :, 0, :-1]

        def backward(dy: Array, dh: Array) -> tuple[Array, Array]:
            dx = np.empty(x.shape, W.dtype)
            dh_next = dh[:, None]  # the last h is an output
            for t in reversed(range(steps)):
                do = dy[:, t, None] * y[t] * (1 - y[t])  # y = sigma(o): (B, 1, n_out)
                self.V.grad += h1[t].swapaxes(1, 2) * do  # o = [h, 1] V
                dh_t = (do @ V.swapaxes(1, 2))[:, :, :-1] + dh_next  # o = [h, 1] V, and h is in the next s
                dz = dh_t * h1[t, :, :, :-1] * (1 - h1[t, :, :, :-1])  # h = sigma(z): (B, 1, n_hidden)
                self.W.grad += s[t].swapaxes(1, 2) * dz  # z = s W
                ds = dz @ W.swapaxes(1, 2)  # z = s W
                dx[:, t] = ds[:, 0, :n_in]  # s = [x, ...]
                dh_next = ds[:, :, n_in:-1] if self.context and (self.through_time or t == 0) else np.zeros_like(dh_t)
            return dx, dh_next[:, 0]  # s = [..., h, 1] at the first step

        return (y[:, :, 0].swapaxes(0, 1), h.copy()), backward


def _sigma(z: Array) -> Array:
    """1 / (1 + e^-z), as (1 + tanh(z / 2)) / 2, which cannot overflow."""
    sigma: Array = 0.5 + 0.5 * np.tanh(0.5 * z)
    return sigma


def at_once(stream: Array, count: int) -> Array:
    """From streams (B, T, n), which wrap around, the last `count` elements at every time: (B, T, count n)."""
    return np.concatenate([np.roll(stream, back, axis=1) for back in range(count)], axis=2)


def learn_to_predict(
    run: Run, network: SimpleRecurrent, stream: Array, *, passes: int, rate: float, window: int = 1, seen: int = 1
) -> None:
    """Read the streams (B, T, n), which wrap around, `passes` times; after every `window` elements take a step down the
    squared error of the next ones, summed over them. The hidden layer is carried along and never reset.

    The network is given the last `seen` elements at once: one, in the paper.
    """
    optimiser = SGD(network, rate)
    inputs, following = at_once(stream, seen), np.roll(stream, -1, axis=1)
    length, h = stream.shape[1], network.start()
    for done in range(passes):
        total = 0.0
        for at in range(0, length, window):
            (y, h), backward = network(inputs[:, at : at + window], h)
            error = y - following[:, at : at + window]
            total += float(np.vdot(error, error))
            backward(error, np.zeros_like(h))  # E = |y - target|^2 / 2, summed over steps, for each trial alone
            optimiser.step()
        run.progress(done + 1, passes, total / (2 * stream[:, :, 0].size))


def errors(network: SimpleRecurrent, stream: Array, seen: int = 1) -> tuple[Array, Array]:
    """The answers (B, T - 1, n) to a stream (B, T, n), and how far they are from what came next."""
    (y, _), _ = network(at_once(stream, seen)[:, :-1], network.start())
    return y, y - stream[:, 1:]


def rms(error: Array) -> Array:
    """Root mean squared error of each trial, (B,), over all other axes."""
    mean: Array = np.sqrt((error**2).mean(axis=tuple(range(1, error.ndim))))
    return mean


def network_of(
    run: Run, sizes: tuple[int, int, int], trials: int, width: float, context: str, gradient: str = "one step"
) -> SimpleRecurrent:
    """A batch of trials; the settings are those of the manifest. Trial k draws from its own stream."""
    rngs = [run.rng(f"weights {trial}") for trial in range(trials)]
    return SimpleRecurrent(
        *sizes, rngs=rngs, width=width, context=context == "hidden", through_time=gradient == "through time"
    )
