"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

from itertools import pairwise

import numpy as np

from core import Linear, Sequential, tanh
from core.layer import Array, Layer
from firsthand import Result, Run

from .data import items, tree, white_digits
from .deep import consistency as consistency
from .deep import digits as digits
from .deep import percolation as percolation
from .deep import products as products
from .model import DeepLinear, decoupled, descend, haar, three_layers
from .theory import exponent, sigmoid_mode, time_at_depth, time_in_the_limit, time_of

SHOWN = (1, 2, 3, 5, 12, 18, 31)  # the modes that figure 3 shows


def balance(run: Run, *, activation: str, depth: int) -> Result:
    """W_{l+1}^T G_{l+1} against G_l W_l^T, for the gradients G of one random batch."""
    rng = run.rng("weights")
    network: Layer
    if activation == "linear":
        network = DeepLinear(4, 6, 3, depth, rng=rng).astype(np.float64)
    else:
        sizes = [4, *[6] * (depth - 1), 3]
        parts = [Linear(*ends, rng=rng, bias=False) for ends in pairwise(sizes)]
        network = Sequential(*[layer for part in parts for layer in (part, tanh)]).astype(np.float64)
    x, target = run.rng("x").normal(size=(20, 4)), run.rng("target").normal(size=(20, 3))
    y, backward = network(x)
    backward(y - target)
    turned = (lambda A: A) if activation == "linear" else np.transpose  # core's W has the paper's transposed
    W, G = (
        [turned(a) for a in arrays]
        for arrays in zip(*[(p.data, p.grad) for _, p in network.named_params()], strict=True)
    )
    noise = [run.rng("unrelated").normal(size=g.shape) for g in G]
    return Result({"difference": _imbalance(W, G), "unrelated": _imbalance(W, noise)})


def _imbalance(W: list[Array], G: list[Array]) -> float:
    pairs = [(W[k + 1].T @ G[k + 1], G[k] @ W[k].T) for k in range(len(W) - 1)]
    return float(max(np.abs(a - b).max() for a, b in pairs) / max(np.abs(a).max() for a, _ in pairs))


def closed_form(run: Run, *, start: str, inputs: str, features: int, rate: float, u0: float, steps: int) -> Result:
    """Mode strengths of a trained network against equation 12, at every step, at a rate and at twice that rate."""
    x, target = items(inputs), tree(run.rng("tree"), features).T  # (32, 32), (32, features)
    U, s, Vt = np.linalg.svd(target.T @ x, full_matrices=False)
    errors, curves = [], {}
    for pace in (1, 2):
        count = steps // pace
        network = three_layers("linear", (32, 32, features), np.sqrt(2 * u0 / 32), run.rng("weights"))
        if start == "decoupled":
            assert isinstance(network, DeepLinear)
            decoupled(network, U, Vt.T, u0, run.rng("bases"))
        u = _strengths(run, network, x, target, pace * rate, count, U, Vt, every=pace)
        expected = sigmoid_mode(pace * rate * np.arange(count), s, u0)
        errors.append(float((np.abs(u - expected) / s).max()))
        if pace == 1:
            plateau = float((np.abs(u0 - expected) / s).max())
            curves = {"u": u[::200, [0, 1, 3, 31]].T, "closed": expected[::200, [0, 1, 3, 31]].T}
    return Result({"error": errors[0], "order": errors[1] / errors[0], "plateau": plateau}, curves)


