"""Numbers from probes of data, and the results that are committed for machines that do not have the data.

`firsthand design check --write` measures, and keeps in designs/results/<name>.json what each probe found, with the
hash of the data and of the code of the probes. While both are the same, the result stands for the measurement. When
either has changed, the probe is run again where the data are; elsewhere the number is *not checked*, and that is said.
"""

import contextlib
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from core.layer import Array
from firsthand import data, probes, records
from firsthand.code import package_hash
from firsthand.design.schema import ReadsProbe
from firsthand.errors import FirsthandError
from firsthand.probes import Finding
from firsthand.probes.checks import read_npz

SEED = 0


class ProbeResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a probe found, and what that depends on."""

    name: str
    data: str
    sha256: str  # of the data
    code: str  # of all probes, as syntax trees, without what prints and draws
    measurements: dict[str, float]
    null: dict[str, tuple[float, float]]  # mean and standard deviation under the null model, for those that have one
    checksum: str  # of all the above, so that a number changed by hand is noticed


@dataclass(frozen=True)
class Look:
    """The number, or None and why it cannot be had here; a note may also accompany a number."""

    value: float | None
    note: str = ""
    null: tuple[float, float] | None = None  # mean and standard deviation of the same number under the null model


def look(reads: ReadsProbe, design: Path) -> Look:
    """What the probe says: the committed result while it stands, else a new measurement where the data are."""
    kept = _read(results_path(design)).get((reads.name, reads.data))
    if kept is not None and _stands(kept, design):
        return Look(_pick(kept.measurements, reads), null=kept.null.get(reads.measurement))
    word = "no result of this probe is committed" if kept is None else "its committed result is stale"
    if not _here(reads.data, design):
        remedy = f"`firsthand data fetch {reads.data}`, then `firsthand design check --write {design.stem}`"
        return Look(None, f"{word}, and the data set {reads.data} is not on this machine; {remedy}.")
    found = measure(reads.name, reads.data, design)
    note = f"was measured now, since {word}; `firsthand design check --write {design.stem}` keeps it."
    return Look(_pick(found.measurements, reads), note, found.null.get(reads.measurement))


def write(wanted: list[ReadsProbe], design: Path) -> int:
    """Measure what has no standing result and write the file anew; returns how many were measured.

    Results that nothing asks for any more are dropped. Raises DataError for data that are not to be had.
    """
    kept = _read(results_path(design))
    found: dict[tuple[str, str], ProbeResult] = {}
    measured = 0
    for reads in wanted:
        key = (reads.name, reads.data)
        old = kept.get(key)
        if key not in found and old is not None and _stands(old, design):
            found[key] = old
        elif key not in found:
            found[key] = measure(*key, design)
            measured += 1
    if found or kept:
        text = msgspec.json.format(msgspec.json.encode(list(found.values()), order="deterministic"), indent=1)
        target = results_path(design)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            records.write_atomically(target, text)
        except OSError as error:
            raise records.not_writable(target.parent, error) from None
    return measured


def measure(name: str, source: str, design: Path) -> ProbeResult:
    """Run a probe. Raises FirsthandError for a probe or data that do not exist, or that do not go together."""
    return _measured(name, source, design, _digest(source, design), _code())


@functools.cache
def _measured(name: str, source: str, design: Path, digest: str, code: str) -> ProbeResult:
    """Once for all numbers of one probe of the same data."""
    found = probes.measure(name, _arrays(source, design), seed=SEED)
    measurements = {key: float(value) for key, value in found.measurements.items()}
    null = {key: (float(mean), float(std)) for key, (mean, std) in found.null.items()}
    return ProbeResult(
        name=name,
        data=source,
        sha256=digest,
        code=code,
        measurements=measurements,
        null=null,
        checksum=records.address(name, source, digest, code, measurements, null),
    )


def measure_all(source: str, design: Path) -> dict[str, Finding]:
    """What every probe says that has something to measure in these data; FirsthandError for data that are not right."""
    kind = None if _own(source, design) else data.describe(source).kind
    recognised, found = probes.recognise(_arrays(source, design), kind, source), {}
    for name, probe in probes.PROBES.items():
        if recognised.kind in probe.kinds:
            with contextlib.suppress(probes.NotApplicable):
                found[name] = probes.run(name, recognised, SEED)
    return found


def results_path(design: Path) -> Path:
    return design.parent / "results" / f"{design.stem}.json"


def _pick(measurements: Mapping[str, float], reads: ReadsProbe) -> float:
    if reads.measurement not in measurements:
        known = ", ".join(measurements) or "nothing"
        raise FirsthandError(f"the probe {reads.name!r} does not measure {reads.measurement!r}; it measures {known}.")
    return measurements[reads.measurement]


def _read(path: Path) -> dict[tuple[str, str], ProbeResult]:
    if not path.is_file():
        return {}
    remedy = "delete it, and `firsthand design check --write` measures again"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[ProbeResult])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FirsthandError(f"{path}: cannot be read ({error}); {remedy}.") from None
    for one in found:
        if one.checksum != records.address(one.name, one.data, one.sha256, one.code, one.measurements, one.null):
            raise FirsthandError(f"{path}: the result of {one.name!r} was altered after it was written; {remedy}.")
    return {(one.name, one.data): one for one in found}


def _stands(result: ProbeResult, design: Path) -> bool:
    return (result.sha256, result.code) == (_digest(result.data, design), _code())


@functools.cache
def _code() -> str:
    return package_hash(probes)


def _own(source: str, design: Path) -> Path | None:
    """The reader's own file, if the data are not those of the registry."""
    return design.parent / source if source.endswith(".npz") else None


def _here(source: str, design: Path) -> bool:
    return _own(source, design) is not None or data.status(source).state == "here"


def _arrays(source: str, design: Path) -> Mapping[str, Array]:
    path = _own(source, design)
    return data.load(source).arrays if path is None else read_npz(path)


def _digest(source: str, design: Path) -> str:
    """The hash of the data themselves, whatever file holds them."""
    if _own(source, design) is None:
        return data.digest(source)
    whole = hashlib.sha256()
    for name, array in sorted(_arrays(source, design).items()):
        whole.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
