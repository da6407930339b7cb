"""Where data may be: four folders with the same layout, tried in this order.

vendored        inside the package, for the small set that is always there
FIRSTHAND_DATA  the user's own folder, if that variable is set
cache           what was downloaded: data/ in the user's cache folder for firsthand, or in FIRSTHAND_CACHE if set
system          /usr/share/datasets, where Debian puts data packages such as dataset-fashion-mnist

What is in none of them comes from the mirrors of the registry, over the network, unless FIRSTHAND_OFFLINE is 1.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from firsthand.data.registry import Edition, Entry

VENDORED = Path(__file__).with_name("vendored")
SYSTEM = Path("/usr/share/datasets")


@dataclass(frozen=True)
class Place:
    """A folder that is searched, and what to do about a bad file in it."""

    name: str
    folder: Path
    remedy: str


@dataclass(frozen=True)
class Found:
    """A file of a data set, in the first place that has it. Its content is not verified yet."""

    file: str
    path: Path
    place: Place


def places() -> list[Place]:
    """The folders to search, in order."""
    found = [Place("vendored", VENDORED, "reinstall firsthand")]
    if own := os.environ.get("FIRSTHAND_DATA"):
        found.append(
            Place("FIRSTHAND_DATA", _absolute(own), "replace that file, or let FIRSTHAND_DATA name another folder")
        )
    return [*found, cache(), Place("system", SYSTEM, "reinstall the package that the file belongs to")]


def cache() -> Place:
    """The place of downloads. The folder need not exist yet."""
    base = os.environ.get("FIRSTHAND_CACHE") or platformdirs.user_cache_dir("firsthand", appauthor=False)
    return Place("cache", _absolute(base) / "data", "delete that file, and it will be fetched again")


def find(file: str) -> Found | None:
    """The file in the first place that has it, or None."""
    for place in places():
        path = place.folder / file
        if os.path.isfile(path):
            return Found(file, path, place)
    return None


def choose(entry: Entry) -> Edition:
    """The edition to use: the first that is wholly at hand, else the first that can be downloaded, else the first."""
    for edition in entry.editions:
        if all(find(file) for file in edition.files):
            return edition
    return next((edition for edition in entry.editions if edition.mirrors), entry.editions[0])


def offline() -> bool:
    """Whether the user forbids the network."""
    return os.environ.get("FIRSTHAND_OFFLINE", "") not in ("", "0")


def _absolute(folder: str) -> Path:
    return Path(folder).expanduser().absolute()
