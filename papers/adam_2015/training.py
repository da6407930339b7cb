"""Training at every rate of a grid: softmax regression for all rates at once, networks one rate after the other."""

from collections.abc import Callable, Iterator

import numpy as np

from core.activations import relu
from core.adaptive import Adagrad, Adam, RMSProp
from core.containers import Sequential
from core.dense import Linear
from core.dropout import Dropout
from core.init import he_normal, lecun_normal
from core.layer import Array, Backward
from core.losses import binary_cross_entropy, softmax_cross_entropy
from core.nonlinearities import softplus
from core.optim import Nesterov, Optimiser
from core.regression import gaussian_kl
from firsthand import Run

from . import model
from .model import AdamOptimiser, Rule

RULES: dict[str, Callable[[Array], Rule]] = {
    "adam": lambda alpha: model.Adam(alpha, annealed=True),
    "nesterov": lambda alpha: model.Nesterov(alpha, annealed=True),
    "adagrad": model.AdaGrad,
    "annealed adagrad": lambda alpha: model.AdaGrad(alpha, annealed=True),
    "matrix": lambda alpha: model.MatrixAdam(alpha, annealed=True),
}
OPTIMISERS: dict[str, Callable[[Sequential, float], Optimiser]] = {
    "adam": Adam,
    "rmsprop": RMSProp,
    "adagrad": Adagrad,
    "nesterov": Nesterov,
}


def batches(n: int, batch: int, order: np.random.Generator) -> Iterator[Array]:
    """Which examples are in each batch of one pass, in a new order; what does not fill a batch is left out."""
    sequence = order.permutation(n)
    for start in range(0, n - batch + 1, batch):
        yield sequence[start : start + batch]


class Regressions:
    r"""Softmax regression x W + b for A rates side by side, from zero weights: W (D, A, K), b (A, K).

    The cost of each is the mean of \(-\log p_l\), plus half of `decay` times the squared weights W when training.
    """

    def __init__(
        self, inputs: int, rates: list[float], classes: int, rule: Callable[[Array], Rule], decay: float
    ) -> None:
        alpha = np.array(rates, np.float32)[:, None]  # (A, 1)
        self.W = np.zeros((inputs, len(rates), classes), np.float32)
        self.b = np.zeros((len(rates), classes), np.float32)
        self.rule_W, self.rule_b, self.decay = rule(alpha), rule(alpha), np.float32(decay)

    def probabilities(self, x: Array) -> Array:
        z = (x @ self.W.reshape(len(self.W), -1)).reshape(len(x), *self.b.shape) + self.b  # (N, A, K), one product
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        p: Array = e / e.sum(axis=-1, keepdims=True)
        return p

    def gradients(self, x: Array, labels: Array) -> tuple[Array, Array]:
        dz = self.probabilities(x)
        dz[np.arange(len(x)), :, labels] -= 1  # - log p_l with p = softmax(z): dz = p - onehot(l)
        dz /= len(x)
        dW = (x.T @ dz.reshape(len(x), -1)).reshape(self.W.shape)  # z = x W + b
        return dW + self.decay * self.W, dz.sum(axis=0)

    def step(self, x: Array, labels: Array) -> None:
        dW, db = self.gradients(x, labels)
        self.W, self.b = self.rule_W.step(self.W, dW), self.rule_b.step(self.b, db)

    def cost(self, x: Array, labels: Array) -> Array:
        """(A,): mean of - log p_l over all examples, without the decay."""
        total = np.zeros(len(self.b))
        for start in range(0, len(x), 2000):
            p = self.probabilities(x[start : start + 2000])
            right = p[np.arange(len(p)), :, labels[start : start + 2000]]  # (N, A)
            total += -np.log(np.maximum(right, np.float32(1e-30))).sum(axis=0, dtype=np.float64)
        return total / len(x)


def regression_curves(
    run: Run,
    optimiser: str,
    rates: list[float],
    x: Array,
    labels: Array,
    *,
    passes: int,
    batch: int,
    decay: float = 0.0,
    dropout: float = 0.0,
) -> Array:
    """The training cost after each pass at each rate, (passes, A). Every optimiser sees the same batches and masks."""
    regressions = Regressions(x.shape[1], rates, int(labels.max()) + 1, RULES[optimiser], decay)
    order, masks = run.rng("order"), run.rng("dropout")
    curve = []
    for done in range(passes):
        for chosen in batches(len(x), batch, order):
            seen = x[chosen]
            if dropout:
                seen = seen * (masks.random(seen.shape, np.float32) >= dropout) * np.float32(1 / (1 - dropout))
            regressions.step(seen, labels[chosen])
        curve.append(regressions.cost(x, labels))
        run.progress(done + 1, passes, float(curve[-1].min()))
    return np.array(curve)


