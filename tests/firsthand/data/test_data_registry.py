"""The registry that is shipped, and the mistakes that it refuses."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_data import IMAGES, LABELS, entry

from firsthand import data
from firsthand.data import places, registry
from firsthand.errors import FirsthandError


def test_the_shipped_sets_are_complete() -> None:
    assert data.names() == ["optdigits", "mnist", "fashion_mnist", "zip1989", "sunspots", "karate", "cora", "cmudict"]
    for name in data.names():
        described = data.describe(name)
        assert all(mirror.startswith("https://") for edition in described.editions for mirror in edition.mirrors)
        assert data.digest(name) == described.sha256


def test_what_is_vendored_may_be_passed_on_and_carries_its_notice() -> None:
    vendored = {path.name for path in places.VENDORED.iterdir()} - {"NOTICE"}
    owners = {file: name for name in data.names() for edition in data.describe(name).editions for file in edition.files}
    for file in vendored:
        assert data.describe(owners[file]).licence.redistribution
        assert file in (places.VENDORED / "NOTICE").read_text(encoding="utf-8")
    assert vendored == {
        "optdigits.csv.gz",
        "sunspots.csv.gz",
        "karate-ties.csv",
        "karate-members.csv",
        "cmudict15k.npz",
    }


def test_the_digest_of_a_set_is_what_its_docstring_says_and_does_not_move() -> None:
    with gzip.open(places.VENDORED / "optdigits.csv.gz") as file:
        table = np.loadtxt(file, np.uint8, delimiter=",")
    images, labels = (hashlib.sha256(part.tobytes()).hexdigest() for part in (table[:, :64], table[:, 64]))
    lines = f"images uint8 1797x8x8 {images}\nlabels uint8 1797 {labels}\n"
    assert hashlib.sha256(lines.encode()).hexdigest() == data.digest("optdigits")
    assert data.digest("optdigits") == "371b787a1827e84d0fb36fde2961c411bd0d00dd4d76922c3b39dbc261be3880"


@pytest.mark.parametrize(("name", "near"), [("mnits", "mnist"), ("fashion-mnist", "fashion_mnist"), ("zip", "zip1989")])
def test_an_unknown_name_gets_the_nearest_one(name: str, near: str) -> None:
    for question in (data.load, data.fetch, data.digest, data.describe, data.status, data.locate):
        with pytest.raises(data.DataError, match=f"no data set called '{name}'; did you mean {near}"):
            question(name)
    known = ", ".join(data.names())
    with pytest.raises(data.DataError, match=rf"The data sets are {known}\."):
        data.load("qqq")


def broken(**changes: Any) -> dict[str, Any]:
    """A correct entry, changed at the given places: `arrays__images__dtype=...`."""
    files = {"tiny/images.gz": ["images"], "tiny/labels.gz": ["labels"]}
    made = entry({"images": IMAGES, "labels": LABELS}, [{"format": "idx", "files": files}])
    for place, value in changes.items():
        *path, last = (int(step) if step.isdigit() else step for step in place.split("__"))
        inner: Any = made
        for step in path:
            inner = inner[step]
        inner[last] = value
    return made


def test_the_entry_that_the_next_test_breaks_is_good(use_registry: Callable[..., Path]) -> None:
    use_registry(tiny=broken())
    assert data.names() == ["tiny"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"colour": "red"}, "tiny: .*unknown field `colour`"),
        ({"licence__redistribution": "perhaps"}, "tiny: .*licence.redistribution"),
        ({"arrays__images__dtype": "object"}, "dtype"),
        ({"arrays__images__shape": [5, 0, 4]}, "shape"),
        ({"arrays__images__sha256": "ABC"}, "sha256"),
        ({"editions": []}, r"tiny.editions: is empty"),
        ({"editions__0__format": "pickle"}, "format"),
        (
            {"editions__0__files": {"tiny/images.gz": ["images"]}},
            r"tiny.editions\[0\].files: hold images, but the set has",
        ),
        ({"editions__0__files": {"tiny/all.gz": ["images", "labels"]}}, r"the format idx holds 1, not 2 arrays"),
        (
            {"editions__0__files": {"../images.gz": ["images"], "l.gz": ["labels"]}},
            "must be a path below the data folder",
        ),
        (
            {"editions__0__files": {"/images.gz": ["images"], "l.gz": ["labels"]}},
            "must be a path below the data folder",
        ),
        ({"editions__0__mirrors": ["https://example.org/data"]}, "must end with '/'"),
    ],
)
def test_mistakes_name_the_file_the_place_and_the_remedy(
    use_registry: Callable[..., Path], changes: dict[str, Any], complaint: str
) -> None:
    path = use_registry(tiny=broken(**changes))
    with pytest.raises(FirsthandError, match=complaint) as caught:
        data.names()
    assert str(caught.value).startswith(f"{path}: ")


def test_the_digest_follows_the_content_and_nothing_else(use_registry: Callable[..., Path]) -> None:
    turned = broken(title="Another title")
    turned["arrays"] = dict(reversed(turned["arrays"].items()))
    use_registry(tiny=broken(), turned=turned, other=broken(arrays__labels__sha256="0" * 64))
    assert data.digest("tiny") == data.digest("turned") != data.digest("other")


def test_the_shipped_file_is_plain_yaml() -> None:
    assert set(yaml.safe_load(registry.PATH.read_text(encoding="utf-8"))) == set(data.names())
