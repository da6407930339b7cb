"""Recurrent layers over whole sequences: contract, the cells step by step, PyTorch, lengths, blocks, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.sequence
from core import Array, Layer, Linear, check_layer, cost, predict
from core.gated import GRU, LSTM
from core.recurrent import GRUCell, LSTMCell, RNNCell
from core.sequence import RNN, Bidirectional, Sequence
from tests.core.helpers import close, few, normal, seeded
from tests.core.test_recurrent import data_in_torch, drawn, grads_in_torch, states_of

CELL_OF = {RNN: RNNCell, GRU: GRUCell, LSTM: LSTMCell}
LENGTHS = [None, np.array([6, 6, 6, 6]), np.array([1, 1, 1, 1]), np.array([4, 0, 6, 1], np.uint8)]
kinds = pytest.mark.parametrize("kind", CELL_OF)
readings = pytest.mark.parametrize("reverse", [False, True])


def nothing(layer: Sequence) -> list[None]:
    return [None] * layer.n_states


def both(n_in: int = 3, kind: type = GRU) -> Bidirectional:
    return Bidirectional(kind(n_in, 4, rng=seeded(1)), kind(n_in, 2, rng=seeded(2), reverse=True))


@kinds
@few
@given(data=st.data(), n=st.integers(1, 3), steps=st.integers(1, 4), n_in=st.integers(1, 3), n_hidden=st.integers(1, 3))
def test_contract(kind: type, data: st.DataObject, n: int, steps: int, n_in: int, n_hidden: int) -> None:
    layer = kind(n_in, n_hidden, rng=seeded(), reverse=data.draw(st.booleans(), "reverse"))
    inputs = [normal(n, steps, n_in)]
    with_states = steps == 1 or data.draw(st.booleans(), "states")  # in one step from zero, U would have no gradient
    inputs += states_of(kind, n, n_hidden) if with_states else nothing(layer)
    if data.draw(st.booleans(), "lengths"):
        inputs.append(np.array([steps, *(data.draw(st.integers(0, steps)) for _ in range(n - 1))]))
    check_layer(layer, *inputs)


@few
@given(st.integers(1, 3), st.integers(2, 4), st.booleans())
def test_contract_of_bidirectional(n: int, steps: int, with_lengths: bool) -> None:
    lengths = [steps - np.arange(n)] if with_lengths else []
    check_layer(both(), normal(n, steps, 3), *lengths)
    check_layer(both(kind=LSTM), normal(n, steps, 3), *lengths)


@pytest.mark.parametrize("some", [0, 1])
def test_contract_with_one_state_of_two(some: int) -> None:
    states = states_of(LSTM, 2, 4)
    states[some] = None
    check_layer(LSTM(3, 4, rng=seeded()), normal(2, 5, 3), *states)


def by_cells(layer: Sequence, x: Array, states: list[Array], lengths: Array | None, cotangents: list[Array]) -> tuple:
    """Outputs, input gradients and Param gradients of a sequence layer, one step of its cell after the other."""
    cell = CELL_OF[type(layer)](x.shape[2], len(layer.U.data), rng=seeded()).astype(np.float64)
    for name, p in layer.named_params():
        vars(cell)[name].data = p.data
    y, dx = np.zeros((*x.shape[:2], len(layer.U.data))), np.zeros_like(x)
    finals, dstates = [s.copy() for s in states], [s.copy() for s in cotangents[1:]]
    for n in range(len(x)):
        steps = list(range(x.shape[1] if lengths is None else int(lengths[n])))
        steps, callbacks = steps[::-1] if layer.reverse else steps, []
        state = [s[n : n + 1] for s in states]
        for t in steps:
            new, callback = cell(x[n : n + 1, t], *state)
            state = list(new) if isinstance(new, tuple) else [new]
            y[n, t] = state[0]
            callbacks.append(callback)
        for final, s in zip(finals, state, strict=True):
            final[n : n + 1] = s
        d = [s[n : n + 1] for s in cotangents[1:]]
        for t in steps[::-1]:
            d[0] = d[0] + cotangents[0][n, t]
            dx[n, t], *d = callbacks.pop()(*d)
        for total, s in zip(dstates, d, strict=True):
            total[n : n + 1] = s
    return [y, *finals], [dx, *dstates], [p.grad for _, p in cell.named_params()]


@kinds
@readings
@pytest.mark.parametrize("lengths", LENGTHS, ids=["all", "full", "one", "ragged"])
def test_equals_the_cell_step_by_step(kind: type, reverse: bool, lengths: Array | None) -> None:
    layer, x = drawn(kind(3, 5, rng=seeded(), reverse=reverse)), normal(4, 6, 3)
    states = states_of(kind, 4, 5)
    outputs, backward = layer(x, *states, lengths)
    cotangents = [normal(*y.shape, seed=30 + k) for k, y in enumerate(outputs)]
    results = backward(*cotangents)
    results = results if lengths is None else results[:-1]
    expected = by_cells(layer, x, states, lengths, cotangents)
    for ours, theirs in zip((outputs, results, [p.grad for _, p in layer.named_params()]), expected, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            close(a, b)


@kinds
@pytest.mark.parametrize(("steps", "lengths"), [(1, None), (100, None), (7, [7, 7, 7]), (7, [1, 7, 4])])
def test_torch_in_both_directions(kind: type, steps: int, lengths: list[int] | None) -> None:
    torch = pytest.importorskip("torch")
    layer, x = both(kind=kind), normal(3, steps, 3)
    layer.backward_layer = kind(3, 4, rng=seeded(2), reverse=True)  # there both directions are of one size
    halves = {"": drawn(layer.forward), "_reverse": drawn(layer.backward_layer)}
    theirs = getattr(torch.nn, kind.__name__)(3, 4, batch_first=True, bidirectional=True, dtype=torch.float64)
    names = {f"{name}_l0{end}": a for end, half in halves.items() for name, a in data_in_torch(half).items()}
    theirs.load_state_dict({name: torch.tensor(a) for name, a in names.items()})
    x_theirs = torch.tensor(x, requires_grad=True)
    if lengths is None:
        y_theirs, final = theirs(x_theirs)
        (y, *states), backward = layer(x)
    else:
        pack, unpack = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence
        packed, final = theirs(pack(x_theirs, torch.tensor(lengths), batch_first=True, enforce_sorted=False))
        y_theirs, _ = unpack(packed, batch_first=True, total_length=steps)
        (y, *states), backward = layer(x, np.array(lengths))
    final = list(final) if isinstance(final, tuple) else [final]  # (2, N, n_hidden) each: h, c
    expected = [y_theirs, *(s[k] for k in (0, 1) for s in final)]
    cotangents = [normal(*a.shape, seed=30 + k) for k, a in enumerate(expected)]
    torch.autograd.backward(expected, [torch.tensor(d) for d in cotangents])
    results = backward(*cotangents)
    for a, b in zip((y, *states), expected, strict=True):
        close(a, b.detach().numpy())
    close(results if lengths is None else results[0], x_theirs.grad.numpy())
    for end, half in halves.items():
        for name, gradient in grads_in_torch(half).items():
            close(gradient, getattr(theirs, f"{name}_l0{end}").grad.numpy())


@kinds
def test_initial_states_in_torch(kind: type) -> None:
    torch = pytest.importorskip("torch")
    layer, x, states = drawn(kind(3, 4, rng=seeded())), normal(2, 5, 3), states_of(kind, 2, 4)
    theirs = getattr(torch.nn, kind.__name__)(3, 4, batch_first=True, dtype=torch.float64)
    theirs.load_state_dict({f"{name}_l0": torch.tensor(a) for name, a in data_in_torch(layer).items()})
    tensors = [torch.tensor(s[None], requires_grad=True) for s in states]
    y_theirs, _ = theirs(torch.tensor(x), tuple(tensors) if len(tensors) > 1 else tensors[0])
    (y, *_), backward = layer(x, *states)
    dy = normal(*y.shape, seed=30)
    y_theirs.backward(torch.tensor(dy))
    close(y, y_theirs.detach().numpy())
    for a, tensor in zip(backward(dy)[1:], tensors, strict=True):
        close(a, tensor.grad[0].numpy())


@kinds
@readings
def test_float32_is_close_to_float64(kind: type, reverse: bool) -> None:
    """Over 50 steps to 1e-5 of the largest number, in outputs and all gradients; and it stays float32."""
    lengths = np.array([50, 20, 1])
    results = {}
    for dtype in (np.float32, np.float64):
        layer = kind(8, 16, rng=seeded(), reverse=reverse).astype(dtype)
        (y, *states), backward = layer(normal(3, 50, 8).astype(dtype), *nothing(layer), lengths)
        dx, _ = backward(normal(*y.shape, seed=1).astype(dtype))
        results[dtype] = [y, *states, dx, *(p.grad for _, p in layer.named_params())]
    for a, b in zip(results[np.float32], results[np.float64], strict=True):
        assert a.dtype == np.float32
        assert np.abs(a - b).max() < 1e-5 * np.abs(b).max()


@kinds
@readings
def test_padding_is_not_looked_at(kind: type, reverse: bool) -> None:
    layer, lengths = drawn(kind(3, 4, rng=seeded(), reverse=reverse)), np.array([2, 5, 0])
    x, states = normal(3, 5, 3), states_of(kind, 3, 4)
    over = np.arange(5) >= lengths[:, None]
    found = []
    for padding in (0.0, np.nan):
        x[over] = padding
        layer.zero_grad()
        (y, *finals), backward = layer(x, *states, lengths)
        dx, *dstates, _ = backward(np.where(over[:, :, None], padding, 1.0) * np.ones_like(y))
        assert not y[over].any() and not dx[over].any()
        for final, s in zip(finals, states, strict=True):
            close(final[2], s[2])  # no steps: the state as it was
        found.append([y, *finals, dx, *dstates, *(p.grad for _, p in layer.named_params())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@kinds
@readings
def test_full_lengths_are_no_lengths(kind: type, reverse: bool) -> None:
    layer, x = kind(3, 4, rng=seeded(), reverse=reverse), normal(2, 5, 3).astype(np.float32)
    outputs, backward = layer(x)
    outputs_full, backward_full = layer(x, *nothing(layer), np.array([5, 5]))
    for a, b in zip(outputs, outputs_full, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(backward(outputs[0]), backward_full(outputs[0])[0])


@kinds
@readings
def test_reverse_is_the_sequence_turned_round(kind: type, reverse: bool) -> None:
    layer, other = (kind(3, 4, rng=seeded(), reverse=r) for r in (reverse, not reverse))
    x = normal(2, 5, 3).astype(np.float32)
    (y, h, *_), _ = layer(x)
    (y_other, h_other, *_), _ = other(x[:, ::-1])
    np.testing.assert_array_equal(y, y_other[:, ::-1])
    np.testing.assert_array_equal(h, h_other)
    np.testing.assert_array_equal(h, y[:, 0 if reverse else -1])


@kinds
def test_a_sequence_in_two_halves(kind: type) -> None:
    layer, x = drawn(kind(3, 4, rng=seeded())), normal(2, 6, 3)
    (y, *finals), _ = layer(x)
    (y_1, *states), _ = layer(x[:, :2])
    (y_2, *states), _ = layer(x[:, 2:], *states)
    for a, b in zip((y, *finals), (np.concatenate([y_1, y_2], axis=1), *states), strict=True):
        close(a, b)


class Halves(Layer):
    """One layer used twice, the second time from the state it was left in."""

    def __init__(self, layer: LSTM) -> None:
        self.layer = layer

    def __call__(self, x, lengths):
        (y_1, h, c), first = self.layer(x)
        (y_2, h, c), second = self.layer(x, h, c, lengths)

        def backward(dy, dh, dc):
            dx_2, dh, dc, _ = second(dy, dh, dc)
            return dx_2 + first(2 * dy, dh, dc), None

        return (2 * y_1 + y_2, h, c), backward


def test_shared_weights() -> None:
    check_layer(Halves(LSTM(3, 4, rng=seeded())), normal(3, 5, 3), np.array([2, 5, 0]))


@kinds
@readings
@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3), (0, 0, 3), (1, 1, 3)])
def test_no_examples_no_steps_one_of_each(kind: type, reverse: bool, shape: tuple[int, ...]) -> None:
    layer, x = kind(3, 4, rng=seeded(), reverse=reverse), np.ones(shape, np.float32)
    for lengths in ((), (np.full(shape[0], shape[1]),)):
        (y, *states), backward = layer(x, *nothing(layer), *lengths)
        assert y.shape == (*shape[:2], 4) and all(s.shape == (shape[0], 4) for s in states)
        dx = backward(y, *states)
        assert (dx[0] if lengths else dx).shape == shape
    assert not layer.U.grad.any()  # from a state of zero, in one step or none


@kinds
@pytest.mark.parametrize("block_bytes", [1, 1000])
def test_blocks_change_nothing(kind: type, block_bytes: int, monkeypatch) -> None:
    layer, x = kind(3, 4, rng=seeded()), normal(2, 9, 3).astype(np.float32)
    (y, *states), backward = layer(x)
    dx, grads = backward(y, *states), [p.grad for _, p in layer.named_params()]
    layer.zero_grad()
    monkeypatch.setattr(core.sequence, "BLOCK_BYTES", block_bytes)
    assert len(list(core.sequence.blocks(np.zeros((10, 6, 4, 2))))) > 1
    np.testing.assert_array_equal(dx, layer(x)[1](y, *states))
    for a, (_, p) in zip(grads, layer.named_params(), strict=True):
        np.testing.assert_array_equal(a, p.grad)


def test_blocks_run_backward_over_all_steps() -> None:
    for steps in range(6):
        for block_bytes in (1, 2 * 8, 3 * 8, 1000):
            kept = np.zeros((steps + 1, 1))
            covered = [t for b in core.sequence.blocks(kept) for t in range(steps)[b][::-1]]
            assert covered == list(range(steps))[::-1], block_bytes


@kinds
@readings
def test_saturated_inputs_are_finite(kind: type, reverse: bool) -> None:
    layer, x = kind(3, 4, rng=seeded(), reverse=reverse), (1e4 * normal(5, 7, 3)).astype(np.float32)
    (y, *states), backward = layer(x, *nothing(layer), np.array([7, 3, 0, 1, 7]))
    dx, _ = backward(y, *states)
    assert all(np.isfinite(a).all() for a in (y, *states, dx, *(p.grad for _, p in layer.named_params())))


def test_outputs_may_be_written_to() -> None:
    for layer in (RNN(3, 4, rng=seeded()), LSTM(3, 4, rng=seeded()), GRU(3, 4, rng=seeded())):
        x = normal(1, 5, 3).astype(np.float32)
        (y, *states), backward = layer(x)
        dy = y.copy()
        expected = layer(x)[1](dy)
        for a in (y, *states):
            a[...] = 7
        np.testing.assert_array_equal(backward(dy), expected)


class Classifier(Layer):
    """A label from the final states of both directions."""

    def __init__(self) -> None:
        self.rnn, self.top = both(), Linear(6, 2, rng=seeded())

    def __call__(self, x):
        (y, h_f, h_b), backward_rnn = self.rnn(x)
        labels, backward_top = self.top(np.concatenate([h_f, h_b], axis=1))

        def backward(dlabels):
            dh = backward_top(dlabels)
            return backward_rnn(np.zeros_like(y), dh[:, :4], dh[:, 4:])

        return labels, backward


def test_in_a_model() -> None:
    model, x = Classifier(), normal(5, 6, 3)
    check_layer(model, x)
    assert predict(model, x.astype(np.float32), batch_size=2).shape == (5, 2)
    counted = cost(model, (6, 3))
    assert counted.parameters == sum(p.data.size for _, p in model.named_params())
    assert [row.multiply_adds for row in counted.rows] == [6 * 4 * 3 * (3 + 4), 6 * 2 * 3 * (3 + 2), 12]


def test_a_spent_backward_says_so() -> None:
    (y, *_), backward = both()(normal(2, 5, 3).astype(np.float32))
    backward(y)
    with pytest.raises(RuntimeError, match="Bidirectional: this backward is spent"):
        backward(y)


@kinds
def test_refusals(kind: type) -> None:
    layer, x = kind(3, 4, rng=seeded()), np.zeros((2, 5, 3), np.float32)
    state = np.zeros((2, 4), np.float32)
    for bad, states in (
        (x[0], ()),
        (x[:, :, :2], ()),
        (x.astype(np.float64), ()),
        (x, (state[0],)),
        (x, (state[:1],)),
        (x, (state.astype(np.float64),)),
    ):
        with pytest.raises(
            ValueError, match=rf"{kind.__name__}\(3, 4\): got an array .* expected x \(N, T, 3\), states"
        ):
            layer(bad, *states)
    for bad in (np.array([5]), np.array([5.0, 5.0]), np.array([-1, 5]), np.array([6, 5]), np.array([[5, 5]])):
        with pytest.raises(ValueError, match=f"{kind.__name__}: got lengths .*, expected 2 integers from 0 to 5"):
            layer(x, *nothing(layer), bad)
    with pytest.raises(ValueError, match=f"{kind.__name__}: n_in is 0, expected"):
        kind(0, 4, rng=seeded())


def test_refusals_of_bidirectional() -> None:
    forward, reverse = (RNN(3, 4, rng=seeded(), reverse=r) for r in (False, True))
    for pair in ((reverse, forward), (forward, forward), (reverse, reverse)):
        with pytest.raises(ValueError, match=r"Bidirectional: got layers with reverse .* expected False and True"):
            Bidirectional(*pair)
