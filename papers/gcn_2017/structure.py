"""What neighbours in a graph have in common: the measurements that the design rests on."""

import numpy as np

from core.layer import Array

from .data import Nodes
from .graph import propagation


def within_steps(edges: Array, n: int) -> tuple[Array, Array]:
    """Two boolean matrices (N, N): neighbours, and nodes within two steps; the node itself is in neither."""
    A = np.zeros((n, n), np.float32)
    A[edges[:, 0], edges[:, 1]] = A[edges[:, 1], edges[:, 0]] = 1
    two = A + A @ A > 0
    np.fill_diagonal(two, False)
    return A > 0, two


def mean_entropy(counts: Array) -> float:
    """Of the rows of counts (N, K), each as a distribution, in bits; empty rows are left out."""
    p = counts[counts.sum(axis=1) > 0].astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    return float(-(p * np.log2(np.where(p > 0, p, 1))).sum(axis=1).mean())


def variances(X: Array, labels: Array) -> tuple[float, float]:
    """The variance of the rows of X (N, F), summed over the columns, and the part of it between the labels."""
    mean = X.mean(axis=0)
    groups = [X[labels == label] for label in np.unique(labels)]
    between = sum(len(group) * float(((group.mean(axis=0) - mean) ** 2).sum()) for group in groups)
    total = float(((X - mean) ** 2).sum())
    return total / len(X), between / total


def neighbourhood(nodes: Nodes) -> dict[str, float]:
    """Degrees, topics and labelled nodes within one and two steps, and what averaging leaves of the variance."""
    n, classes = len(nodes.labels), np.eye(nodes.classes)[nodes.labels]
    one, two = within_steps(nodes.edges, n)
    degrees, labelled = one.sum(axis=1), np.isin(np.arange(n), nodes.train)
    share = (degrees @ classes) / degrees.sum()  # of the ends of edges, by topic
    (S,) = propagation("renormalised", nodes.edges, n)
    X = nodes.X @ np.eye(nodes.X.shape[1])
    smooth = S @ (S @ X)
    (variance_0, between_0), (variance_2, between_2) = (variances(of, nodes.labels) for of in (X, smooth))
    return {
        "chance": float((share**2).sum()),
        "mean_degree": float(degrees.mean()),
        "largest_degree": int(degrees.max()),
        "entropy_all": mean_entropy(classes.sum(axis=0)[None]),
        "entropy_1": mean_entropy(one @ classes),
        "entropy_2": mean_entropy(two @ classes),
        "labelled_1": float((one[:, labelled].any(axis=1) | labelled).mean()),
        "labelled_2": float((two[:, labelled].any(axis=1) | labelled).mean()),
        "words": len(nodes.X.values) / n,
        "non_zeros": n + 2 * len(nodes.edges),
        "between_0": between_0,
        "between_2": between_2,
        "variance_2": variance_2 / variance_0,
    }
