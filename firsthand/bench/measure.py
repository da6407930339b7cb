"""Measuring: rounds that alternate between the two processes, and what is made of their times."""

import importlib.metadata
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct

from core.layer import Array
from firsthand.bench.worker import SideName, Worker
from firsthand.bench.workload import GRADIENT, Workload
from firsthand.run import machine

FORMAT = 1
ROUND = 0.25  # seconds that a side works in each round, a step at least
TOLERANCE = 1e-7  # in float64, where nothing but a different equation makes a difference
TOLERANCE_32 = 0.1  # in float32, where a few ReLUs that rounding flips show as 0.02


class Row(Struct, frozen=True, kw_only=True):
    """One workload. Times are medians over the rounds; the ratio is the median of the ratios of each round."""

    workload: str
    what: str
    ours_ms: float
    torch_ms: float | None = None
    ratio: float | None = None  # ours / PyTorch's: below 1, ours is faster
    lowest: float | None = None  # of the rounds' ratios
    highest: float | None = None
    ours_mb: float  # peak of the process, its libraries included
    torch_mb: float | None = None
    ours_growth_mb: float  # peak beyond that of the libraries alone
    torch_growth_mb: float | None = None
    difference: float | None = None  # of gradients and steps in float64, in parts of the largest of each tensor
    difference_float32: float | None = None  # of the gradients of the code that was timed
    valid: bool = True


class Report(Struct, frozen=True, kw_only=True):
    """All rows, and under which circumstances they came about."""

    format: int = FORMAT
    date: str  # UTC, ISO 8601
    against: Literal["torch"] | None
    torch: str | None  # its version
    threads: int
    clock: Literal["process CPU time", "wall clock"]
    rounds: int
    tolerance: float = TOLERANCE
    tolerance_float32: float = TOLERANCE_32
    machine: dict[str, str | int]
    geometric_mean: float | None  # of the ratios of valid rows
    workloads: list[Row]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Median, lowest and highest of the ratios of each round, whose two times met the same conditions."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return statistics.median(each), min(each), max(each)


def geometric_mean(values: Sequence[float]) -> float | None:
    """The mean of ratios: of 2 and 1/2 it is 1."""
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def difference(ours: Mapping[str, Array], theirs: Mapping[str, Array], only: str = "") -> float:
    """The largest difference between arrays of the same name, in parts of the largest number of each of PyTorch's;
    infinite if names or shapes differ or something is not finite. `only` is how the names that count begin."""
    ours, theirs = ({n: x for n, x in side.items() if n.startswith(only)} for side in (ours, theirs))
    if not theirs or ours.keys() != theirs.keys() or any(ours[name].shape != theirs[name].shape for name in ours):
        return math.inf
    worst = 0.0
    for name, b in theirs.items():
        gap = float(np.abs(ours[name] - b).max(initial=0.0))
        scale = float(np.abs(b).max(initial=0.0))
        if not math.isfinite(gap) or not math.isfinite(scale):
            return math.inf
        worst = max(worst, gap / scale if scale else (math.inf if gap else 0.0))
    return worst


def measure(workload: Workload, against_torch: bool, threads: int, rounds: int, small: bool = False) -> Row:
    """One workload: warm up, alternate, read the memory, and then compare what the two compute."""
    sides: list[SideName] = ["ours", "torch"] if against_torch else ["ours"]
    with ExitStack() as stack:
        workers = {side: stack.enter_context(Worker(workload.name, side, threads, small)) for side in sides}
        steps = {side: max(1, round(ROUND / worker.ask("warm_up"))) for side, worker in workers.items()}
        times: dict[SideName, list[float]] = {side: [] for side in sides}
        for number in range(rounds):
            for side in sides if number % 2 == 0 else sides[::-1]:  # neither always goes first
                times[side].append(workers[side].ask("time", steps[side]))
        memory = {side: worker.ask("memory") for side, worker in workers.items()}
        peak, before = memory["ours"]
        row = Row(
            workload=workload.name,
            what=workload.what,
            ours_ms=1e3 * statistics.median(times["ours"]),
            ours_mb=peak,
            ours_growth_mb=peak - before,
        )
        if not against_torch:
            return row
        peak, before = memory["torch"]
        ratio, lowest, highest = ratios(times["ours"], times["torch"])
        exact, rounded = (
            difference(workers["ours"].ask("results", dtype), workers["torch"].ask("results", dtype), only)
            for dtype, only in (("float64", ""), ("float32", GRADIENT))
        )
        return msgspec.structs.replace(
            row,
            torch_ms=1e3 * statistics.median(times["torch"]),
            ratio=ratio,
            lowest=lowest,
            highest=highest,
            torch_mb=peak,
            torch_growth_mb=peak - before,
            difference=exact,
            difference_float32=rounded,
            valid=exact <= TOLERANCE and rounded <= TOLERANCE_32,
        )


def measure_all(
    workloads: Sequence[Workload],
    against_torch: bool,
    threads: int,
    rounds: int,
    tell: Callable[[str], None] = lambda name: None,
    small: bool = False,
) -> Report:
    """All workloads, one after the other; `tell` hears the name of each before it starts."""
    rows = []
    for workload in workloads:
        tell(workload.name)
        rows.append(measure(workload, against_torch, threads, rounds, small))
    return Report(
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        against="torch" if against_torch else None,
        torch=importlib.metadata.version("torch") if against_torch else None,
        threads=threads,
        clock="process CPU time" if threads == 1 else "wall clock",
        rounds=rounds,
        machine=machine() | {"blas_threads": threads},
        geometric_mean=geometric_mean([row.ratio for row in rows if row.ratio is not None and row.valid]),
        workloads=rows,
    )
