"""A workload: one training step twice, on the layers of core and in PyTorch, from the same weights and data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from core.adaptive import Adam
from core.layer import Array, Layer
from core.optim import Momentum, Optimiser
from firsthand.bench.twins import Twins

Pass: TypeAlias = Callable[[], None]
Size: TypeAlias = dict[str, Any]
GRADIENT = "gradient of "  # how the names of gradients begin
RATES = {"adam": 1e-3, "momentum": 1e-2}


class Draw:
    """The numbers of a workload, the same in every process; in float32 those of float64, rounded."""

    def __init__(self, dtype: DTypeLike, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)

    def normal(self, *shape: int) -> Array:
        return self.rng.normal(size=shape).astype(self.dtype)

    def uniform(self, *shape: int) -> Array:
        return self.rng.uniform(size=shape).astype(self.dtype)

    def labels(self, classes: int, *shape: int) -> Array:
        return self.rng.integers(classes, size=shape)


@dataclass(frozen=True)
class Pair:
    """A training step in one or more phases; the optimiser of each phase trains the model of that phase.

    A pass of ours runs forward and backward, and so adds into the grads. `theirs` builds the same of PyTorch's layers,
    with the weights of ours (`Twins`), and returns its passes.
    """

    models: Sequence[Layer]
    ours: Sequence[Pass]
    theirs: Callable[[Twins], Sequence[Pass]]
    optimiser: Literal["adam", "momentum"] = "adam"


@dataclass(frozen=True)
class Workload:
    """A pair by name: `build(draw, **size)` makes it; `small` is a size for tests, of axes that differ."""

    name: str
    what: str
    build: Callable[..., Pair]
    size: Size
    small: Size


class Side:
    """One half of a pair: what the worker process times, and what it compares."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def run(self, phase: int) -> None:
        raise NotImplementedError

    def update(self, phase: int) -> None:
        raise NotImplementedError

    def gradients(self, phase: int) -> dict[str, Array]:
        raise NotImplementedError

    def weights(self, phase: int) -> dict[str, Array]:
        raise NotImplementedError

    def step(self) -> None:
        """The training step that is timed: for each phase, forward, backward and the optimiser."""
        for phase in range(len(self.pair.models)):
            self.run(phase)
            self.update(phase)

    def results(self) -> dict[str, Array]:
        """What must agree: the gradients of the first step, and how two steps change the weights."""
        phases = range(len(self.pair.models))
        found: dict[str, Array] = {}
        before = [self.weights(phase) for phase in phases]
        for phase in phases:
            self.run(phase)
            found |= {f"{GRADIENT}{name} ({phase})": g for name, g in self.gradients(phase).items()}
            self.update(phase)
        self.step()
        for phase in phases:
            found |= {f"change of {name} ({phase})": w - before[phase][name] for name, w in self.weights(phase).items()}
        return found


class Ours(Side):
    """The layers and optimisers of core."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        kind: type[Adam] | type[Momentum] = Adam if pair.optimiser == "adam" else Momentum
        self.optimisers: list[Optimiser] = [kind(model, RATES[pair.optimiser]) for model in pair.models]

    def run(self, phase: int) -> None:
        self.pair.ours[phase]()

    def update(self, phase: int) -> None:
        self.optimisers[phase].step()  # sets the grads to zero

    def gradients(self, phase: int) -> dict[str, Array]:
        return {name: p.grad.copy() for name, p in self.pair.models[phase].named_params()}

    def weights(self, phase: int) -> dict[str, Array]:
        return {name: p.data.copy() for name, p in self.pair.models[phase].named_params()}


class Theirs(Side):
    """PyTorch in its default, eager, mode."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        self.twins = Twins()
        self.passes = pair.theirs(self.twins)
        rate, optim = RATES[pair.optimiser], self.twins.torch.optim
        tensors = [self.twins.tensors(model) for model in pair.models]
        if pair.optimiser == "adam":
            self.optimisers = [optim.Adam(t, lr=rate) for t in tensors]
        else:
            self.optimisers = [optim.SGD(t, lr=rate, momentum=0.9) for t in tensors]

    def run(self, phase: int) -> None:
        self.optimisers[phase].zero_grad()
        self.passes[phase]()

    def update(self, phase: int) -> None:
        self.optimisers[phase].step()

    def gradients(self, phase: int) -> dict[str, Array]:
        return self.twins.gradients(self.pair.models[phase])

    def weights(self, phase: int) -> dict[str, Array]:
        return self.twins.weights(self.pair.models[phase])


def build(workload: Workload, side: Literal["ours", "torch"], dtype: DTypeLike, small: bool = False) -> Side:
    """One side of a workload, ready to step."""
    pair = workload.build(Draw(dtype), **(workload.small if small else workload.size))
    for model in pair.models:
        model.astype(dtype)
    return Ours(pair) if side == "ours" else Theirs(pair)
