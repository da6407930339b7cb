"""Probes of examples and classes: surfaces of known dimension, labels with known noise."""

import math

import numpy as np
import pytest

from firsthand.probes import NotApplicable, measure

SEEDS = (0, 1, 2)


def test_the_dimension_is_that_of_the_plain_definition() -> None:
    rows = np.random.default_rng(2).normal(size=(60, 3))
    ratios = []
    for here in range(60):
        first, second = sorted(math.dist(rows[here], rows[other]) for other in range(60) if other != here)[:2]
        ratios.append(math.log(second / first))
    kept = sorted(ratios)[:54]  # without the largest tenth
    y = [-math.log(1 - rank / 60) for rank in range(1, 55)]
    slope = sum(a * b for a, b in zip(kept, y, strict=True)) / sum(a * a for a in kept)
    assert measure("intrinsic_dimension", {"table": rows}).measurements["dimension"] == pytest.approx(slope)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_surface_in_twenty_dimensions_has_two(seed: int) -> None:
    rng = np.random.default_rng([23, seed])
    u, v = rng.random((2, 1000))
    bent = np.column_stack([u, v, np.sin(3 * u), np.cos(2 * v), u * v])
    table = bent @ np.linalg.qr(rng.normal(size=(20, 5)))[0].T
    found = measure("intrinsic_dimension", {"table": table}, seed)
    assert abs(found.measurements["dimension"] - 2) < 5 * 2 / np.sqrt(1000)  # the error of the estimate: d / √N
    assert found.strength == "strong" and "low-dimensional" in found.suggests


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dimension", [1, 3, 5])
def test_a_cube_fills_its_space(dimension: int, seed: int) -> None:
    cube = np.random.default_rng([24, seed]).random((1000, dimension))
    found = measure("intrinsic_dimension", {"table": cube}, seed)
    # near its faces a cube looks flatter: Facco et al. find a bias of some percent that grows with the dimension
    assert -(5 / np.sqrt(1000) + 0.02 * dimension) < found.measurements["dimension"] / dimension - 1 < 5 / np.sqrt(1000)
    assert found.strength == "none" and "fills its space" in found.suggests


def test_equal_examples_and_discrete_ones() -> None:
    table = np.random.default_rng(1).random((400, 3))
    once, twice = (measure("intrinsic_dimension", {"table": rows}) for rows in (table, np.concatenate([table, table])))
    assert once.measurements["dimension"] == pytest.approx(twice.measurements["dimension"])
    with pytest.raises(NotApplicable, match="equally far"):
        measure("intrinsic_dimension", {"table": np.random.default_rng(1).random((200, 40)) < 0.5})


def clusters(seed: int, p: float, classes: int = 4, size: int = 2000) -> dict[str, np.ndarray]:
    """Points in clusters far apart, whose labels are another's, at random, with probability p."""
    rng = np.random.default_rng([25, seed])
    truth = rng.integers(classes, size=size)
    moved = (truth + rng.integers(1, classes, size=size)) % classes
    x = np.eye(classes)[truth] * 100 + rng.normal(size=(size, classes))
    return {"table": x, "labels": np.where(rng.random(size) < p, moved, truth)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.3])
def test_flipped_labels_are_noticed_by_the_neighbour(p: float, seed: int) -> None:
    found = measure("label_noise", clusters(seed, p), seed)
    expected = 1 - ((1 - p) ** 2 + p**2 / 3)
    error = np.sqrt(2 * expected * (1 - expected) / 2000)  # twice the variance, since neighbours are often mutual
    assert abs(found.measurements["disagreement"] - expected) <= 4.5 * error
    assert abs(found.measurements["least_error"] - p) <= 0.04 * (p > 0)
    assert "can learn them" in found.suggests and (found.strength == "strong") == (p < 0.3)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_that_are_noise(seed: int) -> None:
    data = clusters(seed, 0)
    data["labels"] = np.random.default_rng([26, seed]).integers(4, size=2000)
    found = measure("label_noise", data, seed)
    assert found.strength == "none" and "the labels are noise" in found.suggests


def test_balance() -> None:
    even = measure("class_balance", {"table": np.eye(40), "labels": np.arange(40) % 4})
    assert even.measurements["entropy"] == 2 and even.strength == "none" and "as even" in even.suggests
    labels = np.array(["rare"] * 100 + ["common"] * 900)
    uneven = measure("class_balance", {"table": np.arange(2000.0).reshape(1000, 2), "labels": labels})
    assert uneven.measurements["entropy"] == pytest.approx(-0.1 * np.log2(0.1) - 0.9 * np.log2(0.9))
    assert uneven.measurements["largest"] == 0.9 and uneven.strength == "strong" and "90%" in uneven.suggests


def test_amounts_are_no_classes() -> None:
    data = {"table": np.arange(200.0).reshape(100, 2), "y": np.linspace(0, 1, 100)}
    for probe in ("class_balance", "label_noise"):
        with pytest.raises(NotApplicable, match="needs classes"):
            measure(probe, data)


def test_wide_examples_are_cut_to_columns_that_are_stated() -> None:
    wide = {"images": np.random.default_rng(3).random((40, 80, 80)), "labels": np.arange(40) % 2}
    for probe in ("intrinsic_dimension", "label_noise"):
        assert measure(probe, wide).sample == "all 40 examples, 4,096 of the 6,400 columns"
