"""Recurrent cells: contract, equations in plain loops, PyTorch, shared weights, saturation, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Array, Layer, check_layer
from core.recurrent import GRUCell, LSTMCell, Recurrent, RNNCell
from tests.core.helpers import close, few, normal, seeded

CELLS = {RNNCell: 1, GRUCell: 1, LSTMCell: 2}  # and the number of their states


def drawn(layer: Recurrent) -> Recurrent:
    """The layer in float64, with biases that are not zero."""
    layer.astype(np.float64)
    for k, (_, p) in enumerate(layer.named_params()):
        p.data = p.data + 0.3 * normal(*p.data.shape, seed=10 + k)
    return layer


def states_of(kind: type, n: int, n_hidden: int) -> list[Array]:
    return [normal(n, n_hidden, seed=5 + k) for k in range(2 if "LSTM" in kind.__name__ else 1)]


def in_torch(layer: Recurrent, values: dict[str, Array]) -> dict[str, Array]:
    """Params (or their grads) by PyTorch's names, the mapping that the docstring of core.recurrent states."""
    order = {1: [0], 3: [0, 1, 2], 4: [1, 2, 3, 0]}[layer.gates]  # i, f, g, o there; o, i, f, g here

    def blocks(a: Array) -> Array:
        parts = np.split(a, layer.gates, axis=-1)
        return np.concatenate([parts[k] for k in order], axis=-1).T

    b = blocks(values["b"])
    recurrent_b = np.zeros_like(b)
    if "b_q" in values:
        recurrent_b[-len(values["b_q"]) :] = values["b_q"]
    return {"weight_ih": blocks(values["W"]), "weight_hh": blocks(values["U"]), "bias_ih": b, "bias_hh": recurrent_b}


def data_in_torch(layer: Recurrent) -> dict[str, Array]:
    return in_torch(layer, {name: p.data for name, p in layer.named_params()})


def grads_in_torch(layer: Recurrent) -> dict[str, Array]:
    """Where our one bias is the sum of two of theirs, both have its gradient."""
    grads = in_torch(layer, {name: p.grad for name, p in layer.named_params()})
    shared = 2 * len(layer.U.data) if layer.reset_bias else None
    grads["bias_hh"][:shared] = grads["bias_ih"][:shared]
    return grads


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def loops(cell: Recurrent, x: Array, h: Array, c: Array | None = None) -> tuple[Array, ...]:
    """The next state, as the docstrings write it, one number at a time."""
    params = {name: p.data for name, p in cell.named_params()}
    size, new = h.shape[1], [np.zeros_like(h) for _ in range(1 if c is None else 2)]
    for n, j in np.ndindex(h.shape):
        columns = [gate * size + j for gate in range(cell.gates)]
        a = [sum(x[n, k] * params["W"][k, o] for k in range(x.shape[1])) + params["b"][o] for o in columns]
        p = [sum(h[n, k] * params["U"][k, o] for k in range(size)) for o in columns]
        if isinstance(cell, RNNCell):
            new[0][n, j] = math.tanh(a[0] + p[0])
        elif isinstance(cell, GRUCell):
            r, z = sigma(a[0] + p[0]), sigma(a[1] + p[1])
            candidate = math.tanh(a[2] + r * (p[2] + params["b_q"][j]))
            new[0][n, j] = (1 - z) * candidate + z * h[n, j]
        else:
            o, i, f = (sigma(a[k] + p[k]) for k in range(3))
            new[1][n, j] = f * c[n, j] + i * math.tanh(a[3] + p[3])
            new[0][n, j] = o * math.tanh(new[1][n, j])
    return tuple(new)


@pytest.mark.parametrize("kind", CELLS)
@few
@given(n=st.integers(1, 4), n_in=st.integers(1, 4), n_hidden=st.integers(1, 4))
def test_contract(kind: type, n: int, n_in: int, n_hidden: int) -> None:
    check_layer(kind(n_in, n_hidden, rng=seeded()), normal(n, n_in), *states_of(kind, n, n_hidden))


@pytest.mark.parametrize("kind", CELLS)
def test_equations_in_loops(kind: type) -> None:
    cell, x, states = drawn(kind(3, 4, rng=seeded())), normal(5, 3), states_of(kind, 5, 4)
    outputs, _ = cell(x, *states)
    for ours, expected in zip(
        outputs if isinstance(outputs, tuple) else (outputs,), loops(cell, x, *states), strict=True
    ):
        close(ours, expected)


