"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

import numpy as np

from core.containers import predict
from core.layer import Array
from firsthand import Result, Run

from . import data
from . import model as networks
from .graph import homophily, propagation, rewired
from .sparse import Sparse
from .structure import neighbourhood
from .training import Trained, train


def counts(run: Run, *, layers: int) -> Result:
    """Build the network for Cora's 2,708 papers, 1,433 words and 7 topics, and count."""
    nodes, words, topics = 2708, 1433, 7
    supports = propagation("renormalised", np.zeros((0, 2), np.intp), nodes)
    params = dict(networks.gcn(run.rng("weights"), supports, words, topics, layers=layers).named_params())
    return Result(
        {
            "parameters": sum(p.data.size for p in params.values()),
            "first_layer": params["conv1.W.0"].data.size,
            "dense_parameters": nodes * words * networks.HIDDEN,
        }
    )


def edges(run: Run, *, counted: str) -> Result:
    """Members and ties of the karate club."""
    ties = {frozenset(tie) for tie in run.data("karate")["edges"].tolist()}
    return Result(
        {
            "members": len(frozenset.union(*ties)),
            "ties": len(ties) * (2 if counted == "both ways" else 1),
            "ties_once": len(ties),
        }
    )


def equivariance(run: Run, *, renamed: str) -> Result:
    """f(P X, P A P^T) against P f(X, A), for a network in evaluation mode and in float64."""
    n, features = 40, 12
    links, x = _random_graph(run.rng("graph"), n, 0.1), run.rng("features").normal(size=(n, features))
    new_name = run.rng("names").permutation(n)

    def outputs(links: Array, x: Array) -> Array:
        rows, columns = np.indices(x.shape)
        X = Sparse.of(rows.ravel(), columns.ravel(), x.ravel(), x.shape)
        network = networks.gcn(run.rng("weights"), propagation("renormalised", links, n), features, 3)
        y: Array = predict(network.astype(np.float64), X)
        return y

    y, x_renamed = outputs(links, x), np.empty_like(x)
    x_renamed[new_name] = x
    y_renamed = outputs(new_name[links] if renamed == "features and graph" else links, x_renamed)
    scale = np.abs(y).max()
    return Result(
        {
            "difference": np.abs(y_renamed[new_name] - y).max() / scale,
            "difference_unnamed": np.abs(y_renamed - y).max() / scale,
        }
    )


def spectrum(run: Run, *, rule: str) -> Result:
    """Eigenvalues of a rule on three graphs, and what many applications do to a random vector."""
    graphs = [
        (34, run.data("karate")["edges"].astype(np.intp)),
        (40, _random_graph(run.rng("graph"), 40, 0.1)),
        (22, _random_graph(run.rng("bipartite"), 22, 0.3, sides=(10, 12))),
    ]
    values, vector_errors, constant_errors, growths = [], [], [], []
    for n, links in graphs:
        (S,) = propagation(rule, links, n)
        values.append(np.linalg.eigvals(S @ np.eye(n)).real)
        root = np.sqrt(np.bincount(links.ravel(), minlength=n) + 1)[:, None]  # D~^1/2 1
        one = np.ones((n, 1))
        vector_errors.append(np.abs(S @ root - root).max() / root.max())
        constant_errors.append(np.abs(S @ one - one).max())
        x = run.rng("start").normal(size=(n, 1))
        for _ in range(2000):
            x = S @ (x / np.linalg.norm(x))
        growths.append(np.linalg.norm(S @ x) / np.linalg.norm(x))
    every = np.concatenate(values)
    return Result(
        {
            "lowest": every.min(),
            "highest": every.max(),
            "outside": max(0.0, -every.min(), every.max() - 2),
            "vector_error": max(vector_errors),
            "constant_error": max(constant_errors),
            "growth": float(np.mean(growths)),
        }
    )


def karate_untrained(run: Run, *, rule: str) -> Result:
    """How often the nearest neighbour in the plane is of one's own community."""
    club = data.load_karate(run)
    points = predict(networks.embedding(run.rng("weights"), propagation(rule, club.edges, 34)), club.X)
    distances = ((points[:, None] - points) ** 2).sum(axis=2) + np.diag(np.full(34, np.inf))
    sizes = np.bincount(club.labels)
    return Result(
        {
            "purity": float((club.labels[distances.argmin(axis=1)] == club.labels).mean()),
            "chance": float((sizes * (sizes - 1)).sum() / (34 * 33)),
        },
        {"points": points, "community": club.labels, "edges": club.edges},
    )


def karate(run: Run, *, groups: str, rule: str, iterations: int) -> Result:
    """One labelled member for each group, and 300 steps; the points in the plane on the way."""
    club = data.load_karate(run, groups)
    weights = run.rng("weights")
    body = networks.embedding(weights, propagation(rule, club.edges, 34))
    network = networks.with_classes(weights, body, club.classes)
    wanted = (0, 25, 50, 100, 200, 300)
    points = {0: predict(body, club.X)}

    def look(iteration: int) -> None:
        if iteration in wanted:
            points[iteration] = predict(body, club.X)

    trained = train(run, network, club, decay=0, epochs=iterations, after_epoch=look)
    return Result(
        {"accuracy": trained.accuracy["test"], "majority": club.majority()},
        {
            "iterations": list(points),
            "points": list(points.values()),
            "group": club.labels,
            "labelled": club.train,
            "edges": club.edges,
        },
    )


