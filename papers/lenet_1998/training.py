"""The training loop of both papers: stochastic gradient descent, one batch (or one digit) after the other."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from core.containers import predict
from core.layer import Array, Backward, Layer
from core.optim import Optimiser
from firsthand import Run, where_nan

Criterion = Callable[[Array, Array], tuple[float, Backward]]


def train(
    run: Run,
    model: Layer,
    criterion: Criterion,
    images: Array,
    targets: Array,
    *,
    optimiser: Optimiser,
    passes: float,
    batch: int,
    order: np.random.Generator | None = None,
    falling: bool = False,
    before_pass: Callable[[], None] = lambda: None,
) -> Iterator[float]:
    """Train in place; after each pass over the examples, yield the mean loss of that pass.

    Examples come in their own order, or in a new one from `order` for each pass; what does not fill a batch is left
    out. `falling` lets the rate fall linearly to zero. A part of a pass (`passes` = 0.1) trains that much and yields.
    """
    rate, steps_in_pass = optimiser.rate, len(images) // batch
    steps = max(1, round(passes * steps_in_pass))
    losses: list[float] = []
    for step in range(steps):
        at = step % steps_in_pass
        if at == 0:
            before_pass()
            sequence = np.arange(len(images)) if order is None else order.permutation(len(images))
        chosen = sequence[at * batch : (at + 1) * batch]
        x, target = images[chosen], targets[chosen]
        y, backward = model(x)
        loss, backward_loss = criterion(y, target)
        if step % 200 == 0:  # before the step, so that the network can still be asked
            run.progress(step, steps, loss, partial(where_nan, model, criterion, x, target))
        backward(backward_loss())
        if falling:
            optimiser.rate = rate * (1 - step / steps)
        optimiser.step()
        losses.append(loss)
        if at == steps_in_pass - 1 or step == steps - 1:
            run.progress(step + 1, steps, float(np.mean(losses)))
            yield float(np.mean(losses))
            losses = []


def answers(model: Layer, images: Array, *, smallest: bool = False) -> Array:
    """The digit that the network reads in each image: its largest output, or its smallest penalty."""
    y = predict(model, images, batch_size=500)
    digits: Array = y.argmin(axis=1) if smallest else y.argmax(axis=1)
    return digits
