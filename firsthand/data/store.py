"""The verified files of a data set: found on this machine, downloaded into the cache, or an error that says why not."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from firsthand.data import download, formats, places, registry
from firsthand.data.formats import Array
from firsthand.data.places import Found
from firsthand.data.registry import DataError, Edition


def verified(name: str) -> Iterator[tuple[Path, dict[str, Array]]]:
    """Each file of a data set with its arrays, as they are needed. Raises DataError."""
    entry = registry.entry(name)
    edition = places.choose(entry)
    for file, arrays in edition.files.items():
        wanted = {array: entry.arrays[array] for array in arrays}
        found = places.find(file) or _fetched(name, edition, file, wanted)
        try:
            content = formats.read(found.path, edition.format, wanted)
        except formats.Damaged as damage:
            raise DataError(f"{found.path} is corrupt: it {damage}. Remedy: {found.place.remedy}.") from None
        except OSError as error:
            raise DataError(f"{found.path} cannot be read ({error.strerror}). Remedy: {found.place.remedy}.") from None
        yield found.path, content


def missing(name: str, network: Iterable[str] = ()) -> DataError:
    """The error for a set that is not wholly on this machine; `network` says what came of trying mirrors."""
    entry = registry.entry(name)
    edition = places.choose(entry)
    absent = [file for file in edition.files if places.find(file) is None]
    others = [" and ".join(other.files) for other in entry.editions if other is not edition]
    remedy = f"set FIRSTHAND_DATA to a folder that contains {', or '.join([' and '.join(absent), *others])}"
    if edition.mirrors:
        remedy = f"run `firsthand data fetch {name}` where there is a network, or {remedy}"
    if edition.made:
        remedy = f"{remedy}. {edition.made}"
    tried = [f"{place.name}: {place.folder}" for place in places.places()]
    return DataError(
        "\n  ".join([f"The data set {name} is not wholly on this machine. Tried:", *tried, *network])
        + f"\nRemedy: {remedy}."
    )


def _fetched(name: str, edition: Edition, file: str, wanted: formats.Wanted) -> Found:
    """Download one file into the cache."""
    if places.offline():
        raise missing(name, ["the network: not tried, because FIRSTHAND_OFFLINE is set"])
    cache = places.cache()
    target = cache.folder / file
    unpacked = formats.most_bytes(edition.format, wanted)
    try:
        download.download(
            edition.urls(file),
            target,
            unpacked + unpacked // 100,  # packing may also add a little
            lambda part: formats.read(part, edition.format, wanted),
        )
    except download.NoMirror as failure:
        raise missing(name, failure.reasons) from None
    except OSError as error:
        raise DataError(
            f"{target.parent} cannot be written ({error.strerror}). Remedy: make it writable and free some "
            "space, or let FIRSTHAND_CACHE name another folder."
        ) from None
    return Found(file, target, cache)
