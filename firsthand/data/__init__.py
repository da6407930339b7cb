"""Data sets, verified before use. `load("optdigits")` needs no network; the others are found or fetched.

    data = load("mnist")
    data["train_images"]       # (60000, 28, 28) uint8, read-only
    data.sha256                # names the content, for records

registry.yml says what each set contains, `places` where files are looked for, `formats` how they are verified.
Every problem is a DataError that names the place and the remedy; nothing is ever silently replaced.
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from firsthand.data import places, registry, store
from firsthand.data.dataset import DataSet
from firsthand.data.places import Found
from firsthand.data.registry import DataError, Entry

__all__ = ["DataError", "DataSet", "Status", "describe", "digest", "fetch", "load", "locate", "names", "status"]

State: TypeAlias = Literal["here", "fetchable", "missing"]


@dataclass(frozen=True)
class Status:
    """Which files of a set are on this machine. Their content has not been looked at; `fetch` does that."""

    name: str
    state: State  # here: nothing is missing; fetchable: a mirror should have what is, and the network may be used
    found: tuple[Found, ...]
    missing: tuple[str, ...]


def names() -> list[str]:
    """The names of all data sets, in the order of the registry."""
    return list(registry.entries())


def describe(name: str) -> Entry:
    """What the registry says of a data set: title, licence, source, arrays. DataError for an unknown name."""
    return registry.entry(name)


def digest(name: str) -> str:
    """The digest of a data set, from the registry: `load` gives this content or an error. DataError if unknown."""
    return registry.entry(name).sha256


def load(name: str) -> DataSet:
    """Find a data set, fetch what is missing, verify it and read it.

    Raises DataError if the name is unknown, a file is corrupt, or a file is nowhere to be had.
    """
    entry = registry.entry(name)
    arrays = {array: values for _, content in store.verified(name) for array, values in content.items()}
    return DataSet(name, MappingProxyType({array: arrays[array] for array in entry.arrays}), entry.sha256)


def fetch(name: str) -> list[Path]:
    """As `load`, but only for the files: afterwards they are on this machine, and good. Returns where they are."""
    return [path for path, _ in store.verified(name)]


def locate(name: str) -> list[Path]:
    """The files that `load` would read. Raises DataError, with the places tried, if one would have to be fetched."""
    now = status(name)
    if now.missing:
        raise store.missing(name)
    return [found.path for found in now.found]


def status(name: str) -> Status:
    """Where the files of a data set are, and which are missing. Reads none of them. DataError for an unknown name."""
    edition = places.choose(registry.entry(name))
    located = {file: places.find(file) for file in edition.files}
    found = tuple(place for place in located.values() if place)
    missing = tuple(file for file, place in located.items() if not place)
    state: State = "missing" if not edition.mirrors or places.offline() else "fetchable"
    return Status(name, state if missing else "here", found, missing)
