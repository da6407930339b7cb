"""The learners around which the monitor is put: perceptrons that learn from every example, and a network."""

import numpy as np

from core.activations import tanh
from core.containers import Sequential, predict
from core.dense import Linear
from core.guard import describe
from core.law import lawful
from core.layer import Array, Backward, Layer, Param
from core.losses import binary_cross_entropy
from core.optim import SGD, Momentum
from firsthand import Run


class Perceptrons(Layer):
    r"""Trials of a linear unit, side by side: scores y from examples x, one for each trial.

    $$y = W \cdot [x, 1] \qquad dW = dy\,[x, 1] \qquad dx = dy\,W_x$$

    where \(W_x\) are the weights of x, without that of the 1. Shapes: x (B, n_in), W (B, n_in + 1), y (B,), for B
    trials that share nothing; W starts at zero. Kept for backward: [x, 1] and W. Raises ValueError for a shape or type
    that does not fit. Source: Rosenblatt 1958; the paper names the perceptron and no more. Difference: none known.
    """

    def __init__(self, trials: int, n_in: int) -> None:
        self.W = Param(np.zeros((trials, n_in + 1)))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W = self.W.data
        trials, n = W.shape
        if x.shape != (trials, n - 1) or x.dtype != W.dtype:
            raise ValueError(f"Perceptrons: got {describe(x)}, expected ({trials}, {n - 1}) and {W.dtype}")
        x1 = np.ones((trials, n), W.dtype)
        x1[:, :-1] = x
        y = np.vecdot(W, x1)  # (B,)

        def backward(dy: Array) -> Array:
            self.W.grad += dy[:, None] * x1  # y = W . [x, 1]: dW = dy [x, 1]
            dx: Array = dy[:, None] * W[:, :-1]  # y = W_x . x + ...: dx = dy W_x
            return dx

        return y, backward


@lawful
def perceptron_criterion(y: Array, t: Array) -> tuple[float, Backward]:
    r"""How far the scores y are on the wrong side, summed over trials; t is 1 or -1 for each.

    $$E = \sum \max(0, -t y) \qquad dy = -t \text{ where } t y \le 0, \text{ else } 0$$

    A step of the rate 1 down this error is Rosenblatt's rule: an example on the wrong side is added to the weights, or
    taken from them. At y = 0, where an untrained perceptron is, the derivative is taken from the wrong side, so that it
    learns. Shapes: y and t (B,). Kept for backward: t and where t y is not positive. Raises ValueError for shapes that
    differ. Source: as for `Perceptrons`.
    """
    if y.shape != t.shape:
        raise ValueError(f"perceptron_criterion: got y {describe(y)} and t {describe(t)}, expected the same shape")
    wrong = t * y <= 0
    loss = float(np.maximum(-t * y, 0).sum())

    def backward() -> Array:
        dy: Array = np.where(wrong, -t, np.zeros_like(t))  # max(0, -t y): -t on the wrong side
        return dy

    return loss, backward


def rosenblatt(model: Perceptrons, optimiser: SGD, x: Array, t: Array, learning: Array) -> Array:
    """Predict one example in each trial (B, n_in), then learn from it in the trials that are `learning` (B,); returns
    which were wrong (B,). A score of 0 is wrong."""
    y, backward = model(x)
    _, backward_loss = perceptron_criterion(y, t)
    backward(backward_loss() * learning)
    optimiser.step()
    wrong: Array = t * y <= 0
    return wrong


def network(n_in: int, hidden: int, rng: np.random.Generator) -> Sequential:
    """One hidden layer of tanh units, and the score of "positive"."""
    return Sequential(hidden=Linear(n_in, hidden, rng=rng), squash=tanh, score=Linear(hidden, 1, rng=rng))


class Learner:
    """A network that can be fitted further, and begun anew. Everything random is drawn from one Generator."""

    def __init__(
        self, run: Run, n_in: int, rng: np.random.Generator, *, hidden: int, steps: int, batch: int, rate: float
    ) -> None:
        self.run, self.n_in, self.rng = run, n_in, rng
        self.hidden, self.steps, self.batch, self.rate = hidden, steps, batch, rate
        self.begin_anew()

    def begin_anew(self) -> None:
        """Fresh weights: what was learned is lost."""
        self.model = network(self.n_in, self.hidden, self.rng)
        self.optimiser = Momentum(self.model, self.rate)

    def fit(self, x: Array, positive: Array) -> None:
        """`steps` steps of backpropagation with momentum on batches drawn from the examples (N, n_in), (N,)."""
        for _ in range(self.steps):
            chosen = self.rng.integers(0, len(x), self.batch) if len(x) > self.batch else slice(None)
            score, backward = self.model(x[chosen])
            loss, backward_loss = binary_cross_entropy(score, positive[chosen, None])
            backward(backward_loss())
            self.optimiser.step()
        self.run.progress(self.steps, self.steps, loss)  # ends the run if it is not finite

    def wrong(self, x: Array, positive: Array) -> Array:
        """Which of the examples are predicted wrongly."""
        wrong: Array = (predict(self.model, x)[:, 0] > 0) != (positive > 0.5)
        return wrong
