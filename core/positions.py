"""Where a token stands: a table of sinusoids to be added to it, and the rotation of queries and keys."""

import numpy as np
from numpy.typing import DTypeLike

from core.guard import describe, finite, whole
from core.law import lawful
from core.layer import Array, Backward


def sinusoidal(length: int, dim: int, *, base: float = 10000.0, dtype: DTypeLike = np.float32) -> Array:
    r"""The table of positional encodings, (length, dim). Constant: there is no backward.

    $$PE_{t, 2i} = \sin t\theta_i \qquad PE_{t, 2i+1} = \cos t\theta_i \qquad \theta_i = \mathrm{base}^{-2i/dim}$$

    Computed in float64, then rounded. Raises ValueError for a length or dim below 1, an odd dim or a base below 1.
    Source: Vaswani et al. 2017, section 3.5. Differences: none.
    """
    angles = _angles("sinusoidal", np.arange(whole("sinusoidal", "length", length)), dim, base)  # (length, dim / 2)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, dim).astype(dtype)


@lawful
def rotary(x: Array, positions: Array, base: float = 10000.0) -> tuple[Array, Backward]:
    r"""y = R_t x: at position t, the pair (2i, 2i + 1) of elements is rotated by the angle \(t\theta_i\).

    $$y_{2i} + \mathrm{i}\,y_{2i+1} = (x_{2i} + \mathrm{i}\,x_{2i+1})\,e^{\mathrm{i} t \theta_i} \qquad
      \theta_i = \mathrm{base}^{-2i/d} \qquad dx = R_t^T dy = R_{-t}\,dy$$

    since the transpose of a rotation is the opposite rotation. The product of a query rotated by \(R_m\) and a key
    rotated by \(R_n\) depends on n - m alone.

    Shapes: x and y (..., T, d), positions integers (T,), or what broadcasts to (..., T). `backward(dy)` returns
    (dx, None). Kept for backward: the rotations, from angles in float64. Raises ValueError for other shapes, an odd d,
    and types that are not float32 or float64. Source: Su et al. 2021, equations 15, 34 and 35. Differences: i counts
    from 0, there from 1. (Libraries that pair i with i + d/2 have the elements in another order.)
    """
    fits = all(a in (1, b) for a, b in zip(positions.shape[::-1], x.shape[-2::-1], strict=False))
    if not fits or positions.ndim >= x.ndim or x.dtype.char not in "fd" or positions.dtype.kind not in "iu":
        raise ValueError(
            f"rotary: got {describe(x)} and positions {describe(positions)}, "
            "expected float32 or float64 (..., T, d) and integers (T,)"
        )
    kind = np.result_type(x.dtype, np.complex64)
    rotation = np.exp(1j * _angles("rotary", positions, x.shape[-1], base)).astype(kind)  # (..., T, d / 2)

    def backward(dy: Array) -> tuple[Array, None]:
        return (np.ascontiguousarray(dy).view(kind) * rotation.conj()).view(dy.dtype), None  # y = R x: dx = R^T dy

    return (np.ascontiguousarray(x).view(kind) * rotation).view(x.dtype), backward


def _angles(owner: str, positions: Array, dim: int, base: float) -> Array:
    """t theta_i for each position t, (..., dim / 2)."""
    if whole(owner, "dim", dim) % 2:
        raise ValueError(f"{owner}: dim is {dim}, expected an even number")
    theta = finite(owner, "base", base, least=1.0) ** -(np.arange(0, dim, 2) / dim)  # (dim / 2,)
    angles: Array = positions[..., None] * theta
    return angles
