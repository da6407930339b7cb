"""Run units side by side: processes with one BLAS thread each, a live display, and records that survive anything.

A unit's record is written, whole, by the process that measured it. Kill the run at any moment and the next one
computes only what is missing.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from firsthand import records
from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.project import Project
from firsthand.records import Unit
from firsthand.run import execute_together

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Display(Protocol):
    """What the runner tells about its progress."""

    def step(self, unit_id: str, done: int, total: int, note: str) -> None: ...
    def finished(self, unit: Unit, seconds: float) -> None: ...


class Interrupted(FirsthandError):
    """Ctrl-C: everything that was finished is recorded."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("Stopped. What was finished is recorded; the same command goes on from there.")


def missing(project: Project, slug: str, units: Iterable[Unit]) -> list[Unit]:
    """The units without a record that speaks for the code that is here now."""
    evidence = Evidence(project, slug, project.runs(slug))
    return [unit for unit in units if (record := evidence.get(unit)) is None or evidence.state(record) == "stale"]


def run_units(project: Project, units: list[Unit], jobs: int, display: Display) -> None:
    """Carry out the units and write their records to the run folder of their paper.

    The first failure stops the rest; what was finished by then stays. Raises FirsthandError, Interrupted on Ctrl-C.
    """
    for folder in {project.runs(unit.paper) for unit in units}:
        records.prepare(folder)
    if not units:
        return
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    tasks = companies(project, units)
    with _one_thread_each(), ProcessPoolExecutor(min(jobs, len(tasks)), context, _start_worker, (queue,)) as pool:
        over = threading.Event()
        listener = threading.Thread(target=_listen, args=(queue, display, over), daemon=True)
        listener.start()
        waiting = {pool.submit(_work, project.root, company): company for company in tasks}
        try:
            _collect(waiting, display)
        except KeyboardInterrupt:
            _stop(pool)
            raise Interrupted from None
        except BaseException:
            _stop(pool)
            raise
        finally:
            over.set()
            listener.join(timeout=1)  # not for ever: a worker stopped while it wrote leaves half a message


def part(project: Project, units: list[Unit], number: int, count: int) -> list[Unit]:
    """Part `number` of `count` of the units: the same whatever is recorded already, so that each can go elsewhere."""
    return [unit for company in companies(project, units)[number - 1 :: count] for unit in company]


def companies(project: Project, units: list[Unit]) -> list[list[Unit]]:
    """The units that one call of an experiment's function carries out: one, or all seeds if it takes them together."""
    found: dict[str, list[Unit]] = {}
    for unit in units:
        together = project.manifest(unit.paper).experiments[unit.experiment].together
        key = records.address(unit.paper, unit.experiment, unit.settings) if together else unit.id
        found.setdefault(key, []).append(unit)
    return list(found.values())


def _collect(waiting: dict[Future[float], list[Unit]], display: Display) -> None:
    while waiting:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            company = waiting.pop(future)
            try:
                seconds = future.result()
                for unit in company:
                    display.finished(unit, seconds)
            except BrokenProcessPool:
                raise FirsthandError(
                    f"{company[0].label()}: a worker process died (killed, or out of memory). What was "
                    "finished is recorded; run again, with fewer --jobs if memory is short."
                ) from None


def _stop(pool: ProcessPoolExecutor) -> None:
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """BLAS reads these variables when a worker first imports NumPy."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _listen(queue: Any, display: Display, over: threading.Event) -> None:
    """Pass on what the workers report. The parent never writes to the queue: a stopped worker may hold its lock."""
    while not over.is_set():
        with suppress(Empty):
            display.step(*queue.get(timeout=0.1))


_reports: Any = None  # in a worker: the queue to the parent


def _start_worker(queue: Any) -> None:
    global _reports
    _reports = queue
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    """A worker whose parent was killed has nobody to work for."""
    wait_for([sentinel])
    os._exit(1)


def _work(root: Path, company: list[Unit]) -> float:
    project, first = Project(root), company[0]
    try:
        made = execute_together(project, company, lambda done, total, note: _reports.put((first.id, done, total, note)))
    except KeyboardInterrupt:
        os._exit(130)  # the parent tells the user
    for record in made:
        records.write(record, project.runs(first.paper))
    return made[0].seconds
