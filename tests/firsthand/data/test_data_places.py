"""Where data is looked for, and what is said when it is missing or corrupt."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_data import GOOD, IMAGES, LABELS, Server, entry, idx

from firsthand import data
from firsthand.data import places

MNIST = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


def put(folder: Path, **changed: bytes) -> None:
    """Write the files of the tiny set, some of them changed."""
    (folder / "tiny").mkdir(parents=True)
    for name, content in GOOD.items():
        (folder / "tiny" / name).write_bytes(changed.get(name.removesuffix(".gz"), content))


def test_the_vendored_set_needs_neither_folders_nor_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_OFFLINE", "1")
    digits = data.load("optdigits")
    assert digits["images"].shape == (1797, 8, 8) and digits["images"].dtype == np.uint8
    assert (digits["images"].min(), digits["images"].max()) == (0, 16)
    # the class counts of the test fold, as the UCI repository gives them
    assert np.bincount(digits["labels"]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.sha256 == data.digest("optdigits") == data.load("optdigits").sha256
    assert [found.place.name for found in data.status("optdigits").found] == ["vendored"]


def test_the_vendored_graph_is_zacharys() -> None:
    club = data.load("karate")
    edges = club["edges"].astype(int)
    assert (edges[:, 0] < edges[:, 1]).all() and len({tuple(edge) for edge in edges}) == len(edges) == 78
    degree = np.bincount(edges.ravel(), minlength=34)
    assert (degree[0], degree[33], degree.min()) == (16, 17, 1)  # teacher and officer know the most
    assert np.bincount(club["club"]).tolist() == [17, 17] and club["club"][[0, 33]].tolist() == [0, 1]


def test_the_communities_have_the_modularity_that_the_registry_says() -> None:
    club = data.load("karate")
    A = np.zeros((34, 34))
    A[tuple(club["edges"].T)] = 1
    A += A.T
    d, same = A.sum(axis=1), club["community"][:, None] == club["community"]
    modularity = ((A - np.outer(d, d) / d.sum()) * same).sum() / d.sum()
    assert round(modularity, 4) == 0.4198 and "0.4198" in data.describe("karate").arrays["community"].meaning


def test_arrays_are_read_only_and_a_wrong_name_says_which_there_are() -> None:
    digits = data.load("optdigits")
    with pytest.raises(ValueError, match="read-only"):
        digits["images"][0] = 0
    with pytest.raises(TypeError):
        digits.arrays["images"] = digits["labels"]  # type: ignore[index]
    with pytest.raises(KeyError, match="optdigits has no array 'train_images'; it has images, labels"):
        digits["train_images"]


def test_places_come_in_order(tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny()
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path / "mine"))
    monkeypatch.setattr(places, "VENDORED", tmp_path / "vendored")
    folders = {
        "system": tmp_path / "system",
        "cache": tmp_path / "cache" / "data",
        "FIRSTHAND_DATA": tmp_path / "mine",
        "vendored": tmp_path / "vendored",
    }
    assert [place.name for place in places.places()] == ["vendored", "FIRSTHAND_DATA", "cache", "system"]
    for name, folder in folders.items():  # the last in order first, so that each one takes over from the one before
        put(folder)
        assert {found.place.name for found in data.status("tiny").found} == {name}
        assert data.locate("tiny") == [folder / "tiny" / "images.gz", folder / "tiny" / "labels.gz"]
        assert np.array_equal(data.load("tiny")["images"], IMAGES)


def test_an_edition_that_is_only_half_here_gives_way_to_one_that_is_whole(
    use_registry: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {"images": IMAGES, "labels": LABELS}
    use_registry(
        tiny=entry(
            arrays,
            [
                {"format": "idx", "files": {"tiny/images.gz": ["images"], "tiny/absent.gz": ["labels"]}},
                {"format": "idx", "files": {"tiny/images.gz": ["images"], "tiny/labels.gz": ["labels"]}},
            ],
        )
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FIRSTHAND_DATA", "~/mine")
    put(tmp_path / "mine")
    assert data.locate("tiny") == [tmp_path / "mine" / "tiny" / name for name in ("images.gz", "labels.gz")]
    assert np.array_equal(data.load("tiny")["labels"], LABELS)


def test_missing_everywhere_names_the_places_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_OFFLINE", "1")
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path / "mine"))
    with pytest.raises(data.DataError) as caught:
        data.load("mnist")
    files = " and ".join(f"mnist/{name}" for name in MNIST)
    remedy = (
        f"run `firsthand data fetch mnist` where there is a network, or set FIRSTHAND_DATA to a folder that "
        f"contains {files}"
    )
    assert (
        str(caught.value)
        == f"""The data set mnist is not wholly on this machine. Tried:
  vendored: {places.VENDORED}
  FIRSTHAND_DATA: {tmp_path / "mine"}
  cache: {tmp_path / "cache" / "data"}
  system: {tmp_path / "system"}
  the network: not tried, because FIRSTHAND_OFFLINE is set
