"""Every workload: the same gradients and steps on both sides, at a small size."""

import numpy as np
import pytest

from firsthand.bench.measure import difference
from firsthand.bench.registry import FAMILIES, WORKLOADS, select
from firsthand.bench.workload import GRADIENT, build
from firsthand.errors import FirsthandError


def test_the_registry_holds_every_family_under_names_of_its_own() -> None:
    listed = [workload for family in FAMILIES for workload in family.WORKLOADS]
    assert len(listed) == len(WORKLOADS) == len({workload.what for workload in listed})
    expected = {"mlp", "vae", "gan", "lenet-64", "lenet-256", "resnet-20", "transformer-5", "transformer-256"}
    expected |= {"lstm-8-1", "lstm-8-32", "lstm-128-64", "lstm-512-64", "gru-8-32", "gru-128-64", "gru-512-64"}
    expected |= {"words", "adam", "momentum"}
    assert set(WORKLOADS) == expected
    assert select([]) == listed
    assert all(workload.size.keys() == workload.small.keys() for workload in listed)


def test_an_unknown_workload_is_refused_with_the_nearest() -> None:
    with pytest.raises(FirsthandError, match=r"no workload called 'resnet20'; did you mean resnet-20\?"):
        select(["mlp", "resnet20"])


@pytest.mark.parametrize("name", WORKLOADS)
def test_ours_runs_and_trains(name: str) -> None:
    side = build(WORKLOADS[name], "ours", np.float32, small=True)
    results = side.results()
    assert {array.dtype for array in results.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(array).all() for array in results.values())
    assert any(array.any() for array in results.values())
    again = build(WORKLOADS[name], "ours", np.float32, small=True).results()
    assert all(np.array_equal(results[key], again[key]) for key in results)


@pytest.mark.parametrize("name", WORKLOADS)
def test_gradients_and_steps_are_those_of_torch(name: str) -> None:
    pytest.importorskip("torch")
    for dtype, only, tolerance in ((np.float64, "", 1e-9), (np.float32, GRADIENT, 1e-3)):
        ours, theirs = (build(WORKLOADS[name], side, dtype, small=True).results() for side in ("ours", "torch"))
        assert difference(ours, theirs, only) < tolerance
        assert any(key.startswith(GRADIENT) for key in theirs)


def test_a_wrong_gradient_is_noticed() -> None:
    pytest.importorskip("torch")
    side = build(WORKLOADS["mlp"], "ours", np.float64, small=True)
    theirs = build(WORKLOADS["mlp"], "torch", np.float64, small=True).results()
    first = side.pair.models[0]["0"]
    run = side.pair.ours[0]

    def wrong() -> None:
        run()
        first.b.grad *= 1.0001

    side.pair.ours[0] = wrong
    assert 1e-5 < difference(side.results(), theirs) < 1e-1


def test_params_that_torch_does_not_have_are_named() -> None:
    pytest.importorskip("torch")
    from firsthand.bench.twins import Twins

    model = build(WORKLOADS["mlp"], "ours", np.float32, small=True).pair.models[0]
    with pytest.raises(ValueError, match=r"0\.W, 0\.b"):
        Twins().gradients(model)
