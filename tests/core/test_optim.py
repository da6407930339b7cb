"""Stochastic gradient descent: the update, PyTorch's trajectory, state."""

import numpy as np
import pytest

from core import SGD, Linear, Param, Sequential, squared_error, tanh
from tests.core.helpers import close, normal, seeded


def model() -> Sequential:
    rng = seeded()
    return Sequential(Linear(3, 4, rng=rng), tanh, Linear(4, 2, rng=rng)).astype(np.float64)


def train(net: Sequential, optimiser: SGD, steps: int) -> None:
    x, t = normal(8, 3), normal(8, 2, seed=1)
    for _ in range(steps):
        y, backward = net(x)
        _, backward_loss = squared_error(y, t)
        backward(backward_loss())
        optimiser.step()


def test_the_update() -> None:
    p = Param(np.array([1.0, 2.0]))
    data = p.data
    optimiser = SGD([("p", p)], rate=0.1, momentum=0.5)
    for expected in ([0.9, 1.8], [0.75, 1.5]):  # v = -0.1 g, then v = 0.5 v - 0.1 g
        p.grad += [1.0, 2.0]
        optimiser.step()
        close(p.data, expected)
        assert not p.grad.any()
    close(data, [1.0, 2.0])  # rebound, not written
    optimiser.rate = 0.0
    optimiser.step()
    close(p.data, [0.675, 1.35])  # a new rate acts on new gradients; the velocity rolls on


def test_without_momentum() -> None:
    p = Param(np.array([1.0]))
    optimiser = SGD([("p", p)], rate=0.5)
    p.grad += 4
    optimiser.step()
    close(p.data, [-1.0])
    assert optimiser.velocity == {}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_torch_trajectory(momentum: float) -> None:
    torch = pytest.importorskip("torch")
    net = model()
    tensors = [torch.tensor(p.data, requires_grad=True) for _, p in net.named_params()]
    W1, b1, W2, b2 = tensors
    theirs = torch.optim.SGD(tensors, lr=0.1, momentum=momentum)
    x, t = torch.tensor(normal(8, 3)), torch.tensor(normal(8, 2, seed=1))
    ours = SGD(net, rate=0.1, momentum=momentum)
    for _ in range(50):
        train(net, ours, 1)
        theirs.zero_grad()
        (0.5 * ((torch.tanh(x @ W1 + b1) @ W2 + b2 - t) ** 2).sum() / 8).backward()
        theirs.step()
        for (_, p), tensor in zip(net.named_params(), tensors, strict=True):
            close(p.data, tensor.detach().numpy())


def test_float32_stays_float32_whatever_the_rate_is() -> None:
    net = model().astype(np.float32)
    optimiser = SGD(net, rate=np.float64(0.1), momentum=0.5)
    for _, p in net.named_params():
        p.grad += 1
    optimiser.step()
    assert {p.data.dtype for _, p in net.named_params()} == {np.dtype(np.float32)}
    assert isinstance(optimiser.rate, float)


def test_state_goes_over() -> None:
    a, b = model(), model()
    first, second = SGD(a, 0.1, 0.9), SGD(b, 0.7, 0.9)
    train(a, first, 5)
    for (_, p), (_, q) in zip(a.named_params(), b.named_params(), strict=True):
        q.data = p.data
    second.load_state(first.state())
    assert second.steps == 5 and second.rate == 0.1
    train(a, first, 5)
    train(b, second, 5)
    for (_, p), (_, q) in zip(a.named_params(), b.named_params(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_state_that_does_not_fit_changes_nothing() -> None:
    optimiser = SGD(model(), 0.1, 0.9)
    state = SGD(model(), 0.2).state()
    with pytest.raises(ValueError, match=r"SGD: .* in the state: velocity\.0\.W, velocity\.0\.b"):
        optimiser.load_state(state)
    assert optimiser.rate == 0.1


def test_refusals() -> None:
    with pytest.raises(ValueError, match="SGD: got no Params"):
        SGD([], 0.1)
    for rate in (float("nan"), float("inf"), -0.1, "fast"):
        with pytest.raises(ValueError, match=r"SGD: rate is .* expected a finite number of at least 0"):
            SGD(model(), rate)  # type: ignore[arg-type]
    optimiser = SGD(model(), 0.1)
    with pytest.raises(ValueError, match="SGD: rate is -1"):
        optimiser.rate = -1
    for momentum in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="SGD: momentum is"):
            SGD(model(), 0.1, momentum)