Remedy: {remedy}."""
    )
    assert caught.value.exit_code == 2
    assert data.status("mnist").state == "missing" and len(data.status("mnist").missing) == 4


def test_locating_never_fetches_and_names_the_alternatives() -> None:
    with pytest.raises(data.DataError, match=r"contains zip1989/zip.train.gz and zip1989/zip.test.gz, or zip1989.npz"):
        data.locate("zip1989")


def test_what_no_mirror_may_carry_says_how_it_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path))
    with pytest.raises(data.DataError) as caught:
        data.load("cora")
    remedy = str(caught.value).partition("Remedy: ")[2]
    assert remedy.startswith("set FIRSTHAND_DATA to a folder that contains cora.npz. ")
    assert "ind.cora.*" in remedy and "fetch" not in remedy


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (GOOD["images.gz"][:-12], r"it cannot be unpacked"),
        (GOOD["images.gz"][:30] + b"?" + GOOD["images.gz"][31:], r"it (cannot be unpacked|has sha256)"),
        (gzip.compress(idx(IMAGES)[:-1]), r"it holds 59 values, but its header promises 5 x 3 x 4"),
        (gzip.compress(idx(IMAGES)[:9]), r"it ends within its header"),
        (gzip.compress(idx(IMAGES) + b"!"), r"it holds 61 values, but its header promises 5 x 3 x 4"),
        (gzip.compress(idx(IMAGES)[:-1] + b"!"), r"it has sha256 [0-9a-f]{64} for images, expected [0-9a-f]{64}"),
        (gzip.compress(idx(IMAGES.reshape(3, 5, 4))), r"it has images as uint8 3 x 5 x 4, not uint8 5 x 3 x 4"),
        (gzip.compress(bytes(1 << 24)), r"it holds more than the 1,084 bytes that this data can take"),
        (b"", r"it is not an IDX file"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_a_corrupt_file_is_an_error_and_never_replaced(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: bytes, complaint: str
) -> None:
    tiny()
    put(tmp_path / "mine", images=images)
    put(tmp_path / "cache" / "data")  # good, but later in the order
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path / "mine"))
    with pytest.raises(data.DataError, match=complaint) as caught:
        data.load("tiny")
    assert str(caught.value).startswith(f"{tmp_path}/mine/tiny/images.gz is corrupt: ")
    assert str(caught.value).endswith("Remedy: replace that file, or let FIRSTHAND_DATA name another folder.")


def test_a_corrupt_cache_is_named_and_heals_when_the_file_is_deleted(
    tiny: Callable[..., Path], server: Server, cached: Path, tmp_path: Path
) -> None:
    tiny(server.mirror("good"))
    put(tmp_path / "cache" / "data", images=GOOD["images.gz"][:40])
    with pytest.raises(data.DataError, match=r"images.gz is corrupt.*Remedy: delete that file, and it will be fetched"):
        data.load("tiny")
    (cached / "images.gz").unlink()
    assert np.array_equal(data.load("tiny")["images"], IMAGES)


def test_a_file_that_cannot_be_opened_is_named(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny()
    put(tmp_path / "cache" / "data")

    def forbidden(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("firsthand.data.formats._unpacked", forbidden)  # not chmod: root may read everything
    with pytest.raises(data.DataError, match=r"images.gz cannot be read \(Permission denied\). Remedy: delete"):
        data.load("tiny")
