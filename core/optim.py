"""Optimisers. `step()` consumes the gradients: it rebinds every `p.data` and sets every `p.grad` to zero."""

from collections.abc import Iterable, Mapping

import numpy as np

from core.guard import finite
from core.layer import Array, Layer, Param


class SGD:
    r"""Stochastic gradient descent, with momentum if asked.

    $$v \leftarrow \mu v - \eta g \qquad p \leftarrow p + v$$

    so that v has the size of a step, and a change of the rate \(\eta\) acts on new gradients only (Sutskever et al.
    2013, equations 1 and 2; PyTorch instead keeps v <- mu v + g and multiplies the sum by the rate, which is the same
    for a constant rate). Without momentum, p <- p - eta g.

    `rate` may be assigned between steps: schedules belong to the training loop. `p.data` is rebound, never written,
    so that a backward still to come has the weights that its forward used.
    """

    def __init__(self, model: Layer | Iterable[tuple[str, Param]], rate: float, momentum: float = 0.0) -> None:
        self.params = dict(model.named_params() if isinstance(model, Layer) else model)
        if not self.params:
            raise ValueError("SGD: got no Params, expected at least one")
        self.rate = rate
        self.momentum = finite("SGD", "momentum", momentum, least=0.0)
        if self.momentum >= 1:
            raise ValueError(f"SGD: momentum is {momentum}, expected less than 1")
        self.steps = 0
        self.velocity = {name: np.zeros_like(p.data) for name, p in self.params.items()} if momentum else {}

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = finite("SGD", "rate", rate, least=0.0)

    def step(self) -> None:
        for name, p in self.params.items():
            change = -self._rate * p.grad
            if self.momentum:
                change += self.momentum * self.velocity[name]
                self.velocity[name] = change
            p.data = p.data + change
            p.grad.fill(0)
        self.steps += 1

    def state(self) -> dict[str, Array]:
        """What must be saved for training to continue where it stopped: steps, rate and velocities, by name."""
        slots = {f"velocity.{name}": v for name, v in self.velocity.items()}
        return {"steps": np.array(self.steps), "rate": np.array(self._rate), **slots}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take over what `state()` of an optimiser of the same Params and momentum returned, its rate included."""
        mine = self.state()
        wrong = [
            name
            for name in mine.keys() | state.keys()
            if name not in mine or name not in state or mine[name].shape != state[name].shape
        ]
        if wrong:
            raise ValueError(f"SGD: missing, unexpected or of the wrong shape in the state: {', '.join(sorted(wrong))}")
        self.steps, self.rate = int(state["steps"]), float(state["rate"])
        self.velocity = {name: state[f"velocity.{name}"].astype(v.dtype) for name, v in self.velocity.items()}
