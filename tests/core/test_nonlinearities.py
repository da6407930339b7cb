"""The newer activations: contract, PyTorch, the normal distribution to 1e-12, large inputs, blocks, refusals."""

import importlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import check_layer
from core.gelu import gelu, gelu_tanh, silu
from core.nonlinearities import PReLU, elu, leaky_relu, log_softmax, selu, softplus, softsign
from tests.core.helpers import agrees_with_torch, close, data_of, few, normal

ELEMENTWISE = [leaky_relu, elu, selu, gelu, gelu_tanh, silu, softplus, softsign]
ALL = [*ELEMENTWISE, log_softmax]


@few
@given(st.sampled_from(ALL), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_contract(f, shape) -> None:
    check_layer(f, 2 * normal(*shape))


@pytest.mark.parametrize("f", ALL)
def test_contract_on_a_kink(f) -> None:
    check_layer(f, np.zeros((3, 4)))


@few
@given(st.sampled_from([(leaky_relu, 0.0), (leaky_relu, 0.3), (elu, 0.0), (elu, 0.4), (elu, 2.5)]), st.integers(1, 5))
def test_contract_with_a_number(f_and_number, n) -> None:
    f, number = f_and_number
    check_layer(f, normal(n, 3), number)


@few
@given(st.integers(1, 3), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2))
def test_prelu_contract(n, channels, positions) -> None:
    x = normal(n, channels, *positions)
    x[0] = -0.1 - np.abs(x[0])  # a slope that no input uses would have no gradient
    check_layer(PReLU(channels), x)


def test_torch() -> None:
    F = pytest.importorskip("torch").nn.functional
    x = 3 * normal(4, 5)
    agrees_with_torch(leaky_relu, F.leaky_relu, x)
    agrees_with_torch(lambda x: leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2), x)
    agrees_with_torch(elu, F.elu, x)
    agrees_with_torch(lambda x: elu(x, 0.7), lambda x: F.elu(x, 0.7), x)
    agrees_with_torch(selu, F.selu, x)
    agrees_with_torch(gelu, F.gelu, x)
    agrees_with_torch(gelu_tanh, lambda x: F.gelu(x, approximate="tanh"), x)
    agrees_with_torch(silu, F.silu, x)
    agrees_with_torch(softplus, F.softplus, x)
    agrees_with_torch(softsign, F.softsign, x)
    agrees_with_torch(log_softmax, lambda x: F.log_softmax(x, -1), x)
    for shape in ((4, 5), (2, 5, 3, 2)):
        layer = PReLU(5).astype(np.float64)
        layer.a.data = normal(5, seed=2)
        agrees_with_torch(layer, F.prelu, normal(*shape), *data_of(layer), params=1)


@pytest.mark.parametrize("f", ALL)
def test_float32_is_float64_rounded(f) -> None:
    """To 1e-6 of the largest value: a few roundings, more where 1 - tanh^2 cancels."""
    x, dy = 3 * normal(50, 6), normal(50, 6, seed=1)
    (exact, exact_backward), (y, backward) = f(x), f(x.astype(np.float32))
    assert y.dtype == np.float32
    for a, b in ((y, exact), (backward(dy.astype(np.float32)), exact_backward(dy))):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(b).max())


def test_gelu_uses_the_normal_distribution_to_12_digits() -> None:
    x = np.concatenate([np.linspace(-40, 40, 20_011), np.linspace(-6, 6, 20_011)])
    y, backward = gelu(x)
    cdf = np.array([math.erfc(-a / math.sqrt(2)) / 2 for a in x])
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(y, x * cdf, rtol=0, atol=1e-12)
    np.testing.assert_allclose(backward(np.ones_like(x)), cdf + x * density, rtol=0, atol=1e-12)


def test_gelu_tanh_is_within_its_bound_of_gelu() -> None:
    x = np.linspace(-8, 8, 1601)
    difference = np.abs(gelu_tanh(x)[0] - gelu(x)[0]).max()
    assert 4e-4 < difference < 5e-4


def test_at_zero_the_lower_branch_has_the_derivative() -> None:
    """As in PyTorch: where the slopes of the two sides differ, 0 belongs to the lower one."""
    x, dy = np.zeros((2, 3)), np.ones((2, 3))
    for f, slope in ((lambda x: leaky_relu(x, 0.3), 0.3), (lambda x: elu(x, 0.4), 0.4)):
        close(f(x)[1](dy), np.full((2, 3), slope))
    layer = PReLU(3, 0.2).astype(np.float64)
    close(layer(x)[1](dy), np.full((2, 3), layer.a.data))


