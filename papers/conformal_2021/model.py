"""Sets from the ranks of scores, the controller of their level, and the loss that it descends."""

import math

import numpy as np

from core.activations import softmax, tanh
from core.containers import Sequential, predict
from core.dense import Linear
from core.law import lawful
from core.layer import Array, Backward
from core.losses import softmax_cross_entropy
from core.optim import Momentum
from core.regression import alike
from firsthand import Run


def rank(n: int, alpha: float, rule: str = "n + 1") -> int:
    r"""Which of n sorted calibration scores is the threshold, from 1: \(\lceil (n + 1)(1 - \alpha) \rceil\).

    Below 1 nothing is in the set, above n everything is. The rule "n" forgets the fresh example. A rounding error of
    1e-9 in the product is forgiven: 100 * (1 - 0.1) is 90. Source: Papadopoulos et al. 2002; Lei et al. 2018.
    """
    return math.ceil((n + (rule == "n + 1")) * (1 - alpha) - 1e-9)


def threshold(scores: Array, alpha: float) -> float:
    """The largest score that is covered, from the sorted scores (n,) of the calibration examples."""
    k = rank(len(scores), alpha)
    return math.inf if k > len(scores) else -math.inf if k < 1 else float(scores[k - 1])


def just_missed(scores: Array, fresh: Array) -> Array:
    r"""The level \(\beta\) (T,) at which each fresh score (T,) is just missed: it is covered if \(\alpha < \beta\).

    $$\beta = (n + 1 - k) / (n + 1) \qquad k = \#\{i : s_i < s\}$$

    from the sorted calibration scores s_i (n,). It is the same as `fresh <= threshold(scores, alpha)` (the design has
    the two lines between them) and needs no search when the level moves.
    """
    n = len(scores)
    beta: Array = (n + 1 - np.searchsorted(scores, fresh, side="left")) / (n + 1)
    return beta


def controller(beta: Array, alpha: float, gamma: float, *, clip: bool = False, delay: int = 0) -> tuple[Array, Array]:
    r"""Equation 2: the levels \(\alpha_1 \ldots \alpha_{T+1}\) (T + 1,), and whether each set missed (T,).

    $$err_t = 1\{\alpha_t \ge \beta_t\} \qquad \alpha_{t+1} = \alpha_t + \gamma (\alpha - err_t) \qquad
      \alpha_1 = \alpha$$

    Every \(\beta\) is above 0 and at most 1, so that a level of 0 or below never misses and one of 1 or above does.
    `clip` keeps the level within 0 ... 1, which breaks the guarantee. With a `delay` the label comes that many examples
    later: the error that is fed back is an old one. Differences from the paper: none known, but for the two switches.
    """
    levels, errors, level = np.empty(len(beta) + 1), np.empty(len(beta)), alpha
    levels[0] = level
    for t, b in enumerate(beta.tolist()):
        errors[t] = level >= b
        if t >= delay:
            level = level + gamma * (alpha - float(errors[t - delay]))
        if clip:
            level = min(max(level, 0.0), 1.0)
        levels[t + 1] = level
    return levels, errors


def of_bound(errors: Array, alpha: float, gamma: float) -> float:
    """Proposition 4.1: the largest distance of the running error rate from alpha in units of the bound, over all T."""
    steps = np.arange(1, len(errors) + 1)
    bound = (max(alpha, 1 - alpha) + gamma) / (gamma * steps)
    return float((np.abs(errors.cumsum() / steps - alpha) / bound).max())


@lawful
def pinball(theta: Array, beta: Array, tau: float) -> tuple[float, Backward]:
    r"""The loss whose minimum over theta is the quantile \(\tau\) of beta; the mean over all M numbers.

    $$E = \frac1M \sum \max\big(\tau (\beta - \theta),\ (\tau - 1)(\beta - \theta)\big) \qquad
      d\theta = \big(1\{\theta \ge \beta\} - \tau\big) / M$$

    At the kink, theta = beta, the slope is taken from the right: there the set just misses. With tau = alpha the
    gradient of one level is err - alpha, so that a step of SGD is the controller. Shapes: theta and beta (M,), any one
    shape. Kept for backward: where theta is at beta or above. Errors as for `core.mse`. Source: Koenker and Bassett
    1978; the paper gives the controller, and not, in what we could read, the loss.
    """
    alike("pinball", theta, beta)
    short = beta - theta
    missed = short <= 0
    loss = float(np.maximum(tau * short, (tau - 1) * short).sum()) / theta.size

    def backward() -> Array:
        d_theta: Array = missed.astype(theta.dtype) - tau  # tau (beta - theta): -tau; (tau - 1) (beta - theta): 1 - tau
        return d_theta * (1 / theta.size)  # the mean

    return loss, backward


def beta_law(x: Array, n: int, alpha: float) -> Array:
    r"""Probability that n calibration examples cover x (P,) or less: \(\mathrm{Beta}(r, n + 1 - r)\), r the rank.

    The r-th smallest of n uniform numbers is at most x if r of them or more are:
    \(\sum_{j \ge r} \binom{n}{j} x^j (1 - x)^{n - j}\). Source: Vovk 2012.
    """
    j = np.arange(rank(n, alpha), n + 1)
    log_choose = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in j]
    with np.errstate(divide="ignore"):
        terms = np.log(x)[:, None] * j + np.where(j < n, np.log1p(-x)[:, None] * np.maximum(n - j, 1), 0)
    total: Array = np.exp(terms + log_choose).sum(axis=1)
    return total


def network(n_in: int, hidden: int, n_out: int, rng: np.random.Generator) -> Sequential:
    """One hidden layer of tanh units, and a logit for each class."""
    return Sequential(hidden=Linear(n_in, hidden, rng=rng), squash=tanh, logits=Linear(hidden, n_out, rng=rng))


def train(run: Run, model: Sequential, x: Array, labels: Array, *, steps: int, batch: int = 50) -> None:
    """Backpropagation with momentum, rate 0.1, on batches drawn from x (N, n_in) and labels (N,)."""
    optimiser, drawn = Momentum(model, 0.1), run.rng("batches")
    for step in range(steps):
        chosen = drawn.integers(0, len(x), batch)
        logits, backward = model(x[chosen])
        loss, backward_loss = softmax_cross_entropy(logits, labels[chosen])
        backward(backward_loss())
        optimiser.step()
        run.progress(step + 1, steps, loss)


def scores(model: Sequential, x: Array) -> Array:
    """1 - p of every class (N, K): how strange each label would be, from 0 to 1."""
    strange: Array = 1 - predict(softmax, predict(model, x))
    return strange
