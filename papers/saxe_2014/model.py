r"""Deep linear networks and what the paper's sections say of their gradients; tanh networks of a given gain."""

from collections.abc import Callable

import numpy as np

from core import SGD, Linear, Sequential, tanh
from core.guard import describe
from core.init import Init, lecun_normal
from core.layer import Array, Backward, Layer, Param


class DeepLinear(Layer):
    r"""A product of matrices, \(y = W_D \cdots W_1 x\) for each row x, and its gradient, matrix by matrix.

    $$h_0 = x \qquad h_l = h_{l-1} W_l^T \qquad y = h_D$$

    $$\delta_D = dy \qquad dW_l = \delta_l^T h_{l-1} \qquad \delta_{l-1} = \delta_l W_l \qquad dx = \delta_0$$

    For the error \(\frac12 |y - t|^2\), summed over examples, this is the paper's equation 13,

    $$-dW_l = (W_D \cdots W_{l+1})^T \left[\Sigma^{31} - (W_D \cdots W_1)\,\Sigma^{11}\right] (W_{l-1} \cdots W_1)^T$$

    with \(\Sigma^{31} = \sum t^T x\), \(\Sigma^{11} = \sum x^T x\). The product itself is never formed.

    Shapes: x (B, n_in), y (B, n_out), W_l (n_l, n_{l-1}) with `depth` matrices, all layers between of size n_hidden.
    Kept for backward: the W and every h but the last. Raises ValueError for a depth below 1, and for an x that does not
    fit. Source: equations 1 and 13; `depth` is the paper's N_l - 1, as it counts layers of units. Differences: none.
    """

    def __init__(
        self, n_in: int, n_hidden: int, n_out: int, depth: int, *, rng: np.random.Generator, init: Init = lecun_normal
    ) -> None:
        if depth < 1:
            raise ValueError(f"DeepLinear: got a depth of {depth}, expected 1 or more matrices")
        sizes = [n_in, *[n_hidden] * (depth - 1), n_out]
        shapes = zip(sizes[1:], sizes[:-1], strict=True)
        self.W = [Param(init(rng, (n, before), before, n)) for n, before in shapes]

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W = [p.data for p in self.W]
        if x.ndim != 2 or x.shape[1] != W[0].shape[1] or x.dtype != W[0].dtype:
            raise ValueError(f"DeepLinear: got {describe(x)}, expected (B, {W[0].shape[1]}) and {W[0].dtype}")
        h = [x]  # h[l]: (B, n_l)
        for W_l in W:
            h.append(h[-1] @ W_l.T)
        y = h.pop()

        def backward(dy: Array) -> Array:
            delta = dy  # (B, n_D)
            for p, W_l, before in zip(reversed(self.W), reversed(W), reversed(h), strict=True):
                p.grad += delta.T @ before  # h_l = h_{l-1} W_l^T
                delta = delta @ W_l  # h_l = h_{l-1} W_l^T: (B, n_{l-1})
            return delta

        return y, backward

    def multiply_adds(self, y_shape: tuple[int, ...]) -> int:
        """Multiplications (each with its addition) for one example."""
        return sum(p.data.size for p in self.W)


class GainTanh(Layer):
    r"""Activity through layers of a common gain, equation 20: \(x_{l+1} = g\, W_l\, \phi(x_l)\) for each row x.

    $$dx_l = \phi'(x_l) \odot (g\, dx_{l+1} W_l) \qquad \phi = \tanh,\quad \phi' = 1 - \phi^2$$

    so that the rows of the Jacobian from the first layer to the last (equation 22) are what `backward` returns for the
    rows of the identity.

    Shapes: x (B, N), y (B, N), W (L, N, N). The W are constants: the paper's section 4 trains nothing, and no gradient
    is asked for. Kept for backward: the W and \(\phi'\) of every layer. Raises ValueError for an x that does not fit.
    Source: section 4. Differences: none.
    """

    def __init__(self, W: Array, g: float) -> None:
        self.W, self.g = W, float(g)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        W, g = self.W, self.g
        if x.ndim != 2 or x.shape[1] != W.shape[2] or x.dtype != W.dtype:
            raise ValueError(f"GainTanh: got {describe(x)}, expected (B, {W.shape[2]}) and {W.dtype}")
        slopes = []
        for W_l in W:
            phi = np.tanh(x)
            slopes.append(1 - phi * phi)  # phi'(x_l): (B, N)
            x = g * (phi @ W_l.T)

        def backward(dy: Array) -> Array:
            for W_l, slope in zip(reversed(W), reversed(slopes), strict=True):
                dy = slope * (g * (dy @ W_l))  # x_{l+1} = g W_l phi(x_l)
            return dy

        return x, backward


def jacobian(network: GainTanh, x: Array, rows: int = 100) -> Array:
    """(N, N): the derivative of the last layer by the first at x (N,), from `backward`, some rows at a time."""
    identity = np.eye(len(x), dtype=x.dtype)
    found = []
    for at in range(0, len(x), rows):
        dy = identity[at : at + rows]
        _, backward = network(np.tile(x, (len(dy), 1)))
        found.append(backward(dy))
    return np.concatenate(found)


def three_layers(kind: str, sizes: tuple[int, int, int], scale: float, rng: np.random.Generator) -> Layer:
    """The networks of figure 3, in float64, with Gaussian weights: linear, tanh, or shallow (no hidden layer)."""

    def init(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return rng.normal(0.0, scale, shape)

    n_in, n_hidden, n_out = sizes
    if kind == "tanh":
        first, second = (Linear(*ends, rng=rng, bias=False, init=init) for ends in (sizes[:2], sizes[1:]))
        return Sequential(first, tanh, second)
    return DeepLinear(n_in, n_hidden, n_out, {"shallow": 1, "linear": 2}[kind], rng=rng, init=init)


def descend(
    network: Layer, x: Array, target: Array, rate: float, steps: int, watch: Callable[[int, Array], bool]
) -> int:
    """Full-batch descent on half the squared error, summed over the examples (equation 1), and the steps it took.

    Before each step `watch` is shown the outputs and may end it. Without an end, `steps`.
    """
    optimiser = SGD(network, rate)
    for step in range(steps):
        y, backward = network(x)
        if watch(step, y):
            return step
        backward(y - target)  # E = |y - target|^2 / 2
        optimiser.step()
    return steps


def decoupled(
    network: DeepLinear, U: Array, V: Array, u0: float, rng: np.random.Generator, mixed: bool = False
) -> None:
    r"""Set \(W_l = R_{l+1} D_l R_l^T\) (section 2): R_1 = V, R_{D+1} = U, random orthogonal bases between.

    Every D_l has u0^(1/D) on its diagonal, so that every mode starts at u0. `mixed` draws a second basis for the other
    side of each layer between, and so lets the modes meet.
    """
    depth = len(network.W)
    left = V
    for l, p in enumerate(network.W, start=1):
        n = len(p.data)
        right = U if l == depth else haar(rng, n)
        D = np.zeros((right.shape[1], left.shape[1]))
        np.fill_diagonal(D, u0 ** (1 / depth))
        p.data = right @ D @ left.T
        left = haar(rng, n) if mixed and l < depth else right


def haar(rng: np.random.Generator, n: int) -> Array:
    """A random orthogonal matrix (n, n) in float64, every one equally likely."""
    Q, R = np.linalg.qr(rng.normal(size=(n, n)))
    return np.asarray(Q * np.sign(np.diag(R)))
