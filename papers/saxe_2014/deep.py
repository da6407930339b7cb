"""What depth does: products of random matrices, activity and errors through tanh, and networks that learn digits."""

import numpy as np

from core import lecun_normal, orthogonal
from core.layer import Array
from firsthand import Result, Run

from .data import images_and_labels, white_digits
from .model import DeepLinear, GainTanh, decoupled, descend, jacobian
from .theory import exponent

RATES = np.logspace(1.5, -2.5, 25)  # neighbours are a factor of 1.47 apart, as the paper's twenty
LEARNED = 0.1  # of the error that a linear map can take away
PERCENT = np.arange(101)


def products(run: Run, *, start: str, width: int, depth: int) -> Result:
    """Singular values and eigenvalues of the product of `depth` matrices (width, width)."""
    rng = run.rng("matrices")
    init = orthogonal() if start == "orthogonal" else lecun_normal
    product = np.eye(width)
    for k in range(depth):
        product = init(rng, (width, width), width, width).astype(np.float64) @ product
        run.progress(k + 1, depth)
    singular = np.linalg.svd(product, compute_uv=False)
    z = np.linalg.eigvals(product)
    in_bin = (np.abs(z.real) < 0.05) & (np.abs(z.imag) < 0.05)
    return Result(
        {"spread": np.abs(singular - 1).max(), "in_bin": in_bin.mean()},
        {"singular": np.percentile(singular, PERCENT), "moduli": np.percentile(np.abs(z), PERCENT)},
    )


def percolation(run: Run, *, g: float, q1: float, width: int, layers: int) -> Result:
    """Mean square activity in the last layer, and the singular values of the Jacobian from the first to the last."""
    draw, rng = orthogonal(), run.rng("matrices")
    W = np.array([draw(rng, (width, width), width, width) for _ in range(layers - 1)])
    network = GainTanh(W, g)
    x = run.rng("x").normal(size=width)
    x = (x * np.sqrt(q1 / (x @ x / width))).astype(np.float32)
    last, _ = network(x[None])
    singular = np.linalg.svd(jacobian(network, x), compute_uv=False)
    return Result(
        {
            "q": (last**2).mean(),
            "share": ((singular > 0.1) & (singular < 10)).mean(),
            "wide_share": ((singular > 0.01) & (singular < 100)).mean(),
            "median": np.median(singular),
        },
        {"singular": np.percentile(singular, PERCENT)},
    )


def digits(run: Run, *, start: str, depths: list[int], at: int, u0: float, cap: int) -> Result:
    """Steps until the digits are learned, for each depth at the best of all rates."""
    sigma31, _ = white_digits(run, 32)
    U, _, Vt = np.linalg.svd(sigma31)

    def network(depth: int) -> DeepLinear:
        rng = run.rng(f"weights {depth}")
        init = orthogonal() if start == "orthogonal" else lecun_normal
        found = DeepLinear(32, 32, 10, depth, rng=rng, init=init).astype(np.float64)
        if start == "decoupled":
            decoupled(found, U, Vt.T, u0, rng)
        return found

    steps, rates = [], []
    for place, depth in enumerate(depths):
        best, at_rate = cap, 0.0
        for rate in RATES:
            count = steps_to_learn(network(depth), sigma31, float(rate), best)
            if count < best:
                best, at_rate = count, float(rate)
        steps.append(best)
        rates.append(at_rate)
        run.progress(place + 1, len(depths))
    deep = np.array([pair for pair in zip(depths, rates, strict=True) if pair[0] >= 10 and pair[1]])
    return Result(
        {
            "steps": steps[depths.index(at)],
            "growth": steps[-1] / steps[1],
            "proportional": depths[-1] / depths[1],
            "doubling": steps[-1] / steps[-2],
            "rate_slope": exponent(*deep.T) if len(deep) > 1 else 0.0,
        },
        {"depths": depths, "steps": steps, "rates": rates},
    )


def steps_to_learn(network: DeepLinear, sigma31: Array, rate: float, cap: int) -> int:
    """Steps of descent until a tenth of the error is left; `cap` if that takes as many, or if the error grows tenfold.

    With white inputs the mean error is |Sigma31 - W|^2 / 2 and a constant: the rows of the identity serve as inputs,
    those of Sigma31 transposed as targets.
    """
    enough = LEARNED * 0.5 * float((sigma31**2).sum())
    target, errors = np.ascontiguousarray(sigma31.T), []

    def watch(step: int, y: Array) -> bool:
        errors.append(0.5 * float(((y - target) ** 2).sum()))
        return not enough < errors[-1] <= 10 * errors[0]  # learned, or lost, which NaN is too

    with np.errstate(over="ignore", invalid="ignore"):
        count = descend(network, np.eye(len(target)), target, rate, cap, watch)
    return count if errors and errors[-1] <= enough else cap


def consistency(run: Run, *, images: str, labels: str) -> Result:
    """Equation 18: mean absolute correlation of the inputs along the right singular vectors of Sigma31."""
    x, label = images_and_labels(run, images)
    if labels == "shuffled":
        label = run.rng("labels").permutation(label)
    sigma11, sigma31 = x.T @ x, np.eye(10)[label].T @ x
    V = np.linalg.svd(sigma31, full_matrices=False)[2].T
    used = np.flatnonzero(np.diag(sigma11))
    along, pixels = _correlation(V.T @ sigma11 @ V), _correlation(sigma11[np.ix_(used, used)])
    return Result({"along_modes": along, "of_pixels": pixels, "ratio": along / pixels})


def _correlation(A: Array) -> float:
    scale = np.sqrt(np.diag(A))
    return float(np.abs((A / np.outer(scale, scale))[~np.eye(len(A), dtype=bool)]).mean())
