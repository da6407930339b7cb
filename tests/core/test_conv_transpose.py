"""Transposed and one-dimensional convolution: contract, adjointness, equations in loops, PyTorch, refusals."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core import Array, Conv1d, ConvTranspose2d, check_layer, conv2d
from tests.core.helpers import agrees_with_torch, close, data_of, few, normal, seeded

sizes = st.integers(1, 4)


@few
@given(sizes, sizes, sizes, st.integers(1, 3), st.integers(0, 1), sizes, sizes)
def test_transposed_contract(c_in, c_out, k, stride, padding, height, width) -> None:
    if min((height - 1) * stride, (width - 1) * stride) + k <= 2 * padding:
        return
    layer = ConvTranspose2d(c_in, c_out, k, stride=stride, padding=padding, rng=seeded())
    check_layer(layer, normal(2, c_in, height, width))


@few
@given(sizes, sizes, st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(1, 2), st.integers(0, 3))
def test_one_dimensional_contract(c, k, stride, padding, dilation, groups, more) -> None:
    assume(padding < k)  # else outputs may see nothing but the zeros at the ends
    layer = Conv1d(2 * c, 4, k, stride=stride, padding=padding, dilation=dilation, groups=groups, rng=seeded())
    check_layer(layer, normal(2, 2 * c, dilation * (k - 1) + 1 + more))


@pytest.mark.parametrize(("k", "stride", "padding"), [(3, 1, 0), (3, 2, 1), (2, 3, 0), (4, 2, 1)])
def test_torch(k, stride, padding) -> None:
    F = pytest.importorskip("torch").nn.functional
    layer = ConvTranspose2d(2, 3, k, stride=stride, padding=padding, rng=seeded()).astype(np.float64)
    theirs = partial(F.conv_transpose2d, stride=stride, padding=padding)
    agrees_with_torch(layer, theirs, normal(2, 2, 4, 5), *data_of(layer), params=2)
    line = Conv1d(2, 4, k, stride=stride, padding=padding, dilation=2, groups=2, rng=seeded()).astype(np.float64)
    W, b = (p.data for _, p in line.named_params())
    x, dy = normal(2, 2, 9), None
    y, backward = line(x)
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, W[:, :, 0], b)]
    expected = F.conv1d(*tensors, stride=stride, padding=padding, dilation=2, groups=2)
    close(y, expected.detach().numpy())
    dy = normal(*y.shape, seed=1)
    expected.backward(torch.tensor(dy))
    close(backward(dy), tensors[0].grad.numpy())
    close(line.conv.W.grad[:, :, 0], tensors[1].grad.numpy())
    close(line.conv.b.grad, tensors[2].grad.numpy())


def test_transposed_in_loops() -> None:
    layer = ConvTranspose2d(2, 3, 3, stride=2, padding=1, rng=seeded()).astype(np.float64)
    layer.b.data = normal(3, seed=2)
    x, W = normal(2, 2, 3, 4), layer.W.data
    full = np.zeros((2, 3, 7, 9)) + layer.b.data[:, None, None]
    for n, c, h, w in np.ndindex(x.shape):
        full[n, :, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3] += W[c] * x[n, c, h, w]
    close(layer(x)[0], full[:, :, 1:-1, 1:-1])


def test_it_is_the_adjoint_of_a_convolution() -> None:
    """<y, conv(z)> = <transposed(y), z> for all y and z."""
    layer = ConvTranspose2d(4, 3, 3, stride=2, padding=1, rng=seeded()).astype(np.float64)
    y, z = normal(2, 4, 4, 5), normal(2, 3, 7, 9, seed=1)
    down, _ = conv2d(z, layer.W.data, stride=2, padding=1)
    close((y * down).sum(), (layer(y)[0] * z).sum())


def single(*shape: int) -> Array:
    return normal(*shape).astype(np.float32)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ConvTranspose2d(2, 3, 3, rng=seeded())(single(2, 3, 4, 4)), "ConvTranspose2d: got"),
        (lambda: ConvTranspose2d(2, 3, 1, padding=2, rng=seeded())(single(1, 2, 4, 4)), "nothing"),
        (lambda: Conv1d(2, 3, 3, rng=seeded())(single(2, 2)), r"Conv1d: got .* expected \(N, 2, T\)"),
        (lambda: Conv1d(3, 4, 3, groups=2, rng=seeded()), "groups of equal size"),
        (lambda: Conv1d(2, 4, 3, padding=-1, rng=seeded()), "Conv1d: padding is -1"),
    ],
)
def test_refusals(call, words) -> None:
    with pytest.raises(ValueError, match=words):
        call()
