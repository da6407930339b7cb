"""The file formats: what they hold comes out, and nothing else can."""

import gzip
import io
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_data import described, entry, idx

from firsthand import data
from firsthand.data.formats import Damaged, parse_idx, parse_npz, parse_table
from firsthand.data.registry import ArrayEntry

VALUES = np.array([[[-1000, 297], [0, 1000]], [[-1, 1], [999, -410]]], np.int16)
LABELS = np.array([6, 5], np.uint8)
SPECS = msgspec.convert({"values": described(VALUES), "labels": described(LABELS)}, dict[str, ArrayEntry])


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
def test_idx_round_trip(array: np.ndarray) -> None:
    parsed = parse_idx(idx(array))
    assert parsed.dtype == np.uint8 and np.array_equal(parsed, array) and parsed.shape == array.shape


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\0\0\x08" + tail))
def test_any_bytes_are_an_idx_file_or_damaged(raw: bytes) -> None:
    try:
        assert idx(parse_idx(raw)) == raw
    except Damaged:
        pass


def test_npz_round_trip() -> None:
    found = parse_npz(npz(values=VALUES, labels=LABELS, other=LABELS), SPECS)
    assert np.array_equal(found["values"], VALUES) and np.array_equal(found["labels"], LABELS) and len(found) == 2


@given(st.data())
def test_an_npz_file_with_a_changed_byte_is_damaged_or_no_different(drawn: st.DataObject) -> None:
    raw = bytearray(npz(values=VALUES, labels=LABELS))
    raw[drawn.draw(st.integers(0, len(raw) - 1))] = drawn.draw(st.integers(0, 255))
    try:
        found = parse_npz(bytes(raw), SPECS)
    except Damaged:
        return
    assert {name: (array.dtype, array.shape) for name, array in found.items()} == {
        "values": (np.dtype(np.int16), (2, 2, 2)),
        "labels": (np.dtype(np.uint8), (2,)),
    }


class Boom:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


@pytest.mark.parametrize(
    "raw",
    [
        npz(values=np.array([Boom()], object), labels=LABELS),
        npz(values=VALUES.astype(">i2"), labels=LABELS),
        npz(values=np.asfortranarray(VALUES), labels=LABELS),
        npz(values=VALUES.astype(np.float64), labels=LABELS),
        npz(values=VALUES[:1], labels=LABELS),
        npz(values=VALUES, labels=LABELS)[:-40],
        npz(labels=LABELS),
        pickle.dumps(Boom()),
        b"PK\x03\x04 but not really",
        b"",
    ],
    ids=lambda raw: f"{len(raw)} bytes",
)
def test_other_npz_files_are_refused_and_nothing_is_unpickled(raw: bytes) -> None:
    with pytest.raises(Damaged):
        parse_npz(raw, SPECS)


def test_an_npz_header_that_promises_too_much_is_refused_before_anything_is_allocated() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("values.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<i2", "fortran_order": False, "shape": (1 << 50,)})
    with pytest.raises(Damaged, match="has values as int16 1125899906842624, not int16 2 x 2 x 2 in C order"):
        parse_npz(buffer.getvalue(), SPECS)


@pytest.mark.parametrize("raw", [b"", b" \n", b"1,2\n3\n", b"1,two\n", b"1,2.5\n", b"\xff\xfe1,2\n"])
def test_what_is_not_a_table_is_refused(raw: bytes) -> None:
    with pytest.raises(Damaged):
        parse_table(raw, np.int64, ",")


def labelled_set(use_registry: Callable[..., Path], *formats: str) -> None:
    files = {"npz": "both.npz", "thousandths": "both.txt.gz", "csv": "both.csv"}
    use_registry(
        both=entry(
            {"values": VALUES, "labels": LABELS},
            [{"format": form, "files": {files[form]: ["values", "labels"]}} for form in formats],
        )
    )


FIRST = b"6.0000 -1.0000 0.2970 -0.0000 1.0000 \n"  # as zip.train at the book's site
SECOND = b"5 -0.001 0.001 0.999 -0.41\n"  # as zip.test
TEXT = FIRST + SECOND


