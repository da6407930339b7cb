"""The paper's recipe: Adam with its betas, the rate that rises and falls, smoothed labels (sections 5.3 and 5.4)."""

from collections.abc import Callable, Iterator

import numpy as np

from core.adaptive import Adam
from core.layer import Array, Layer
from core.losses import softmax_cross_entropy
from core.schedules import transformer
from firsthand import Run

from .model import PADDING

Batch = tuple[tuple[Array, ...], Array]  # the model's inputs, and the words that it should name


def train(
    run: Run, model: Layer, draw: Callable[[], Batch], *, d_model: int, steps: int, warm_up: int, smoothing: float
) -> Iterator[tuple[float, float]]:
    """Train in place; after each step, yield the loss and the fraction of words named rightly in its batch.

    The loss is a mean over words; padding does not count.
    """
    schedule = transformer(d_model, warm_up)
    optimiser = Adam(model, beta1=0.9, beta2=0.98, epsilon=1e-9)
    for step in range(steps):
        inputs, words = draw()
        scores, backward = model(*inputs)
        loss, backward_loss = softmax_cross_entropy(scores, words, smoothing=smoothing, ignore=PADDING)
        backward(backward_loss())
        optimiser.rate = schedule(step)
        optimiser.step()
        run.progress(step + 1, steps, loss)
        yield loss, accuracy(scores, words)


def accuracy(scores: Array, words: Array) -> float:
    """The fraction of words, padding left out, with the highest score."""
    counts = words != PADDING
    return float((scores.argmax(axis=-1) == words)[counts].mean())


def mean_surprise(model: Callable[..., Array], inputs: tuple[Array, ...], words: Array) -> float:
    """The mean of - log p over words, padding left out, without smoothing."""
    return softmax_cross_entropy(model(*inputs), words, ignore=PADDING)[0]


def minibatches(inputs: tuple[Array, ...], words: Array, batch: int, rng: np.random.Generator) -> Callable[[], Batch]:
    """Draw batches in a new order for each pass; what does not fill a batch is left out of its pass."""

    def forever() -> Iterator[Batch]:
        while True:
            order = rng.permutation(len(words))
            for start in range(0, len(order) - batch + 1, batch):
                chosen = order[start : start + batch]
                yield tuple(x[chosen] for x in inputs), words[chosen]

    return forever().__next__
