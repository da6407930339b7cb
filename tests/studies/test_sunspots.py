"""The study of the sunspots: its split leaks nothing, its models keep the contract, and its code can find a curve."""

from pathlib import Path

import numpy as np
import pytest

from core import check_layer
from designs.sunspots import model
from designs.sunspots.experiments import least_squares
from designs.sunspots.series import LONGEST, TRAINING, VALIDATION, for_probes, logistic_map, second_order, split
from firsthand import data
from firsthand.project import Project
from firsthand.records import Unit
from firsthand.run import execute

SERIES = data.load("sunspots")["series"]
PROJECT = Project(Path(__file__).parents[2])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_parts_follow_each_other_in_time_and_miss_no_year() -> None:
    parts = split(SERIES)
    years = [part.years for part in (parts.training, parts.validation, parts.test)]
    assert [(y[0], y[-1]) for y in years] == [(1716, 1920), (1921, 1955), (1956, 2008)]
    assert (np.diff(np.concatenate(years)) == 1).all()


def test_a_past_ends_the_year_before_its_target() -> None:
    for part in (parts := split(SERIES)).training, parts.validation, parts.test:
        mean, std = SERIES[:TRAINING].mean(), SERIES[:TRAINING].std()
        for year, past, target in zip(part.years, part.past, part.target, strict=True):
            at = year - 1700
            np.testing.assert_allclose(past * std + mean, SERIES[at - LONGEST : at], atol=1e-9)
            assert target * std + mean == pytest.approx(SERIES[at])


@pytest.mark.parametrize("training", [TRAINING, 141])
def test_later_years_change_nothing_that_is_learned_from(training: int) -> None:
    """Other values after the training years leave training alone; after the validation years, both."""
    changed = SERIES.copy()
    changed[training + VALIDATION :] = 1000
    before, after = split(SERIES, training), split(changed, training)
    for name in ("training", "validation"):
        one, other = getattr(before, name), getattr(after, name)
        assert (one.past == other.past).all() and (one.target == other.target).all()
    assert before.scale == after.scale


def test_the_probes_see_the_training_years_alone() -> None:
    folder = PROJECT.root / "designs" / "sunspots"
    for name, arrays in for_probes(SERIES).items():
        with np.load(folder / f"{name}.npz") as archive:
            assert archive.files == list(arrays)
            for array in arrays:
                np.testing.assert_array_equal(archive[array], arrays[array])
    changed = SERIES.copy()
    changed[TRAINING:] = 0
    for name, arrays in for_probes(changed).items():
        for array in arrays:
            np.testing.assert_array_equal(arrays[array], for_probes(SERIES)[name][array])


def test_the_predictors_keep_the_contract() -> None:
    check_layer(model.GRUPredictor(rng(), 3), rng(1).normal(size=(4, 5)))
    check_layer(model.mlp(rng(), 5, 3), rng(1).normal(size=(4, 5)))


def test_least_squares_leaves_no_gradient() -> None:
    part = split(SERIES).training
    layer = least_squares(model.linear(rng(), 9), part, 9)
    y, backward = layer(part.past[:, -9:])
    layer.zero_grad()
    backward(y - part.target[:, None])
    for _, p in layer.named_params():
        assert np.abs(p.grad).max() < 1e-10


def test_a_second_order_series_needs_two_values_and_the_logistic_map_no_line() -> None:
    for made, window, share in ((second_order, 2, 0.5), (logistic_map, 9, 1.1)):
        part = split(made(rng(), 309)).training
        layer = least_squares(model.linear(rng(), window), part, window)
        error = part.target - layer(part.past[:, -window:])[0][:, 0]
        assert (error.std() < share) and (made is second_order) == (error.std() < 0.5)


def test_the_code_that_found_nothing_in_sunspots_finds_a_curve_where_there_is_one() -> None:
    experiment = PROJECT.manifest("sunspots").experiments["earlier"]
    changed = {"series": "logistic map", "window": 1}
    found = {
        name: execute(
            PROJECT, Unit("sunspots", "earlier", experiment.settings | changed | {"model": name}, 3)
        ).measurements["error"]
        for name in ("linear", "mlp")
    }
    assert found["mlp"] < 0.7 * found["linear"]
