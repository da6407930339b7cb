"""What can be run on a page: an archive that stands alone, with plans that come from manifests and records."""

import dataclasses
import io
import json
import math
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firsthand.browser import live as browser
from firsthand.browser.curve import Axis, Curve, figure
from firsthand.data.download import NoMirror
from firsthand.data.formats import Damaged
from firsthand.errors import FirsthandError
from firsthand.experiment import Result
from firsthand.manifest import read
from firsthand.pages import Pages, assets, lessons, live
from firsthand.pages.view import View, view
from firsthand.project import Project

# A Python as it is in the browser: NumPy and the standard library, and of ours only what the archive has.
ALONE = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in "msgspec yaml matplotlib click rich pooch platformdirs threadpoolctl".split():
            raise ImportError(f"{name} is not in a browser")

sys.meta_path.insert(0, Absent())
sys.path.insert(0, sys.argv[1])
from firsthand.browser import live
print(json.dumps([json.loads(live.run(name, lambda *step: None)) for name in sys.argv[2:]]))
"""
SHORT = ("gcn_2017/K3", "lstm_1997/E2", "adam_2015/T-rate", "transformer_2017/S1")
SHORT_LESSONS = ("learn/gradient-descent", "learn/vanishing-gradients", "learn/activations")


@pytest.fixture(scope="module")
def archive(pages: Pages) -> zipfile.ZipFile:
    content = pages[live.ARCHIVE]
    assert isinstance(content, bytes)
    return zipfile.ZipFile(io.BytesIO(content))


@pytest.fixture(scope="module")
def lenet(project: Project) -> View:
    return view(project, "lenet_1998")


def plans_in(archive: zipfile.ZipFile) -> dict[str, Any]:
    names = [name for name in archive.namelist() if name.startswith("live/")]
    return {name[5:-5]: json.loads(archive.read(name)) for name in names}


def run_alone(archive: zipfile.ZipFile, folder: Path, names: list[str]) -> list[Any]:
    archive.extractall(folder)
    command = [sys.executable, "-I", "-W", "error", "-c", ALONE, str(folder), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def changed(view: View, **fields: Any) -> View:
    """The same paper with another first entry under `live`."""
    entry = msgspec.structs.replace(view.manifest.live[0], **fields)
    manifest = msgspec.structs.replace(view.manifest, live=[entry])
    return dataclasses.replace(view, manifest=manifest)


def test_the_archive_needs_nothing_but_numpy(archive: zipfile.ZipFile, tmp_path: Path) -> None:
    outcomes = run_alone(archive, tmp_path, [*SHORT, *SHORT_LESSONS])
    for name, outcome in zip(SHORT, outcomes, strict=False):
        assert outcome["equal"] and outcome["sentence"].startswith("It agrees with the committed record:"), name
        assert outcome["inside"] == (name != "adam_2015/T-rate")
        assert ("<svg" in outcome["figure"]) == (name != "gcn_2017/K3")
    for name, outcome in zip(SHORT_LESSONS, outcomes[len(SHORT) :], strict=True):
        assert outcome["equal"] and any(outcome["printed"]), (name, outcome["sentence"])


@pytest.mark.full
def test_every_plan_runs_alone(archive: zipfile.ZipFile, tmp_path: Path) -> None:
    names = list(plans_in(archive))
    for name, outcome in zip(names, run_alone(archive, tmp_path, names), strict=True):
        rounded = "not on every digit" in outcome["sentence"] or "round differently" in outcome["sentence"]
        assert outcome["equal"] or rounded, (name, outcome["sentence"])


def test_the_archive_is_the_same_every_time(pages: Pages, project: Project) -> None:
    views = [view(project, slug) for slug in project.slugs()]
    assert live.archive(project, views, lessons.live_plans(project)) == pages[live.ARCHIVE]


def test_the_archive_holds_the_sources_as_they_are(archive: zipfile.ZipFile, project: Project) -> None:
    assert archive.namelist() == sorted(archive.namelist())
    for name in archive.namelist():
        if name.endswith(".py") and name != "firsthand/data/__init__.py":
            assert archive.read(name) == (project.root / name).read_bytes(), name
    assert not [name for name in archive.namelist() if name.endswith("figures.py") and name.startswith("papers")]


def test_every_page_with_a_plan_has_its_button_and_no_python(archive: zipfile.ZipFile, pages: Pages) -> None:
    places = {name: page for name, page in pages.items() if isinstance(page, str) and 'class="live"' in page}
    named = [name for name in plans_in(archive) for page in places.values() if f'data-plan="{name}"' in page]
    assert named == list(plans_in(archive))
    for page in places.values():
        assert "pyodide" not in page.lower() and "wasm" not in page


def test_a_plan_is_what_the_manifest_and_the_record_say(archive: zipfile.ZipFile, lenet: View) -> None:
    plan = plans_in(archive)["lenet_1998/D1"]
    claim = lenet.manifest.claim("D1")
    judgement = lenet.judgements["D1"]
    assert (plan["low"], plan["high"], plan["accepted"]) == (-math.inf, claim.accept.high, claim.accept.text())
    assert plan["seed"] == judgement.seeds[0] and plan["record"]["value"] == judgement.values[0]
    assert plan["data"] == ["optdigits"] and plan["record"]["arrays"].keys() == {"losses"}


def test_without_records_there_is_nothing_to_compare_with(bare: Project) -> None:
    content = live.archive(bare, [view(bare, "gcn_2017")], {})
    plan = plans_in(zipfile.ZipFile(io.BytesIO(content)))["gcn_2017/K3"]
    outcome = browser.claim(plan, lambda *step: None)
    assert not outcome["equal"] and outcome["sentence"].startswith("There is no committed record to compare with")


@pytest.mark.parametrize(
    ("number", "begin", "end"),
    [
        (0.03, "It agrees with the committed record: error is 0.03 here", ", inside the accepted region (≤ 0.05)"),
        (
            0.04,
            "It agrees with the committed record on the claim, not on every digit",
            "both inside the accepted region",
        ),
        (0.06, "It does not agree with the committed record: error is 0.06 here and 0.03 there", "only one is inside"),
    ],
)
def test_a_run_is_held_against_record_and_region(number: float, begin: str, end: str) -> None:
    plan = {"measurement": "error", "low": -math.inf, "high": 0.05, "accepted": "≤ 0.05"}
    sentence = browser._sentence(plan | {"record": {"value": 0.03, "seconds": 1.0}}, number, 2.0)
    assert sentence.startswith(begin) and end in sentence and "2.0 s in this browser, and 1 s" in sentence


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ("loss 0.12\n", "Every block printed what the page shows. The run"),
        ("loss 0.13\n", "Block 2 printed some digits that the page does not show"),
        ("gain 0.12\n", "Block 2 printed something else than the page shows. The run"),
    ],
)
def test_a_lesson_is_held_against_its_page(printed: str, sentence: str) -> None:
    codes = {"x = 0.12": "", "print(f'loss {x}')": printed}
    blocks = [{"line": 1, "code": code, "printed": text} for code, text in codes.items()]
    outcome = browser.lesson({"name": "two", "place": "two.md", "blocks": blocks}, lambda *step: None)
    assert outcome["sentence"].startswith(sentence) and outcome["printed"] == ["", "loss 0.12\n"]


def test_rows_are_curves_with_names() -> None:
    plan = {"curves": ["errors"], "over": "lags", "names": "who", "record": {"arrays": {"errors": [[1, 2], [3, 4]]}}}
    arrays = {"errors": [[1, 2], [3, 5]], "lags": [10, 20], "who": ["this", "that"]}
    found = browser.curves(plan, Result({}, arrays))
    assert found == [Curve("this", [10, 20], [1, 2], [1, 2]), Curve("that", [10, 20], [3, 5], [3, 4])]
    unnamed = browser.curves(plan | {"names": ""}, Result({}, arrays))
    assert [curve.name for curve in unnamed] == ["errors 1", "errors 2"]


def test_a_figure_shows_run_and_record() -> None:
    drawn = figure([Curve("a < b", [1, 2, 3], [0.5, math.nan, 2.5], [0.5, 1, 2])], 'A "loss"')
    assert drawn.count("<polyline") == 2 and "nan" not in drawn
    assert "A &quot;loss&quot;. The pale band is the committed record." in drawn
    two = figure([Curve("a < b", [1, 2], [1, 1], None), Curve("c", [1, 2], [1, 1], None)], "Two")
    assert "a &lt; b</span>" in two and "band" not in two and two.count("<polyline") == 2


def test_axes_have_round_numbers() -> None:
    assert Axis(0.07, 0.98, 0, 1, log=False).ticks() == [0.2, 0.4, 0.6, 0.8]
    assert Axis(1, 1e6, 0, 600, log=True).ticks() == [1, 100, 1e4, 1e6]
    assert Axis(1, 1e6, 0, 600, log=True).place(1e3) == pytest.approx(300)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{claim: D9}", r"live\[0\] \(D9\): claim: 'D9' is not among the claims; name one of L1-parameters"),
        ("{claim: L5}", r"live\[0\] \(L5\): claim: it is not in the tier quick"),
        ("{claim: D2}", r"live\[0\] \(D2\): claim: it is a ratio of two runs"),
        ("{claim: D1, curves: [losses]}", r"live\[0\] \(D1\): shows: is missing; say in words"),
        ("{claim: D1, curve: losses}", r"live\[0\].*unknown field"),
    ],
)
def test_what_cannot_be_run_is_refused(project: Project, tmp_path: Path, entry: str, said: str) -> None:
    text = (project.paper("lenet_1998") / "paper.yml").read_text(encoding="utf-8").partition("\nlive:\n")[0]
    path = tmp_path / "paper.yml"
    path.write_text(f"{text}\nlive: [{entry}]\n", encoding="utf-8")
    with pytest.raises(FirsthandError, match=rf"paper\.yml: .*{said}"):
        read(path)


def test_an_array_that_the_record_does_not_have(lenet: View) -> None:
    with pytest.raises(FirsthandError, match=r"paper\.yml: live \(D1\): the record has no array 'loss'; it has losses"):
        live.archive(lenet.project, [changed(lenet, curves=["loss"])], {})


def test_data_that_are_not_embedded(project: Project) -> None:
    adam = view(project, "adam_2015")
    with pytest.raises(FirsthandError, match=r"live \(L0\): its experiment reads mnist, which is not embedded; name a"):
        live.archive(project, [changed(adam, claim="L0", curves=[], over="")], {})


def test_a_paper_without_live_claims_has_no_section(lenet: View) -> None:
    manifest = msgspec.structs.replace(lenet.manifest, live=[])
    assert live.section(dataclasses.replace(lenet, manifest=manifest)) == ""


def test_the_public_pyodide_is_the_pinned_one(project: Project) -> None:
    lock = json.loads((project.root / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]["node_modules/pyodide"]["version"] == assets.PYODIDE_VERSION
    assert json.loads(assets.runtime_address(local=False))["runtime"] == assets.PYODIDE_PUBLIC
    assert assets.PYODIDE_VERSION in assets.PYODIDE_PUBLIC and "http" not in assets.runtime_address(local=True)


def test_pyodide_is_there_only_with_its_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRSTHAND_NODE_MODULES", raising=False)
    folder = assets.pyodide(tmp_path)
    assert assets.runtime(folder) == {} and not assets.install_numpy(tmp_path)
    folder.mkdir(parents=True)
    for name in assets.PYODIDE:
        (folder / name).touch()
    wheel = {"file_name": "numpy.whl", "sha256": "0" * 64}
    (folder / assets.PYODIDE_LOCK).write_text(json.dumps({"packages": {"numpy": wheel}}), encoding="utf-8")

    def unreachable(*_: object) -> None:
        raise NoMirror(["no network"])

    monkeypatch.setattr(assets, "download", unreachable)
    assert assets.runtime(folder) == {} and not assets.install_numpy(tmp_path)
    monkeypatch.setattr(assets, "download", lambda urls, target, most, verify: shutil.copy(__file__, target))
    assert assets.install_numpy(tmp_path) and "assets/pyodide/numpy.whl" in assets.runtime(folder)
    with pytest.raises(Damaged, match="is not the wheel"):
        assets.is_numpy(folder / "numpy.whl", folder)
