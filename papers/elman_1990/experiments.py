"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

import numpy as np

from core.optim import SGD
from core.regression import squared_error
from firsthand import Result, Run

from .model import line


def descent(run: Run, *, steps: int, rate: float, points: int) -> Result:
    """Fit a line by gradient descent and by the normal equations. REPLACE."""
    x = run.rng("data").normal(size=(points, 1))
    x -= x.mean()
    y = 2 * x + run.rng("noise").normal(size=(points, 1))
    slope = float((x * y).sum() / (x * x).sum())
    model = line(run.rng("weights")).astype(np.float64)
    start = float(model.W.data[0, 0])
    optimiser = SGD(model, rate)
    losses = []
    for step in range(steps):
        predicted, backward = model(x)
        loss, backward_loss = squared_error(predicted, y)
        backward(backward_loss())
        optimiser.step()
        losses.append(loss)
        run.progress(step + 1, steps, loss)
    found = float(model.W.data[0, 0])
    return Result(
        {"slope_error": abs(found - slope) / abs(slope), "start_error": abs(start - slope) / abs(slope)},
        {"losses": losses},
    )