def modes(
    run: Run, *, network: str, inputs: str, features: int, hidden: int, rate: float, u0: float, steps: int
) -> Result:
    """Figure 3: half-times of all modes from small random weights, beside those of equation 11."""
    x, target = items(inputs), tree(run.rng("tree"), features).T  # (32, 32), (32, features)
    U, s, Vt = np.linalg.svd(target.T @ x, full_matrices=False)
    net = three_layers(network, (32, hidden, features), np.sqrt(2 * u0 / hidden), run.rng("weights"))
    u = _strengths(run, net, x, target, rate, steps, U, Vt, until=s / 2)
    half = np.array([_crossing(column, level) for column, level in zip(u.T, s / 2, strict=True)])
    expected = time_of(s, u0, s / 2) / rate
    late = np.log(half / expected)
    shown = [mode - 1 for mode in SHOWN]
    at = np.arange(0, len(u), 20)
    return Result(
        {
            "delay": float(np.median(np.abs(half / expected - 1))),
            "same_time": float(np.median(np.abs(half.mean() / expected - 1))),
            "slope": exponent(s, half),
            "explained": float(1 - (late**2).mean() / np.log(expected).var()),
            "s_first": s[0],
            "s_last": s[16:].mean(),
        },
        {
            "steps": at,
            "strengths": u[at][:, shown].T,
            "closed": sigmoid_mode(rate * at, s[shown], u0).T,
            "names": [f"mode {mode}" for mode in SHOWN],
            "s": s,
            "half": half,
            "expected": expected,
        },
    )


def _strengths(
    run: Run,
    network: Layer,
    x: Array,
    target: Array,
    rate: float,
    steps: int,
    U: Array,
    Vt: Array,
    *,
    until: Array | None = None,
    every: int = 1,
) -> Array:
    """(T, modes): the diagonal of U^T (outputs^T inputs) V before every step, until all have passed `until`."""
    found = []

    def watch(step: int, y: Array) -> bool:
        u = ((U.T @ y.T @ x) * Vt).sum(axis=1)
        found.append(u)
        if step % 500 == 0:
            run.progress(step, steps, 0.5 * float(((y - target) ** 2).sum()))
        return until is not None and bool((u > until).all())

    descend(network, x, target, rate, steps, watch)
    return np.array(found)


def _crossing(u: Array, level: float) -> float:
    """The step at which u first passes the level, between two steps by interpolation; the last one if it never does."""
    passed = np.flatnonzero(u > level)
    if not len(passed) or passed[0] == 0:
        return float(len(u) - 1)
    k = passed[0]
    return float(k - 1 + (level - u[k - 1]) / (u[k] - u[k - 1]))


def depth(run: Run, *, start: str, rate: str, c: float, u0: float, depths: list[int], steps: int) -> Result:
    """Times of three modes, from u0 to 0.9 s, in chains of each depth, against equations 15 and 17."""
    s = np.array([1.5, 1.0, 0.75])
    uf = 0.9 * s
    U, V = haar(run.rng("U"), 3), haar(run.rng("V"), 3)
    target = V @ np.diag(s) @ U.T  # rows: the answers to the rows of the identity, Sigma31 transposed
    counts = []
    for place, D in enumerate(depths):
        network = DeepLinear(3, 3, 3, D, rng=run.rng("not used")).astype(np.float64)
        decoupled(network, U, V, u0, run.rng(f"bases {D}"), mixed=start == "mixed")
        pace = c / D if rate == "over depth" else c
        u = _strengths(run, network, np.eye(3), target, pace, steps, U, V.T, until=uf)
        counts.append([_crossing(column, level) for column, level in zip(u.T, uf, strict=True)])
        run.progress(place + 1, len(depths))
    took = np.array(counts)  # (depths, modes), in steps
    paces = np.array([c / D if rate == "over depth" else c for D in depths])[:, None]
    ode = np.array([time_at_depth(s, u0, uf, D) for D in depths])  # in units of tau = 1 / rate
    limit = time_in_the_limit(s, u0, uf, depths[-1] + 1) * depths[-1] / c  # in steps at the rate c / depth
    return Result(
        {
            "ode_error": np.abs(took * paces / ode - 1).max(),
            "one_layer_error": np.abs(took * paces / time_at_depth(s, u0, uf, 1) - 1).max(),
            "limit_ratio": (took[-1] / limit).mean(),
            "shallow_ratio": (took[0] / limit).mean(),
        },
        {"depths": depths, "times": took * c, "ode": ode * np.array(depths)[:, None], "s": s, "limit": limit * c},
    )


def spectrum(run: Run, *, keep: int) -> Result:
    """How far the digits are from white, and the strengths of what is to be learned once they are."""
    sigma31, variances = white_digits(run, keep)
    s = np.linalg.svd(sigma31, compute_uv=False)
    return Result({"condition": variances.max() / variances.min(), "s_first": s[0], "s_last": s[8]})
