"""`firsthand probe`: what it prints and draws, and one sentence for each mistake."""

import pickle
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firsthand import cli
from firsthand.probes import PROBES


class Boom:
    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit('unpickled')",)


@pytest.fixture
def firsthand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["firsthand", "probe", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    images = np.arange(36.0).reshape(4, 3, 3) % 7
    np.savez("good.npz", images=images, labels=[0, 1, 0, 1])
    np.savez("x.npz", x=images)
    np.savez("nan.npz", images=np.where(images == 5, np.nan, images))
    np.savez("empty.npz", images=images[:0])
    np.savez("nothing.npz")
    np.savez("odd.npz", images=images, labels=[0, 1, 0])
    np.savez("objects.npz", images=np.array([Boom()], object))
    np.save("single.npy", images)
    Path("not.npz").write_bytes(pickle.dumps(Boom()))
    Path("cut.npz").write_bytes(Path("good.npz").read_bytes()[:-60])
    Path("flipped.npz").write_bytes(Path("good.npz").read_bytes().replace(b"NUMPY", b"NUMBY"))
    Path("occupied").write_text("a file")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("optdigit",), "There is no data set called 'optdigit'; did you mean optdigits?"),
        (("missing.npz",), "missing.npz: there is no such file; name an"),
        (("single.npy",), "single.npy: is not an .npz file; write one with numpy.savez"),
        (("not.npz",), "not.npz: is not an .npz file"),
        (("cut.npz",), "cut.npz: is not an .npz file"),
        (("flipped.npz",), "flipped.npz: cannot be read (Bad CRC-32"),
        ((".",), ".: is not a file; name an"),
        (("objects.npz",), "objects.npz: images holds Python objects, which are never unpickled"),
        (("nan.npz",), "nan.npz: images[0, 1, 2] is nan"),
        (("empty.npz",), "empty.npz: images is empty"),
        (("nothing.npz",), "the names of the arrays (none) do not tell"),
        (("odd.npz",), "odd.npz: there are 3 labels for 4 examples"),
        (("x.npz",), "x.npz: the names of the arrays (x) do not tell what they are"),
        (("good.npz", "--kind", "graphs"), "good.npz: graphs need an array edges; there is images, labels: store"),
        (("good.npz", "--kind", "pictures"), "Invalid value for '--kind'"),
        (("good.npz", "--only", "zip"), "There is no probe called 'zip'; did you mean zipf?"),
        (("good.npz", "--only", "zipf"), "zipf is a measurement of text, not of images."),
        (("good.npz", "--only", "stationarity"), "stationarity needs room for two patches"),
        (("good.npz", "--out", "occupied"), "occupied: cannot be written"),
        ((), "Missing argument 'DATASET|FILE.npz'"),
    ],
)
def test_refusals(firsthand, folder: Path, words: tuple[str, ...], message: str) -> None:
    code, out, err = firsthand(*words)
    assert code == 2 and message in err and not out
    if not err.startswith("Usage"):
        assert err.count("\n") == 1, err


def test_a_data_set_as_a_table(firsthand) -> None:
    code, out, _ = firsthand("sunspots")
    assert code == 0 and "autocorrelation_11" in out and "strong memory (all 309 values):" in out
    assert "not measured: class_balance needs classes" in out and "pixel_correlation" not in out
    assert "none: less than 4 of their standard deviations from their mean; strong: at least 6" in out


def test_json_keeps_its_form(firsthand, folder: Path) -> None:
    code, out, _ = firsthand("good.npz", "--json")
    content = msgspec.json.decode(out)
    assert code == 0 and list(content) == ["data", "kind", "findings", "not_measured"]
    assert (content["data"], content["kind"]) == ("good.npz", "images")
    images = {name for name, probe in PROBES.items() if "images" in probe.kinds}
    assert {finding["probe"] for finding in content["findings"]} | set(content["not_measured"]) == images
    for finding in content["findings"]:
        assert list(finding) == [
            *("probe", "kind", "definition", "sample", "measurements", "null", "units"),
            *("decides", "distance", "strength", "suggests", "arrays"),
        ]
        assert len(finding["arrays"]["x"]) == len(finding["arrays"]["measured"])


def test_only_and_figures(firsthand, folder: Path) -> None:
    code, out, _ = firsthand("x.npz", "--kind", "images", "--only", "pixel_correlation", "--out", "figures/here")
    assert code == 0 and out.count("pixel_correlation") == 2
    (drawn,) = (folder / "figures" / "here").iterdir()
    assert drawn.name == "pixel_correlation.svg" and drawn.read_bytes().startswith(b"<?xml")


def test_a_sample_set_of_each_kind_of_labels(firsthand, folder: Path) -> None:
    np.savez("words.npz", table=np.random.default_rng(0).normal(size=(40, 3)), labels=["yes", "no"] * 20)
    code, out, _ = firsthand("words.npz", "--only", "class_balance", "--out", "figures")
    assert code == 0 and "as even as equal ones" in out
    drawn = (folder / "figures" / "class_balance.svg").read_text()
    assert "<!-- yes -->" in drawn and "<!-- no -->" in drawn


def test_the_members_of_the_karate_club_have_labels(firsthand) -> None:
    code, out, _ = firsthand("karate", "--only", "homophily")
    assert code == 0 and "strong homophily (all 34 nodes and 78 edges)" in out


def test_help_names_arrays_and_probes(firsthand) -> None:
    code, out, _ = firsthand("--help")
    assert code == 0 and "train_images" in out and "feature_indptr" in out
    words = out.replace(",", " ").replace(".", " ").split()
    assert all(name in words for name in PROBES)
