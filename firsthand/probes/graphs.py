"""Probes of graphs: whether neighbours are alike, and how unevenly they are spread.

Edges are undirected, each given once; a node is known by its number.
"""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import Data
from firsthand.probes.finding import PERMUTATIONS, Finding, Probe, Sheet, Sketch, against

TOP = 0.01  # of the nodes


def homophily(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """edge_homophily: the share of edges whose two ends have the same label. The figure shows, for each label, the
    share of its nodes' edges that lead to the same label. Null: the labels permuted among the nodes."""
    edges, labels = _labelled(data, sheet)
    classes = int(labels.max()) + 1
    measured = _shares_alike(edges, labels, classes)
    draws = np.array([_shares_alike(edges, rng.permutation(labels), classes) for _ in range(PERMUTATIONS)])
    sheet.put("edge_homophily", measured[0], "share of edges", draws[:, 0])
    alike = sheet.contrast("edge_homophily")
    strength = alike.strength(0.1)
    if strength == "none":
        said = f"Neighbours share a label no more than any two nodes ({alike}): averaging over neighbours adds nothing."
    elif alike.effect > 0:
        said = (
            f"Neighbours share a label more often than by chance ({alike}): {strength} evidence for averaging over "
            "neighbours, as a graph convolution does."
        )
    else:
        said = (
            f"Neighbours share a label less often than by chance ({alike}): {strength} evidence against averaging over "
            "neighbours; keep a node's own features apart from theirs."
        )
    names = np.array([f"label {name}" for name in np.unique(data["labels"])])
    return sheet.conclude("edge_homophily", strength, said, x=names, **against(measured[1:], draws[:, 1:]))


def label_entropy(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """one_hop: the entropy, in bits, of the labels of a node and its neighbours, averaged over the nodes that have any;
    0 if all are the same. all_nodes: that of all labels. The figure shows the first by the number of neighbours. Null:
    the labels permuted among the nodes."""
    edges, labels = _labelled(data, sheet)
    degrees = np.bincount(edges.ravel(), minlength=len(labels))
    classes = int(labels.max()) + 1
    measured = _entropies(edges, labels, classes)
    draws = np.array([_entropies(edges, rng.permutation(labels), classes) for _ in range(PERMUTATIONS)])
    joined = degrees > 0
    sheet.put("one_hop", measured[joined].mean(), "bits", draws[:, joined].mean(axis=1))
    shares = np.bincount(labels) / len(labels)
    sheet.put("all_nodes", _entropy(shares[None])[0], "bits")
    hop = sheet.contrast("one_hop")
    strength = hop.strength(0.2 * hop.mean)
    if strength == "none":
        said = f"A neighbourhood mixes labels as by chance ({hop} bits): its labels tell nothing about a node."
    elif hop.effect < 0:
        said = (
            f"A neighbourhood mixes labels less than by chance ({hop} bits): {strength} evidence that one hop tells of "
            "the label, for passing messages between neighbours."
        )
    else:
        said = (
            f"A neighbourhood mixes labels more than by chance ({hop} bits): {strength} evidence that to average over "
            "it blurs what a node is."
        )
    groups = [(low, joined & (degrees >= low) & (degrees < 2 * low)) for low in 2 ** np.arange(16)]
    groups = [(low, which) for low, which in groups if which.any()]
    by_degree = np.array([measured[which].mean() for _, which in groups])
    null = np.array([draws[:, which].mean(axis=1) for _, which in groups]).T
    return sheet.conclude("one_hop", strength, said, x=np.array([low for low, _ in groups]), **against(by_degree, null))


def degrees(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """The number of neighbours of each node: mean, largest, and dispersion, variance / mean, which is about 1 if edges
    join nodes at random. top_share: the share of all edge ends that belong to the 1 % of nodes with the most. The
    figure shows the share of nodes with at least so many. Null: as many edges, between pairs of different nodes drawn
    at random."""
    edges, nodes = data["edges"], data.count()
    sheet.sample = f"all {nodes:,} nodes and {len(edges):,} edges"
    measured = np.bincount(edges.ravel(), minlength=nodes)
    draws = []
    for _ in range(PERMUTATIONS):
        first = rng.integers(nodes, size=len(edges))
        second = (first + rng.integers(1, max(nodes, 2), size=len(edges))) % nodes
        draws.append(np.bincount(np.concatenate([first, second]), minlength=nodes))
    top = max(1, round(TOP * nodes))
    sheet.put("mean", measured.mean(), "neighbours")
    sheet.put("largest", measured.max(), "neighbours", [draw.max() for draw in draws])
    sheet.put("dispersion", measured.var() / measured.mean(), "variance / mean", [d.var() / d.mean() for d in draws])
    shares = [float(np.sort(degrees)[-top:].sum() / degrees.sum()) for degrees in (measured, *draws)]
    sheet.put("top_share", shares[0], "share of edge ends", shares[1:])
    uneven = sheet.contrast("dispersion")
    strength = uneven.strength(1.0, sign=1)
    if strength == "none":
        said = (
            f"Numbers of neighbours are no more uneven than at random (dispersion {uneven}): sums over neighbours need "
            "no correction for it."
        )
    else:
        said = (
            f"Numbers of neighbours are more uneven than at random (dispersion {uneven}): {strength} evidence for "
            "dividing sums over neighbours by their number."
        )
    steps = np.unique(np.rint(np.geomspace(1, measured.max(), 40)).astype(int))
    tails = np.array([[(degrees >= k).mean() for k in steps] for degrees in (measured, *draws)])
    return sheet.conclude("dispersion", strength, said, x=steps, **against(tails[0], tails[1:]))


def _labelled(data: Data, sheet: Sheet) -> tuple[Array, Array]:
    """The edges, and labels as numbers from 0."""
    sheet.sample = f"all {data.count():,} nodes and {len(data['edges']):,} edges"
    return data["edges"], np.unique(data["labels"], return_inverse=True)[1]


def _shares_alike(edges: Array, labels: Array, classes: int) -> Array:
    """The share of edges with equal labels: of all, then of those at the nodes of each label."""
    ends = labels[edges]
    alike = ends[:, 0] == ends[:, 1]
    of_label = np.bincount(ends.ravel(), minlength=classes)
    return np.append(alike.mean(), 2 * np.bincount(ends[alike, 0], minlength=classes) / np.maximum(of_label, 1))


def _entropies(edges: Array, labels: Array, classes: int) -> Array:
    counts = np.zeros((len(labels), classes))
    counts[np.arange(len(labels)), labels] = 1
    for here, there in ((0, 1), (1, 0)):
        np.add.at(counts, (edges[:, here], labels[edges[:, there]]), 1)
    return _entropy(counts / counts.sum(axis=1, keepdims=True))


def _entropy(shares: Array) -> Array:
    """In bits, along the last axis."""
    return np.asarray(-(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=-1))


_NULL = "labels permuted"
PROBES = {
    "homophily": Probe(
        ("graphs",),
        ("edges", "classes"),
        homophily,
        Sketch("Do neighbours share a label?", "", "share of edges to the same label", _NULL, "bars"),
    ),
    "label_entropy": Probe(
        ("graphs",),
        ("edges", "classes"),
        label_entropy,
        Sketch("How mixed is a neighbourhood?", "neighbours (from)", "entropy of labels (bits)", _NULL, log_x=True),
    ),
    "degrees": Probe(
        ("graphs",),
        ("edges",),
        degrees,
        Sketch(
            "How uneven are the numbers of neighbours?",
            "neighbours",
            "share of nodes with at least so many",
            "edges at random",
            log_x=True,
            log_y=True,
        ),
    ),
}
