"""The gradient contract. Our own instrument, and the reason to trust every backward in this house."""

from typing import Any

import numpy as np

from core.diagnosis import diagnose
from core.layer import Array, Layer
from core.trial import STEP, GradientError, Quantity, Run, Step, Trial, as_tuple, cast, differentiable, params_of

__all__ = ["GradientError", "check_layer"]

DIRECTIONS = 3
TOLERANCE = 1e-6  # of the largest gradient in the layer
ATTEMPTS = 5


def check_layer(layer: Step, *inputs: Any, no_grad: tuple[str, ...] = (), seed: int = 0) -> None:
    """Demand of a layer, a function of the same form or a loss, that its backward is the derivative of its forward.

    In float64, on copies (the layer, its Params and Generators, and the inputs stay as they are):

    1. inputs, outputs and cotangents are left unchanged;
    2. results mirror the inputs in number, shape and type. An integer array (labels, ids) gets None; an input that is
       no array (a stride) is configuration and gets no result; a loss gives the gradient of its first input alone;
    3. gradients are added to what a grad held before;
    4. another forward in between, or an optimiser that rebinds `p.data`, changes nothing; nor does the order in which
       the inputs lie in memory;
    5. along 3 random directions for each input and each Param, the gradient agrees with central differences of the
       random projection <cotangents, outputs>, within 1e-6 of the largest gradient in the layer. Every evaluation
       starts from the same Generators, so that dropout can be differentiated. Where one-sided slopes or two step sizes
       disagree, there is a kink within reach: then the whole check is repeated on inputs moved by about a thousandth;
    6. every Param receives a gradient, unless its path is in `no_grad`: then it must receive none.

    And in float32: outputs, results and grads are float32.

    Use at least two examples and axes of different lengths: a transpose cannot be missed in a square, nor a sum in a
    batch of one. Raises GradientError with a diagnosis, ValueError if `no_grad` names no Param of the layer.
    """
    unknown = set(no_grad) - set(params_of(layer))
    if unknown:
        raise ValueError(f"check_layer: no_grad names {sorted(unknown)}, expected some of {sorted(params_of(layer))}")
    rng = np.random.default_rng(seed)
    for attempt in range(ATTEMPTS):
        trial = Trial(layer, inputs, rng, jitter=1e-3 if attempt else 0.0)
        run = _check_form(trial)
        _check_independence(trial, run)
        if _check_directions(trial, run, no_grad):
            break
    else:
        raise GradientError(
            f"{_name(layer)}: {ATTEMPTS} times the inputs lay within {STEP} of a kink, where central differences "
            "mean nothing, and the gradient did not agree with them: check it on fewer or other inputs"
        )
    _check_float32(layer, inputs)


def _check_form(trial: Trial) -> Run:
    """Points 1, 2 and 3: what is written to, what comes back, and that gradients are added."""
    run = trial.run()
    _demand(trial, not run.written, "; ".join(run.written) + ": write into a new array instead")
    arrays = [(n, x) for n, x in zip(trial.input_names, trial.inputs, strict=True) if isinstance(x, np.ndarray)]
    arrays = arrays[:1] if trial.is_loss else arrays
    if len(run.results) != len(arrays):
        expected = ", ".join(f"d{name}" for name, _ in arrays)
        _demand(trial, False, f"backward returns {len(run.results)} results, expected {len(arrays)}: {expected}")
    for (name, x), result in zip(arrays, run.results, strict=True):
        if not differentiable(x):
            _demand(trial, result is None, f"d{name} is {type(result).__name__}, expected None: {name} is {x.dtype}")
            continue
        _demand_like(trial, f"d{name}", result, x)
    again = trial.run()  # with other numbers in every grad
    repeated = all(np.array_equal(a, b) for a, b in zip(run.outputs, again.outputs, strict=True))
    _demand(
        trial,
        repeated,
        "forward gives other outputs from the same inputs and the same Generators: does it draw from elsewhere?",
    )
    for name, p in params_of(trial.model).items():
        _demand_like(trial, f"{name}.grad", run.after[name], p.data)
        overwritten = np.array_equal(run.after[name], again.after[name], equal_nan=True)
        _demand(
            trial,
            not overwritten or p.data.size == 0,
            f"{name}.grad is overwritten, what it held before is lost: "
            "write self.p.grad += ..., because a Param may be shared",
        )
    _same(trial, run, again, "differs when grad held other numbers before", "is the gradient added to grad, once?")
    return run


def _check_independence(trial: Trial, run: Run) -> None:
    """Point 4: nothing that happens between a forward and its backward matters, nor does the memory order."""

    def other_forward(model: Step) -> None:
        model(*trial.other_inputs())

    def optimiser_step(model: Step) -> None:
        for p in params_of(model).values():
            p.data = p.data + trial.rng.normal(size=p.data.shape)

    why = "does the layer keep an array on itself? Keep it in a local variable, which backward sees"
    _same(trial, run, trial.run(other_forward), "differs after another forward in between", why)
    why = "does backward read self.p.data? Bind it in the forward: W = self.W.data"
    _same(trial, run, trial.run(optimiser_step), "differs after an optimiser step in between", why)
    why = "is an array reshaped or written to as if it were contiguous?"
    _same(trial, run, trial.run(layout=np.asfortranarray), "differs for arrays in Fortran order", why)


