"""Carry out one unit: call the experiment, check what it returns, and make the record."""

import functools
import importlib
import inspect
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from firsthand import data, records
from firsthand.code import code_hashes
from firsthand.errors import FirsthandError
from firsthand.experiment import Progress, Result, Run, call, rounded
from firsthand.manifest import Experiment, Settings
from firsthand.project import Project
from firsthand.records import Fingerprint, Record, Unit


def find_function(project: Project, slug: str, experiment: Experiment) -> Callable[..., Any]:
    """The experiment's function, by name; its parameters must be exactly the settings of the manifest."""
    project.importable()
    path = project.paper(slug) / "experiments.py"
    if not path.is_file():
        raise FirsthandError(f"{path}: is missing; it holds the functions that the manifest names.")
    try:
        module = importlib.import_module(project.module(slug, "experiments"))
    except SyntaxError as error:
        raise FirsthandError(f"{error.filename}: line {error.lineno}: {error.msg}; correct the syntax.") from None
    function = getattr(module, experiment.function, None)
    if function is None:
        raise FirsthandError(f"{path}: there is no function {experiment.function!r}, which the manifest names.")
    return function  # type: ignore[no-any-return]


def execute(project: Project, unit: Unit, report: Progress = lambda done, total, note: None) -> Record:
    """Run one unit on one BLAS thread and return its record; nothing is written."""
    return execute_together(project, [unit], report)[0]


def execute_together(
    project: Project, units: Sequence[Unit], report: Progress = lambda done, total, note: None
) -> list[Record]:
    """The same for units that differ in their seeds only: one call of the function, if it takes all runs at once.

    The seconds of each record are its share. What else it holds must not depend on its company.
    """
    experiment = project.manifest(units[0].paper).experiments[units[0].experiment]
    with threadpool_limits(limits=1, user_api="blas"):
        code = _code_when_imported(project.root, units[0].paper)
        began = time.perf_counter()
        results = measure(project, units, report)
        seconds = (time.perf_counter() - began) / len(units)
        fingerprints = take_fingerprints(project, units)
        found = []
        for unit, result, fingerprint in zip(units, results, fingerprints, strict=True):
            arrays = {name: rounded(array) for name, array in result.arrays.items()}
            measurements = {name: float(value) for name, value in result.measurements.items()}
            record = Record(
                format=records.FORMAT,
                unit=unit,
                code=code,
                data={name: data.digest(name) for name in experiment.data},
                measurements=measurements,
                arrays=arrays,
                fingerprint=fingerprint,
                machine=machine(),
                seconds=round(seconds, 3),
                peak_memory_mb=round(_peak_memory_mb(), 1),
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
                checksum=records.checksum(measurements, arrays),
            )
            found.append(record)
        return found


@functools.cache
def _code_when_imported(root: Path, slug: str) -> dict[str, str]:
    """The hashes as they were when this process first ran the paper: a file edited since then is not what runs."""
    return code_hashes(root, slug)


def measure(project: Project, units: Sequence[Unit], report: Progress = lambda done, total, note: None) -> list[Result]:
    """Call the experiment's function and check that it made the measurements that the manifest promises."""
    settings = units[0].settings
    experiment = project.manifest(units[0].paper).experiments[units[0].experiment]
    function = find_function(project, units[0].paper, experiment)
    place = f"{project.paper(units[0].paper) / 'experiments.py'}: {experiment.function}"
    _check_settings(function, settings, place)
    runs = [Run(unit.seed, tuple(experiment.data), report) for unit in units]
    try:
        called = call(function, runs, settings, experiment.together)
    except FirsthandError as error:
        raise FirsthandError(f"{_unit(units[0], experiment)}: {error}") from None
    except Exception as error:  # a mistake in the experiment: its author needs the traceback
        error.add_note(f"in {_unit(units[0], experiment)}")
        raise
    if not isinstance(called, list) or len(called) != len(units):
        raise FirsthandError(f"{place} must return a list of as many results as it takes runs, {len(units)} here.")
    for unit, result in zip(units, called, strict=True):
        _check_result(result, experiment, place, unit)
    return called


def take_fingerprint(project: Project, unit: Unit) -> Fingerprint | None:
    """The measurements of the experiment's short run under this unit's settings and seed."""
    return take_fingerprints(project, [unit])[0]


def take_fingerprints(project: Project, units: Sequence[Unit]) -> list[Fingerprint | None]:
    """The same for units that differ in their seeds only."""
    short = project.manifest(units[0].paper).experiments[units[0].experiment].fingerprint
    if short is None:
        return [None] * len(units)
    results = measure(project, [Unit(u.paper, u.experiment, u.settings | short, u.seed) for u in units])
    return [Fingerprint(short, {n: float(value) for n, value in r.measurements.items()}, _sizes(r)) for r in results]


def _sizes(result: Result) -> dict[str, float]:
    """The mean size of each array of numbers, as far as they are finite."""
    arrays = {name: np.asarray(array) for name, array in result.arrays.items()}
    finite = {name: a[np.isfinite(a)] for name, a in arrays.items() if a.dtype.kind in "fiu"}
    return {name: float(np.abs(a).mean(dtype=float)) for name, a in finite.items() if a.size}


def _unit(unit: Unit, experiment: Experiment) -> str:
    """Which unit it is, with the settings in which it differs from the experiment's own."""
    own = experiment.settings
    other = ", ".join(f"{name} {value}" for name, value in unit.settings.items() if own.get(name) != value)
    return f"{unit.label()} with {other}" if other else unit.label()


def _check_settings(function: Callable[..., Result], settings: Settings, place: str) -> None:
    parameters = list(inspect.signature(function).parameters)[1:]
    for name in settings:
        if name not in parameters:
            raise FirsthandError(f"{place} takes no setting {name!r}; it takes {', '.join(parameters) or 'none'}.")
    for name in parameters:
        if name not in settings:
            raise FirsthandError(f"{place} needs the setting {name!r}; add it to the settings in the manifest.")


def _check_result(result: Result, experiment: Experiment, place: str, unit: Unit) -> None:
    if not isinstance(result, Result):
        raise FirsthandError(f"{place} returned {type(result).__name__}; return firsthand.Result(...).")
    for name in experiment.measures:
        if name not in result.measurements:
            raise FirsthandError(
                f"{place} did not return the measurement {name!r} that the manifest lists; return it, or "
                "remove it from measures."
            )
    for name, value in result.measurements.items():
        if name not in experiment.measures:
            raise FirsthandError(f"{place} returned {name!r}, which the manifest does not list; add it to measures.")
        if not math.isfinite(float(value)):
            raise FirsthandError(
                f"{_unit(unit, experiment)}: {name} is {value}, which cannot be judged; if training diverged, lower "
                "the rate or check the gradients."
            )


def machine() -> dict[str, str | int]:
    """Where the numbers were made."""
    blas: dict[str, Any] = next((pool for pool in threadpool_info() if pool["user_api"] == "blas"), {})
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip(),
        "blas_threads": int(blas.get("num_threads", 1)),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _peak_memory_mb() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