def test_scalars() -> None:
    """The definitions, at single numbers, by the standard library."""
    for x in (-3.0, -0.5, 0.25, 2.0):
        a = np.array([x])
        close(leaky_relu(a, 0.1)[0], x if x > 0 else 0.1 * x)
        close(elu(a, 0.5)[0], x if x > 0 else 0.5 * (math.exp(x) - 1))
        close(gelu_tanh(a)[0], x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
        close(silu(a)[0], x / (1 + math.exp(-x)))
        close(softplus(a)[0], math.log(1 + math.exp(x)))
        close(softsign(a)[0], x / (1 + abs(x)))


def test_selu_keeps_mean_zero_and_variance_one() -> None:
    """E[y] = 0 and E[y^2] = 1 for a standard normal x, by quadrature."""
    x = np.linspace(-12, 12, 240_001)
    weight = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0])
    y, _ = selu(x)
    np.testing.assert_allclose([weight @ y, weight @ (y * y)], [0, 1], atol=1e-8)


@pytest.mark.parametrize(
    ("f", "values", "slopes"),
    [
        (leaky_relu, [-100, 1e4], [0.01, 1]),
        (elu, [-1, 1e4], [0, 1]),
        (selu, [-1.7580993408473766, 1.0507009873554805e4], [0, 1.0507009873554805]),
        (gelu, [0, 1e4], [0, 1]),
        (gelu_tanh, [0, 1e4], [0, 1]),
        (silu, [0, 1e4], [0, 1]),
        (softplus, [0, 1e4], [0, 1]),
        (softsign, [-1e4 / 10001, 1e4 / 10001], [10001**-2, 10001**-2]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_inputs(f, values, slopes, dtype) -> None:
    y, backward = f(np.array([-1e4, 1e4], dtype))
    rtol = 1e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(y, values, rtol=rtol)
    np.testing.assert_allclose(backward(np.ones(2, dtype)), slopes, rtol=rtol, atol=rtol)


def test_log_softmax_of_large_numbers() -> None:
    x = np.array([[1e4, 1e4 + 1, -1e4]])
    y, backward = log_softmax(x)
    close(y, [[-math.log(1 + math.e), 1 - math.log(1 + math.e), -2e4 - math.log(1 + math.e)]])
    p = np.exp(y)
    close(backward(np.array([[1.0, 0, 0]])), [[1 - p[0, 0], -p[0, 1], 0]])
    check_layer(log_softmax, np.array([[1e4, 1e4 + 1, 1e4 - 1]]))


@pytest.mark.parametrize("f", [gelu, gelu_tanh, silu])
def test_blocks_are_seamless_and_any_order_of_memory_will_do(f, monkeypatch) -> None:
    x, dy = normal(7, 5, 3), normal(7, 5, 3, seed=1)
    y, backward = f(x)
    dx = backward(dy)
    monkeypatch.setattr(importlib.import_module("core.gelu"), "BLOCK", 4)
    for view in (x, np.asfortranarray(x), x[::-1, :, ::-1].copy()[::-1, :, ::-1]):
        z, backward = f(view)
        np.testing.assert_array_equal(z, y)
        np.testing.assert_array_equal(backward(dy), dx)


@pytest.mark.parametrize("f", ALL)
def test_empty_batch(f) -> None:
    y, backward = f(np.zeros((0, 3), np.float32))
    assert y.shape == backward(y).shape == (0, 3)


def test_prelu_counts() -> None:
    layer = PReLU(3)
    y, _ = layer(np.zeros((2, 3, 4, 5), np.float32))
    assert layer.connections(y.shape) == layer.multiply_adds(y.shape) == 3 * 4 * 5


def test_refusals() -> None:
    x = np.zeros((2, 3), np.float32)
    for slope in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match=r"leaky_relu: slope is .* expected"):
            leaky_relu(x, slope)
    for f in (gelu, gelu_tanh, silu):
        with pytest.raises(
            ValueError, match=rf"{f.__name__}: got an array of .* int64, expected an array of a floating type"
        ):
            f(np.arange(3))
    with pytest.raises(ValueError, match=r"elu: alpha is -1\.0, expected a finite number of at least 0"):
        elu(x, -1.0)
    for bad in (x[0], x[:, :2], x.astype(np.float64)):
        with pytest.raises(ValueError, match=r"PReLU\(3\): got .* expected \(N, 3, \.\.\.\) and float32"):
            PReLU(3)(bad)
    with pytest.raises(ValueError, match="PReLU: channels is 0"):
        PReLU(0)
    with pytest.raises(ValueError, match="PReLU: slope is inf"):
        PReLU(3, float("inf"))
