"""From arrays that someone hands over to Data, or to one sentence that says what is wrong with them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.layer import Array
from firsthand.errors import FirsthandError
from firsthand.probes.arrays import AXES, KINDS, NAMES, Data, Kind, mains

_RENAME = "store the one to measure under such a name with numpy.savez"
_MUST_VARY = ("images", "series", "sets", "table", "counts", "features")


def recognise(arrays: Mapping[str, Array], kind: Kind | None = None, where: str = "the data") -> Data:
    """Find the arrays of a kind of data by their names, and check them. Without a kind, the names must tell it.

    Raises FirsthandError, one sentence that begins with `where`, for data that a probe could not measure.
    """
    kind = kind or _kind_of(arrays, where)
    found = {}
    for name, aliases in NAMES[kind].items():
        for alias in [alias for alias in aliases if alias in arrays][:1]:
            found[name] = _checked(name, np.asarray(arrays[alias]), f"{where}: {alias}")
    if not any(name in found for name in mains(kind)):
        wanted = " or ".join(alias for name in mains(kind) for alias in NAMES[kind][name])
        there = ", ".join(arrays) or "none"
        raise FirsthandError(f"{where}: {kind} need an array {wanted}; there is {there}: {_RENAME}.")
    data = Data(kind, found)
    if kind == "graphs":
        _check_graph(data, where)
    if "labels" in found and len(found["labels"]) != data.count():
        labels, count = len(found["labels"]), data.count()
        raise FirsthandError(f"{where}: there are {labels:,} labels for {count:,} examples; give one for each.")
    return data


def _kind_of(arrays: Mapping[str, Array], where: str) -> Kind:
    own = {kind: [alias for name in mains(kind) for alias in NAMES[kind][name] if alias != "x"] for kind in KINDS}
    told = [kind for kind in KINDS if any(name in arrays for name in own[kind])]
    if len(told) == 1:
        return told[0]
    names = ", ".join(arrays) or "none"
    if told:
        several = " or ".join(told)
        raise FirsthandError(f"{where}: the arrays {names} could be {several}; keep those of one, or say it (--kind).")
    raise FirsthandError(
        f"{where}: the names of the arrays ({names}) do not tell what they are; call the first "
        f"{', '.join(names[0] for names in own.values())}, or tell `firsthand probe` their kind (--kind)."
    )


def _checked(name: str, array: Array, where: str) -> Array:
    """One array: of numbers, finite, not empty, with the right axes; words become numbers."""
    if array.size == 0:
        raise FirsthandError(f"{where} is empty, with the shape {array.shape}; there is nothing to measure.")
    axes, meaning = AXES[name]
    if array.ndim not in axes or (name == "images" and array.ndim == 4 and array.shape[1] > 4):
        last = name == "images" and array.ndim == 4 and array.shape[-1] <= 4
        remedy = "numpy.moveaxis(images, -1, 1) puts channels there" if last else "reshape it"
        raise FirsthandError(f"{where} must have the shape {meaning}, but has {array.shape}; {remedy}.")
    if array.dtype.kind in "US" and name == "labels":
        return array
    if array.dtype.kind in "US" and name == "tokens":
        return np.asarray(np.unique(array, return_inverse=True)[1])
    whole = name in ("edges", "feature_indptr", "feature_indices", "tokens")
    if array.dtype.kind not in ("iu" if whole else "biuf"):
        sort = "whole" if whole else "real"
        raise FirsthandError(f"{where} must hold {sort} numbers, but holds {array.dtype}; convert it with astype.")
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        first = tuple(int(at) for at in np.unravel_index(int(finite.argmin()), array.shape))
        raise FirsthandError(
            f"{where}[{', '.join(map(str, first))}] is {array[first]}; remove or replace what is not finite."
        )
    largest = float(np.abs(array).max()) if array.dtype.kind == "f" else 1.0
    if largest and not 1e-100 < largest < 1e100:
        raise FirsthandError(
            f"{where} is as large as {largest:.0e}; rescale it, since squares of such numbers are lost."
        )
    if name in _MUST_VARY and array.min() == array.max():
        raise FirsthandError(f"{where} holds nothing but {array.flat[0]}; there is nothing to measure.")
    return array


def _check_graph(data: Data, where: str) -> None:
    edges = data["edges"]
    if edges.shape[1] != 2:
        raise FirsthandError(f"{where}: edges must have the shape (E, 2), but has {edges.shape}.")
    _check_rows(data, where)
    outside = ((edges < 0) | (edges >= data.count())).any(axis=1)
    loops = edges[:, 0] == edges[:, 1]
    for bad, problem in (
        (outside, f"but the nodes are 0 to {data.count() - 1}"),
        (loops, "which joins a node to itself"),
    ):
        if bad.any():
            first = int(bad.argmax())
            raise FirsthandError(
                f"{where}: edges[{first}] is {edges[first].tolist()}, {problem}; correct or remove it."
            )
    if len(np.unique(np.sort(edges, axis=1), axis=0)) < len(edges):
        raise FirsthandError(
            f"{where}: edges holds an edge twice, in one direction or in both; keep "
            "numpy.unique(numpy.sort(edges, axis=1), axis=0)."
        )


def _check_rows(data: Data, where: str) -> None:
    """Features in compressed rows: node i has those in feature_indices[feature_indptr[i] : feature_indptr[i + 1]]."""
    if data.has("feature_indptr") != data.has("feature_indices"):
        raise FirsthandError(f"{where}: feature_indptr and feature_indices go together; give both or neither.")
    if data.has("feature_indptr"):
        start, indices = data["feature_indptr"].astype(np.int64), data["feature_indices"]
        if start[0] != 0 or start[-1] != len(indices) or (np.diff(start) < 0).any() or indices.min() < 0:
            raise FirsthandError(
                f"{where}: feature_indptr must rise from 0 to {len(indices)}, the length of feature_indices, and these "
                "must not be negative."
            )


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file. Nothing is ever unpickled. Raises FirsthandError if it is anything else."""
    if not path.is_file():
        problem = "is not a file" if path.exists() else "there is no such file"
        raise FirsthandError(f"{path}: {problem}; name an .npz file or a data set (`firsthand data list`).")
    try:
        if not zipfile.is_zipfile(path):
            raise FirsthandError(
                f"{path}: is not an .npz file; write one with numpy.savez, as in numpy.savez('own.npz', table=..., "
                "labels=...)."
            )
        with np.load(path, allow_pickle=False) as archive:
            found = {name: _member(archive, name, path) for name in archive.files}
    except (OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise FirsthandError(f"{path}: cannot be read ({error}); write it again.") from None
    return {
        name: array for name, array in found.items() if isinstance(array, np.ndarray)
    }  # else a file of another kind


def _member(archive: np.lib.npyio.NpzFile, name: str, path: Path) -> Array:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise FirsthandError(
                f"{path}: {name} holds Python objects, which are never unpickled; store numbers, or leave it out."
            ) from None
        raise FirsthandError(f"{path}: {name} cannot be read ({error}); write it again.") from None
