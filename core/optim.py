r"""Optimisers. `step()` consumes the gradients: it rebinds every `p.data` and sets every `p.grad` to zero.

In all equations g is the gradient, \(\eta\) the rate and p a Param; operations are elementwise. `rate` may be assigned
between steps: schedules (core.schedules) belong to the training loop. `p.data` is rebound, never written, so that a
backward still to come has the weights that its forward used.
"""

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np

from core.guard import finite
from core.layer import Array, Layer, Param

Trained: TypeAlias = Layer | Iterable[tuple[str, Param]]  # a model, or some of its Params by name


class Optimiser:
    """The base of every optimiser. A subclass names its slots, arrays like each Param that start at zero, and defines
    `change`, the step for one Param; it may write into the slots and into the gradient, which is spent, and into
    nothing else.

    Raises ValueError for no Params, and for a rate that is negative or not finite.
    """

    slot_names: tuple[str, ...] = ()

    def __init__(self, model: Trained, rate: float) -> None:
        self.params = dict(model.named_params() if isinstance(model, Layer) else model)
        if not self.params:
            raise ValueError(f"{type(self).__name__}: got no Params, expected at least one")
        self.rate = rate
        self.steps = 0
        self.slots = {
            slot: {name: np.zeros_like(p.data) for name, p in self.params.items()} for slot in self.slot_names
        }

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = finite(type(self).__name__, "rate", rate, least=0.0)

    def step(self) -> None:
        """One step for every Param, with the gradients that have been added up since the last one."""
        self.steps += 1
        for name, p in self.params.items():
            slots = [self.slots[slot][name] for slot in self.slot_names]
            p.data = p.data + self.change(p, *slots)
            p.grad.fill(0)

    def change(self, p: Param, *slots: Array) -> Array:
        """What is added to `p.data`, from `p.grad` and the slots (in the order of `slot_names`)."""
        raise NotImplementedError(f"{type(self).__name__} does not define change")

    def state(self) -> dict[str, Array]:
        """What must be saved for training to continue where it stopped: steps, rate and slots, by name."""
        slots = {f"{slot}.{name}": array for slot, arrays in self.slots.items() for name, array in arrays.items()}
        return {"steps": np.array(self.steps), "rate": np.array(self._rate), **slots}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take over what `state()` of an optimiser of the same kind and Params returned, its rate included."""
        mine, given = ({name: array.shape for name, array in arrays.items()} for arrays in (self.state(), state))
        wrong = sorted(name for name in mine.keys() | given.keys() if mine.get(name) != given.get(name))
        if wrong:
            raise ValueError(f"{type(self).__name__}: missing, unexpected or of the wrong shape in the state: {wrong}")
        self.steps, self.rate = int(state["steps"]), float(state["rate"])
        for slot, arrays in self.slots.items():
            self.slots[slot] = {name: state[f"{slot}.{name}"].astype(a.dtype) for name, a in arrays.items()}


class SGD(Optimiser):
    r"""Stochastic gradient descent, \(p \leftarrow p - \eta g\)."""

    def change(self, p: Param, *slots: Array) -> Array:
        p.grad *= -self.rate
        return p.grad


class Momentum(Optimiser):
    r"""Classical momentum (Polyak 1964, in the form of Sutskever et al. 2013, equations 1 and 2):

    $$v \leftarrow \mu v - \eta g \qquad p \leftarrow p + v$$

    so that v has the size of a step, and a change of the rate acts on new gradients only. PyTorch instead keeps
    v <- mu v + g and multiplies the sum by the rate, which is the same for a constant rate.
    """

    slot_names = ("velocity",)

    def __init__(self, model: Trained, rate: float, momentum: float = 0.9) -> None:
        super().__init__(model, rate)
        self.momentum = fraction(type(self).__name__, "momentum", momentum)

    def change(self, p: Param, *slots: Array) -> Array:
        (v,) = slots
        p.grad *= self.rate
        v *= self.momentum
        v -= p.grad
        return v


class Nesterov(Momentum):
    r"""Nesterov's accelerated gradient, looking ahead by the momentum (Sutskever et al. 2013, equations 3 and 4).

    There the gradient is taken at \(p + \mu v\). Here the Params hold that point itself, which changes the
    equations to ones that need only the gradient at hand (Bengio et al. 2012, section 3.5; as PyTorch does):

    $$v \leftarrow \mu v - \eta g \qquad p \leftarrow p + \mu v - \eta g$$
    """

    def change(self, p: Param, *slots: Array) -> Array:
        v = super().change(p, *slots)
        return self.momentum * v - p.grad  # by now times the rate


def clip_by_norm(model: Trained, largest: float) -> float:
    r"""Scale all gradients together so that their joint norm is at most `largest`; return the norm before.

    $$g \leftarrow g \min\!\Big(1, \frac{\theta}{\lVert g \rVert}\Big)$$

    Source: Pascanu et al. 2013, algorithm 1. Raises ValueError for a bound that is not positive, and for gradients that
    are not finite (no scale would mend them).
    """
    largest = finite("clip_by_norm", "largest", largest)
    params = [p for _, p in (model.named_params() if isinstance(model, Layer) else model)]
    norm = math.sqrt(sum(float(np.vdot(p.grad, p.grad)) for p in params))
    if largest <= 0 or not math.isfinite(norm):
        raise ValueError(f"clip_by_norm: largest is {largest} and the norm {norm}, expected both positive and finite")
    if norm > largest:
        for p in params:
            p.grad *= largest / norm
    return norm


def fraction(owner: str, name: str, value: float) -> float:
    """A number of at least 0 and below 1."""
    if finite(owner, name, value, least=0.0) >= 1:
        raise ValueError(f"{owner}: {name} is {value}, expected less than 1")
    return float(value)