def network_curve(
    run: Run,
    optimiser: str,
    rate: float,
    x: Array,
    labels: Array,
    *,
    passes: int,
    batch: int,
    hidden: int,
    dropout: float,
) -> tuple[list[float], list[float]]:
    """Mean training cost, and mean squared gradient, of each pass of a network with two hidden layers and dropout."""
    rng, order = run.rng("weights"), run.rng("order")
    network = Sequential(
        hidden1=Linear(x.shape[1], hidden, rng=rng, init=he_normal),
        f1=relu,
        drop1=Dropout(dropout, rng=rng),
        hidden2=Linear(hidden, hidden, rng=rng, init=he_normal),
        f2=relu,
        drop2=Dropout(dropout, rng=rng),
        output=Linear(hidden, 10, rng=rng, init=he_normal),
    )
    method = OPTIMISERS[optimiser](network, rate)
    weights = [p for _, p in network.named_params()]
    costs, squares = [], []
    for done in range(passes):
        losses, sizes = [], []
        for chosen in batches(len(x), batch, order):
            y, backward = network(x[chosen])
            loss, backward_loss = softmax_cross_entropy(y, labels[chosen])
            backward(backward_loss())
            sizes.append(sum(float(np.vdot(p.grad, p.grad)) for p in weights) / sum(p.data.size for p in weights))
            method.step()
            losses.append(loss)
        costs.append(float(np.mean(losses)))
        squares.append(float(np.mean(sizes)))
        run.progress(done + 1, passes)
    return costs, squares


def draw(code: Array, epsilon: Array) -> tuple[Array, Backward]:
    r"""z = \(\mu + e^{s/2} \epsilon\), a draw from the Gaussian of mean and log variance \(y = [\mu, s]\).

    $$d\mu = dz \qquad ds = \tfrac12\, dz\, \epsilon\, e^{s/2}$$

    Shapes: code (N, 2 D), epsilon (N, D), standard normal noise, which is data and gets no gradient; z (N, D). Kept for
    backward: \(\epsilon e^{s/2}\). Source: Kingma and Welling 2014, section 2.4. Differences: none.
    """
    mu, s = np.split(code, 2, axis=1)
    moved = np.exp(s / 2) * epsilon

    def backward(dz: Array) -> Array:
        return np.concatenate([dz, dz * moved / 2], axis=1)  # z = mu + e^(s/2) epsilon: dmu = dz, ds = dz moved / 2

    return mu + moved, backward


def vae_curve(
    run: Run,
    rate: float,
    x: Array,
    *,
    beta1: float,
    beta2: float,
    corrected: bool,
    passes: int,
    hidden: int,
    latent: int,
    batch: int,
) -> list[float]:
    r"""The loss of each pass (nats a digit) of a variational auto-encoder; infinite from where it is not a number.

    The encoder gives the code of a Gaussian, from which z is drawn; the decoder gives the logits of the pixels.
    """
    rng, order, noise = run.rng("weights"), run.rng("order"), run.rng("noise")
    pixels = x.shape[1]
    encoder = Sequential(
        hidden=Linear(pixels, hidden, rng=rng, init=lecun_normal),
        f=softplus,
        output=Linear(hidden, 2 * latent, rng=rng, init=lecun_normal),
    )
    decoder = Sequential(
        hidden=Linear(latent, hidden, rng=rng, init=lecun_normal),
        f=softplus,
        output=Linear(hidden, pixels, rng=rng, init=lecun_normal),
    )
    halves = {"encoder": encoder, "decoder": decoder}
    params = [(f"{half}.{name}", p) for half, network in halves.items() for name, p in network.named_params()]
    optimiser = AdamOptimiser(params, rate, beta1, beta2, corrected=corrected)
    curve: list[float] = []
    for _ in range(passes):
        losses = []
        for chosen in batches(len(x), batch, order):
            code, backward_encoder = encoder(x[chosen])
            z, backward_draw = draw(code, noise.standard_normal((batch, latent), np.float32))
            logits, backward_decoder = decoder(z)
            surprise, backward_surprise = binary_cross_entropy(logits, x[chosen])  # a mean over pixels
            divergence, backward_divergence = gaussian_kl(code)
            losses.append(pixels * surprise + divergence)
            if not np.isfinite(losses[-1]):
                return curve + [np.inf] * (passes - len(curve))
            dcode = backward_draw(backward_decoder(pixels * backward_surprise()))
            backward_encoder(dcode + backward_divergence())  # the code went to both terms
            optimiser.step()
        curve.append(float(np.mean(losses)))
    return curve
