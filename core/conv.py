"""Two-dimensional convolution: the equations. How the sums are carried out quickly is in `core.columns`."""

import math

import numpy as np

from core.columns import correlate, input_gradient, kernel_gradient, pad, sum_maps
from core.guard import describe, finite, generator, maps, whole
from core.init import Init, lecun_normal
from core.law import lawful
from core.layer import Array, Backward, Layer, Param


@lawful
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


@lawful
def conv2d(
    x: Array, W: Array, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1, of_data: bool = False
) -> tuple[Array, Backward]:
    r"""y = W * x with `padding` zeros around x; a cross-correlation, as everywhere in this field. For stride s,

    $$y_{n,o,h,w} = \sum_{c,i,j} W_{o,c,i,j}\; x_{n,c,\,sh+i,\,sw+j}$$
    $$dW_{o,c,i,j} = \sum_{n,h,w} dy_{n,o,h,w}\; x_{n,c,\,sh+i,\,sw+j} \qquad
      dx_{n,c,a,b} = \sum_{o,i,j \,:\, sh+i=a,\, sw+j=b} W_{o,c,i,j}\; dy_{n,o,h,w}$$

    With dilation d, \(x_{n,c,\,sh+di,\,sw+dj}\) stands in the sums: the kernel looks at every d-th pixel. With g
    groups, input maps and output maps are cut into g equal parts, and each part of y sees only its part of x.

    Shapes: x (N, C, H, W), W (O, C / g, kh, kw), y (N, O, Ho, Wo) with
    Ho = floor((H + 2 padding - d (kh - 1) - 1) / stride) + 1, and Wo likewise. `backward(dy)` returns (dx, dW);
    if x is data (`of_data`), nobody asks for dx, which costs as much as y: (None, dW).
    Kept for backward: x and W. Raises ValueError for shapes, types or numbers that do not fit.
    """
    _check(x, W, stride, padding, dilation, groups)
    if groups > 1:
        return _conv_groups(x, W, stride, padding, dilation, groups, of_data)
    if dilation > 1:
        return _conv_dilated(x, W, stride, padding, dilation, of_data)
    if W.shape[2:] == (x.shape[2] + 2 * padding, x.shape[3] + 2 * padding):
        return _conv_whole(x, W, padding, of_data)
    y = correlate(x, W, stride, padding)

    def backward(dy: Array) -> tuple[Array | None, Array]:
        dW = kernel_gradient(x, dy, W.shape, stride, padding)  # y = sum of W x over c, i, j: sum of dy x over n, h, w
        if of_data:
            return None, dW
        return input_gradient(dy, W, stride, padding, x.shape), dW  # y = sum of W x: sum of W dy where x was used

    return y, backward


def _conv_whole(x: Array, W: Array, padding: int, of_data: bool) -> tuple[Array, Backward]:
    """The kernel covers the whole input: y has one position, and the convolution is one matrix product."""
    N, _, H, width = x.shape
    O, K = len(W), W[0].size
    rows = pad(x, padding, padding).reshape(N, K)  # (N, C kh kw)
    kernels = W.reshape(O, K)  # (O, C kh kw)
    y = (rows @ kernels.T)[:, :, None, None]  # (N, O, 1, 1)
    padded = (N, *W.shape[1:])

    def backward(dy: Array) -> tuple[Array | None, Array]:
        dy_rows = dy.reshape(N, O)  # (N, O)
        dW = (dy_rows.T @ rows).reshape(W.shape)  # y = x W^T: dW = dy^T x
        if of_data:
            return None, dW
        dxp = (dy_rows @ kernels).reshape(padded)  # y = x W^T: dx = dy W
        return dxp[:, :, padding : padding + H, padding : padding + width], dW  # xp = x inside a constant border

    return y, backward


def _conv_dilated(x: Array, W: Array, stride: int, padding: int, d: int, of_data: bool) -> tuple[Array, Backward]:
    """A dilated kernel is a larger kernel that is zero in between."""
    O, C, kh, kw = W.shape
    spread = np.zeros((O, C, d * (kh - 1) + 1, d * (kw - 1) + 1), W.dtype)
    spread[:, :, ::d, ::d] = W
    y, backward_conv = conv2d(x, spread, stride, padding, of_data=of_data)

    def backward(dy: Array) -> tuple[Array | None, Array]:
        dx, d_spread = backward_conv(dy)
        return dx, d_spread[:, :, ::d, ::d]  # spread = W and zeros: the zeros are not weights

    return y, backward


