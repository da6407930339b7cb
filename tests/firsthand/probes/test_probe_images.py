"""Probes of images on noise of known covariance, and on digits against their plain definition."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from firsthand.data import load
from firsthand.errors import FirsthandError
from firsthand.probes import measure

SEEDS = (0, 1, 2)
PROBES = ("pixel_correlation", "pixel_order", "stationarity", "power_spectrum")
RESULTS = Path(__file__).parents[3] / "papers" / "lenet_1998" / "results"


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([7, seed]).normal(size=shape)


def along_rows(images: np.ndarray) -> np.ndarray:
    """Each pixel the mean of three in a row: correlations 2/3, 1/3, 0 at the distances 1, 2, 3."""
    return sliding_window_view(images, 3, axis=2).mean(axis=-1)


@pytest.mark.parametrize("seed", SEEDS)
def test_independent_pixels_have_no_structure(seed: int) -> None:
    images = noise(seed, 400, 16, 16)
    for probe in PROBES:
        finding = measure(probe, {"images": images}, seed)
        assert finding.strength == "none", finding.suggests
    found = measure("pixel_correlation", {"images": images}, seed)
    assert all(abs(found.measurements[f"correlation_{d}"]) < 4.5 / np.sqrt(400 * 16 * (16 - d)) for d in range(1, 8))
    assert "no locality" in found.suggests
    # of 9 places, 36 correlations over 300 pairs of pixels each
    similarity = measure("stationarity", {"images": images}, seed).measurements["similarity"]
    assert abs(similarity) < 4.5 / np.sqrt(36 * 300)
    assert abs(measure("power_spectrum", {"images": images}).measurements["slope"]) < 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_smoothed_noise_has_the_correlation_of_its_kernel(seed: int) -> None:
    images = along_rows(noise(seed, 500, 16, 18))
    found = measure("pixel_correlation", {"images": images}, seed)
    expected = {1: 2 / 3, 2: 1 / 3, 3: 0, 4: 0, 7: 0}
    error = np.sqrt((1 + 2 * (4 / 9 + 1 / 9)) / (500 * 16 * 16))  # Bartlett's formula at lags beyond the kernel
    for distance, value in expected.items():
        assert abs(found.measurements[f"correlation_{distance}"] - value) < 4.5 * error
    assert abs(found.measurements["vertical_1"]) < 4.5 * error
    assert found.measurements["reach"] == 2 and found.strength == "strong" and "local kernels" in found.suggests
    # two neighbours of correlation 2/3 with the pixel and 1/3 with each other: R² = 2 (2/3)² / (1 + 1/3)
    assert abs(measure("pixel_order", {"images": images}, seed).measurements["explained"] - 2 / 3) < 6 * error


@pytest.mark.parametrize("seed", SEEDS)
def test_the_null_of_permuted_pixels_is_the_mean_correlation_of_all_pairs(seed: int) -> None:
    images = along_rows(noise(seed, 300, 8, 10))
    flat = (images - images.mean(axis=0)).reshape(300, 64)
    C = flat.T @ flat
    expected = (C.sum() - C.trace()) / 63 / C.trace()
    mean, std = measure("pixel_correlation", {"images": images}, seed).null["correlation_1"]
    assert abs(mean - expected) < 4 * std / np.sqrt(19)


@pytest.mark.parametrize("seed", SEEDS)
def test_stationarity_knows_one_texture_from_two(seed: int) -> None:
    rows = along_rows(noise(seed, 2000, 20, 22))
    columns = along_rows(noise(seed + 10, 2000, 20, 22)).swapaxes(1, 2)
    one = measure("stationarity", {"images": rows}, seed)
    assert one.measurements["similarity"] > 0.95 and one.strength == "strong" and "shared" in one.suggests
    both = np.concatenate([rows[:, :, :10], columns[:, :, 10:]], axis=2)
    two = measure("stationarity", {"images": both}, seed)
    y, x = np.divmod(np.arange(25), 5)
    one_end, other = np.triu_indices(25, 1)
    down, right = np.abs(y[one_end] - y[other]), np.abs(x[one_end] - x[other])
    kernel = np.array([1, 2 / 3, 1 / 3, 0, 0])
    unlike = np.corrcoef(kernel[right] * (down == 0), kernel[down] * (right == 0))[0, 1]
    # each of the 16 places has 7 others of its texture and 8 of the other
    assert abs(two.measurements["similarity"] - (7 + 8 * unlike) / 15) < 0.05


@pytest.mark.parametrize("slope", [-1, -2, -3])
def test_the_slope_of_a_power_law_is_found_in_a_window_of_it(slope: int) -> None:
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    frequency[0, 0] = np.inf
    large = np.fft.ifft2(np.fft.fft2(noise(3, 200, 64, 64)) * frequency ** (slope / 2)).real
    found = measure("power_spectrum", {"images": large[:, :32, :32]}).measurements["slope"]
    assert abs(found - slope) < 0.15


def test_correlation_is_that_of_the_plain_definition_on_digits() -> None:
    """That of the experiment `structure` of lenet_1998, word for word."""
    digits = load("optdigits")
    found = measure("pixel_correlation", digits.arrays)
    deviation = (digits["images"] / 16.0) - (digits["images"] / 16.0).mean(axis=0)
    for d in range(1, 8):
        plain = np.corrcoef(deviation[:, :, :-d].ravel(), deviation[:, :, d:].ravel())[0, 1]
        assert abs(found.measurements[f"correlation_{d}"] - plain) < 1e-12


@pytest.mark.full
@pytest.mark.skipif("FIRSTHAND_DATA" not in os.environ, reason="FIRSTHAND_DATA is not set: no MNIST")
def test_correlation_is_that_of_the_records_on_mnist() -> None:
    found = measure("pixel_correlation", load("mnist").arrays)
    records = [json.loads(path.read_text()) for path in RESULTS.glob("structure-*.json")]
    recorded = {r["unit"]["settings"]["order"]: r["measurements"] for r in records}
    for name in ("correlation_1", "correlation_2", "correlation_4"):
        # the records took the mean image in float32, which moves the correlations by some 1e-5
        assert abs(found.measurements[name] - recorded["as scanned"][name]) < 1e-4
        mean, std = found.null[name]
        assert abs(recorded["permuted"][name] - mean) < 4 * std


def test_channels_are_averaged_and_large_images_cut() -> None:
    grey = noise(0, 50, 40, 36)
    colours = grey[:, None] + np.array([-1, 0, 1])[:, None, None]
    cut = {"images": grey[:, 4:36, 2:34]}
    finding = measure("pixel_correlation", {"images": colours})
    for name, value in measure("pixel_correlation", cut).measurements.items():
        assert abs(finding.measurements[name] - value) < 1e-9
    assert "the middle 32 x 32" in finding.sample


@pytest.mark.parametrize("shape", [(1, 8, 8), (9, 2, 8), (9, 5, 5)])
def test_too_little_to_measure(shape: tuple[int, ...]) -> None:
    with pytest.raises(FirsthandError, match="needs"):
        measure("stationarity", {"images": noise(0, *shape)})
