"""The same units on the workers of a Dask cluster: they measure, and the records are written here.

    dask scheduler                                          # on one machine
    dask worker tcp://HOST:8786 --nworkers 2 --nthreads 1   # on each machine, in a checkout of the same commit
    firsthand run lstm_1997 --tier full --cluster tcp://HOST:8786

All three run in the environment of a checkout: what travels is the name of a function, the units and the records.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from firsthand import records
from firsthand.code import code_hashes
from firsthand.errors import FirsthandError
from firsthand.project import Project
from firsthand.records import Record, Unit
from firsthand.run import execute_together
from firsthand.runner import Display, Interrupted, companies

PATIENCE = 10  # seconds for the scheduler to answer
_alone = threading.Lock()  # in a worker that was started with several threads: a unit has the process to itself


def run_on_cluster(project: Project, units: list[Unit], address: str, display: Display) -> None:
    """Carry out the units on the workers of the scheduler at `address`, and write their records to the run folders.

    A unit whose worker dies goes to another one. The first failure stops the rest; what was finished by then stays.
    Raises FirsthandError, also for a worker with other code than is here, and Interrupted on Ctrl-C.
    """
    for folder in {project.runs(unit.paper) for unit in units}:
        records.prepare(folder)
    if not units:
        return
    with _client(address) as (client, distributed):
        tasks = {client.submit(_measure, msgspec.msgpack.encode(c), pure=False): c for c in companies(project, units)}
        try:
            for future in distributed.as_completed(tasks):
                made = _result(future, tasks[future], distributed)
                for record in made:
                    _same_code(project, record)
                    records.write(record, project.runs(record.unit.paper))
                    display.finished(record.unit, record.seconds)
        except KeyboardInterrupt:
            client.cancel(list(tasks), force=True)
            raise Interrupted from None
        except BaseException:
            client.cancel(list(tasks), force=True)
            raise


def _measure(company: bytes) -> bytes:
    """In a worker: the records of units that are carried out together."""
    with _alone:
        return msgspec.msgpack.encode(
            execute_together(Project.find(), msgspec.msgpack.decode(company, type=list[Unit]))
        )


def _result(future: Any, company: list[Unit], distributed: Any) -> list[Record]:
    try:
        return msgspec.msgpack.decode(future.result(), type=list[Record])
    except distributed.KilledWorker:
        raise FirsthandError(
            f"{company[0].label()}: every worker that took it died (killed, or out of memory). What was finished is "
            "recorded; run again, with fewer workers on each machine if memory is short."
        ) from None


def _same_code(project: Project, record: Record) -> None:
    here = code_hashes(project.root, record.unit.paper)
    if record.code != here:
        name = min(name for name in here.keys() | record.code.keys() if here.get(name) != record.code.get(name))
        raise FirsthandError(
            f"{record.unit.label()}: a worker ran other code than is here ({name}); bring all workers to this commit, "
            "and start them again."
        )


@contextmanager
def _client(address: str) -> Iterator[tuple[Any, Any]]:
    """A client of the scheduler, and the module `distributed`; FirsthandError if there is nobody to do the work."""
    try:
        import distributed
    except ImportError:
        raise FirsthandError("--cluster needs Dask, which is not installed: pip install -e '.[cluster]'") from None
    logging.getLogger("distributed").setLevel(logging.ERROR)  # what goes wrong is told in our own words
    try:
        client = distributed.Client(address, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise FirsthandError(
            f"--cluster {address}: no scheduler answers there; start `dask scheduler` and give the address that it "
            f"prints, such as tcp://127.0.0.1:8786 ({type(error).__name__})."
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise FirsthandError(
                f"--cluster {address}: the scheduler has no workers; in a checkout on each machine, start "
                f"`dask worker {address} --nworkers 2 --nthreads 1`."
            )
        yield client, distributed
