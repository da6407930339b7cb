"""Records: one JSON file for each (paper, experiment, settings, seed), named by the hash of all that it depends on."""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from firsthand.errors import FirsthandError
from firsthand.manifest import Settings

FORMAT = 1


def address(*parts: Any) -> str:
    """The hash of JSON-like values, independent of the order of keys."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:16]


class Unit(Struct, frozen=True):
    """The unit of work, of caching and of resuming."""

    paper: str
    experiment: str
    settings: Settings
    seed: int

    @property
    def id(self) -> str:
        return address(self.paper, self.experiment, self.settings, self.seed)

    def label(self) -> str:
        return f"{self.paper}/{self.experiment} seed {self.seed}"


class Fingerprint(Struct, frozen=True):
    """A short deterministic run: if code has changed but this has not, the long record stands."""

    settings: Settings
    measurements: dict[str, float]
    arrays: dict[str, float] = {}  # the mean size of each array of numbers, as far as it is finite


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run measured, and everything it depended on."""

    format: int
    unit: Unit
    code: dict[str, str]  # file -> hash of its syntax tree
    data: dict[str, str]  # data set -> sha256 of its content
    measurements: dict[str, float]
    arrays: dict[str, Any]
    fingerprint: Fingerprint | None
    machine: dict[str, str | int]
    seconds: float
    peak_memory_mb: float  # of the process that ran it
    finished: str  # UTC, ISO 8601
    checksum: str  # of measurements and arrays, so that a number changed by hand is noticed
    confirmed: str = ""  # the latest code (see `code_version`) under which the fingerprint run gave the same

    @property
    def key(self) -> str:
        return content_key(self.unit, self.code, self.data)

    @property
    def file_name(self) -> str:
        return f"{self.unit.experiment}-{self.unit.seed}-{self.key}.json"


def code_version(code: dict[str, str]) -> str:
    """One word for the hashes of all files."""
    return address(code)


def checksum(measurements: dict[str, float], arrays: dict[str, Any]) -> str:
    return address(measurements, arrays)


def content_key(unit: Unit, code: dict[str, str], data: dict[str, str]) -> str:
    """The address of the record that this unit has, given this code and these data."""
    return address(unit.id, code, data)


def write(record: Record, folder: Path) -> Path:
    """Write atomically: others see the whole record or none. Older records of the same unit are removed."""
    target = folder / record.file_name
    text = msgspec.json.format(msgspec.json.encode(record, order="deterministic"), indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        older = [
            path
            for path in folder.glob(f"{record.unit.experiment}-{record.unit.seed}-*.json")
            if path != target and _same_unit(path, record.unit)
        ]
        write_atomically(target, text)
        for path in older:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from None
    return target


def write_atomically(target: Path, content: bytes) -> None:
    """Write beside the target, sync, then rename onto it."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def not_writable(folder: Path, error: OSError) -> FirsthandError:
    return FirsthandError(f"{folder}: cannot be written ({error.strerror}); make it writable or free some space.")


def prepare(folder: Path) -> None:
    """Make sure, before any work, that `folder` can be written; clear what a killed run left half-written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".probe.", suffix=".tmp")
        os.close(descriptor)
        os.unlink(name)
        for left_over in folder.glob(".*.tmp"):
            if time.time() - left_over.stat().st_mtime > 60:  # a write takes milliseconds
                left_over.unlink()
    except OSError as error:
        raise not_writable(folder, error) from None


def read(path: Path) -> Record:
    """One record; a damaged file is an error that names it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except OSError as error:
        raise FirsthandError(f"{path}: cannot be read ({error.strerror}).") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FirsthandError(f"{path}: this record is damaged ({error}); delete it and run the paper again.") from None


def read_all(folder: Path) -> dict[str, Record]:
    """All records of a folder by unit id; of two for one unit, the one that finished last."""
    found: dict[str, Record] = {}
    for record in sorted(_each(folder), key=lambda record: record.finished):
        found[record.unit.id] = record
    return found


def _each(folder: Path) -> Iterator[Record]:
    for path in sorted(folder.glob("*.json")):
        record = read(path)
        if path.name != record.file_name or record.checksum != checksum(record.measurements, record.arrays):
            raise FirsthandError(
                f"{path}: this record was altered after it was written; restore it, or delete it and "
                "run the paper again."
            )
        yield record


def _same_unit(path: Path, unit: Unit) -> bool:
    try:
        return read(path).unit == unit
    except FirsthandError:
        return False
