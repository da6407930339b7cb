"""What is made of times, the processes, and the command."""

import importlib.util
import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from firsthand.bench import cli, measure, naive
from firsthand.bench.measure import Report, Row, difference, geometric_mean, ratios
from firsthand.bench.registry import WORKLOADS
from firsthand.bench.worker import Worker
from firsthand.errors import FirsthandError

MADE_UP = Row(workload="mlp", what="made up", ours_ms=1.0, ours_mb=50.0, ours_growth_mb=10.0)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("papers", "designs"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sizes, and rounds of one step."""
    monkeypatch.setattr(measure, "ROUND", 0.0)
    real = measure.measure_all
    monkeypatch.setattr(cli, "measure_all", lambda *arguments: real(*arguments, small=True))


def bench(*words: str) -> Result:
    return CliRunner().invoke(cli.bench, words)


def test_the_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    assert ratios([1.0, 8.0, 3.0], [2.0, 2.0, 3.0]) == (1.0, 0.5, 4.0)  # the ratio of the medians would be 1.5
    assert ratios([3.0], [2.0]) == (1.5, 1.5, 1.5)
    with pytest.raises(ValueError):
        ratios([1.0, 2.0], [1.0])


def test_the_geometric_mean_of_two_and_a_half_is_one() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0)
    assert geometric_mean([8.0, 1.0, 1.0]) == pytest.approx(2.0)
    assert geometric_mean([]) is None


def test_differences_are_parts_of_the_largest_number_of_each_tensor() -> None:
    theirs = {"a": np.array([10.0, 0.1]), "b": np.array([0.01])}
    assert difference({"a": np.array([10.0, 0.2]), "b": np.array([0.01])}, theirs) == pytest.approx(0.01)
    assert difference({"a": theirs["a"], "b": np.array([0.02])}, theirs) == pytest.approx(1.0)
    assert difference({"a": theirs["a"], "b": np.array([0.02])}, theirs, only="a") == 0.0
    assert difference({"a": np.zeros(2)}, {"a": np.zeros(2)}) == 0.0


@pytest.mark.parametrize("ours", [{}, {"a": np.ones(3)}, {"b": np.ones(2)}, {"a": np.array([1.0, math.nan])}])
def test_what_cannot_be_compared_differs_without_bound(ours: dict[str, np.ndarray]) -> None:
    assert difference(ours, {"a": np.ones(2)}) == math.inf
    assert difference({"a": np.ones(2)}, {"a": np.zeros(2)}) == math.inf


def test_a_process_answers_and_a_failure_in_it_is_one_sentence() -> None:
    with Worker("momentum", "ours", small=True) as process:
        assert process.ask("time", 3) >= 0
        peak, before = process.ask("memory")
        assert peak >= before
        with pytest.raises(FirsthandError, match=r"^momentum: the process of our side failed: TypeError: ") as caught:
            process.ask("results", "no such type")
        assert "\n" not in str(caught.value)
        assert process.ask("time", 1) >= 0  # it goes on
        process.process.kill()
        with pytest.raises(FirsthandError, match=r"our side died \(exit code -9\)"):
            process.ask("time", 1)
    assert not process.process.is_alive()


def test_times_are_written_and_printed_as_json(checkout: Path, quick: None) -> None:
    result = bench("--workload", "adam", "--workload", "adam", "--rounds", "2", "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert list(content) == list(Report.__struct_fields__)
    assert [list(row) for row in content["workloads"]] == [list(Row.__struct_fields__)]
    assert content["format"] == 1 and content["rounds"] == 2 and content["against"] is None
    assert content["clock"] == "process CPU time" and content["geometric_mean"] is None
    (row,) = content["workloads"]
    assert row["workload"] == "adam" and row["ours_ms"] > 0 and row["ratio"] is None
    (written,) = (checkout / "build" / "bench").iterdir()
    assert written.suffix == ".json" and written.read_text() == result.stdout.rstrip("\n")
    assert msgspec.json.decode(written.read_bytes(), type=Report).workloads[0].valid


def test_every_key_is_in_the_help() -> None:
    text = bench("--help").output
    words = text.replace(",", " ").split()
    fields = [*Report.__struct_fields__, *Row.__struct_fields__, *naive.NaiveRow.__struct_fields__]
    assert [name for name in fields if name not in words] == []
    assert all(name in text for name in [*WORKLOADS, *naive.LAYERS])


def test_against_torch(checkout: Path, quick: None) -> None:
    pytest.importorskip("torch")
    result = bench("--against", "torch", "--workload", "mlp", "--rounds", "2", "--threads", "2")
    assert result.exit_code == 0, result.output
    assert "wall clock, 2 threads, median of 2 rounds" in result.stdout and "geometric mean" in result.stdout
    (written,) = (checkout / "build" / "bench").iterdir()
    report = msgspec.json.decode(written.read_bytes(), type=Report)
    (row,) = report.workloads
    assert row.valid and row.ratio is not None and row.lowest is not None and row.highest is not None
    assert row.lowest <= row.ratio <= row.highest and report.geometric_mean == pytest.approx(row.ratio)
    assert row.difference is not None and row.difference < 1e-9


def test_an_invalid_row_is_marked_left_out_of_the_mean_and_ends_with_1(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {"torch_ms": 2.0, "lowest": 0.4, "highest": 0.6, "torch_mb": 300.0, "difference_float32": 1e-6}
    good = msgspec.structs.replace(MADE_UP, ratio=0.5, difference=1e-12, **numbers)
    bad = msgspec.structs.replace(MADE_UP, workload="gan", ratio=9.0, difference=0.3, valid=False, **numbers)
    rows = iter([good, bad])
    monkeypatch.setattr(cli, "require_torch", lambda: None)
    monkeypatch.setattr(measure, "measure", lambda *_: next(rows))
    monkeypatch.setattr(measure.importlib.metadata, "version", lambda name: "2.0")
    result = bench("--against", "torch", "--workload", "mlp", "--workload", "gan")
    assert result.exit_code == 1
    assert "invalid" in result.stdout and "gan: the two sides differ by more than 1e-07" in result.stdout
    assert "0.50, without the invalid rows" in result.stdout


def test_without_torch_one_sentence_says_how_to_get_it(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = bench("--against", "torch")
    assert isinstance(result.exception, FirsthandError) and result.exception.exit_code == 2
    assert str(result.exception).endswith("pip install -e '.[parity]'") and "\n" not in str(result.exception)
    assert not (checkout / "build").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--workload", "lenet64"), "did you mean lenet-64?"), (("--naive", "--workload", "linea"), "you mean linear?")],
)
def test_a_wrong_name_is_refused_with_the_nearest(checkout: Path, words: tuple[str, ...], said: str) -> None:
    result = bench(*words)
    assert isinstance(result.exception, FirsthandError) and said in str(result.exception)


def test_usage_errors(checkout: Path) -> None:
    assert bench("--naive", "--against", "torch").exit_code == 2
    assert bench("--threads", "3").exit_code == 2
    assert bench("--rounds", "0").exit_code == 2


def test_layers_agree_with_plain_loops() -> None:
    for name in naive.LAYERS:
        row = naive.compare(name, examples=1, repeats=1)
        assert row.valid and row.difference < 1e-5, row


def test_loops_that_disagree_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = naive.softmax_loops
    monkeypatch.setattr(naive, "softmax_loops", lambda x, dy: [real(x, dy)[0], dy])
    assert not naive.compare("softmax", examples=1, repeats=1).valid


def test_naive_prints_and_writes(checkout: Path) -> None:
    result = bench("--naive", "--workload", "softmax")
    assert result.exit_code == 0 and "extrapolated" in result.stdout
    result = bench("--naive", "--workload", "softmax", "--json")
    (row,) = json.loads(result.stdout)["layers"]
    assert list(row) == list(naive.NaiveRow.__struct_fields__)
    assert all(path.name.endswith("-naive.json") for path in (checkout / "build" / "bench").iterdir())
