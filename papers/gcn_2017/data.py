"""Graphs with features, labels and splits, as the networks see them."""

from dataclasses import dataclass, replace

import numpy as np

from core.layer import Array
from firsthand import Run

from .sparse import Sparse


@dataclass(frozen=True)
class Nodes:
    """N nodes: features X (N, F), edges (E, 2), labels (N,), and three disjoint sets of nodes.

    `known` are the labels of the training nodes as the network is told them, in the order of `train`.
    """

    X: Sparse
    edges: Array
    labels: Array
    known: Array
    train: Array
    val: Array
    test: Array

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    def targets(self, part: str) -> Array:
        """(N,): the labels of one part, and -1 elsewhere."""
        targets = np.full(len(self.labels), -1)
        nodes = getattr(self, part)
        targets[nodes] = self.known if part == "train" else self.labels[nodes]
        return targets

    def split(self, train: Array, val: Array, test: Array) -> "Nodes":
        return replace(self, known=self.labels[train], train=train, val=val, test=test)

    def random_split(self, rng: np.random.Generator) -> "Nodes":
        """20 of each class to train, then 500 to stop by and 1,000 to judge by."""
        order = rng.permutation(len(self.labels))
        train = np.concatenate([order[self.labels[order] == label][:20] for label in range(self.classes)])
        rest = order[~np.isin(order, train)]
        return self.split(train, rest[:500], rest[500:1500])

    def with_shuffled_labels(self, rng: np.random.Generator) -> "Nodes":
        """The control: training labels that say nothing about their nodes."""
        return replace(self, known=rng.permutation(self.known))

    def majority(self) -> float:
        """The fraction of the test nodes that have the commonest label of all nodes."""
        return float((self.labels[self.test] == np.bincount(self.labels).argmax()).mean())


def load_cora(run: Run) -> Nodes:
    """Cora in Planetoid's split. The features of a paper are its words, divided by their number."""
    cora = run.data("cora")
    starts, words = cora["feature_indptr"].astype(np.intp), cora["feature_indices"].astype(np.intp)
    n, lengths = len(starts) - 1, np.diff(starts)
    X = Sparse.of(np.repeat(np.arange(n), lengths), words, np.repeat(1 / lengths, lengths), (n, int(words.max()) + 1))
    labels = cora["labels"].astype(np.intp)
    train, val, test = (cora[part].astype(np.intp) for part in ("train", "val", "test"))
    return Nodes(X, cora["edges"].astype(np.intp), labels, labels[train], train, val, test)


def load_karate(run: Run, groups: str = "community") -> Nodes:
    """The karate club, X = I. One member of each group, drawn at random, is labelled; the others are judged by."""
    club = run.data("karate")
    labels, members = club[groups].astype(np.intp), np.arange(34)
    X = Sparse.of(members, members, np.ones(34), (34, 34))
    order = run.rng("labelled").permutation(members)
    train = np.array([order[labels[order] == group][0] for group in range(labels.max() + 1)])
    none = np.array([], np.intp)
    return Nodes(X, club["edges"].astype(np.intp), labels, labels[train], train, none, np.setdiff1d(members, train))
