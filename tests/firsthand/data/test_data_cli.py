"""`firsthand data list`, `fetch` and `path`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny_data import Server

from firsthand.data import DataError
from firsthand.data.cli import data


def run(*arguments: str) -> Result:
    return CliRunner().invoke(data, arguments)


def test_list_says_where_each_set_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {line.split()[0]: line for line in run("list").output.splitlines() if line.strip()}
    assert "CC BY 4.0" in rows["optdigits"] and "vendored" in rows["optdigits"]
    assert "CC BY-SA 3.0" in rows["mnist"] and "firsthand data fetch mnist" in rows["mnist"]
    monkeypatch.setenv("FIRSTHAND_OFFLINE", "1")
    assert "missing: " in run("list").output


def test_list_as_json_keeps_its_form() -> None:
    rows = json.loads(run("list", "--json").output)
    assert [row["name"] for row in rows] == [
        "optdigits",
        "mnist",
        "fashion_mnist",
        "zip1989",
        "sunspots",
        "karate",
        "cora",
        "cmudict",
    ]
    for row in rows:
        assert list(row) == [
            "name",
            "title",
            "kind",
            "licence",
            "redistribution",
            "source",
            "citation",
            "sha256",
            "state",
            "files",
            "missing",
        ]
    first, second, *_ = rows
    assert (first["state"], first["missing"], first["redistribution"]) == ("here", [], True)
    assert [(file["file"], file["place"], Path(file["path"]).name) for file in first["files"]] == [
        ("optdigits.csv.gz", "vendored", "optdigits.csv.gz")
    ]
    assert (second["state"], second["files"], len(second["missing"])) == ("fetchable", [], 4)


def test_fetch_then_path(tiny: Callable[..., Path], server: Server, cached: Path) -> None:
    tiny(server.mirror("good"))
    missing = run("path", "tiny")
    assert isinstance(missing.exception, DataError)
    fetched = run("fetch", "tiny")
    assert fetched.exit_code == 0, fetched.output
    assert fetched.output.splitlines() == [f"tiny: verified {cached / name}" for name in ("images.gz", "labels.gz")]
    assert run("path", "tiny").output.splitlines() == [str(cached / "images.gz"), str(cached / "labels.gz")]


def test_a_wrong_name_stops_before_anything_is_fetched(tiny: Callable[..., Path], server: Server) -> None:
    tiny(server.mirror("good"))
    assert isinstance(run("fetch", "tiny", "tyni").exception, DataError)
    assert server.requests == []
    assert run("fetch").exit_code == 2
