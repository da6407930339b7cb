"""The registry of data sets, registry.yml: what each set contains, under which licence, and how it is distributed.

The structures below are the schema; `read` also checks what a schema cannot say. How the digests are defined stands at
the head of registry.yml.
"""

import difflib
import functools
import hashlib
import math
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from firsthand.errors import FirsthandError
from firsthand.yamlfile import parse, read_text

PATH = Path(__file__).with_name("registry.yml")

# idx: one array in MNIST's format; csv: integers, the label last on each line; npz: NumPy arrays by name;
# thousandths: a label, then decimal numbers, separated by blanks, kept as integers times 1000;
# columns: decimal numbers separated by commas, each column an array
Format: TypeAlias = Literal["idx", "csv", "thousandths", "columns", "npz"]
Digest: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Positive: TypeAlias = Annotated[int, Meta(gt=0)]


class DataError(FirsthandError):
    """A data set that does not exist, cannot be found, cannot be fetched, or is not what the registry says."""


class _Strict(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A structure in which an unknown key is an error."""


class Licence(_Strict, frozen=True):
    """The terms of a data set, and whether they let us pass it on."""

    name: str
    redistribution: bool


class ArrayEntry(_Strict, frozen=True):
    """One array: its type, its shape, what its values mean, and the sha256 of its values."""

    dtype: Literal["uint8", "int16", "int32", "float64"]
    shape: tuple[Positive, ...]
    meaning: str
    sha256: Digest

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Edition(_Strict, frozen=True):
    """One way in which a set is distributed: files of one format, the arrays that each holds, the sites that have them.

    A file is named by its path below any of the folders that are searched, and by its last part on a mirror. Files of
    the formats csv and thousandths hold values and labels, in this order; one of the format columns, its columns.
    """

    format: Format
    files: dict[str, list[str]]
    mirrors: list[str] = []
    made: str = ""  # how to make the files, where no mirror has them; a part of the error when they are missing

    def urls(self, file: str) -> list[str]:
        return [mirror + PurePosixPath(file).name for mirror in self.mirrors]


class Entry(_Strict, frozen=True):
    """One data set. Its editions hold the same arrays; the first that is at hand is used."""

    title: str
    kind: Literal["images", "sequences", "graphs"]
    licence: Licence
    source: str
    citation: str
    arrays: dict[str, ArrayEntry]
    editions: list[Edition]

    @property
    def sha256(self) -> str:
        """One digest for the set: of the lines "name dtype shape sha256" of its arrays, in the order of their names."""
        lines = [
            f"{name} {array.dtype} {'x'.join(map(str, array.shape))} {array.sha256}\n"
            for name, array in sorted(self.arrays.items())
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@functools.cache
def read(path: Path) -> dict[str, Entry]:
    """Read and check a registry; FirsthandError names the file, the place in it and the remedy."""
    content = parse(read_text(path), path, dict[str, Any])
    return {name: _checked(path, name, values) for name, values in content.items()}


def entries() -> dict[str, Entry]:
    """The registry that comes with the package."""
    return read(PATH)


def entry(name: str) -> Entry:
    """The entry of one data set; DataError, with the nearest name, if there is none."""
    known = entries()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    raise DataError(f"There is no data set called {name!r}; {hint}The data sets are {', '.join(known)}.")


def _checked(path: Path, name: str, values: Any) -> Entry:
    try:
        entry = msgspec.convert(values, Entry)
    except msgspec.ValidationError as error:
        raise FirsthandError(f"{path}: {name}: {error}; correct it.") from None
    if not entry.editions:
        raise FirsthandError(f"{path}: {name}.editions: is empty; say in which files the arrays are distributed.")
    for number, edition in enumerate(entry.editions):
        for problem in _problems(entry, edition):
            raise FirsthandError(f"{path}: {name}.editions[{number}].{problem}")
    return entry


def _problems(entry: Entry, edition: Edition) -> list[str]:
    found = []
    held = [array for arrays in edition.files.values() for array in arrays]
    if sorted(held) != sorted(entry.arrays):
        found.append(
            f"files: hold {', '.join(held) or 'nothing'}, but the set has {', '.join(entry.arrays)}; "
            "name each array once."
        )
    expected = {"idx": 1, "csv": 2, "thousandths": 2}.get(edition.format)
    for file, arrays in edition.files.items():
        if expected is not None and len(arrays) != expected:
            found.append(
                f"files: {file}: a file in the format {edition.format} holds {expected}, not {len(arrays)} "
                "arrays; correct the list."
            )
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            found.append(f"files: {file}: must be a path below the data folder; remove the leading / or the '..'.")
    for mirror in edition.mirrors:
        if not mirror.endswith("/"):
            found.append(f"mirrors: {mirror}: must end with '/', because file names are appended; add it.")
    return found
