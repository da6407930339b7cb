"""Optimisers: the updates by hand, PyTorch's trajectories, state, clipping, refusals."""

import numpy as np
import pytest

from core import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Linear,
    Momentum,
    Nesterov,
    Optimiser,
    Param,
    RMSProp,
    Sequential,
    clip_by_norm,
    squared_error,
    tanh,
)
from tests.core.helpers import close, normal, seeded

KINDS = {
    "SGD": (SGD, {}),
    "Momentum": (Momentum, {"momentum": 0.9}),
    "Nesterov": (Nesterov, {"momentum": 0.9}),
    "Adagrad": (Adagrad, {}),
    "RMSProp": (RMSProp, {"decay": 0.95}),
    "Adam": (Adam, {"beta1": 0.8, "beta2": 0.95}),
    "AdamW": (AdamW, {"decay": 0.1}),
    "AMSGrad": (AMSGrad, {"beta2": 0.5}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def model() -> Sequential:
    rng = seeded()
    return Sequential(Linear(3, 4, rng=rng), tanh, Linear(4, 2, rng=rng)).astype(np.float64)


def make(kind: str, net: Sequential, rate: float = 0.1) -> Optimiser:
    build, settings = KINDS[kind]
    return build(net, rate, **settings)


def train(net: Sequential, optimiser: Optimiser, steps: int) -> None:
    x, t = normal(8, 3), normal(8, 2, seed=1)
    for _ in range(steps):
        y, backward = net(x)
        _, backward_loss = squared_error(y, t)
        backward(backward_loss())
        optimiser.step()


def one(optimiser_of, gradients: list[float]) -> list[float]:
    """The values of a single weight that starts at 1 and sees these gradients."""
    p = Param(np.array([1.0]))
    optimiser = optimiser_of([("p", p)])
    values = []
    for g in gradients:
        p.grad += g
        optimiser.step()
        assert not p.grad.any()
        values.append(float(p.data[0]))
    return values


def test_updates_by_hand() -> None:
    close(one(lambda p: SGD(p, 0.5), [4, 2]), [-1, -2])
    close(one(lambda p: Momentum(p, 0.1, 0.5), [1, 1]), [0.9, 0.75])  # v = -0.1, then -0.05 - 0.1
    close(one(lambda p: Nesterov(p, 0.1, 0.5), [1, 1]), [0.85, 0.675])  # v as above; 0.5 v - 0.1 g
    close(one(lambda p: Adagrad(p, 0.1, 0), [3, 4]), [0.9, 0.9 - 0.1 * 4 / 5])
    close(one(lambda p: RMSProp(p, 0.1, 0.75, 0), [2]), [1 - 0.1 * 2 / 1])  # v = 0.25 * 4
    close(one(lambda p: Adam(p, 0.1, 0.9, 0.99, 0), [5]), [0.9])  # the first step is the rate, whatever g
    close(one(lambda p: AdamW(p, 0.1, 0.9, 0.99, 0, 0.5), [5]), [0.9 - 0.1 * 0.5 * 1])
    falling = one(lambda p: AMSGrad(p, 0.1, 0.0, 0.5, 0), [4, 0, 1])
    u = [8, 8, 8]  # the largest v: 8, then 4 and 2.5
    steps = [0.1 * g / np.sqrt(u[t] / (1 - 0.5 ** (t + 1))) for t, g in enumerate([4, 0, 1])]
    close(falling, 1 - np.cumsum(steps))


def test_data_is_rebound_and_a_new_rate_acts_on_new_gradients() -> None:
    p = Param(np.array([1.0, 2.0]))
    data = p.data
    optimiser = Momentum([("p", p)], rate=0.1, momentum=0.5)
    p.grad += [1.0, 2.0]
    optimiser.step()
    close(data, [1.0, 2.0])
    optimiser.rate = 0.0
    optimiser.step()
    close(p.data, [0.85, 1.7])  # the velocity rolls on


@every_kind
def test_a_step_between_forward_and_backward_changes_no_gradient(kind: str) -> None:
    net, x, dy = model(), normal(5, 3), normal(5, 2, seed=1)
    _, backward = net(x)
    expected = backward(dy)
    net.zero_grad()
    _, backward = net(x)
    for _, p in net.named_params():
        p.grad += 1
    make(kind, net).step()
    np.testing.assert_array_equal(backward(dy), expected)


@every_kind
def test_torch_trajectory(kind: str) -> None:
    torch = pytest.importorskip("torch")
    net = model()
    tensors = [torch.tensor(p.data, requires_grad=True) for _, p in net.named_params()]
    W1, b1, W2, b2 = tensors
    theirs = {
        "SGD": lambda: torch.optim.SGD(tensors, lr=0.1),
        "Momentum": lambda: torch.optim.SGD(tensors, lr=0.1, momentum=0.9),
        "Nesterov": lambda: torch.optim.SGD(tensors, lr=0.1, momentum=0.9, nesterov=True),
        "Adagrad": lambda: torch.optim.Adagrad(tensors, lr=0.1),
        "RMSProp": lambda: torch.optim.RMSprop(tensors, lr=0.1, alpha=0.95),
        "Adam": lambda: torch.optim.Adam(tensors, lr=0.1, betas=(0.8, 0.95)),
        "AdamW": lambda: torch.optim.AdamW(tensors, lr=0.1, weight_decay=0.1),
        "AMSGrad": lambda: torch.optim.Adam(tensors, lr=0.1, betas=(0.9, 0.5), amsgrad=True),
    }[kind]()
    x, t = torch.tensor(normal(8, 3)), torch.tensor(normal(8, 2, seed=1))
    ours = make(kind, net)
    for _ in range(50):
        train(net, ours, 1)
        theirs.zero_grad()
        (0.5 * ((torch.tanh(x @ W1 + b1) @ W2 + b2 - t) ** 2).sum() / 8).backward()
        theirs.step()
        for (_, p), tensor in zip(net.named_params(), tensors, strict=True):
            close(p.data, tensor.detach().numpy())


@every_kind
def test_float32_stays_float32_whatever_the_rate_is(kind: str) -> None:
    net = model().astype(np.float32)
    optimiser = make(kind, net, rate=np.float64(0.1))
    for _ in range(2):
        for _, p in net.named_params():
            p.grad += 1
        optimiser.step()
    assert {p.data.dtype for _, p in net.named_params()} == {np.dtype(np.float32)}
    assert {a.dtype for arrays in optimiser.slots.values() for a in arrays.values()} <= {np.dtype(np.float32)}
    assert isinstance(optimiser.rate, float)


@every_kind
def test_state_goes_over(kind: str) -> None:
    a, b = model(), model()
    first, second = make(kind, a), make(kind, b, rate=0.7)
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
    optimiser = Momentum(model(), 0.1, 0.9)
    with pytest.raises(ValueError, match=r"Momentum: .* in the state: \['velocity\.0\.W', 'velocity\.0\.b'"):
        optimiser.load_state(SGD(model(), 0.2).state())
    assert optimiser.rate == 0.1


def test_clipping() -> None:
    p, q = Param(np.zeros(2)), Param(np.zeros(1, np.float32))
    both = [("p", p), ("q", q)]
    p.grad += [3.0, 0.0]
    q.grad += 4.0
    assert clip_by_norm(both, 10.0) == 5.0
    close(p.grad, [3, 0])
    assert clip_by_norm(both, 1.0) == 5.0
    close(p.grad, [0.6, 0])
    close(q.grad, np.float32([0.8]))
    assert q.grad.dtype == np.float32
    p.grad[0] = np.nan
    with pytest.raises(ValueError, match="the norm nan"):
        clip_by_norm(both, 1.0)
    with pytest.raises(ValueError, match="largest is 0"):
        clip_by_norm([("q", q)], 0.0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="SGD: got no Params"):
        SGD([], 0.1)
    for rate in (float("nan"), float("inf"), -0.1, "fast"):
        with pytest.raises(ValueError, match=r"SGD: rate is .* expected a finite number of at least 0"):
            SGD(model(), rate)  # type: ignore[arg-type]
    optimiser = SGD(model(), 0.1)
    with pytest.raises(ValueError, match="SGD: rate is -1"):
        optimiser.rate = -1
    for kind, name in ((Momentum, "momentum"), (RMSProp, "decay"), (Adam, "beta1"), (AMSGrad, "beta2")):
        for value in (-0.1, 1.0, float("nan")):
            with pytest.raises(ValueError, match=f"{kind.__name__}: {name} is"):
                kind(model(), 0.1, **{name: value})
    with pytest.raises(ValueError, match="Adam: epsilon is -1"):
        Adam(model(), epsilon=-1)
