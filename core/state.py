"""Saving and loading: one .npz file, without pickle, in which everything goes by its path name.

A file holds the Params, the buffers, the states of the Generators (as JSON text), the slots of the optimiser and
whatever else the caller passes, so that training for 50 steps, saving, loading and training for 50 more gives the same
bits as training for 100.
"""

import copy
import json
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.layer import Array, Layer, replace_buffers


class Optimiser(Protocol):
    """What saving asks of an optimiser: `core.optim.SGD` has it."""

    def state(self) -> dict[str, Array]: ...

    def load_state(self, state: Mapping[str, Array]) -> None: ...


def save(path: str | os.PathLike[str], model: Layer, optimiser: Optimiser | None = None, **extra: Any) -> None:
    """Write the whole state of a model, of its optimiser and of `extra` (numbers, strings or arrays, by name).

    The file appears whole or not at all: it is written beside its place, brought to the disk, and renamed. The
    Generator that draws the batches is not part of the model; pass `rng.bit_generator.state` as JSON text in `extra`.
    Raises ValueError if something in `extra` is not an array of numbers or text.
    """
    path = Path(path)
    arrays = _entries(model, optimiser)
    for name, value in extra.items():
        arrays[f"extra/{name}"] = np.asarray(value)
        if arrays[f"extra/{name}"].dtype.hasobject:
            raise ValueError(f"save: {name} is {value!r}, expected numbers, text or an array of these")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str], model: Layer, optimiser: Optimiser | None = None) -> dict[str, Array]:
    """Put a saved state into a model of the same structure, and into its optimiser if one is passed; return `extra`.

    Raises ValueError, and changes nothing, if the file cannot be read, or if any name is missing from it, is unknown to
    the model, or belongs to an array of another shape or type; the message lists them all. Without `optimiser`, the
    slots that the file may hold are left alone. Raises FileNotFoundError if there is no such file.
    """
    found = _read(Path(path))
    extra = {name.removeprefix("extra/"): found.pop(name) for name in list(found) if name.startswith("extra/")}
    if optimiser is None:
        found = {name: array for name, array in found.items() if not name.startswith("optimiser/")}
    expected = _entries(model, optimiser)
    complaints = [f"missing: {name}" for name in expected if name not in found]
    complaints += [f"unexpected: {name}" for name in found if name not in expected]
    both = [name for name in expected if name in found]
    complaints += [c for name in both for c in _differences(name, found[name], expected[name])]
    generators = dict(model.named_generators())
    complaints += [c for name in generators for c in _refusals(generators[name], f"generator/{name}", found)]
    if complaints:
        raise ValueError(f"load: {path} does not fit this model. " + "; ".join(complaints))
    if optimiser is not None:
        prefix = "optimiser/"
        optimiser.load_state({k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)})
    for name, p in model.named_params():
        p.data = found[f"param/{name}"]
    model.zero_grad()
    replace_buffers(model, {id(old): found[f"buffer/{name}"] for name, old in model.named_buffers()})
    for name, rng in generators.items():
        rng.bit_generator.state = json.loads(str(found[f"generator/{name}"]))
    return extra


def _entries(model: Layer, optimiser: Optimiser | None) -> dict[str, Array]:
    """Everything that is saved, by its name in the file."""
    arrays = {f"param/{name}": p.data for name, p in model.named_params()}
    arrays |= {f"buffer/{name}": buffer for name, buffer in model.named_buffers()}
    for name, rng in model.named_generators():
        state = json.dumps(rng.bit_generator.state, default=lambda array: array.tolist())
        arrays[f"generator/{name}"] = np.array(state)
    if optimiser is not None:
        arrays |= {f"optimiser/{name}": slot for name, slot in optimiser.state().items()}
    return arrays


def _differences(name: str, found: Array, expected: Array) -> Iterator[str]:
    """What is wrong with an array that is both in the file and in the model."""
    text = name.startswith("generator/")
    if not text and (found.shape != expected.shape or found.dtype != expected.dtype):
        yield f"{name}: {found.dtype} {found.shape} in the file, {expected.dtype} {expected.shape} in the model"


def _refusals(rng: np.random.Generator, name: str, found: Mapping[str, Array]) -> Iterator[str]:
    """What a Generator has against the state in the file, tried on a copy of it."""
    if name in found:
        try:
            copy.deepcopy(rng).bit_generator.state = json.loads(str(found[name]))
        except (ValueError, TypeError, KeyError):
            yield f"{name}: not a state of {type(rng.bit_generator).__name__}"


def _read(path: Path) -> dict[str, Array]:
    """All arrays of an .npz file, each verified against its checksum."""
    damage = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, KeyError, NotImplementedError)
    try:
        with open(path, "rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            return {name: archive[name] for name in archive.files}
    except damage as error:
        raise ValueError(f"load: {path} is damaged or not an .npz file ({error})") from error
