"""The large sets, where FIRSTHAND_DATA has them: the registry against what their distributors publish."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from tiny_data import idx

from firsthand import data

USER_DATA = os.environ.get("FIRSTHAND_DATA")  # before the fixtures hide it
pytestmark = pytest.mark.skipif(USER_DATA is None, reason="FIRSTHAND_DATA is not set: large data sets not tested")


@pytest.fixture(autouse=True)
def users_folder(isolated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_DATA", USER_DATA or "")
    monkeypatch.setenv("FIRSTHAND_OFFLINE", "1")


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # MD5 of the four unpacked files, as many public projects check them
        (
            "mnist",
            [
                "6bbc9ace898e44ae57da46a324031adb",
                "a25bea736e30d166cdddb491f175f624",
                "2646ac647ad5339dbf082846283269ea",
                "27ae3e4e09519cfbb04c329615203637",
            ],
        ),
        (
            "fashion_mnist",
            [
                "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                "9018921c3c673c538a1fc5bad174d6f9",
                "8181f5470baa50b63fa0f6fddb340f0a",
                "15d484375f8d13e6eb1aabb0c3f46965",
            ],
        ),
    ],
)
def test_idx_sets_are_the_published_files(name: str, published: list[str]) -> None:
    found = data.load(name)
    assert [hashlib.md5(idx(array)).hexdigest() for array in found.arrays.values()] == published
    assert found["train_images"].shape == (60000, 28, 28) and found["test_images"].shape == (10000, 28, 28)
    assert not any(array.flags.writeable for array in found.arrays.values())


def test_class_counts_are_the_published_ones() -> None:
    # MNIST: 5,923 zeros and 6,742 ones to train on; Fashion-MNIST: balanced; zip: the table on the book's page
    mnist, fashion, zipcodes = (data.load(name) for name in ("mnist", "fashion_mnist", "zip1989"))
    assert np.bincount(mnist["train_labels"])[:2].tolist() == [5923, 6742]
    assert np.bincount(mnist["test_labels"]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(fashion["train_labels"]).tolist() == [6000] * 10
    assert np.bincount(zipcodes["train_labels"]).tolist() == [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
    assert np.bincount(zipcodes["test_labels"]).tolist() == [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]


def test_cora_is_the_citation_graph_in_planetoids_split() -> None:
    cora = data.load("cora")
    edges, labels, train = cora["edges"], cora["labels"], cora["train"]
    assert (edges[:, 0] != edges[:, 1]).all() and len({frozenset(edge) for edge in edges.tolist()}) == 5278
    assert np.bincount(labels).tolist() == [351, 217, 418, 818, 426, 298, 180]
    assert np.bincount(labels[train]).tolist() == [20] * 7
    known = [set(cora[part].tolist()) for part in ("train", "val", "test")]
    assert len(set.union(*known)) == sum(map(len, known)) == 140 + 500 + 1000
    starts, words = cora["feature_indptr"], cora["feature_indices"]
    assert (starts[0], starts[-1], np.diff(starts).min(), words.min(), words.max()) == (0, len(words), 1, 0, 1432)


def test_the_book_sites_text_files_give_the_same_zip_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = data.load("zip1989")
    (tmp_path / "zip1989").mkdir()
    for part, number in (("train", "%.4f"), ("test", "%g")):  # the two forms in which the site writes numbers
        images, labels = archive[f"{part}_images"], archive[f"{part}_labels"]
        table = np.column_stack([labels, images.reshape(len(images), -1) / 1000])
        with gzip.open(tmp_path / "zip1989" / f"zip.{part}.gz", "wb", compresslevel=1) as file:
            np.savetxt(file, table, fmt=number)
    monkeypatch.setenv("FIRSTHAND_DATA", os.fspath(tmp_path))
    text = data.load("zip1989")
    assert [path.name for path in data.locate("zip1989")] == ["zip.train.gz", "zip.test.gz"]
    assert text.sha256 == archive.sha256
    assert all(np.array_equal(text[name], values) for name, values in archive.arrays.items())
