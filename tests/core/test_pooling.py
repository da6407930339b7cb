"""Pooling and LeNet's sub-sampling: contract, equations in plain loops, PyTorch, ties, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import AvgPool2d, GlobalAvgPool, MaxPool2d, Subsample, avg_pool2d, check_layer, max_pool2d, sum_pool2d
from tests.core.helpers import agrees_with_torch, close, data_of, few, normal, seeded

POOLS = [(sum_pool2d, np.sum), (avg_pool2d, np.mean), (max_pool2d, np.max)]
sizes = st.integers(1, 3)


@few
@given(st.sampled_from([pool for pool, _ in POOLS]), sizes, sizes, sizes, sizes, sizes)
def test_contract(pool, size, n, c, rows, cols) -> None:
    check_layer(pool, normal(n, c, size * rows, size * cols), size)


@few
@given(sizes, sizes, sizes, sizes, sizes)
def test_subsample_contract(size, n, c, rows, cols) -> None:
    check_layer(Subsample(c, size, rng=seeded()), normal(n, c, size * rows, size * cols))


@few
@given(sizes, sizes, sizes, sizes)
def test_layers(n, c, rows, cols) -> None:
    x = normal(n, c, 2 * rows, 2 * cols)
    for layer, function in ((MaxPool2d(2), max_pool2d), (AvgPool2d(2), avg_pool2d)):
        check_layer(layer, x)
        close(layer(x)[0], function(x, 2)[0])
    check_layer(GlobalAvgPool(), x)
    close(GlobalAvgPool()(x)[0], x.sum(axis=(2, 3)) / (4 * rows * cols))


@pytest.mark.parametrize(("pool", "reduction"), POOLS)
def test_equations_in_loops(pool, reduction) -> None:
    x = normal(2, 3, 4, 6)
    y, backward = pool(x, 2)
    dy = normal(*y.shape, seed=1)
    dx = np.zeros(x.shape)
    for n, c, h, w in np.ndindex(y.shape):
        window = (n, c, slice(2 * h, 2 * h + 2), slice(2 * w, 2 * w + 2))
        close(y[n, c, h, w], reduction(x[window]))
        share = {np.sum: 1.0, np.mean: 0.25, np.max: x[window] == x[window].max()}[reduction]
        dx[window] += share * dy[n, c, h, w]
    close(backward(dy), dx)


def test_subsample_in_loops() -> None:
    layer = Subsample(3, rng=seeded()).astype(np.float64)
    layer.b.data = normal(3, seed=4)
    x = normal(2, 3, 4, 6)
    y, backward = layer(x)
    dy = normal(*y.shape, seed=1)
    dx, dw, db, result = np.zeros(x.shape), np.zeros(3), np.zeros(3), backward(dy)
    for n, c, h, w in np.ndindex(y.shape):
        window = (n, c, slice(2 * h, 2 * h + 2), slice(2 * w, 2 * w + 2))
        close(y[n, c, h, w], layer.w.data[c] * x[window].sum() + layer.b.data[c])
        dw[c] += dy[n, c, h, w] * x[window].sum()
        db[c] += dy[n, c, h, w]
        dx[window] = dy[n, c, h, w] * layer.w.data[c]
    for ours, expected in ((result, dx), (layer.w.grad, dw), (layer.b.grad, db)):
        close(ours, expected)


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    x = normal(2, 3, 6, 9)
    agrees_with_torch(lambda x: avg_pool2d(x, 3), lambda x: F.avg_pool2d(x, 3), x)
    agrees_with_torch(lambda x: max_pool2d(x, 3), lambda x: F.max_pool2d(x, 3), x)
    layer = Subsample(3, 3, rng=seeded()).astype(np.float64)

    def theirs(x, w, b):
        return 9 * F.avg_pool2d(x, 3) * w[:, None, None] + b[:, None, None]

    agrees_with_torch(layer, theirs, x, *data_of(layer), params=2)


def test_of_equal_ones_the_first_gets_the_gradient() -> None:
    x = np.array([[[[1.0, 2.0], [2.0, 2.0]]]])
    _, backward = max_pool2d(x, 2)
    np.testing.assert_array_equal(backward(np.full((1, 1, 1, 1), 3.0)), [[[[0, 3], [0, 0]]]])


def test_counts() -> None:
    """LeNet-5, S2 (LeCun et al. 1998, section II-B): 12 trainable parameters and 5,880 connections."""
    layer = Subsample(6, rng=seeded())
    assert sum(p.data.size for _, p in layer.named_params()) == 12
    assert layer.connections((1, 6, 14, 14)) == 5_880
    assert layer.multiply_adds((1, 6, 14, 14)) == 6 * 14 * 14


@pytest.mark.parametrize("pool", [pool for pool, _ in POOLS])
def test_refusals(pool) -> None:
    x = np.zeros((1, 2, 4, 6), np.float32)
    with pytest.raises(ValueError, match=rf"{pool.__name__}: got .* 4, 6.* expected multiples of the window, 3"):
        pool(x, 3)
    with pytest.raises(ValueError, match=f"{pool.__name__}: size is 0"):
        pool(x, 0)
    with pytest.raises(ValueError, match=f"{pool.__name__}: got .* expected feature maps"):
        pool(x[0], 2)


def test_subsample_refusals() -> None:
    layer = Subsample(2, rng=seeded())
    for bad in (np.zeros((1, 3, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32), np.zeros((1, 2, 4, 4))):
        with pytest.raises(ValueError, match=r"Subsample\(2\): got .* expected"):
            layer(bad)
    with pytest.raises(ValueError, match="expected multiples of the window"):
        layer(np.zeros((1, 2, 5, 4), np.float32))
    with pytest.raises(ValueError, match="Subsample: channels is 0"):
        Subsample(0, rng=seeded())
    with pytest.raises(ValueError, match="max_pool2d: size is 17"):
        max_pool2d(np.zeros((1, 1, 17, 17)), 17)
