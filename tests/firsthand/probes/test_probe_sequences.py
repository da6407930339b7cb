"""Probes of sequences on processes whose correlations and information are known."""

import numpy as np
import pytest

from firsthand.data import load
from firsthand.probes import NotApplicable, measure

SEEDS = (0, 1, 2)
LONG = 20_000


def autoregression(seed: int, size: int, **weights: float) -> np.ndarray:
    """x_t = Σ w_k x_{t-k} + noise, the weights given as lag_k=w, after a start that is forgotten."""
    lags = {int(name.removeprefix("lag_")): w for name, w in weights.items()}
    x = np.random.default_rng([3, seed]).normal(size=size + 500)
    for t in range(max(lags), len(x)):
        for lag, w in lags.items():
            x[t] += w * x[t - lag]
    return x[500:]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("phi", [0.5, -0.7, 0.9])
def test_an_autoregression_decays_geometrically(phi: float, seed: int) -> None:
    found = measure("autocorrelation", {"series": autoregression(seed, LONG, lag_1=phi)}, seed)
    for k in (1, 2, 4, 8, 16):
        square = phi ** (2 * k)
        variance = ((1 + phi**2) * (1 - square) / (1 - phi**2) - 2 * k * square) / LONG  # Bartlett (1946)
        assert abs(found.measurements[f"autocorrelation_{k}"] - phi**k) < 4.5 * np.sqrt(variance)
    assert found.strength == "strong"
    if phi > 0:
        expected = (1 + phi) / (1 - phi)
        assert abs(found.measurements["integrated"] / expected - 1) < 5 * np.sqrt(2 * (2 * 40 + 1) / LONG)


@pytest.mark.parametrize("seed", range(6))
def test_white_noise_has_no_memory(seed: int) -> None:
    series = {"series": np.random.default_rng([4, seed]).normal(size=3000)}
    for probe in ("autocorrelation", "mutual_information", "memory", "order_sensitivity"):
        finding = measure(probe, series, seed)
        assert finding.strength == "none", finding.suggests
    assert "no linear memory" in measure("autocorrelation", series, seed).suggests
    assert measure("memory", series, seed).measurements["window"] == 0
    assert "pool them" in measure("order_sensitivity", series, seed).suggests


def test_the_memory_of_white_noise_is_a_test_at_five_percent() -> None:
    noise = np.random.default_rng(5).normal(size=(200, 64))
    memories = [measure("autocorrelation", {"series": row}, n).measurements["memory"] for n, row in enumerate(noise)]
    assert 1 <= np.count_nonzero(memories) <= 22  # binomial, 200 trials at 1 in 20: 10, standard deviation 3.1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_window_is_the_order_of_the_process(seed: int) -> None:
    first = measure("memory", {"series": autoregression(seed, LONG, lag_1=0.5)}, seed)
    assert first.measurements["window"] == 1 and "short memory" in first.suggests
    assert abs(first.measurements["r2_1"] - 0.25) < 4.5 * np.sqrt(4 * 0.25 * 0.75**2 / (LONG / 2))
    second = measure("memory", {"series": autoregression(seed, LONG, lag_1=1.3, lag_2=-0.7)}, seed)
    assert second.measurements["window"] == 2
    distant = measure("memory", {"series": autoregression(seed, LONG, lag_16=0.8)}, seed)
    assert distant.measurements["window"] == 16 and distant.strength == "strong"
    assert "gates or attention" in distant.suggests
    assert abs(distant.measurements["r2_16"] - 0.64) < 0.03 and distant.measurements["r2_8"] < 0.03


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("p", [0.05, 0.2])
def test_the_information_of_a_symmetric_chain(p: float, seed: int) -> None:
    flips = np.random.default_rng([6, seed]).random(LONG) < p
    chain = np.cumsum(flips) % 2
    found = measure("mutual_information", {"series": chain}, seed)
    for k in (1, 2, 4):
        q = (1 - (1 - 2 * p) ** k) / 2  # the share that differs k steps later
        expected = 1 + q * np.log2(q) + (1 - q) * np.log2(1 - q)
        error = np.sqrt(q * (1 - q) / LONG * k) * np.log2((1 - q) / q)
        assert abs(found.measurements[f"information_{k}"] - expected) < 5 * error
    as_text = measure("mutual_information", {"tokens": np.where(chain == 1, "yes", "no")}, seed)
    assert as_text.measurements["information_1"] == found.measurements["information_1"]


def test_information_sees_what_correlation_does_not() -> None:
    x = np.empty(5000)
    x[0] = 0.3
    for t in range(1, len(x)):
        x[t] = 4 * x[t - 1] * (1 - x[t - 1])
    assert measure("autocorrelation", {"series": x}).strength == "none"
    assert measure("memory", {"series": x}).strength == "none"
    information = measure("mutual_information", {"series": x})
    assert information.strength == "strong" and information.measurements["information_1"] > 1.5


@pytest.mark.parametrize("seed", SEEDS)
def test_order_matters_in_an_autoregression_and_not_among_equals(seed: int) -> None:
    ordered = measure("order_sensitivity", {"series": autoregression(seed, 5000, lag_1=0.8)}, seed)
    assert ordered.strength == "strong" and abs(ordered.measurements["r2"] - 0.64) < 0.06
    rng = np.random.default_rng([8, seed])
    level = rng.normal(size=(200, 1)) + rng.normal(size=(200, 40))  # each series about a level of its own
    equals = measure("order_sensitivity", {"series": level}, seed)
    # the mean of 8 values of variance 1 about a level of variance 1 explains 1 / (1 + 1/8) of half the variance
    assert equals.strength == "none" and abs(equals.measurements["r2"] - 0.5 / (1 + 1 / 8)) < 0.1
    assert "in any order" in equals.suggests


def test_pairs_do_not_cross_from_one_series_to_the_next() -> None:
    rng = np.random.default_rng(9)
    rows = np.tile(np.arange(64.0), (50, 1)) + rng.normal(size=(50, 64))
    x = rows - rows.mean()
    found = measure("autocorrelation", {"series": rows}).measurements
    assert found["autocorrelation_3"] == pytest.approx(sum(row[:-3] @ row[3:] for row in x) / (x**2).sum())


def test_sunspots() -> None:
    arrays = load("sunspots").arrays
    correlation, memory = measure("autocorrelation", arrays), measure("memory", arrays)
    x = arrays["series"] - arrays["series"].mean()
    assert correlation.measurements["autocorrelation_11"] == pytest.approx(x[:-11] @ x[11:] / (x @ x))
    assert max(range(6, 17), key=lambda lag: correlation.arrays["measured"][lag - 1]) in (10, 11)  # the solar cycle
    assert correlation.strength == memory.strength == "strong"
    assert memory.measurements["window"] == 2  # the order that Yule (1927) took


def test_too_short() -> None:
    with pytest.raises(NotApplicable, match="at least 32 values"):
        measure("autocorrelation", {"series": np.arange(31.0)})
