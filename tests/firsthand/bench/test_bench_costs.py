"""`firsthand cost`: the counts are those of core.cost, every model has inputs that fit, bad names are refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from core import cost
from firsthand.bench.costs import SHAPES, CostReport, CostRow, cells, measure, show_costs
from firsthand.bench.registry import WORKLOADS
from firsthand.bench.workload import Draw
from firsthand.errors import FirsthandError
from firsthand.roofline import Machine

NAME = "lstm-8-1"


def test_a_row_says_what_was_counted_and_measured() -> None:
    row = measure(NAME, Machine(1e9, 1e12))
    counted = cost(WORKLOADS[NAME].build(Draw(np.float32), **WORKLOADS[NAME].size).models[0], (100, 8))
    assert (row.parameters, row.multiply_adds, row.kept_bytes) == (544, counted.multiply_adds, counted.kept_bytes)
    assert row.predicted_ms == pytest.approx(
        (row.multiply_adds + row.backward_multiply_adds) / 1e6
    )  # arithmetic limits
    assert row.measured_ms > 0 and row.watched_ms > 0


@pytest.mark.parametrize("name", SHAPES)
def test_every_model_takes_its_inputs(name) -> None:
    pair = WORKLOADS[name].build(Draw(np.float32), **WORKLOADS[name].size)
    pair.models[0].predict(np.zeros((1, *SHAPES[name][1:]), np.float32))


def test_watching_is_told_in_per_cent() -> None:
    row = measure(NAME, Machine(1e9, 1e12))
    row.measured_ms, row.watched_ms = 2.0, 2.5
    assert cells(row)[-1] == "+25 %"


def test_json_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("papers", "designs"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(show_costs, [NAME, "--json"])
    assert ran.exit_code == 0
    found = json.loads(ran.output)
    assert found.keys() == set(CostReport.__struct_fields__) and [row["workload"] for row in found["models"]] == [NAME]
    assert found["models"][0].keys() == set(CostRow.__struct_fields__)
    (path,) = (tmp_path / "build" / "bench").iterdir()
    assert json.loads(path.read_text()) == found


def test_an_unknown_model() -> None:
    ran = CliRunner().invoke(show_costs, ["lenet"])
    assert isinstance(ran.exception, FirsthandError) and "did you mean lenet-64?" in str(ran.exception)
