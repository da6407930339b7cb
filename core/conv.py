"""Two-dimensional convolution: the equations. How the sums are carried out quickly is in `core.columns`."""

import math

import numpy as np

from core.columns import correlate, input_gradient, kernel_gradient, pad
from core.guard import describe, finite, generator, maps, whole
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


def pad2d(x: Array, width: int, value: float = 0.0) -> tuple[Array, Backward]:
    """y = x with `width` rows and columns of `value` added on every side.

    Shapes: x (N, C, H, W), y (N, C, H + 2 width, W + 2 width). Kept for backward: nothing.
    Raises ValueError if x is not a batch of feature maps, `width` is negative or `value` not finite.
    """
    maps("pad2d", x)
    width, value = whole("pad2d", "width", width, least=0), finite("pad2d", "value", value)
    y = pad(x, width, width, value)
    H, W = x.shape[2:]

    def backward(dy: Array) -> Array:
        return dy[:, :, width : width + H, width : width + W]  # the border is constant: only the middle is x

    return y, backward


def conv2d(x: Array, W: Array, stride: int = 1, padding: int = 0) -> tuple[Array, Backward]:
    r"""y = W * x with `padding` zeros around x; a cross-correlation, as everywhere in this field. For stride s,

    $$y_{n,o,h,w} = \sum_{c,i,j} W_{o,c,i,j}\; x_{n,c,\,sh+i,\,sw+j}$$
    $$dW_{o,c,i,j} = \sum_{n,h,w} dy_{n,o,h,w}\; x_{n,c,\,sh+i,\,sw+j} \qquad
      dx_{n,c,a,b} = \sum_{o,i,j \,:\, sh+i=a,\, sw+j=b} W_{o,c,i,j}\; dy_{n,o,h,w}$$

    Shapes: x (N, C, H, W), W (O, C, kh, kw), y (N, O, Ho, Wo) with Ho = floor((H + 2 padding - kh) / stride) + 1, and
    Wo likewise. `backward(dy)` returns (dx, dW). Kept for backward: x and W.
    Raises ValueError for shapes, types or numbers that do not fit.
    """
    _check(x, W, stride, padding)
    xp = pad(x, padding, padding)
    if xp.shape[2:] == W.shape[2:]:
        return _conv_whole(x, W, padding)
    y = correlate(xp, W, stride)
    H, width = x.shape[2:]
    del xp  # padded again for backward: the border is not worth keeping a second x

    def backward(dy: Array) -> tuple[Array, Array]:
        xp = pad(x, padding, padding)
        dW = kernel_gradient(xp, dy, W.shape, stride)  # y = sum of W x over c, i, j: dW = sum of dy x over n, h, w
        dxp = input_gradient(dy, W, stride, xp.shape)  # y = sum of W x: dx = sum of W dy over where x was used
        return dxp[:, :, padding : padding + H, padding : padding + width], dW  # xp = x inside a constant border

    return y, backward


def _conv_whole(x: Array, W: Array, padding: int) -> tuple[Array, Backward]:
    """The kernel covers the whole input: y has one position, and the convolution is one matrix product."""
    N, _, H, width = x.shape
    O, K = len(W), W[0].size
    rows = pad(x, padding, padding).reshape(N, K)  # (N, C kh kw)
    kernels = W.reshape(O, K)  # (O, C kh kw)
    y = (rows @ kernels.T)[:, :, None, None]  # (N, O, 1, 1)
    padded = (N, *W.shape[1:])

    def backward(dy: Array) -> tuple[Array, Array]:
        dy_rows = dy.reshape(N, O)  # (N, O)
        dW = (dy_rows.T @ rows).reshape(W.shape)  # y = x W^T: dW = dy^T x
        dxp = (dy_rows @ kernels).reshape(padded)  # y = x W^T: dx = dy W
        return dxp[:, :, padding : padding + H, padding : padding + width], dW  # xp = x inside a constant border

    return y, backward


class Conv2d(Layer):
    r"""y = W * x + b: a convolution with one kernel of shape (C, kh, kw) and one bias for each output map.

    Shapes: x (N, c_in, H, W), W (c_out, c_in, kh, kw), b (c_out,), y (N, c_out, Ho, Wo) as for `conv2d`. W is drawn by
    `init` with fan_in = c_in kh kw and fan_out = c_out kh kw; b is zero.

    Kept for backward: what `conv2d` keeps. Raises ValueError for sizes below 1, a negative padding, and an x that has
    other channels, another type than W, or is smaller than the kernel. Source: LeCun et al. 1989, section 3; 1998,
    section II-A. Differences: none of the equation; every output map sees every input map.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        rng: np.random.Generator,
        init: Init = lecun_normal,
    ) -> None:
        c_in, c_out = whole("Conv2d", "c_in", c_in), whole("Conv2d", "c_out", c_out)
        sizes = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
        if len(sizes) != 2:
            raise ValueError(f"Conv2d: kernel_size is {kernel_size!r}, expected a whole number or two")
        kh, kw = (whole("Conv2d", "kernel_size", k) for k in sizes)
        self.stride = whole("Conv2d", "stride", stride)
        self.padding = whole("Conv2d", "padding", padding, least=0)
        shape = (c_out, c_in, kh, kw)
        self.W = Param(init(generator("Conv2d", rng), shape, c_in * kh * kw, c_out * kh * kw))
        self.b = Param(np.zeros(c_out, self.W.data.dtype)) if bias else None

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        y, backward_conv = conv2d(x, self.W.data, self.stride, self.padding)  # (N, O, Ho, Wo)
        if self.b is not None:
            y += self.b.data[:, None, None]

        def backward(dy: Array) -> Array:
            dx: Array
            dx, dW = backward_conv(dy)
            self.W.grad += dW  # y = W * x
            if self.b is not None:
                self.b.grad += dy.sum(axis=(0, 2, 3))  # y = ... + b: b went to every example and position
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, LeCun's count: the kernel and the bias, for each unit."""
        links: int = self.W.data[0].size + (self.b is not None)  # (C, kh, kw) and the bias
        return math.prod(y_shape[1:]) * links

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications (each with its addition) for one example: the kernel, for each unit."""
        links: int = self.W.data[0].size  # (C, kh, kw)
        return math.prod(y_shape[1:]) * links


def _check(x: Array, W: Array, stride: int, padding: int) -> None:
    maps("conv2d", x)
    whole("conv2d", "stride", stride)
    whole("conv2d", "padding", padding, least=0)
    if W.ndim != 4 or x.shape[1] != W.shape[1] or x.dtype != W.dtype:
        raise ValueError(f"conv2d: got x {describe(x)} and W {describe(W)}, expected (N, C, H, W) and (O, C, kh, kw)")
    if x.shape[2] + 2 * padding < W.shape[2] or x.shape[3] + 2 * padding < W.shape[3]:
        raise ValueError(
            f"conv2d: got maps of {x.shape[2:]} with padding {padding}, expected at least the kernel, {W.shape[2:]}"
        )