@pytest.mark.parametrize("kind", CELLS)
def test_torch(kind: type) -> None:
    torch = pytest.importorskip("torch")
    cell, x, states = drawn(kind(3, 4, rng=seeded())), normal(5, 3), states_of(kind, 5, 4)
    theirs = getattr(torch.nn, kind.__name__)(3, 4, dtype=torch.float64)
    theirs.load_state_dict({name: torch.tensor(a) for name, a in data_in_torch(cell).items()})
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    expected = theirs(tensors[0], tuple(tensors[1:]) if len(states) > 1 else tensors[1])
    expected = expected if isinstance(expected, tuple) else (expected,)
    outputs, backward = cell(x, *states)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    cotangents = [normal(5, 4, seed=20 + k) for k in range(len(outputs))]
    torch.autograd.backward(expected, [torch.tensor(d) for d in cotangents])
    for a, b in zip(outputs, expected, strict=True):
        close(a, b.detach().numpy())
    for a, tensor in zip(backward(*cotangents), tensors, strict=True):
        close(a, tensor.grad.numpy())
    for name, gradient in grads_in_torch(cell).items():
        close(gradient, getattr(theirs, name).grad.numpy())


class Unrolled(Layer):
    """Two steps of one cell: its weights are shared between the steps."""

    def __init__(self, cell: LSTMCell) -> None:
        self.cell = cell

    def __call__(self, x, h, c):
        (h, c), first = self.cell(x, h, c)
        (h, c), second = self.cell(2 * x, h, c)

        def backward(dh, dc):
            dx_2, dh, dc = second(dh, dc)
            dx_1, dh, dc = first(dh, dc)
            return dx_1 + 2 * dx_2, dh, dc

        return (h, c), backward


def test_two_steps_with_shared_weights() -> None:
    check_layer(Unrolled(LSTMCell(3, 4, rng=seeded())), normal(5, 3), *states_of(LSTMCell, 5, 4))


@pytest.mark.parametrize("kind", CELLS)
def test_saturated_inputs_are_finite(kind: type) -> None:
    cell, x, states = kind(3, 4, rng=seeded()), 1e4 * normal(5, 3), states_of(kind, 5, 4)
    outputs, backward = cell(x.astype(np.float32), *(1e4 * s.astype(np.float32) for s in states))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    results = backward(*outputs)
    assert all(np.isfinite(a).all() for a in (*outputs, *results, *(p.grad for _, p in cell.named_params())))


@pytest.mark.parametrize("kind", CELLS)
def test_counts(kind: type) -> None:
    cell = kind(3, 4, rng=seeded())
    biases = sum(p.data.size for _, p in cell.named_params() if p.data.ndim == 1)
    assert cell.connections((5, 4)) == cell.W.data.size + cell.U.data.size + biases
    assert cell.multiply_adds((5, 4)) == cell.W.data.size + cell.U.data.size
    assert cell.connections((5, 7, 4)) == 7 * cell.connections((5, 4))


@pytest.mark.parametrize("kind", CELLS)
def test_refusals(kind: type) -> None:
    cell, x = kind(3, 4, rng=seeded()), np.zeros((5, 3), np.float32)
    states = [np.zeros((5, 4), np.float32)] * CELLS[kind]
    for bad, bad_states in (
        (x[0], states),
        (x[:, :2], states),
        (x[None], states),
        (x.astype(np.float64), states),
        (x, [states[0][:2], *states[1:]]),
        (x, [*states[1:], states[0][:, :3]]),
        (x, [*states[1:], states[0].astype(np.float64)]),
    ):
        with pytest.raises(
            ValueError, match=rf"{kind.__name__}\(3, 4\): got an array .* expected x \(N, 3\), states \(N, 4\)"
        ):
            cell(bad, *bad_states)
    with pytest.raises(ValueError, match=f"{kind.__name__}: n_hidden is 0, expected"):
        kind(3, 0, rng=seeded())
    with pytest.raises(ValueError, match=f"{kind.__name__}: rng is None, expected"):
        kind(3, 4, rng=None)
