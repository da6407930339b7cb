"""Graphs by their edges, and the matrices by which a network averages over neighbours."""

import numpy as np

from core.layer import Array

from .sparse import Chebyshev, Operator, Sparse

RULES = (
    "none",
    "unnormalised",
    "row",
    "renormalised",
    "single parameter",
    "first-order term",
    "first order",
    "Chebyshev 2",
    "Chebyshev 3",
)


def propagation(rule: str, edges: Array, n: int) -> tuple[Operator, ...]:
    r"""The matrices \(S_k\) of a rule, for n nodes and edges (E, 2), each once and none from a node to itself.

    With A the adjacency matrix, D its sums, and A~ = A + I, D~ likewise (table 3; the names of its rows in brackets):

    - none: I (multi-layer perceptron)
    - unnormalised: A~; row: D~^-1 A~ (neither in the paper)
    - renormalised: D~^-1/2 A~ D~^-1/2 (renormalization trick)
    - first-order term: N = D^-1/2 A D^-1/2 (1st-order term only); single parameter: I + N
    - first order: I and N, each with its own weights (1st-order model)
    - Chebyshev K: T_0(L~) to T_K(L~), for L~ = 2 L / lambda_max - I and L = I - N

    A node without neighbours has a zero row in N. Raises ValueError for an unknown rule.
    """
    one, nodes = np.ones(n), np.arange(n)
    identity = Sparse.of(nodes, nodes, one, (n, n))
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T  # A
    with_loops = np.concatenate([rows, nodes]), np.concatenate([columns, nodes])  # A~
    match rule:
        case "none":
            return (identity,)
        case "unnormalised":
            return (Sparse.of(*with_loops, np.ones(len(rows) + n), (n, n)),)
        case "row":
            return (Sparse.of(*with_loops, 1 / np.bincount(with_loops[0])[with_loops[0]], (n, n)),)
        case "renormalised":
            return (Sparse.of(*with_loops, _symmetric(*with_loops, n), (n, n)),)
    N = _symmetric(rows, columns, n)
    match rule:
        case "first-order term":
            return (Sparse.of(rows, columns, N, (n, n)),)
        case "single parameter":
            return (Sparse.of(*with_loops, np.concatenate([N, one]), (n, n)),)
        case "first order":
            return identity, Sparse.of(rows, columns, N, (n, n))
        case "Chebyshev 2" | "Chebyshev 3":
            scale = 2 / largest_eigenvalue(Sparse.of(*with_loops, np.concatenate([-N, one]), (n, n)))
            L = Sparse.of(*with_loops, np.concatenate([-scale * N, (scale - 1) * one]), (n, n))
            return tuple(Chebyshev(L, k) for k in range(int(rule[-1]) + 1))
    raise ValueError(f"propagation: there is no rule {rule!r}; there are {', '.join(RULES)}")


def _symmetric(rows: Array, columns: Array, n: int) -> Array:
    """1 / root(d_i d_j) for each element, where d counts the elements of a row."""
    d = np.bincount(rows, minlength=n)
    values: Array = 1 / np.sqrt(d[rows] * d[columns])
    return values


def largest_eigenvalue(L: Sparse, steps: int = 1000) -> float:
    """Of a symmetric matrix without negative eigenvalues, by power iteration and a Rayleigh quotient."""
    x = np.cos(np.arange(L.shape[0]))[:, None]  # of no particular direction
    for _ in range(steps):
        x = L @ (x / np.linalg.norm(x))
    x /= np.linalg.norm(x)
    return float((x * (L @ x)).sum())


def rewired(edges: Array, fraction: float, rng: np.random.Generator) -> Array:
    """That fraction of the edges with their ends exchanged at random; every node keeps its number of neighbours.

    Two chosen edges a-b and c-d become a-d and c-b unless that gives an edge twice or from a node to itself; twenty
    attempts for each chosen edge, in pairs drawn at random.
    """
    now = [(int(a), int(b)) for a, b in edges]
    present = {frozenset(edge) for edge in now}
    chosen = rng.permutation(len(now))[: round(fraction * len(now))]
    if len(chosen) < 2:
        return edges.copy()
    pairs, turns = rng.choice(chosen, (20 * len(chosen), 2)), rng.random(20 * len(chosen)) < 0.5
    for (i, j), turn in zip(pairs.tolist(), turns.tolist(), strict=True):
        (a, b), (c, d) = now[i], now[j][::-1] if turn else now[j]
        new = frozenset((a, d)), frozenset((c, b))
        if a == d or c == b or new[0] == new[1] or new[0] in present or new[1] in present:
            continue
        present -= {frozenset((a, b)), frozenset((c, d))}
        present |= set(new)
        now[i], now[j] = (a, d), (c, b)
    return np.array(now)


def homophily(edges: Array, labels: Array) -> float:
    """The fraction of the edges whose ends have one label."""
    return float((labels[edges[:, 0]] == labels[edges[:, 1]]).mean())
