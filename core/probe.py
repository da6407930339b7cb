r"""Watch a model while it trains, without changing it or its results.

    probe = Probe(model)
    y, backward = probe.model(x)        # in the place of model(x)
    loss, backward_loss = squared_error(y, target)
    backward(backward_loss())
    optimiser.step()
    probe.step()
    rows = probe.table()

`probe.model` has the model's own attributes (Params, buffers, Generators, the mode), so that training it trains the
model, to the bit. Plain functions in a Sequential or Residual are watched too, under their key: `Sequential(f=tanh)`
has the path `f`. `predict` and copies of `probe.model` are those of the model itself, and are not recorded.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from core.activations import A
from core.containers import Residual, Sequential
from core.guard import whole
from core.layer import Array, Backward, Layer, Step
from core.watch import kind_of, watch

Bounds: TypeAlias = tuple[float, float]

BOUNDS: dict[str, Bounds] = {"tanh": (-1, 1), "scaled_tanh": (-A, A), "sigmoid": (0, 1), "softsign": (-1, 1)}
SHARE = 0.95  # of the way from the middle to a bound: there, tanh and sigmoid have a tenth of their largest slope
BINS, SAMPLE = 24, 10_000  # of a histogram: its bins, and about how many numbers it counts


@dataclass
class Call:
    """One output of one call of a layer or function, and the gradient that came back for it (None until it does).

    - `finite`, `grad_finite`: whether every number is. A statistic that is not finite is None.
    - `saturated`: the share of numbers beyond SHARE of the way to a bound; None for an output without known bounds.
    - `dead`: the share of units that are exactly zero for every example, and every position. A unit is a feature: an
      index of axis 1 for maps (N, C, H, W), else of the last axis; None for an output of fewer than two axes.
    - `histogram`: counts in BINS equal bins from `low` to `high`, which stay those of the first call of the layer: its
      bounds, or four times the root mean square about zero. What lies outside counts in the first or last bin.
    """

    step: int
    path: str
    kind: str
    call: int  # of this path in this step
    output: int  # 0, or the place in a tuple of outputs
    leaf: bool  # without layers below
    shape: tuple[int, ...]
    finite: bool
    mean: float | None
    std: float | None
    norm: float | None
    saturated: float | None
    dead: float | None
    low: float
    high: float
    histogram: tuple[int, ...]
    grad_finite: bool | None = None
    grad_mean: float | None = None
    grad_std: float | None = None
    grad_norm: float | None = None


@dataclass
class Update:
    """One step of one Param: the norm of its gradient after the last backward of the model (before any clipping), of
    its weights before the step, and |change| / |weights|, None for weights that are all zero."""

    step: int
    path: str
    grad_norm: float | None
    weight_norm: float | None
    ratio: float | None


class Probe:
    """Records every `every`-th step of a model in `calls` and `updates`; `bounds` gives those of outputs by path.

    Kept between steps: a reference to each Param's weights. `step()` comes after that of the optimiser. A model that
    gets other layers needs another Probe.
    """

    def __init__(self, model: Layer, *, every: int = 1, bounds: Mapping[str, Bounds] | None = None) -> None:
        self.every = whole("Probe", "every", every)
        self.bounds = dict(bounds or {})
        self.steps = 0
        self.calls: list[Call] = []
        self.updates: list[Update] = []
        self._params = dict(model.named_params())
        self._before = {path: p.data for path, p in self._params.items()}  # an optimiser rebinds p.data: no copy
        self._grad_norms: dict[str, float | None] = {}
        self._called: dict[str, int] = {}
        self._ranges: dict[tuple[str, int], Bounds] = {}
        self.model = watch(model, self._visit)

    def _visit(self, path: str, step: Step, inputs: tuple[Any, ...], outputs: Any, backward: Backward) -> Backward:
        if self.steps % self.every:
            return backward
        number = self._called[path] = self._called.get(path, -1) + 1
        each = outputs if isinstance(outputs, tuple) else (outputs,)
        rows = [self._row(path, step, number, i, y) if _measurable(y) else None for i, y in enumerate(each)]
        self.calls += [row for row in rows if row]

        def watched(*gradients: Any, **named: Any) -> Any:
            for row, dy in zip(rows, gradients, strict=False):
                if row and _measurable(dy):
                    row.grad_finite, row.grad_mean, row.grad_std, row.grad_norm = _moments(dy)
            results = backward(*gradients, **named)
            if path == "":
                self._grad_norms = {name: _moments(p.grad)[3] for name, p in self._params.items()}
            return results

        return watched

    def _row(self, path: str, step: Step, number: int, output: int, y: Array) -> Call:
        kind = kind_of(step)
        bounds = self.bounds.get(path, BOUNDS.get(kind.lower()))
        finite, mean, std, norm = _moments(y)
        rms = (norm or 0.0) / math.sqrt(y.size)
        low, high = self._ranges.setdefault((path, output), bounds or (-4 * (rms or 1.0), 4 * (rms or 1.0)))
        saturated = None if bounds is None else _saturated(y, *bounds)
        counts = _histogram(y, low, high) if finite else ()
        leaf = not (isinstance(step, Layer) and any(isinstance(child, Layer) for _, child in step.children()))
        leaf = leaf and not isinstance(step, Sequential | Residual)
        moments = (finite, mean, std, norm, saturated, _dead(y))
        return Call(self.steps, path, kind, number, output, leaf, y.shape, *moments, low, high, counts)

    def step(self) -> None:
        """The optimiser has made a step: record what it did to each Param, and go on to the next."""
        for path, p in self._params.items():
            if self.steps % self.every == 0:
                weights, change = _moments(self._before[path])[3], _moments(p.data - self._before[path])[3]
                ratio = change / weights if weights and change is not None else None
                self.updates.append(Update(self.steps, path, self._grad_norms.get(path), weights, ratio))
            self._before[path] = p.data
        self.steps += 1
        self._grad_norms, self._called = {}, {}

    def table(self) -> list[dict[str, Any]]:
        """Every record as a dict that JSON can hold: `what` is "layer" or "param", then the fields of the record."""
        layers = [{"what": "layer", **asdict(call)} for call in self.calls]
        return layers + [{"what": "param", **asdict(update)} for update in self.updates]


def _measurable(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0


def _moments(a: Array) -> tuple[bool, float | None, float | None, float | None]:
    """Whether all is finite, mean, standard deviation, norm; in float64 where squares would over- or underflow."""
    flat = a.reshape(-1)
    with np.errstate(all="ignore"):
        mean, square = float(flat.mean()), float(np.vdot(flat, flat))
        if not 1e-30 < square < math.inf and flat.any():
            flat = flat.astype(np.float64)
            mean, square = float(flat.mean()), float(np.vdot(flat, flat))
        variance = square / flat.size - mean * mean
        if variance < 1e-3 * mean * mean:  # what is left of two nearly equal numbers says little
            variance = float(flat.astype(np.float64).var())
        finite = math.isfinite(square) or bool(np.isfinite(flat).all())
        found = (mean, math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan, math.sqrt(square))
    mean_std_norm = tuple(value if math.isfinite(value) else None for value in found)
    return finite, *mean_std_norm  # type: ignore[return-value]


def _saturated(y: Array, low: float, high: float) -> float:
    return float(np.count_nonzero(np.abs(y - (low + high) / 2) > SHARE * (high - low) / 2) / y.size)


def _dead(y: Array) -> float | None:
    if y.ndim < 2:
        return None
    feature = 1 if y.ndim == 4 else y.ndim - 1
    alive = (y != 0).any(axis=tuple(axis for axis in range(y.ndim) if axis != feature))
    return float(1 - alive.mean())


def _histogram(y: Array, low: float, high: float) -> tuple[int, ...]:
    step = max(1, y.size // SAMPLE)
    while math.gcd(step, y.size) > 1:  # a step with a factor in common with an axis would meet few of its features
        step += 1
    sample = y.reshape(-1)[::step]
    bins = np.clip((sample - low) * (BINS / (high - low)), 0, BINS - 1).astype(np.intp)
    return tuple(np.bincount(bins, minlength=BINS).tolist())