def test_one_set_from_several_containers_is_the_same(
    use_registry: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path))
    labelled_set(use_registry, "npz", "thousandths", "csv")
    digests = set()
    for file, content in {
        "both.csv": b"-1000,297,0,1000,6\n-1,1,999,-410,5\n",
        "both.txt.gz": gzip.compress(TEXT),
        "both.npz": npz(values=VALUES, labels=LABELS),
    }.items():
        (tmp_path / file).write_bytes(content)
        assert data.locate("both") == [tmp_path / file]
        found = data.load("both")
        assert np.array_equal(found["values"], VALUES) and found["values"].dtype == np.int16
        assert np.array_equal(found["labels"], LABELS) and found["labels"].dtype == np.uint8
        digests.add(found.sha256)
    assert len(digests) == 1


def test_a_bomb_is_not_unpacked(
    use_registry: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path))
    labelled_set(use_registry, "thousandths")
    (tmp_path / "both.txt.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(data.DataError, match="holds more than the 90 bytes"):
            data.load("both")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (TEXT.replace(b"0.2970", b"0.2980"), "has sha256"),
        (TEXT.replace(b"0.2970", b"nan"), "has sha256"),
        (TEXT.replace(b"0.2970", b"1e300"), "has sha256"),
        (TEXT.replace(b"6.0000", b"7.0000"), "has sha256"),
        (FIRST, "holds 1 x 4 values, not 2 x 2 x 2"),
        (TEXT.replace(b"0.297", b"0.2x7"), "is not a table of numbers"),
        (FIRST + b"5 -0.001\n", "is not a table of numbers"),
        (TEXT * 100, "holds more than the 90 bytes"),
    ],
)
def test_altered_text_is_corrupt(
    use_registry: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, complaint: str
) -> None:
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path))
    labelled_set(use_registry, "thousandths")
    (tmp_path / "both.txt.gz").write_bytes(gzip.compress(text))
    with pytest.raises(data.DataError, match=complaint):
        data.load("both")


SERIES = np.array([5.0, -0.1, 1e-300])
COLUMNS = b"1700,5\n1701,-0.1\n1702,1e-300\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (COLUMNS, None),
        (COLUMNS.replace(b"-0.1", b"-0.1000000000000001"), "has sha256"),
        (COLUMNS.replace(b"-0.1", b"nan"), "has sha256"),
        (COLUMNS.replace(b"1700", b"1e99"), "has sha256"),
        (COLUMNS + b"1703,1\n", "has years as int16 4, not int16 3"),
        (COLUMNS.replace(b"\n", b",1\n"), "has 3 columns, not 2: years, series"),
        (COLUMNS[:-8], "is not a table of numbers"),
        (COLUMNS * 20, "holds more than the 156 bytes"),
    ],
)
def test_columns_keep_every_bit_of_their_decimals(
    use_registry: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: bytes,
    complaint: str | None,
) -> None:
    monkeypatch.setenv("FIRSTHAND_DATA", str(tmp_path))
    arrays = {"years": np.array([1700, 1701, 1702], np.int16), "series": SERIES}
    use_registry(years=entry(arrays, [{"format": "columns", "files": {"years.csv.gz": ["years", "series"]}}]))
    (tmp_path / "years.csv.gz").write_bytes(gzip.compress(text))
    if complaint:
        with pytest.raises(data.DataError, match=complaint):
            data.load("years")
    else:
        found = data.load("years")
        assert all(np.array_equal(found[name], values) for name, values in arrays.items())


def test_the_sunspots_are_there() -> None:
    sunspots = data.load("sunspots")
    years, series = sunspots["years"], sunspots["series"]
    assert np.array_equal(years, np.arange(1700, 2009)) and series.dtype == np.float64
    # the highest yearly mean of this edition is that of 1957
    assert years[series.argmax()] == 1957 and series.max() == 190.2 and series.min() == 0


def test_the_spellings_are_words_with_their_sounds() -> None:
    words = data.load("cmudict")
    letters, phonemes = words["letters"], words["phonemes"]
    spelled = ["".join(chr(96 + letter) for letter in word if letter) for word in letters]
    assert len(set(spelled)) == 15_000 and {len(word) for word in spelled} == {3, 4, 5, 6, 7}
    assert letters.max() == 26 and phonemes.max() == 39
    for rows in (letters, phonemes):
        assert (np.diff((rows > 0).astype(int)) <= 0).all()  # zeros only at the end
    assert phonemes[spelled.index("cobalt")].tolist() == [20, 25, 7, 4, 21, 31, 0]  # K OW B AO L T
