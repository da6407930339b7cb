"""Probes of tables and text with a known rank, share of zeros and exponent."""

import numpy as np
import pytest

from firsthand.probes import NotApplicable, measure

SEEDS = (0, 1, 2)


@pytest.mark.parametrize("rank", [2, 5, 20])
def test_axes_of_equal_variance_are_counted(rank: int) -> None:
    rng = np.random.default_rng(rank)
    left = rng.normal(size=(200, rank))
    left = np.linalg.qr(left - left.mean(axis=0))[0]  # its columns sum to zero
    table = left @ np.linalg.qr(rng.normal(size=(60, rank)))[0].T + 3
    found = measure("effective_rank", {"table": table})
    assert found.measurements["effective_rank"] == pytest.approx(rank, rel=1e-6)
    assert abs(found.measurements["rank_90"] - 0.9 * rank) <= 1
    assert found.strength == "strong" and "narrow" in found.suggests


def test_equal_rows_have_no_rank() -> None:
    """Their mean is not exactly one of them, and rounding is no variance."""
    with pytest.raises(NotApplicable, match="these are all the same"):
        measure("effective_rank", {"table": np.tile([[0.1, 0.2, 0.3]], (50, 1))})


@pytest.mark.parametrize("seed", SEEDS)
def test_independent_columns_have_full_rank(seed: int) -> None:
    found = measure("effective_rank", {"table": np.random.default_rng([17, seed]).normal(size=(400, 30))}, seed)
    assert found.strength == "none" and "loses much" in found.suggests


@pytest.mark.parametrize("seed", SEEDS)
def test_zeros_and_uneven_columns(seed: int) -> None:
    rng = np.random.default_rng([18, seed])
    even = measure("sparsity", {"table": rng.random((500, 40)) < 0.1}, seed)
    assert abs(even.measurements["zeros"] - 0.9) < 4.5 * np.sqrt(0.09 / 20_000) and even.strength == "strong"
    assert "no column is commoner than chance" in even.suggests
    uneven = measure("sparsity", {"table": rng.random((500, 40)) < np.linspace(0, 0.6, 40)}, seed)
    assert "steps of their own size" in uneven.suggests
    dense = measure("sparsity", {"table": rng.normal(size=(50, 4))}, seed)
    assert dense.strength == "none" and "nothing to save" in dense.suggests


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("slope", [0.8, 1.0, 1.5])
def test_the_exponent_of_a_zipf_sample(slope: float, seed: int) -> None:
    ranks = np.arange(1, 5001)
    share = ranks**-slope / (ranks**-slope).sum()
    words = np.random.default_rng([19, seed]).choice(5000, 100_000, p=share)
    found = measure("zipf", {"tokens": words}, seed)
    fitted = found.arrays["x"]
    weights = share[: len(fitted)] / share[: len(fitted)].sum()
    logs = np.log(fitted)
    spread = np.sqrt(weights @ logs**2 - (weights @ logs) ** 2)
    error = 1 / (spread * np.sqrt(100_000 * share[: len(fitted)].sum()))  # from Fisher's information
    # sorting by count rather than by true rank, and stopping where counts are small, biases by about one error more
    assert abs(found.measurements["slope"] - slope) < 6 * error
    assert found.strength == "strong" and "parts of words" in found.suggests


@pytest.mark.parametrize("seed", SEEDS)
def test_equally_frequent_words(seed: int) -> None:
    words = np.random.default_rng([20, seed]).integers(200, size=20_000)
    found = measure("zipf", {"tokens": words}, seed)
    assert found.strength == "none" and "equally frequent" in found.suggests


def test_counts_and_tokens_agree() -> None:
    words = np.random.default_rng(1).geometric(0.05, size=5000)
    tokens = measure("zipf", {"tokens": words})
    counts = np.array([np.bincount(part, minlength=words.max() + 1) for part in words.reshape(10, -1)])
    assert measure("zipf", {"counts": counts}).measurements == tokens.measurements
    with pytest.raises(NotApplicable, match="needs sequence"):
        measure("mutual_information", {"counts": counts})
    with pytest.raises(NotApplicable, match="10 words that occur 10 times"):
        measure("zipf", {"tokens": np.arange(50)})