def structure(run: Run, *, wiring: str, counted: str) -> Result:
    """Homophily, degrees, topics around a paper, and what two averagings leave of the features."""
    nodes = data.load_cora(run)
    links = rewired(nodes.edges, 1, run.rng("wiring")) if wiring == "rewired" else nodes.edges
    return Result(
        {
            "papers": len(nodes.labels),
            "edges": len(links) * (2 if counted == "both ways" else 1),
            "edges_once": len(links),
            "homophily": homophily(links, nodes.labels),
            **neighbourhood(nodes),
        }
    )


def cora(
    run: Run,
    *,
    rule: str,
    split: str,
    labels: str,
    dropout: float,
    decay: float,
    stopping: str,
    loss: str,
    initialisations: int,
    epochs: int,
) -> Result:
    """The network on Cora, from several random initialisations."""
    nodes = data.load_cora(run)
    if split == "random":
        nodes = nodes.random_split(run.rng("split"))
    if labels == "shuffled":
        nodes = nodes.with_shuffled_labels(run.rng("labels"))
    supports = propagation(rule, nodes.edges, len(nodes.labels))
    runs: list[Trained] = []
    for number in range(initialisations):
        network = networks.gcn(run.rng(f"weights {number}"), supports, nodes.X.shape[1], nodes.classes, dropout=dropout)
        runs.append(train(run, network, nodes, decay=decay, epochs=epochs, stopping=stopping, loss=loss))
    accuracies = {part: [one.accuracy[part] for one in runs] for part in ("train", "val", "test")}
    return Result(
        {
            "accuracy": float(np.mean(accuracies["test"])),
            "val_accuracy": float(np.mean(accuracies["val"])),
            "train_accuracy": float(np.mean(accuracies["train"])),
            "epochs": float(np.mean([one.epochs for one in runs])),
            "majority": nodes.majority(),
        },
        {"accuracies": accuracies["test"]},
    )


def rewiring(run: Run, *, fractions: list[float], stopping: str, epochs: int) -> Result:
    """Test accuracy against the fraction of the edges that were rewired, and without any edge."""
    nodes = data.load_cora(run)

    def accuracy(rule: str, links: Array) -> float:
        supports = propagation(rule, links, len(nodes.labels))
        network = networks.gcn(run.rng("weights"), supports, nodes.X.shape[1], nodes.classes)
        return train(run, network, nodes, decay=5e-4, epochs=epochs, stopping=stopping).accuracy["test"]

    graphs = [rewired(nodes.edges, fraction, run.rng("wiring")) for fraction in fractions]
    accuracies = [accuracy("renormalised", links) for links in graphs]
    alone = accuracy("none", nodes.edges)
    return Result(
        {
            "accuracy_rewired": accuracies[-1],
            "accuracy_alone": alone,
            "relative": accuracies[-1] / alone,
            "homophily_rewired": homophily(graphs[-1], nodes.labels),
        },
        {
            "fractions": fractions,
            "accuracies": accuracies,
            "homophily": [homophily(links, nodes.labels) for links in graphs],
        },
    )


def depth(run: Run, *, depths: list[int], residual: bool, labels: str, epochs: int) -> Result:
    """Appendix B: five folds, all labels of four of them known, the fifth to judge by; no early stopping."""
    nodes = data.load_cora(run)
    folds = np.array_split(run.rng("folds").permutation(len(nodes.labels)), 5)
    supports = propagation("renormalised", nodes.edges, len(nodes.labels))
    accuracy: dict[int, list[Trained]] = {layers: [] for layers in [2, *depths]}
    for number, fold in enumerate(folds):
        others = np.concatenate([other for other in folds if other is not fold])
        part = nodes.split(others, np.array([], np.intp), fold)
        if labels == "shuffled":
            part = part.with_shuffled_labels(run.rng(f"labels {number}"))
        for layers, runs in accuracy.items():
            network = networks.gcn(
                run.rng(f"weights {number}"),
                supports,
                nodes.X.shape[1],
                nodes.classes,
                layers=layers,
                residual=residual,
            )
            runs.append(train(run, network, part, decay=5e-4, epochs=epochs))
    test = {layers: float(np.mean([one.accuracy["test"] for one in runs])) for layers, runs in accuracy.items()}
    return Result(
        {
            "accuracy_two": test[2],
            "accuracy_deepest": test[max(test)],
            "relative": test[max(test)] / test[2],
            "best_depth": max(sorted(test), key=lambda layers: test[layers]),
        },
        {
            "depths": sorted(test),
            "test": [test[layers] for layers in sorted(test)],
            "train": [float(np.mean([one.accuracy["train"] for one in accuracy[layers]])) for layers in sorted(test)],
        },
    )


def _random_graph(rng: np.random.Generator, n: int, probability: float, sides: tuple[int, int] | None = None) -> Array:
    """Edges (E, 2), each with that probability; with `sides`, only between the first nodes and the others."""
    first, second = np.nonzero(np.triu(rng.random((n, n)) < probability, 1))
    links = np.stack([first, second], axis=1)
    if sides is not None:
        links = links[(links[:, 0] < sides[0]) & (links[:, 1] >= sides[0])]
    return links
