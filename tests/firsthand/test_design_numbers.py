"""The three sources of a number: records, costs and probes; and what is said where a probe cannot be run."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from planned import SLUG, notes, plan, refusals
from toy import Toy

from firsthand import probes
from firsthand.design import probed
from firsthand.design.schema import ReadsProbe

RECORD = "    reads: {experiment: descent, tier: quick, measurement: start_error}\n"
PROBE = "    probe: {name: autocorrelation, data: %s, measurement: autocorrelation_1}\n"
TRIALS = """
import numpy as np

from core.layer import Layer, Param


class Trials(Layer):
    def __init__(self, rngs: list[np.random.Generator]) -> None:
        self.W = Param(np.array([rng.normal(size=3) for rng in rngs]))
"""
READS = ReadsProbe(name="autocorrelation", data="own.npz", measurement="autocorrelation_1")


@pytest.fixture
def planned(toy: Toy) -> Path:
    return plan(toy)


@pytest.fixture
def own(planned: Path) -> Path:
    """A series beside the design, which reads a probe of it; the value that stands there is far off."""
    np.savez(planned.parent / "own.npz", series=np.sin(np.arange(200)))
    planned.write_text(planned.read_text().replace(RECORD, PROBE % "own.npz").replace("value: 1.0", "value: 9.0"))
    return planned


def corrected(path: Path) -> None:
    path.write_text(path.read_text().replace("value: 9.0", "value: 0.5").replace("within: 2.0", "within: 0.1"))


def cost(path: Path, model: str, *, value: float = 6, shape: str = "[1, 2]", settings: str = "{}") -> list[str]:
    source = f'    cost: {{model: "{model}", input: {shape}, measures: parameters, settings: {settings}}}\n'
    text = path.read_text().replace(RECORD, source)
    path.write_text(text.replace("value: 1.0", f"value: {value}").replace("within: 2.0", "within: 0"))
    return refusals(path)


def test_a_cost_is_counted_from_the_model(planned: Path) -> None:
    assert cost(planned, "core.dense:Linear", settings="{n_in: 2, n_out: 2}") == []


def test_parameters_are_counted_without_an_input_or_with_one_trial_of_many(planned: Path) -> None:
    (planned.parent.parent / "trials.py").write_text(TRIALS)
    assert cost(planned, "trials:Trials", shape="[]", value=3) == []
    planned.write_text(planned.read_text().replace("measures: parameters", "measures: multiply_adds"))
    (said,) = refusals(planned)
    assert "write module:function and a shape with its batch axis" in said


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        ("core.dense:Linear", {"value": 7}, "'linear' says 7, but the code gives 6"),
        ("core.dense:Linear", {"settings": "{n_in: 3, n_out: 2}"}, "cannot be counted (ValueError: Linear(3, 2)"),
        ("core.dense:Liner", {}, "cannot be counted (AttributeError"),
        ("core.dens:Linear", {}, "cannot be counted (ModuleNotFoundError"),
        ("core.dense", {}, "write module:function and a shape with its batch axis"),
        ("core.dense:Linear", {"shape": "[2]"}, "write module:function and a shape with its batch axis"),
    ],
)
def test_costs_that_are_refused(planned: Path, model: str, more: dict[str, str], message: str) -> None:
    more = {"settings": "{n_in: 2, n_out: 2}"} | more
    assert any(message in said for said in cost(planned, model, **more))


def test_a_probe_is_run_and_compared(own: Path) -> None:
    assert any("'linear' says 9, but the code gives 0.5" in said for said in refusals(own))
    corrected(own)
    assert refusals(own) == []
    assert "no result of this probe is committed" in notes(own)[0]


def test_a_committed_result_stands_until_data_or_code_change(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected(own)
    assert probed.write([READS, READS], own) == 1 and probed.write([READS], own) == 0
    with monkeypatch.context() as patch:
        patch.setattr(probes, "measure", None)  # not called again
        assert refusals(own) == notes(own) == []
    with monkeypatch.context() as patch:
        patch.setattr(probed, "_code", lambda: "other")
        assert refusals(own) == [] and "its committed result is stale" in notes(own)[0]
    np.savez(own.parent / "own.npz", series=np.random.default_rng(0).normal(size=200))
    assert "its committed result is stale" in notes(own)[0]
    assert any("'linear' says 0.5, but the code gives" in said for said in refusals(own))


def test_a_result_that_nothing_asks_for_is_dropped(own: Path) -> None:
    probed.write([READS], own)
    probed.write([], own)
    assert msgspec.json.decode(probed.results_path(own).read_bytes()) == []


def test_results_that_were_altered_or_damaged(own: Path) -> None:
    corrected(own)
    probed.write([READS], own)
    path = probed.results_path(own)
    text = path.read_text()
    path.write_text(text.replace('"autocorrelation_1": 0.5', '"autocorrelation_1": 0.6'))
    assert path.read_text() != text
    assert any("was altered after it was written; delete it" in said for said in refusals(own))
    path.write_text(text[:-20])
    assert any("cannot be read" in said for said in refusals(own))


def test_without_the_data_a_number_is_not_checked_and_that_is_said(
    planned: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The committed result is enough for a machine without the data; without either, a note, and no failure."""
    monkeypatch.setenv("FIRSTHAND_OFFLINE", "1")
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("FIRSTHAND_CACHE", str(tmp_path / "none"))
    source = PROBE.replace("autocorrelation_1", "correlation_1").replace("autocorrelation", "pixel_correlation")
    planned.write_text(planned.read_text().replace(RECORD, source % "mnist"))
    assert refusals(planned) == []
    (note,) = notes(planned)
    assert "'linear' cannot be checked here" in note and "the data set mnist is not on this machine" in note
    reads = ReadsProbe(name="pixel_correlation", data="optdigits", measurement="correlation_1")
    found = probed.measure(reads.name, reads.data, planned)
    monkeypatch.setattr(probed, "measure", lambda *_: found)
    planned.write_text(planned.read_text().replace("mnist", "optdigits"))
    probed.write([reads], planned)
    assert notes(planned) == refusals(planned) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: autocorrelation,", "name: autocorelation,", "There is no probe called 'autocorelation'; did you mean"),
        (
            "measurement: autocorrelation_1",
            "measurement: luck",
            "does not measure 'luck'; it measures autocorrelation_1",
        ),
        ("data: own.npz", "data: other.npz", "other.npz: there is no such file"),
        ("data: own.npz", "data: sunspot", "There is no data set called 'sunspot'; did you mean sunspots?"),
        ("name: autocorrelation,", "name: pixel_correlation,", "images need"),
    ],
)
def test_probes_that_are_refused(own: Path, old: str, new: str, message: str) -> None:
    own.write_text(own.read_text().replace(old, new))
    said = refusals(own)
    assert len(said) == 1 and "'linear' cannot be checked: " in said[0] and message in said[0], said


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"plain text"])
def test_own_data_that_is_no_npz(own: Path, content: bytes) -> None:
    (own.parent / "own.npz").write_bytes(content)
    (said,) = refusals(own)
    assert "own.npz" in said and "is not an .npz file" in said


def test_objects_are_never_unpickled(own: Path) -> None:
    np.savez(own.parent / "own.npz", series=np.array([{}], dtype=object))
    (said,) = refusals(own)
    assert "own.npz: series holds Python objects, which are never unpickled" in said


def test_a_record_needs_a_paper_or_a_study(planned: Path) -> None:
    planned.write_text(planned.read_text().replace(f"paper: {SLUG}\n", ""))
    said = " ".join(refusals(planned))
    assert f"'linear' reads an experiment, but there is no designs/{SLUG}/study.yml" in said
    assert "names the claim 'C1', which designs/plan_2001/study.yml does not have (it has none)" in said


def test_write_from_the_command_line(toy: Toy, own: Path) -> None:
    corrected(own)
    done = toy("design", "check", SLUG, "--write")
    assert done.returncode == 0 and "1 probe run" in done.stdout and "note" not in done.stdout
