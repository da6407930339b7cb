"""The graph convolution, and dropout on the non-zeros of sparse features."""

import functools

import numpy as np

from core.guard import describe, finite, generator, whole
from core.init import Init, glorot_uniform
from core.layer import Array, Backward, Layer, Param

from .sparse import Operator, Sparse


class GraphConvolution(Layer):
    r"""Y = sum_k S_k H W_k: one map of features for all nodes, then sums over neighbours in the graph.

    Shapes: H (N, n_in), an array or a Sparse matrix of constants; S_k (N, N), constants (see `graph.propagation`); W_k
    (n_in, n_out); Y (N, n_out). With U_k = H W_k,

    $$dU_k = S_k^T dY \qquad dW_k = H^T dU_k \qquad dH = \sum_k dU_k W_k^T$$

    The products are taken from the right, so that S meets n_out columns and not n_in. Kept for backward: H and W.
    Raises ValueError for sizes below 1, no S, an S that is not square or of another size, and an H that does not fit.

    Source: Kipf and Welling 2017, equations 2 and 8 (one S), 5 and 6 (several), without the rectifier. Differences:
    none; there are no biases.
    """

    def __init__(
        self,
        supports: tuple[Operator, ...],
        n_in: int,
        n_out: int,
        *,
        rng: np.random.Generator,
        init: Init = glorot_uniform,
    ) -> None:
        n_in, n_out = whole("GraphConvolution", "n_in", n_in), whole("GraphConvolution", "n_out", n_out)
        shapes = {S.shape for S in supports}
        if len(shapes) != 1 or any(n != m for n, m in shapes):
            raise ValueError(f"GraphConvolution: got matrices of shapes {sorted(shapes)}, expected square, of one size")
        self.supports = supports
        rng = generator("GraphConvolution", rng)
        self.W = [Param(init(rng, (n_in, n_out), n_in, n_out)) for _ in supports]

    def __call__(self, H: Array | Sparse) -> tuple[Array, Backward]:
        W, S = [p.data for p in self.W], self.supports
        expected = (S[0].shape[1], len(W[0]))
        if H.shape != expected or (isinstance(H, np.ndarray) and H.dtype != W[0].dtype):
            raise ValueError(f"GraphConvolution: got {describe(H)}, expected features {expected} of {W[0].dtype}")
        Y: Array = functools.reduce(np.add, (S_k @ (H @ W_k) for S_k, W_k in zip(S, W, strict=True)))  # (N, n_out)

        def backward(dY: Array) -> Array | tuple[()]:
            dU = [S_k.T @ dY for S_k in S]  # Y = sum S_k U_k: node j hears from all into whose sums it went
            for p, dU_k in zip(self.W, dU, strict=True):
                p.grad += H.T @ dU_k  # U_k = H W_k: dW = sum over nodes of h^T du
            if isinstance(H, Sparse):
                return ()  # constants
            dH = np.zeros_like(H)
            for dU_k, W_k in zip(dU, W, strict=True):
                dH += dU_k @ W_k.T  # U_k = H W_k: dh = du W^T
            return dH

        return Y, backward


class SparseDropout(Layer):
    """Dropout on the non-zeros of a Sparse matrix of constants: v r / (1 - p) in training, v in evaluation.

    The zeros need no draw: dropped or not, they are zeros. There is nothing to differentiate by, and backward returns
    nothing. Raises ValueError unless 0 <= p < 1. Source: the authors' code. Differences: none.
    """

    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        self.p = finite("SparseDropout", "p", p, least=0.0)
        if self.p >= 1:
            raise ValueError(f"SparseDropout: p is {p}, expected less than 1")
        self.rng = generator("SparseDropout", rng).spawn(1)[0]

    def __call__(self, X: Sparse) -> tuple[Sparse, Backward]:
        if not self.training or self.p == 0:
            return X, lambda nothing: ()
        r = self.rng.random(X.values.shape, np.float32) >= self.p
        return X.with_values(X.values * r / (1 - self.p)), lambda nothing: ()
