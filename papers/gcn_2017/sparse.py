"""A sparse matrix of constants in NumPy alone: its product with a dense one, and its transpose.

A product is a gather, a multiplication and a segmented sum, `np.add.reduceat` along the rows. Other forms were timed
with the matrices of Cora and 7 or 16 columns: rows in blocks of one length, by batched products or einsum; rows padded
to powers of two; the first, second, ... non-zeros of all rows together; transposed, so that segments lie together in
memory. The best of them takes 0.6 to 1 times as long as this one line; a dense product takes 14 to 22 times as long for
the graph (0.2 % non-zeros), 2 to 5 times for the features (1.3 %).
"""

import functools
from typing import Protocol, Self

import numpy as np

from core.layer import Array


class Operator(Protocol):
    """What a graph convolution needs of a matrix S: its shape, S @ x, and S.T."""

    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def T(self) -> "Operator": ...
    def __matmul__(self, x: Array) -> Array: ...


class Pattern:
    """Where the non-zeros of a matrix are: `rows` in ascending order, and `columns`."""

    def __init__(self, rows: Array, columns: Array, shape: tuple[int, int]) -> None:
        self.rows, self.columns, self.shape = rows, columns, shape
        lengths = np.bincount(rows, minlength=shape[0])
        self.filled = np.flatnonzero(lengths)  # the rows that are not empty, of which reduceat makes no sense
        self.starts = (np.cumsum(lengths) - lengths)[self.filled]

    @functools.cached_property
    def order(self) -> Array:
        """The places of the non-zeros, column after column."""
        return np.argsort(self.columns, kind="stable")

    @functools.cached_property
    def T(self) -> "Pattern":
        return Pattern(self.columns[self.order], self.rows[self.order], self.shape[::-1])


class Sparse:
    """A matrix by its non-zeros, in float64; a product has the type of its other factor."""

    def __init__(self, pattern: Pattern, values: Array) -> None:
        self.pattern, self.values = pattern, values

    @classmethod
    def of(cls, rows: Array, columns: Array, values: Array, shape: tuple[int, int]) -> Self:
        """From coordinates in any order, each at most once. Raises ValueError for others."""
        rows, columns = np.asarray(rows, np.intp), np.asarray(columns, np.intp)
        flat = rows * shape[1] + columns
        order = np.argsort(flat)
        outside = (np.minimum(rows, columns) < 0) | (rows >= shape[0]) | (columns >= shape[1])
        if outside.any() or (np.diff(flat[order]) == 0).any():
            raise ValueError(f"Sparse.of: expected coordinates within {shape}, each once")
        return cls(Pattern(rows[order], columns[order], shape), np.asarray(values, np.float64)[order])

    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    @property
    def T(self) -> "Sparse":
        return Sparse(self.pattern.T, self.values[self.pattern.order])

    def with_values(self, values: Array) -> "Sparse":
        """Other values at the same places."""
        return Sparse(self.pattern, values)

    def __matmul__(self, x: Array) -> Array:
        """y_i = sum over the non-zeros k of row i of v_k x_{c_k}. Shapes: x (m, F), y (n, F)."""
        if x.ndim != 2 or len(x) != self.shape[1]:
            raise ValueError(f"Sparse {self.shape}: got a factor of shape {x.shape}, expected ({self.shape[1]}, F)")
        y = np.zeros((self.shape[0], x.shape[1]), x.dtype)
        terms = np.take(x, self.pattern.columns, axis=0)  # (non-zeros, F)
        terms *= self.values.astype(x.dtype)[:, None]
        y[self.pattern.filled] = np.add.reduceat(terms, self.pattern.starts, axis=0)
        return y


class Chebyshev:
    """T_k(L), the Chebyshev polynomial of a matrix, applied by its recursion (section 2.1, below equation 4):

    T_0 x = x, T_1 x = L x, T_k x = 2 L T_{k-1} x - T_{k-2} x; so that no power of L is ever formed.
    """

    def __init__(self, L: Sparse, k: int) -> None:
        self.L, self.k = L, k

    @property
    def shape(self) -> tuple[int, int]:
        return self.L.shape

    @property
    def T(self) -> "Chebyshev":
        return Chebyshev(self.L.T, self.k)

    def __matmul__(self, x: Array) -> Array:
        before, now = x, self.L @ x
        for _ in range(self.k - 1):
            before, now = now, 2 * (self.L @ now) - before
        return now if self.k else x
