"""Normalisation: contract, equations in loops, PyTorch, running statistics, identities, large numbers, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.batch_norm
from core import Array, Layer, Sequential, check_layer, cost, load, predict, save
from core.batch_norm import BatchNorm, GroupNorm
from core.normalisation import LayerNorm, Norm, RMSNorm
from tests.core.helpers import agrees_with_torch, close, data_of, few, normal

sizes = st.integers(1, 3)


def trained(layer: Norm, dtype: type = np.float64) -> Norm:
    """The layer with other gains, biases and running statistics than at first."""
    layer.astype(dtype)
    for seed, p in enumerate(data_of(layer)):
        p[...] = normal(*p.shape, seed=seed + 7)
    if isinstance(layer, BatchNorm):
        layer.mean, layer.variance = 0.3 * layer.gamma.data, 0.5 + layer.gamma.data * layer.gamma.data
    return layer


CASES = [
    (BatchNorm(3), (4, 3)),
    (BatchNorm(3), (2, 3, 4, 5)),
    (BatchNorm(3).eval(), (4, 3)),
    (BatchNorm(3).eval(), (2, 3, 4, 5)),
    (LayerNorm(5), (5,)),
    (LayerNorm(5), (4, 5)),
    (LayerNorm(5), (2, 4, 5)),
    (GroupNorm(3, 6), (4, 6)),
    (GroupNorm(2, 6), (4, 6, 3)),
    (GroupNorm(1, 4), (2, 4, 3, 5)),
    (GroupNorm(4, 4), (2, 4, 3, 5)),
    (RMSNorm(5), (4, 5)),
    (RMSNorm(5), (2, 4, 5)),
]
names = [f"{type(layer).__name__}{shape}{'' if layer.training else ' eval'}" for layer, shape in CASES]
cases = pytest.mark.parametrize(("layer", "shape"), CASES, ids=names)


@cases
def test_contract(layer, shape) -> None:
    check_layer(layer, 3 + 2 * normal(*shape))


@few
@given(st.integers(2, 4), sizes, st.one_of(st.none(), st.tuples(sizes, sizes)), st.booleans())
def test_batch_norm_contract(n, channels, positions, training) -> None:
    layer = BatchNorm(channels) if training else BatchNorm(channels).eval()
    check_layer(layer, normal(n, channels, *(positions or ())))


@few
@given(st.lists(sizes, max_size=3), st.integers(2, 5))
def test_layer_and_rms_norm_contract(leading, dim) -> None:
    check_layer(LayerNorm(dim), normal(*leading, dim))
    check_layer(RMSNorm(dim), normal(*leading, dim))


@few
@given(sizes, sizes, sizes, st.lists(sizes, max_size=2))
def test_group_norm_contract(n, groups, each, positions) -> None:
    x = normal(n, groups * each, *positions)
    no_grad = ("gamma",) if x[0].size == groups else ()  # x^ is zero in a group of one number
    check_layer(GroupNorm(groups, groups * each), x, no_grad=no_grad)


def groups_of(layer: Norm, shape: tuple[int, ...]) -> Array:
    """For each element of x, the number of the group that it is normalised with."""
    index = np.indices(shape)
    if isinstance(layer, BatchNorm):
        return index[1]
    if isinstance(layer, GroupNorm):
        return index[0] * layer.groups + index[1] // (shape[1] // layer.groups)
    return np.arange(math.prod(shape)) // shape[-1]


@cases
def test_equations_in_loops(layer, shape) -> None:
    """x^ and the Jacobian at the head of the file, element by element."""
    layer = trained(layer)
    x, dy = 3 + 2 * normal(*shape), normal(*shape, seed=1)
    gamma = layer.gamma.data
    beta = np.zeros(len(gamma)) if isinstance(layer, RMSNorm) else layer.beta.data
    feature = np.indices(shape)[layer.axis].ravel()
    group = groups_of(layer, shape).ravel()
    flat, flat_dy = x.ravel(), dy.ravel()
    xhat, dx = np.zeros(x.size), np.zeros(x.size)
    running = (layer.mean, layer.variance) if isinstance(layer, BatchNorm) and not layer.training else None
    for number in range(group.max() + 1):
        members = np.flatnonzero(group == number)
        n = len(members)
        mu = 0.0 if isinstance(layer, RMSNorm) else sum(flat[i] for i in members) / n
        variance = sum((flat[i] - mu) ** 2 for i in members) / n
        if running:
            mu, variance = running[0][number], running[1][number]
        sigma = math.sqrt(variance + layer.eps)
        for i in members:
            xhat[i] = (flat[i] - mu) / sigma
        for i in members:
            for j in members:
                jacobian = (i == j) / sigma
                if not running:
                    shift = 0 if isinstance(layer, RMSNorm) else 1 / n
                    jacobian -= (shift + xhat[j] * xhat[i] / n) / sigma
                dx[i] += gamma[feature[j]] * flat_dy[j] * jacobian
    layer.zero_grad()
    y, backward = layer(x)
    close(y.ravel(), [gamma[feature[i]] * xhat[i] + beta[feature[i]] for i in range(x.size)])
    close(backward(dy).ravel(), dx)
    for c in range(len(gamma)):
        close(layer.gamma.grad[c], sum(flat_dy[i] * xhat[i] for i in range(x.size) if feature[i] == c))
        if not isinstance(layer, RMSNorm):
            close(layer.beta.grad[c], sum(flat_dy[i] for i in range(x.size) if feature[i] == c))


@cases
def test_torch(layer, shape) -> None:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    layer = trained(layer)
    layer.zero_grad()
    if isinstance(layer, BatchNorm):
        mean, variance = torch.tensor(layer.mean), torch.tensor(layer.variance)

        def theirs(x, gamma, beta):
            return F.batch_norm(x, mean, variance, gamma, beta, layer.training, 0.1, layer.eps)

    elif isinstance(layer, GroupNorm):

        def theirs(x, gamma, beta):
            return F.group_norm(x, layer.groups, gamma, beta, layer.eps)

    elif isinstance(layer, LayerNorm):

        def theirs(x, gamma, beta):
            return F.layer_norm(x, (shape[-1],), gamma, beta, layer.eps)

    else:

        def theirs(x, gamma):
            return F.rms_norm(x, (shape[-1],), gamma, layer.eps)

    params = data_of(layer)
    agrees_with_torch(layer, theirs, 3 + 2 * normal(*shape), *params, params=len(params))
    if isinstance(layer, BatchNorm):
        close(layer.mean, mean.numpy())
        close(layer.variance, variance.numpy())


@cases
def test_float32_is_float64_rounded(layer, shape) -> None:
    """To 2e-6 of the largest value or of 1, the size of dy: a few roundings, after cancelling part of a digit."""
    x, dy = 3 + 2 * normal(*shape), normal(*shape, seed=1)
    results = []
    for dtype in (np.float64, np.float32):
        layer = trained(layer, dtype)
        layer.zero_grad()
        y, backward = layer(x.astype(dtype))
        results.append([y, backward(dy.astype(dtype)), *(p.grad for _, p in layer.named_params())])
    for exact, single in zip(*results, strict=True):
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, exact, rtol=0, atol=2e-6 * max(1, np.abs(exact).max()))


# Batch normalisation: statistics


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4, 5)])
def test_running_statistics_over_several_batches(shape) -> None:
    torch = pytest.importorskip("torch")
    layer = BatchNorm(3, momentum=0.3).astype(np.float64)
    theirs = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(3, momentum=0.3).double()
    mean, variance, n = np.zeros(3), np.ones(3), math.prod(shape) // 3
    for seed in range(4):
        x = normal(*shape, seed=seed) * (seed + 1) + seed
        layer(x)
        theirs(torch.tensor(x))
        by_channel = np.moveaxis(x, 1, 0).reshape(3, n)
        mean = 0.7 * mean + 0.3 * by_channel.mean(axis=1)
        variance = 0.7 * variance + 0.3 * by_channel.var(axis=1, ddof=1)
    close(layer.mean, mean)
    close(layer.variance, variance)
    close(layer.mean, theirs.running_mean.numpy())
    close(layer.variance, theirs.running_var.numpy())
    x = normal(*shape, seed=9)
    close(predict(layer, x), theirs.eval()(torch.tensor(x)).detach().numpy())


def test_prediction_uses_the_buffers_and_leaves_them() -> None:
    layer = trained(BatchNorm(3))
    mean, variance = layer.mean, layer.variance
    kept = mean.copy(), variance.copy()
    x = normal(4, 3)
    expected = layer.gamma.data * (x - mean) / np.sqrt(variance + 1e-5) + layer.beta.data
    close(predict(layer, x), expected)
    close(predict(layer, x[:1]), expected[:1])  # one example, alone
    assert layer.mean is mean and layer.variance is variance
    layer(x)  # in training: rebound, not written
    assert layer.mean is not mean and layer.variance is not variance
    np.testing.assert_array_equal((mean, variance), kept)


def test_buffers_are_saved_with_the_model_and_cast_with_it(tmp_path) -> None:
    model = Sequential(BatchNorm(3))
    model(normal(5, 3).astype(np.float32))
    save(tmp_path / "a.npz", model)
    again = Sequential(BatchNorm(3))
    load(tmp_path / "a.npz", again)
    x = normal(4, 3, seed=1).astype(np.float32)
    np.testing.assert_array_equal(predict(again, x), predict(model, x))
    assert [name for name, _ in model.named_buffers()] == ["0.mean", "0.variance"]
    assert {b.dtype for _, b in model.astype(np.float64).named_buffers()} == {np.dtype(np.float64)}


def test_a_gradient_in_evaluation_does_not_follow_later_batches() -> None:
    layer = trained(BatchNorm(3)).eval()
    x, dy = normal(4, 3), normal(4, 3, seed=1)
    expected = layer(x)[1](dy)
    _, backward = layer(x)
    layer.train()(10 * x + 3)
    np.testing.assert_array_equal(backward(dy), expected)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 2, 5)])
def test_identities_of_batch_norm(shape) -> None:
    """No gradient along a shift, nor (but for eps) along a stretch; the scale of x does not matter (section 3.3)."""
    layer = trained(BatchNorm(3, eps=1e-12)).train()
    x, dy = normal(*shape), normal(*shape, seed=1)
    axes = (0, *range(2, len(shape)))
    y, backward = layer(x)
    dx = backward(dy)
    scaled, backward_scaled = layer(10 * x)
    np.testing.assert_allclose(dx.sum(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose((dx * x).sum(axis=axes), 0, atol=1e-9)
    close(scaled, y)
    close(backward_scaled(dy), dx / 10)


# Numbers that are hard, and shapes that are small


@pytest.mark.parametrize("layer", [BatchNorm(4), LayerNorm(4), GroupNorm(2, 4), RMSNorm(4)])
@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e4])
def test_no_spread_gives_no_nan(layer, value) -> None:
    x = np.full((3, 4), value, np.float32)
    y, backward = layer.astype(np.float32)(x)
    assert np.isfinite(y).all() and np.isfinite(backward(x)).all()
    if not isinstance(layer, RMSNorm):
        assert not y.any()


LARGE_MEANS = [
    (BatchNorm(64), (64, 64)),
    (BatchNorm(6), (40, 6, 9, 11)),
    (LayerNorm(64), (64, 64)),
    (GroupNorm(2, 64), (64, 64)),
    (GroupNorm(2, 6), (4, 6, 9, 11)),
]


@pytest.mark.parametrize(("layer", "shape"), LARGE_MEANS)
def test_a_large_mean_is_taken_out_before_squaring(layer, shape) -> None:
    """Around 1e4, float32 numbers are 1e-3 apart, and mu is wrong by a few of these steps; around x^2 = 1e8 they are 8
    apart, and the variance 1 would be lost."""
    x, dy = (1e4 + normal(*shape)).astype(np.float32), normal(*shape, seed=1).astype(np.float32)
    results = []
    for dtype in (np.float64, np.float32):
        layer.astype(dtype).zero_grad()
        y, backward = layer(x.astype(dtype))
        results.append([y, backward(dy.astype(dtype)), *(p.grad / np.sqrt(x.size) for _, p in layer.named_params())])
    for exact, single in zip(*results, strict=True):
        np.testing.assert_allclose(single, exact, atol=5e-3)


@pytest.mark.parametrize("layer", [BatchNorm(3), BatchNorm(3).eval(), GroupNorm(1, 3)])
def test_blocks_change_no_bit(layer, monkeypatch) -> None:
    x, dy = (normal(7, 3, 4, 5, seed=seed).astype(np.float32) for seed in range(2))
    results = []
    for block_bytes in (core.batch_norm.BLOCK_BYTES, 2 * x[0].nbytes, 1):  # one block, blocks of two, each alone
        monkeypatch.setattr(core.batch_norm, "BLOCK_BYTES", block_bytes)
        layer.astype(np.float32).zero_grad()
        y, backward = layer(x)
        results.append([y, backward(dy), *(p.grad for _, p in layer.named_params())])
    for others in results[1:]:
        for a, b in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_one_group_is_layer_norm_and_one_example_instance_norm() -> None:
    x = normal(2, 4, 3)
    close(
        GroupNorm(1, 4).astype(np.float64)(x)[0].reshape(2, 12), LayerNorm(12).astype(np.float64)(x.reshape(2, 12))[0]
    )
    alone, maps = normal(1, 4, 3, 5), GroupNorm(4, 4).astype(np.float64)
    close(maps(alone)[0], BatchNorm(4).astype(np.float64)(alone)[0])


@cases
def test_empty_batch(layer: Layer, shape) -> None:
    layer.astype(np.float32)
    x = np.zeros((0, *shape[1:]), np.float32)
    if isinstance(layer, BatchNorm) and layer.training:
        with pytest.raises(ValueError, match="two numbers per channel or more in training"):
            layer(x)
    elif len(shape) > 1:
        y, backward = layer(x)
        assert y.shape == backward(y).shape == x.shape


def test_counts() -> None:
    layer = BatchNorm(3)
    y, _ = layer(np.zeros((2, 3, 4, 5), np.float32))
    assert (layer.connections(y.shape), layer.multiply_adds(y.shape)) == (2 * 60, 3 * 60)
    (row,) = cost(Sequential(RMSNorm(7)), (5, 7)).rows
    assert (row.parameters, row.connections, row.multiply_adds) == (7, 35, 105)


def test_refusals() -> None:
    one = np.zeros((1, 3), np.float32)
    with pytest.raises(ValueError, match=r"BatchNorm: got .* two numbers per channel or more in training"):
        BatchNorm(3)(one)
    assert BatchNorm(3).eval()(one)[0].shape == (1, 3)
    for layer, bad in (
        (BatchNorm(3), (4, 2)),
        (BatchNorm(3), (3,)),
        (BatchNorm(3), (4, 3, 5)),
        (BatchNorm(3), (4, 3, 5, 5, 5)),
        (GroupNorm(1, 3), (3,)),
        (GroupNorm(1, 3), (3, 2, 2)),
        (LayerNorm(3), (3, 4)),
        (LayerNorm(3), ()),
        (RMSNorm(3), (3, 4)),
    ):
        with pytest.raises(ValueError, match=f"{type(layer).__name__}: got .* expected"):
            layer(np.zeros(bad, np.float32))
    with pytest.raises(ValueError, match=r"LayerNorm: got .* expected length 3 along axis -1, and float32"):
        LayerNorm(3)(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="GroupNorm: got 2 groups of 3 channels"):
        GroupNorm(2, 3)
    with pytest.raises(ValueError, match="GroupNorm: groups is 0"):
        GroupNorm(0, 3)
    with pytest.raises(ValueError, match="LayerNorm: size is 0"):
        LayerNorm(0)
    with pytest.raises(ValueError, match="RMSNorm: eps is 0"):
        RMSNorm(3, eps=0)
    for momentum in (-0.1, 1.1):
        with pytest.raises(ValueError, match="BatchNorm: momentum is"):
            BatchNorm(3, momentum=momentum)
