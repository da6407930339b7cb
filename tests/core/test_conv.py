"""Convolution: contract over drawn geometries, equations in plain loops, PyTorch, blocks, refusals."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import core.columns
from core import Array, Conv2d, check_layer, conv2d, pad2d
from tests.core.helpers import agrees_with_torch, close, data_of, few, normal, seeded

GEOMETRIES = [  # kernel, stride, padding, maps: the algorithm has a way of its own for each
    ((3, 2), 1, 0, (5, 6)),
    ((3, 2), 1, 2, (4, 5)),
    ((1, 1), 1, 0, (3, 4)),
    ((5, 5), 2, 0, (9, 10)),  # one row and two columns that no window reaches, or none
    ((3, 4), 3, 1, (8, 6)),
    ((1, 1), 2, 0, (4, 5)),
    ((2, 1), 3, 0, (7, 5)),  # a stride longer than the kernel
    ((4, 5), 1, 0, (4, 5)),  # the kernel covers the maps
    ((4, 5), 2, 1, (2, 3)),
]


@st.composite
def geometries(draw: st.DrawFn) -> tuple[tuple[int, int], int, int, tuple[int, int]]:
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    sizes = tuple(max(1, k - 2 * padding) + draw(st.integers(0, 4)) for k in kernel)
    return kernel, stride, padding, (sizes[0], sizes[1])


@few
@given(geometries(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_contract(geometry: tuple, n: int, c_in: int, c_out: int, bias: bool) -> None:
    kernel, stride, padding, maps = geometry
    layer = Conv2d(c_in, c_out, kernel, stride=stride, padding=padding, bias=bias, rng=seeded())
    check_layer(layer, normal(n, c_in, *maps))


@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 2}])
@pytest.mark.parametrize("maps", [(3, 5), (5, 6)])
def test_of_data_nobody_asks_for_the_gradient(settings, maps) -> None:
    kernel = maps if settings == {} else (2, 3)
    layer, same = (Conv2d(2, 4, kernel, **settings, rng=seeded(), of_data=data) for data in (True, False))
    x = normal(2, 2, *maps)
    check_layer(layer, x, no_grad=("x",))
    x = x.astype(np.float32)
    y, backward = layer(x)
    assert backward(y) is None
    assert same(x)[1](y).shape == x.shape and np.array_equal(layer.W.grad, same.W.grad)


GENERAL = [  # kernel, stride, padding, dilation, groups, maps
    ((3, 2), 1, 1, 2, 1, (6, 7)),
    ((2, 3), 2, 2, 3, 2, (7, 8)),
    ((3, 3), 1, 0, 1, 4, (4, 5)),
    ((2, 2), 1, 0, 2, 2, (3, 3)),  # the spread kernel covers the maps
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "groups", "maps"), GENERAL)
def test_dilation_and_groups(kernel, stride, padding, dilation, groups, maps) -> None:
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    layer = Conv2d(4, 8, kernel, **settings, rng=seeded()).astype(np.float64)
    x = normal(3, 4, *maps)
    check_layer(layer, x)
    torch = pytest.importorskip("torch")
    theirs = partial(torch.nn.functional.conv2d, **settings)
    layer.zero_grad()
    agrees_with_torch(layer, theirs, x, *data_of(layer), params=2)


@few
@given(geometries(), st.integers(1, 3), st.integers(1, 2))
def test_contract_with_dilation_and_groups(geometry: tuple, dilation: int, groups: int) -> None:
    kernel, stride, padding, maps = geometry
    assume(padding < min(kernel))  # else outputs may see nothing but the border
    maps = tuple(size + (dilation - 1) * (k - 1) for size, k in zip(maps, kernel, strict=True))
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    check_layer(Conv2d(2, 4, kernel, **settings, rng=seeded()), normal(2, 2, *maps))


def loops(x: Array, W: Array, dy: Array, stride: int, padding: int) -> tuple[Array, Array, Array]:
    """y, dx and dW, as the docstring of conv2d writes them."""
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    y, dxp, dW = np.zeros(dy.shape), np.zeros(xp.shape), np.zeros(W.shape)
    for n, o, h, w in np.ndindex(dy.shape):
        for c, i, j in np.ndindex(W.shape[1:]):
            place = n, c, stride * h + i, stride * w + j
            y[n, o, h, w] += W[o, c, i, j] * xp[place]
            dxp[place] += W[o, c, i, j] * dy[n, o, h, w]
            dW[o, c, i, j] += dy[n, o, h, w] * xp[place]
    return y, dxp[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], dW


@pytest.mark.parametrize(("kernel", "stride", "padding", "maps"), GEOMETRIES)
@pytest.mark.parametrize("block_bytes", [core.columns.BLOCK_BYTES, 1])
def test_equations_in_loops(kernel, stride, padding, maps, block_bytes, monkeypatch) -> None:
    monkeypatch.setattr(core.columns, "BLOCK_BYTES", block_bytes)  # at 1, every image is a block
    x, W = normal(3, 2, *maps), normal(4, 2, *kernel, seed=1)
    y, backward = conv2d(x, W, stride, padding)
    dy = normal(*y.shape, seed=2)
    for ours, expected in zip((y, *backward(dy)), loops(x, W, dy, stride, padding), strict=True):
        close(ours, expected)


@pytest.mark.parametrize(("kernel", "stride", "padding", "maps"), GEOMETRIES)
def test_torch(kernel, stride, padding, maps) -> None:
    torch = pytest.importorskip("torch")
    layer = Conv2d(2, 4, kernel, stride=stride, padding=padding, rng=seeded()).astype(np.float64)

    def theirs(x, W, b):
        return torch.nn.functional.conv2d(x, W, b, stride=stride, padding=padding)

    agrees_with_torch(layer, theirs, normal(3, 2, *maps), *data_of(layer), params=2)


@pytest.mark.parametrize(("kernel", "stride", "padding", "maps"), GEOMETRIES)
def test_empty_batch(kernel, stride, padding, maps) -> None:
    layer = Conv2d(2, 4, kernel, stride=stride, padding=padding, rng=seeded())
    y, backward = layer(np.zeros((0, 2, *maps), np.float32))
    assert y.shape[:2] == (0, 4)
    assert backward(np.zeros_like(y)).shape == (0, 2, *maps)
    assert not layer.W.grad.any()


@pytest.mark.parametrize("settings", [{}, {"padding": 3}, {"stride": 2, "padding": 1}])
def test_blocks_give_the_same_bits_as_images_alone(settings) -> None:
    layer = Conv2d(3, 4, 5, **settings, rng=seeded())
    x = normal(60, 3, 20, 22).astype(np.float32)
    y, backward = layer(x)
    images = core.columns.Columns(x, (5, 5), y.shape[2:], (-layer.padding,) * 2, layer.stride).images
    assert 1 < images < 40 and 60 % images  # more than one block, and the last is shorter
    dy = normal(*y.shape, seed=1).astype(np.float32)
    dx = backward(dy)
    for n in (0, 17, 40, 59):
        y_alone, backward_alone = layer(x[n : n + 1])
        np.testing.assert_array_equal(y[n], y_alone[0])
        np.testing.assert_array_equal(dx[n], backward_alone(dy[n : n + 1])[0])


def test_maps_that_are_a_view() -> None:
    x, W = normal(2, 3, 8, 9), normal(4, 3, 3, 3, seed=1)
    for view in (x[:, ::-1, ::2], x.transpose(0, 1, 3, 2), x[:, :, 1:, ::3]):
        y, backward = conv2d(view, W)
        expected, expected_backward = conv2d(view.copy(), W)
        close(y, expected)
        for a, b in zip(backward(expected), expected_backward(expected), strict=True):
            close(a, b)


@few
@given(st.integers(0, 3), st.sampled_from([0.0, -1.0, 2.5]))
def test_pad2d(width: int, value: float) -> None:
    x = normal(2, 3, 4, 5)
    check_layer(pad2d, x, width, value)
    y, _ = pad2d(x, width, value)
    close(y, np.pad(x, ((0, 0), (0, 0), (width, width), (width, width)), constant_values=value))


def test_counts() -> None:
    """LeNet-5, C1 (LeCun et al. 1998, section II-B): 156 trainable parameters and 122,304 connections."""
    layer = Conv2d(1, 6, 5, rng=seeded())
    y, _ = layer(np.zeros((1, 1, 32, 32), np.float32))
    assert sum(p.data.size for _, p in layer.named_params()) == 156
    assert layer.connections(y.shape) == 122_304
    assert layer.multiply_adds(y.shape) == 117_600


def test_refusals() -> None:
    x = np.zeros((1, 2, 4, 4), np.float32)
    W = np.zeros((3, 2, 3, 3), np.float32)
    for bad_x, bad_W, words in (
        (x[0], W, "feature maps"),
        (x.astype(int), W, "a floating type"),
        (x[:, :1], W, r"expected \(N, C, H, W\) and"),
        (x.astype(np.float64), W, r"expected \(N, C, H, W\) and"),
        (x, W[0], r"expected \(N, C, H, W\) and"),
        (x[:, :, :2], W, "at least the kernel"),
    ):
        with pytest.raises(ValueError, match=f"conv2d: got .*{words}"):
            conv2d(bad_x, bad_W)
    with pytest.raises(ValueError, match="conv2d: stride is 0"):
        conv2d(x, W, 0)
    with pytest.raises(ValueError, match="conv2d: padding is -1"):
        conv2d(x, W, 1, -1)
    with pytest.raises(ValueError, match="pad2d: width is -1"):
        pad2d(x, -1)
    with pytest.raises(ValueError, match="pad2d: value is nan"):
        pad2d(x, 1, float("nan"))
    for arguments in ({"kernel_size": 0}, {"kernel_size": (3, 3, 3)}, {"kernel_size": 3, "stride": 0}):
        with pytest.raises(ValueError, match=r"Conv2d: .* expected"):
            Conv2d(2, 3, **arguments, rng=seeded())
