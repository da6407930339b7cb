"""Convolutions made from others: backwards (transposed), and along one axis."""

import math

import numpy as np

from core.columns import correlate, input_gradient, kernel_gradient, pad, sum_maps
from core.conv import Conv2d
from core.guard import describe, generator, maps, whole
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


class ConvTranspose2d(Layer):
    r"""The transpose of a convolution, plus a bias: what `conv2d` does to gradients, done to maps. For stride s,

    $$y_{n,o,a,b} = b_o + \sum_{c,i,j \,:\, sh+i=a,\, sw+j=b} W_{c,o,i,j}\; x_{n,c,h,w}$$

    so each pixel of x paints its kernel, times its value, onto y; padding p then cuts p rows and columns off each side.
    Backward exchanges the roles: dx is a convolution of dy, and dW that of a convolution from y to x.

    Shapes: x (N, c_in, H, W), W (c_in, c_out, kh, kw), b (c_out,), y (N, c_out, Ho, Wo) with
    Ho = (H - 1) stride - 2 padding + kh, and Wo likewise. W is drawn by `init` with fan_in = c_in kh kw and
    fan_out = c_out kh kw; b is zero. Kept for backward: x and W.
    Raises ValueError for sizes below 1, a padding that leaves nothing, and an x of other maps or another type.
    Source: Zeiler et al. 2010 (as deconvolution); Dumoulin and Visin 2016, section 4. Differences: none.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        rng: np.random.Generator,
        init: Init = lecun_normal,
    ) -> None:
        c_in, c_out = whole("ConvTranspose2d", "c_in", c_in), whole("ConvTranspose2d", "c_out", c_out)
        k = whole("ConvTranspose2d", "kernel_size", kernel_size)
        self.stride = whole("ConvTranspose2d", "stride", stride)
        self.padding = whole("ConvTranspose2d", "padding", padding, least=0)
        rng = generator("ConvTranspose2d", rng)
        self.W = Param(init(rng, (c_in, c_out, k, k), c_in * k * k, c_out * k * k))
        self.b = Param(np.zeros(c_out, self.W.data.dtype))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W, s, p = self.W.data, self.stride, self.padding
        maps("ConvTranspose2d", x)
        if x.shape[1] != len(W) or x.dtype != W.dtype:
            raise ValueError(f"ConvTranspose2d: got {describe(x)}, expected (N, {len(W)}, H, W) and {W.dtype}")
        N, _, H, width = x.shape
        full = (N, W.shape[1], (H - 1) * s + W.shape[2], (width - 1) * s + W.shape[3])
        if full[2] <= 2 * p or full[3] <= 2 * p:
            raise ValueError(f"ConvTranspose2d: got {describe(x)}, of which padding {p} leaves nothing, expected more")
        y = input_gradient(x, W, s, p, (N, W.shape[1], full[2] - 2 * p, full[3] - 2 * p))  # (N, O, Ho, Wo)
        y += self.b.data[:, None, None]

        def backward(dy: Array) -> Array:
            self.b.grad += sum_maps(dy)  # y = ... + b, everywhere
            self.W.grad += kernel_gradient(dy, x, W.shape, s, p)  # y = W^T x: dW is that of x = W * y
            return correlate(dy, W, s, p)  # y = W^T x: dx = W * dy

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, not counting what padding cuts off: the kernel for each pixel of x."""
        return self.multiply_adds(y_shape) + math.prod(y_shape[1:])

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications for one example: the whole kernel, for each pixel of x."""
        k, s, p = self.W.data.shape[2], self.stride, self.padding
        places = [(size + 2 * p - k) // s + 1 for size in y_shape[2:]]
        return int(math.prod(places) * self.W.data.size)


class Conv1d(Layer):
    r"""A convolution along time: `Conv2d` on maps that are one pixel high.

    $$y_{n,o,t} = b_o + \sum_{c,i} W_{o,c,i}\; x_{n,c,\,st+di}$$

    Shapes: x (N, c_in, T), y (N, c_out, To) with To = floor((T + 2 padding - d (k - 1) - 1) / stride) + 1. The Params
    are those of `conv`, with W (c_out, c_in / groups, 1, k). Kept for backward: what `conv2d` keeps.
    Raises ValueError as `Conv2d`. With `padding`, zeros are added at both ends of time.
    Source: Waibel et al. 1989 (time-delay networks). Differences: none.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        rng: np.random.Generator,
        init: Init = lecun_normal,
    ) -> None:
        size, self.padding = (1, whole("Conv1d", "kernel_size", kernel_size)), whole("Conv1d", "padding", padding, 0)
        self.conv = Conv2d(
            c_in, c_out, size, stride=stride, dilation=dilation, groups=groups, bias=bias, rng=rng, init=init
        )

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W, p = self.conv.W.data, self.padding
        channels, least = self.conv.groups * W.shape[1], self.conv.dilation * (W.shape[3] - 1) + 1 - 2 * p
        if x.ndim != 3 or x.shape[1] != channels or x.shape[2] < least or x.dtype != W.dtype:
            expected = f"(N, {channels}, T) and {W.dtype}, with T of at least {max(least, 0)}"
            raise ValueError(f"Conv1d: got {describe(x)}, expected {expected}")
        T = x.shape[2]
        y, backward_conv = self.conv(pad(x[:, :, None], 0, p))  # (N, O, 1, To)

        def backward(dy: Array) -> Array:
            dx: Array = backward_conv(dy[:, :, None])  # the maps are one pixel high
            return dx[:, :, 0, p : p + T]  # the zeros at the ends are constant

        return y[:, :, 0], backward
