"""What all probes have in common: nulls, units, definitions, determinism, and the words for evidence."""

import math
from typing import Any

import numpy as np
import pytest

from firsthand.errors import FirsthandError
from firsthand.probes import PROBES, Finding, measure
from firsthand.probes.figures import draw, svg
from firsthand.probes.finding import Contrast, Sheet


def sample() -> dict[str, dict[str, np.ndarray]]:
    """For each probe, small arrays that it measures."""
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=80)
    edges = np.unique(np.sort(rng.permuted(np.tile(np.arange(80), (200, 1)), axis=1)[:, :2], axis=1), axis=0)
    table = rng.normal(size=(80, 6)) * (rng.random((80, 6)) < 0.9)
    by_kind = {
        "images": {"images": rng.normal(size=(60, 12, 12)).cumsum(axis=2), "labels": labels[:60]},
        "sequences": {"series": rng.normal(size=300).cumsum()},
        "sets": {"sets": table, "labels": labels},
        "graphs": {"edges": edges, "labels": labels, "features": table},
        "table": {"table": table, "labels": labels},
        "text": {"tokens": rng.geometric(0.1, size=2000)},
    }
    return {name: by_kind["table" if "table" in probe.kinds else probe.kinds[0]] for name, probe in PROBES.items()}


SAMPLE = sample()


def same(one: Finding, other: Finding) -> bool:
    return one.measurements == other.measurements and one.null == other.null and one.suggests == other.suggests


@pytest.mark.parametrize("name", PROBES)
def test_a_finding_is_whole(name: str) -> None:
    before = {key: array.copy() for key, array in SAMPLE[name].items()}
    state = np.random.get_state()[1].copy()  # type: ignore[union-attr] # noqa: NPY002
    found = measure(name, SAMPLE[name])
    assert found.probe == name and found.kind in PROBES[name].kinds
    assert found.units.keys() == found.measurements.keys() and found.null.keys() <= found.measurements.keys()
    assert found.decides in found.null and all(map(math.isfinite, found.measurements.values()))
    assert "Null" in found.definition or "null" in found.definition
    assert all(name.rpartition("_")[0] in found.definition for name in found.measurements)
    assert found.sample and found.suggests.endswith(".") and not found.suggests[0].islower()
    assert (found.strength in found.suggests) == (found.strength != "none")
    for array in ("measured", "null_mean", "null_std"):
        assert found.arrays[array].shape == found.arrays["x"].shape
    assert all(np.array_equal(before[key], array) for key, array in SAMPLE[name].items())
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", PROBES)
def test_the_seed_decides(name: str) -> None:
    assert same(measure(name, SAMPLE[name], 3), measure(name, SAMPLE[name], 3))
    drawn = {k: v for k, v in measure(name, SAMPLE[name], 3).null.items() if v[1] > 0}
    other = measure(name, SAMPLE[name], 4).null
    assert drawn and any(other[key] != value for key, value in drawn.items())


def test_samples_of_large_sets_are_stated_and_the_same_each_time() -> None:
    table = np.random.default_rng(2).normal(size=(3000, 4))
    once, twice = (measure("intrinsic_dimension", {"table": table}) for _ in range(2))
    assert once.sample == "1,000 of the 3,000 examples" and same(once, twice)


@pytest.mark.parametrize("name", PROBES)
def test_a_figure_of_each(name: str) -> None:
    found = measure(name, SAMPLE[name])
    figure = draw(found, PROBES[name].sketch, "sample")
    (axes,) = figure.axes
    assert axes.get_ylabel() and axes.get_title(loc="left") and (axes.get_xlabel() or axes.get_xticklabels())
    assert "[sample]" in figure.get_suptitle()
    low, high = axes.get_ylim()
    assert low < high and low <= found.arrays["measured"].max() <= high


def test_the_band_of_a_figure_is_two_standard_deviations_of_the_null() -> None:
    finding = measure("autocorrelation", {"series": np.random.default_rng(0).normal(size=200)})
    (band,) = draw(finding, PROBES["autocorrelation"].sketch, "noise").axes[0].collections
    edge = band.get_paths()[0].vertices
    mean, std = finding.arrays["null_mean"], finding.arrays["null_std"]
    assert edge[:, 1].max() == pytest.approx((mean + 2 * std).max())
    assert edge[:, 1].min() == pytest.approx((mean - 2 * std).min())


def test_the_same_figure_is_the_same_bytes() -> None:
    found = measure("homophily", SAMPLE["homophily"])
    once, twice = (svg(draw(found, PROBES["homophily"].sketch, "sample")) for _ in range(2))
    assert once == twice and once.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("measured", "mean", "std", "sign", "word"),
    [
        (0.39, 0, 0.1, 0, "none"),
        (0.41, 0, 0.1, 0, "weak"),
        (0.61, 0, 0.1, 0, "strong"),
        (-0.61, 0, 0.1, 0, "strong"),
        (-0.61, 0, 0.1, 1, "none"),
        (-0.61, 0, 0.1, -1, "strong"),
        (0.29, 0, 0.001, 0, "weak"),  # certain and small
        (0.5, 0.5, 0, 0, "none"),
        (0.5 + 1e-15, 0.5, 1e-17, 0, "none"),  # rounding
        (0.9, 0.5, 0, 1, "strong"),
        (0.6, 0.5, 0, 1, "weak"),
    ],
)
def test_the_words_for_evidence(measured: float, mean: float, std: float, sign: int, word: str) -> None:
    assert Contrast(measured, mean, std).strength(0.3, sign) == word


@pytest.mark.parametrize(
    ("std", "text"),
    [
        (3.21, "12.35 against 5.68 ± 3.21"),
        (0.0123, "12.346 against 5.679 ± 0.012"),
        (1e-9, "12.3456 against 5.6789 ± 0.0000"),
        (0, "12.35 against 5.68 ± 0.00"),
    ],
)
def test_numbers_are_given_to_the_precision_of_the_null(std: float, text: str) -> None:
    assert str(Contrast(12.3456, 5.6789, std)) == text


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("pixel_corelation", {}, "no probe called 'pixel_corelation'; did you mean pixel_correlation?"),
        ("zipf", {"images": np.ones((2, 3, 3))}, "text need an array tokens or x or counts; there is images"),
        ("label_noise", {"table": np.eye(4)}, "label_noise needs classes, which this data does not have"),
        ("class_balance", {"x": np.eye(4)}, "do not tell what they are"),
    ],
)
def test_refusals(name: str, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(FirsthandError) as caught:
        measure(name, arrays)
    assert message in str(caught.value)


def test_the_null_has_the_standard_deviation_of_a_sample() -> None:
    sheet = Sheet("probe", "table", "")
    sheet.put("number", 3.0, "", [0.0, 2.0])
    assert sheet.null["number"] == (1.0, pytest.approx(math.sqrt(2)))
    assert sheet.contrast("number").distance == pytest.approx(math.sqrt(2))
