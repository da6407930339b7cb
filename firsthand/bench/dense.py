"""Networks of Linear layers: a classifier, a variational autoencoder, a pair of adversaries."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from core.activations import relu, tanh
from core.containers import Sequential, predict
from core.dense import Linear
from core.init import he_normal
from core.layer import Step
from core.losses import binary_cross_entropy, softmax_cross_entropy
from core.regression import gaussian_kl
from firsthand.bench.twins import Twins
from firsthand.bench.workload import Draw, Pair, Pass, Workload


def perceptron(draw: Draw, sizes: Sequence[int], *last: Step, of_data: bool = False) -> Sequential:
    """Linear layers with ReLU between them, and what comes last."""
    layers: list[Step] = []
    for n_in, n_out in pairwise(sizes):
        layers += [relu] if layers else []
        layers.append(Linear(n_in, n_out, rng=draw.rng, init=he_normal, of_data=of_data and not layers))
    return Sequential(*layers, *last)


def twin(t: Twins, model: Sequential, *last: Any) -> Any:
    """The same in PyTorch."""
    layers = [t.linear(layer) if isinstance(layer, Linear) else t.nn.ReLU() for layer in model.layers.values()]
    return t.nn.Sequential(*layers[: len(layers) - len(last)], *last)


def mlp(draw: Draw, sizes: Sequence[int], batch: int) -> Pair:
    model = perceptron(draw, sizes, of_data=True)
    x, labels = draw.normal(batch, sizes[0]), draw.labels(sizes[-1], batch)

    def ours() -> None:
        logits, backward = model(x)
        _, backward_loss = softmax_cross_entropy(logits, labels)
        backward(backward_loss())

    def theirs(t: Twins) -> list[Pass]:
        net, tx, t_labels = twin(t, model), t.array(x), t.array(labels)
        return [lambda: t.F.cross_entropy(net(tx), t_labels).backward()]

    return Pair([model], [ours], theirs)


def vae(draw: Draw, n_in: int, hidden: int, code: int, batch: int) -> Pair:
    """Kingma and Welling 2014: the noise is drawn once, so that both sides have the same."""
    encoder, decoder = perceptron(draw, [n_in, hidden, 2 * code], of_data=True), perceptron(draw, [code, hidden, n_in])
    x, noise = draw.uniform(batch, n_in), draw.normal(batch, code)

    def ours() -> None:
        y, backward_encoder = encoder(x)
        mean, log_variance = np.split(y, 2, axis=1)
        scaled = noise * np.exp(0.5 * log_variance)
        logits, backward_decoder = decoder(mean + scaled)
        _, backward_bce = binary_cross_entropy(logits, x)
        _, backward_kl = gaussian_kl(y)
        dz = backward_decoder(backward_bce() * n_in)  # the loss sums over pixels, where ours is a mean
        backward_encoder(np.concatenate([dz, 0.5 * dz * scaled], axis=1) + backward_kl())

    def theirs(t: Twins) -> list[Pass]:
        encode, decode, tx, t_noise = twin(t, encoder), twin(t, decoder), t.array(x), t.array(noise)

        def run() -> None:
            mean, log_variance = encode(tx).chunk(2, dim=1)
            logits = decode(mean + t_noise * t.torch.exp(0.5 * log_variance))
            bce = t.F.binary_cross_entropy_with_logits(logits, tx, reduction="sum")
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
            ((bce + kl) / batch).backward()

        return [run]

    return Pair([Sequential(encoder=encoder, decoder=decoder)], [ours], theirs)


def gan(draw: Draw, code: int, hidden: int, n_out: int, batch: int) -> Pair:
    """Goodfellow et al. 2014: a step of the discriminator, then one of the generator (the loss that does not saturate).

    The second pass adds into the discriminator's gradients too, on both sides; the next first pass discards them.
    """
    generator = perceptron(draw, [code, hidden, n_out], tanh, of_data=True)
    discriminator = perceptron(draw, [n_out, hidden, 1])
    real, z = np.tanh(draw.normal(batch, n_out)), draw.normal(batch, code)
    one, zero = np.ones((batch, 1), draw.dtype), np.zeros((batch, 1), draw.dtype)

    def ours_discriminator() -> None:
        discriminator.zero_grad()
        fake = predict(generator, z)
        for x, target in ((real, one), (fake, zero)):
            logits, backward = discriminator(x)
            backward(binary_cross_entropy(logits, target)[1]())

    def ours_generator() -> None:
        fake, backward_generator = generator(z)
        logits, backward = discriminator(fake)
        backward_generator(backward(binary_cross_entropy(logits, one)[1]()))

    def theirs(t: Twins) -> list[Pass]:
        G, D = twin(t, generator, t.nn.Tanh()), twin(t, discriminator)
        t_real, tz, t_one, t_zero = map(t.array, (real, z, one, zero))
        loss = t.F.binary_cross_entropy_with_logits

        def run_discriminator() -> None:
            with t.torch.no_grad():
                fake = G(tz)
            (loss(D(t_real), t_one) + loss(D(fake), t_zero)).backward()

        return [run_discriminator, lambda: loss(D(G(tz)), t_one).backward()]

    return Pair([discriminator, generator], [ours_discriminator, ours_generator], theirs)


WORKLOADS = [
    Workload(
        "mlp",
        "MLP 784-512-512-10, batch 128, Adam",
        mlp,
        {"sizes": (784, 512, 512, 10), "batch": 128},
        {"sizes": (11, 8, 7, 5), "batch": 6},
    ),
    Workload(
        "vae",
        "VAE 784-400-20, batch 100, Adam",
        vae,
        {"n_in": 784, "hidden": 400, "code": 20, "batch": 100},
        {"n_in": 11, "hidden": 7, "code": 3, "batch": 5},
    ),
    Workload(
        "gan",
        "GAN 100-256-784, batch 100, Adam",
        gan,
        {"code": 100, "hidden": 256, "n_out": 784, "batch": 100},
        {"code": 4, "hidden": 9, "n_out": 11, "batch": 5},
    ),
]
