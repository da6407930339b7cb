"""The probe of sets on targets that are invariant, that are not, and that are nothing."""

import numpy as np
import pytest

from firsthand.probes import measure

SEEDS = (0, 1, 2)


def elements(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([11, seed]).normal(size=shape)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [False, True])
def test_a_sum_is_invariant(seed: int, classes: bool) -> None:
    x = elements(seed, 600, 5, 2)
    total = x[:, :, 0].sum(axis=1)
    found = measure("permutation_invariance", {"sets": x, "y": total > 0 if classes else total}, seed)
    assert found.strength == "strong" and "permutation invariance" in found.suggests and "pooling" in found.suggests
    assert found.decides == "linear_permuted"
    # of the sign s of a normal z, a linear rule explains the square of their correlation, 2 / pi
    assert abs(found.measurements["linear"] - (2 / np.pi if classes else 1)) < 0.05


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [False, True])
def test_the_first_element_is_not(seed: int, classes: bool) -> None:
    x = elements(seed, 1200, 5)
    found = measure("permutation_invariance", {"sets": x, "y": x[:, 0] > 0 if classes else x[:, 0]}, seed)
    assert found.strength == "strong" and "depends on position" in found.suggests
    if not classes:
        # once permuted, each place holds the first with probability 1/5, so that R² is that of their mean, ρ² = 1/5;
        # the error of a squared correlation in half of the sets is 2 ρ (1 − ρ²) / √600
        mean, _ = found.null["linear"]
        assert found.measurements["linear"] > 0.999
        assert abs(mean - 1 / 5) < 4.5 * 2 * np.sqrt(1 / 5) * (4 / 5) / np.sqrt(600)


def test_it_does_not_matter_how_the_sets_are_sorted() -> None:
    """Sorted by class, the first half of the sets would be of one class alone."""
    x = elements(0, 600, 5)
    positive = x.sum(axis=1) > 0
    order = np.argsort(positive)
    found = measure("permutation_invariance", {"sets": x[order], "y": positive[order]})
    assert abs(found.measurements["linear"] - 2 / np.pi) < 0.06


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_says_nothing(seed: int) -> None:
    x = elements(seed, 600, 5)
    found = measure("permutation_invariance", {"sets": x, "y": elements(seed + 50, 600)}, seed)
    assert found.strength == "none" and "nothing can be said" in found.suggests


def test_a_nonlinear_target_is_left_to_the_neighbour() -> None:
    x = elements(1, 1500, 2)
    found = measure("permutation_invariance", {"sets": x, "y": np.abs(x[:, 0])})
    assert found.decides == "neighbour" and "depends on position" in found.suggests
    spread = measure("permutation_invariance", {"sets": x, "y": np.abs(x).max(axis=1)})
    assert spread.decides == "neighbour_permuted" and spread.strength == "strong"
