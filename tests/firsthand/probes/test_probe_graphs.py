"""Probes of graphs whose homophily, entropy and degrees are known by construction."""

from itertools import combinations

import numpy as np
import pytest

from firsthand.probes import measure

SEEDS = (0, 1, 2)


def planted(seed: int, within: int, between: int, nodes: int = 300) -> dict[str, np.ndarray]:
    """Three equal groups, with so many edges within groups and between them."""
    rng = np.random.default_rng([13, seed])
    labels = np.arange(nodes) % 3
    pairs = np.array(list(combinations(range(nodes), 2)))
    alike = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    chosen = [rng.permutation(pairs[which])[:size] for which, size in ((alike, within), (~alike, between))]
    return {"edges": np.concatenate(chosen), "labels": labels}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("within", "between"), [(640, 160), (600, 0), (267, 533), (40, 760)])
def test_the_homophily_of_a_planted_partition(within: int, between: int, seed: int) -> None:
    found = measure("homophily", planted(seed, within, between), seed)
    share = within / (within + between)
    assert found.measurements["edge_homophily"] == pytest.approx(share)
    mean, std = found.null["edge_homophily"]
    assert abs(mean - 99 / 299) < 4 * std / np.sqrt(19)  # a random other node is one of 99 alike among 299
    if share > 0.5:
        assert found.strength == "strong" and "for averaging" in found.suggests
    elif share < 0.1:
        assert found.strength == "strong" and "against averaging" in found.suggests
    else:
        assert found.strength == "none" and "adds nothing" in found.suggests


@pytest.mark.parametrize("seed", SEEDS)
def test_random_labels_mix_in_a_neighbourhood(seed: int) -> None:
    graph = planted(seed, 400, 400)
    graph["labels"] = np.random.default_rng(seed).permutation(graph["labels"])
    found = measure("label_entropy", graph, seed)
    assert found.strength == "none" and "nothing" in found.suggests
    assert found.measurements["all_nodes"] == pytest.approx(np.log2(3))


def test_the_entropy_of_cliques_and_of_a_ring() -> None:
    cliques = {
        "edges": np.array([*combinations(range(20), 2), *((a + 20, b + 20) for a, b in combinations(range(20), 2))]),
        "labels": np.array(["left"] * 20 + ["right"] * 20),
    }
    found = measure("label_entropy", cliques)
    assert found.measurements["one_hop"] == 0 and found.strength == "strong" and "passing messages" in found.suggests
    ring = {"edges": np.column_stack([np.arange(60), (np.arange(60) + 1) % 60]), "labels": np.arange(60) % 2}
    third = -(np.log2(1 / 3) + 2 * np.log2(2 / 3)) / 3
    assert measure("label_entropy", ring).measurements["one_hop"] == pytest.approx(third)


def test_degrees_of_a_star_and_of_a_ring() -> None:
    star = measure("degrees", {"edges": np.column_stack([np.zeros(99, int), np.arange(1, 100)])})
    assert star.measurements["mean"] == pytest.approx(2 * 99 / 100) and star.measurements["largest"] == 99
    assert star.measurements["top_share"] == pytest.approx(0.5)
    assert star.strength == "strong" and "by their number" in star.suggests
    ring = measure("degrees", {"edges": np.column_stack([np.arange(100), (np.arange(100) + 1) % 100])})
    assert ring.measurements["dispersion"] == 0 and ring.strength == "none"


@pytest.mark.parametrize("seed", SEEDS)
def test_degrees_at_random_are_as_at_random(seed: int) -> None:
    found = measure("degrees", planted(seed, 267, 533), seed)
    assert found.strength == "none" and abs(found.measurements["dispersion"] - 1) < 4.5 * np.sqrt(2 / 300)


def test_features_may_come_in_compressed_rows() -> None:
    graph = planted(0, 400, 400)
    features = np.random.default_rng(1).random((300, 12)) < 0.3
    features[0, -1] = True
    indptr = np.concatenate([[0], features.sum(axis=1).cumsum()])
    rows = graph | {"feature_indptr": indptr, "feature_indices": np.nonzero(features)[1]}
    for probe in ("sparsity", "effective_rank", "label_noise"):
        assert measure(probe, rows).measurements == measure(probe, graph | {"features": features}).measurements