def _check_directions(trial: Trial, run: Run, no_grad: tuple[str, ...]) -> bool:
    """Points 5 and 6. False if the only disagreements are at kinks, so that other inputs must be tried."""
    quantities = trial.quantities()
    gradients = {q.key: run.added[q.key] if isinstance(q.key, str) else _result(trial, run, q.key) for q in quantities}
    for q in quantities:
        _demand(trial, bool(np.isfinite(gradients[q.key]).all()), f"{q.name} holds NaN or infinity")
        if q.key in no_grad:
            _demand(
                trial, not gradients[q.key].any(), f"{q.name} receives a gradient, but no_grad says that it has none"
            )
    tested = [q for q in quantities if q.key not in no_grad]
    probes = []
    for q in tested:
        for _ in range(DIRECTIONS):
            step = STEP * trial.rng.normal(size=q.value.shape)
            step = ((q.value + step) - (q.value - step)) / 2  # as it is after rounding
            up, down = trial.change(q, step)
            probes.append((q, step, up, down, float(np.vdot(gradients[q.key], step))))
    slopes = [abs(slope) for _, _, up, down, own in probes for slope in ((up - down) / 2, own)]
    norms = [STEP * float(np.linalg.norm(g)) for g in gradients.values()]
    allowed = TOLERANCE * max(slopes + norms, default=0.0) + trial.rounding
    wrong = [probe for probe in probes if abs((probe[2] - probe[3]) / 2 - probe[4]) > allowed]
    for q, step, up, down, own in wrong:
        if not _at_kink(trial, q, step, up, down, own):
            raise GradientError(f"{_name(trial.model)}: {diagnose(trial, q, gradients)}")
    for q in tested:
        silent = isinstance(q.key, str) and q.value.size > 0 and not gradients[q.key].any()
        _demand(
            trial,
            not silent or bool(wrong),
            f"{q.name} receives no gradient, nor do the outputs depend on it: "
            f"if that is meant, declare no_grad=({str(q.key)!r},)",
        )
    return not wrong


def _at_kink(trial: Trial, q: Quantity, step: Array, up: float, down: float, own: float) -> bool:
    """Whether a disagreement can be due to a kink: the slopes from both sides, or for a smaller step, disagree too."""
    error = abs((up - down) / 2 - own)
    near_up, near_down = trial.change(q, step / 4)
    one_sided = abs(4 * (near_up + near_down))
    two_steps = abs((up - down) / 2 - 4 * (near_up - near_down) / 2)
    return max(one_sided, two_steps) > error / 2


def _check_float32(layer: Step, inputs: tuple[Any, ...]) -> None:
    """In float32, everything stays float32."""
    trial = Trial(layer, inputs, np.random.default_rng(0), jitter=0.0)
    if isinstance(trial.model, Layer):
        trial.model.astype(np.float32)
    outputs, backward = trial.model(*cast(trial.inputs, np.float32))
    for k, y in enumerate(as_tuple(outputs)):
        _demand_float32(trial, f"output {k}", y)
    gradients = [c.astype(np.float32) if c is not None else None for c in trial.cotangents]
    results = as_tuple(backward() if trial.is_loss else backward(*gradients))
    for k, result in enumerate(results):
        _demand_float32(trial, f"result {k} of backward", result)
    for name, p in params_of(trial.model).items():
        _demand_float32(trial, f"{name}.grad", p.grad)


def _result(trial: Trial, run: Run, number: int) -> Array:
    """The result that belongs to an input: inputs that are no arrays have none."""
    gradient: Array = run.results[sum(isinstance(x, np.ndarray) for x in trial.inputs[:number])]
    return gradient


def _same(trial: Trial, run: Run, other: Run, what: str, why: str) -> None:
    """Two runs must give the same gradients (up to the rounding of another summation order)."""
    pairs = [(f"result {k} of backward", a, b) for k, (a, b) in enumerate(zip(run.results, other.results, strict=True))]
    pairs += [(f"{name}.grad", g, other.added[name]) for name, g in run.added.items()]
    for name, a, b in pairs:
        if a is not None:
            close = a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + np.abs(a).max(initial=0)))
            _demand(trial, close or not np.isfinite(a).all(), f"{name} {what}: {why}")


def _demand_like(trial: Trial, name: str, gradient: Any, value: Array) -> None:
    _demand(trial, isinstance(gradient, np.ndarray), f"{name} is {type(gradient).__name__}, expected an array")
    got, expected = (gradient.shape, gradient.dtype), (value.shape, value.dtype)
    hint = ": is a sum over the batch or the positions missing?" if gradient.size > value.size else ""
    _demand(trial, got == expected, f"{name} is {got[1]} {got[0]}, expected {expected[1]} {expected[0]}{hint}")


def _demand_float32(trial: Trial, name: str, value: Any) -> None:
    wrong = differentiable(value) and value.dtype != np.float32
    _demand(
        trial,
        not wrong,
        f"{name} is {getattr(value, 'dtype', None)} where everything else is float32: "
        "does a NumPy scalar (np.sqrt, a sum) or float64 constant enter? Python floats promote nothing",
    )


def _demand(trial: Trial, condition: bool, message: str) -> None:
    if not condition:
        raise GradientError(f"{_name(trial.model)}: {message}")


def _name(layer: Step) -> str:
    return type(layer).__name__ if isinstance(layer, Layer) else getattr(layer, "__name__", "function")
