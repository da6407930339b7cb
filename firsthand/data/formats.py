"""From the bytes of a file to verified arrays. Nothing is unpickled; nothing unpacks to more than its known size."""

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firsthand.data.registry import ArrayEntry, Format

Array: TypeAlias = NDArray[Any]
Wanted: TypeAlias = Mapping[str, ArrayEntry]

# Bytes that a number takes in a text file, at most: "-1.0000" or "-1.7976931348623157e+308", a separator, and its share
# of line ends
_TEXT_WIDTH = {"csv": 9, "thousandths": 9, "columns": 26}
_OVERHEAD = 1024  # bytes that the headers of one array take in a binary file, at most


class Damaged(Exception):
    """A file that does not hold what the registry says; the message goes on from "it"."""


def read(path: Path, format: Format, wanted: Wanted) -> dict[str, Array]:
    """The wanted arrays of one file, read-only, each as the registry says in dtype, shape and sha256.

    Raises Damaged if the file holds anything else, OSError if it cannot be read.
    """
    arrays = _parse(_unpacked(path, most_bytes(format, wanted)), format, wanted)
    for name, array in arrays.items():
        _verify(name, array, wanted[name])
        array.setflags(write=False)
    return arrays


def most_bytes(format: Format, wanted: Wanted) -> int:
    """An upper bound on the size of a file of these arrays once it is unpacked."""
    if format in _TEXT_WIDTH:
        return sum(entry.size * _TEXT_WIDTH[format] for entry in wanted.values())
    return sum(entry.size * np.dtype(entry.dtype).itemsize + _OVERHEAD for entry in wanted.values())


def _unpacked(path: Path, limit: int) -> bytes:
    """The content of a file, out of its gzip wrapping if it has one; never more than `limit` bytes."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            content = (gzip.GzipFile(fileobj=file) if packed else file).read(limit + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Damaged(f"cannot be unpacked ({error})") from None
    if len(content) > limit:
        raise Damaged(f"holds more than the {limit:,} bytes that this data can take")
    return content


def _parse(raw: bytes, format: Format, wanted: Wanted) -> dict[str, Array]:
    match format:
        case "idx":
            (name,) = wanted
            return {name: parse_idx(raw)}
        case "npz":
            return parse_npz(raw, wanted)
        case "csv":
            table = parse_table(raw, np.int64, ",")
            return _labelled(table[:, :-1], table[:, -1], wanted)
        case "thousandths":
            table = parse_table(raw, np.float64, None)
            return _labelled(np.rint(table[:, 1:] * 1000), table[:, 0], wanted)
        case "columns":
            return _columns(parse_table(raw, np.float64, ","), wanted)


def parse_idx(raw: bytes) -> Array:
    """An IDX file of unsigned bytes: 0, 0, 8, the number of axes, their lengths as big-endian uint32, the values.

    Source: the description on http://yann.lecun.com/exdb/mnist/. Raises Damaged.
    """
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise Damaged("is not an IDX file of unsigned bytes")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise Damaged("ends within its header")
    shape = tuple(int.from_bytes(raw[at : at + 4], "big") for at in range(4, start, 4))
    values = np.frombuffer(raw, np.uint8, offset=start)
    try:
        return values.reshape(shape)
    except ValueError:
        raise Damaged(f"holds {values.size:,} values, but its header promises {_by(shape)}") from None


def parse_npz(raw: bytes, wanted: Wanted) -> dict[str, Array]:
    """The wanted arrays of a NumPy archive. Raises Damaged.

    The headers are read here rather than by np.load, which allocates whatever size a header claims.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return {name: _npy(name, archive, entry) for name, entry in wanted.items()}
    except Damaged:
        raise
    except Exception as error:  # zipfile and NumPy's header reader answer bad bytes with many kinds of exception
        raise Damaged(f"is not a readable .npz file ({type(error).__name__}: {error})") from None


def _npy(name: str, archive: zipfile.ZipFile, entry: ArrayEntry) -> Array:
    """One member in the .npy format 1.0, which NumPy describes in the documentation of `numpy.lib.format`."""
    dtype = np.dtype(entry.dtype).newbyteorder("<")
    with archive.open(f"{name}.npy") as member:
        np.lib.format.read_magic(member)
        shape, fortran_order, found = np.lib.format.read_array_header_1_0(member)
        if (shape, fortran_order, found) != (entry.shape, False, dtype):
            raise Damaged(f"has {name} as {found} {_by(shape)}, not {dtype} {_by(entry.shape)} in C order")
        content = member.read(entry.size * dtype.itemsize)
    return np.frombuffer(content, dtype).reshape(shape).astype(entry.dtype, copy=False)


def parse_table(raw: bytes, dtype: type[np.number[Any]], delimiter: str | None) -> Array:
    """Lines with equally many numbers, separated by `delimiter` or, if that is None, by blanks. Raises Damaged."""
    if not raw.strip():
        raise Damaged("is empty")
    try:
        return np.loadtxt(io.BytesIO(raw), dtype, comments=None, delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise Damaged(f"is not a table of numbers ({error})") from None


def _labelled(values: Array, labels: Array, wanted: Wanted) -> dict[str, Array]:
    """Values and labels in their registered types. What does not fit its type comes out wrong, and fails to verify."""
    (values_name, values_entry), (labels_name, labels_entry) = wanted.items()
    if values.size != values_entry.size:
        raise Damaged(f"holds {_by(values.shape)} values, not {_by(values_entry.shape)}")
    with np.errstate(invalid="ignore"):
        return {
            values_name: values.astype(values_entry.dtype).reshape(values_entry.shape),
            labels_name: labels.astype(labels_entry.dtype),
        }


def _columns(table: Array, wanted: Wanted) -> dict[str, Array]:
    """Each column in its registered type. What does not fit comes out wrong, and fails to verify."""
    if table.shape[1] != len(wanted):
        raise Damaged(f"has {table.shape[1]} columns, not {len(wanted)}: {', '.join(wanted)}")
    with np.errstate(invalid="ignore"):
        return {name: column.astype(wanted[name].dtype) for name, column in zip(wanted, table.T, strict=True)}


def _verify(name: str, array: Array, entry: ArrayEntry) -> None:
    if (array.dtype, array.shape) != (np.dtype(entry.dtype), entry.shape):
        raise Damaged(f"has {name} as {array.dtype} {_by(array.shape)}, not {entry.dtype} {_by(entry.shape)}")
    canonical = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    found = hashlib.sha256(canonical.data).hexdigest()
    if found != entry.sha256:
        raise Damaged(f"has sha256 {found} for {name}, expected {entry.sha256}")


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