def _conv_groups(
    x: Array, W: Array, stride: int, padding: int, dilation: int, groups: int, of_data: bool
) -> tuple[Array, Backward]:
    """Each group is a convolution of its own."""
    pairs = zip(np.split(x, groups, axis=1), np.split(W, groups, axis=0), strict=True)
    outputs, callbacks = zip(
        *(conv2d(x_g, W_g, stride, padding, dilation, 1, of_data) for x_g, W_g in pairs), strict=True
    )

    def backward(dy: Array) -> tuple[Array | None, Array]:
        dy_g = np.split(dy, groups, axis=1)  # y = [y_1, ..., y_g]
        dx_g, dW_g = zip(*(callback(d) for callback, d in zip(callbacks, dy_g, strict=True)), strict=True)
        dx = None if of_data else np.concatenate(dx_g, axis=1)  # x = [x_1, ..., x_g]
        return dx, np.concatenate(dW_g, axis=0)  # W = [W_1, ..., W_g]

    return np.concatenate(outputs, axis=1), backward


class Conv2d(Layer):
    r"""y = W * x + b: a convolution with one kernel of shape (C / g, kh, kw) and one bias for each output map.

    Shapes: x (N, c_in, H, W), W (c_out, c_in / g, kh, kw), b (c_out,), y (N, c_out, Ho, Wo) as for `conv2d`, g being
    `groups`. W is drawn by `init` with fan_in = c_in kh kw / g and fan_out = c_out kh kw / g; b is zero.

    If x is data (`of_data`), then dx, which nobody asks for, is None.

    Kept for backward: what `conv2d` keeps. Raises ValueError for sizes below 1, a negative padding, groups that do not
    divide the maps, and an x that has other channels, another type than W, or is smaller than the kernel.
    Source: LeCun et al. 1989, section 3; 1998, section II-A. Differences: none of the equation; within a group, every
    output map sees every input map.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        rng: np.random.Generator,
        init: Init = lecun_normal,
        of_data: bool = False,
    ) -> None:
        c_in, c_out = whole("Conv2d", "c_in", c_in), whole("Conv2d", "c_out", c_out)
        sizes = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
        if len(sizes) != 2:
            raise ValueError(f"Conv2d: kernel_size is {kernel_size!r}, expected a whole number or two")
        kh, kw = (whole("Conv2d", "kernel_size", k) for k in sizes)
        self.stride = whole("Conv2d", "stride", stride)
        self.padding, self.of_data = whole("Conv2d", "padding", padding, least=0), of_data
        self.dilation, self.groups = whole("Conv2d", "dilation", dilation), whole("Conv2d", "groups", groups)
        if c_in % groups or c_out % groups:
            raise ValueError(f"Conv2d: got {c_in} and {c_out} maps in {groups} groups, expected groups of equal size")
        shape, area = (c_out, c_in // groups, kh, kw), kh * kw
        self.W = Param(init(generator("Conv2d", rng), shape, c_in // groups * area, c_out // groups * area))
        self.b = Param(np.zeros(c_out, self.W.data.dtype)) if bias else None

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W, settings = self.W.data, (self.stride, self.padding, self.dilation, self.groups, self.of_data)
        y, backward_conv = conv2d(x, W, *settings)  # (N, O, Ho, Wo)
        if self.b is not None:
            y += self.b.data[:, None, None]

        def backward(dy: Array) -> Array | None:
            dx: Array | None
            dx, dW = backward_conv(dy)
            self.W.grad += dW  # y = W * x
            if self.b is not None:
                self.b.grad += sum_maps(dy)  # y = ... + b: b went to every example and position
            return dx

        return y, backward

    def connections(self, y_shape: tuple[int, ...]) -> int:
        """Links into the units of one example, LeCun's count: the kernel and the bias, for each unit."""
        return self.multiply_adds(y_shape) + math.prod(y_shape[1:]) * (self.b is not None)

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications (each with its addition) for one example: the kernel, for each unit."""
        return math.prod(y_shape[1:]) * int(self.W.data[0].size)  # (C, kh, kw)


def _check(x: Array, W: Array, stride: int, padding: int, dilation: int, groups: int) -> None:
    maps("conv2d", x)
    for name, value in (("stride", stride), ("dilation", dilation), ("groups", groups)):
        whole("conv2d", name, value)
    whole("conv2d", "padding", padding, least=0)
    if W.ndim != 4 or x.shape[1] != groups * W.shape[1] or len(W) % groups or not W.size or x.dtype != W.dtype:
        C = "C" if groups == 1 else f"C / {groups}"
        raise ValueError(f"conv2d: got x {describe(x)} and W {describe(W)}, expected (N, C, H, W) and (O, {C}, kh, kw)")
    kernel = tuple(dilation * (k - 1) + 1 for k in W.shape[2:])
    if x.shape[2] + 2 * padding < kernel[0] or x.shape[3] + 2 * padding < kernel[1]:
        raise ValueError(
            f"conv2d: got {describe(x)} with padding {padding}, expected maps of at least the kernel, {kernel}"
        )
