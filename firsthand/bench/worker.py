"""A process that holds one side of one workload and does as it is asked, so that the two sides share nothing.

Each workload gets new processes: their peak of memory is its own, and no workload profits from what an earlier one left
behind. Both processes import core, since PyTorch's takes its initial weights from there; the larger blocks that core
makes the allocator keep (see `core`) are then there for PyTorch too, which can only help it.
"""

import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from core.conv import Conv2d
from core.layer import Array
from core.threads import threads as core_threads
from firsthand.bench.registry import WORKLOADS
from firsthand.bench.workload import Side, build
from firsthand.errors import FirsthandError

SideName: TypeAlias = Literal["ours", "torch"]
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
WARM_UP = 0.2  # seconds, and three steps at least


class Desk:
    """Inside the process: what it can be asked, one method for each."""

    def __init__(self, workload: str, side: SideName, threads: int, small: bool) -> None:
        self.workload, self.side, self.small = WORKLOADS[workload], side, small
        self.clock = time.process_time if threads == 1 else time.perf_counter
        if side == "torch":
            importlib.import_module("torch").set_num_threads(threads)
        self.started_mb = peak_memory_mb()
        self.timed: Side = build(self.workload, side, np.float32, small)
        if side == "ours" and threads > 1 and _convolves(self.timed):
            self.held = ExitStack()  # never closed: both hold for as long as the process lives
            self.held.enter_context(threadpool_limits(1, "blas"))
            self.held.enter_context(core_threads(threads))

    def warm_up(self) -> float:
        """Run until everything is in place; seconds for one step."""
        start = time.perf_counter()
        steps = 0
        while steps < 3 or time.perf_counter() - start < WARM_UP:
            steps += 1
            self.timed.step()
        return (time.perf_counter() - start) / steps

    def time(self, steps: int) -> float:
        """Seconds for one step, the mean of so many: of the processor with one thread, else on the clock."""
        start = self.clock()
        for _ in range(steps):
            self.timed.step()
        return (self.clock() - start) / steps

    def memory(self) -> tuple[float, float]:
        """Megabytes of this process: its peak so far, and that before the workload was built."""
        return peak_memory_mb(), self.started_mb

    def results(self, dtype: str) -> dict[str, Array]:
        """Gradients and steps from the initial weights."""
        return build(self.workload, self.side, dtype, self.small).results()


class Worker:
    """The other end: `ask(method, ...)` is that method of the Desk, in the process."""

    def __init__(self, workload: str, side: SideName, threads: int = 1, small: bool = False) -> None:
        self.who = f"{workload}: the process of {'PyTorch' if side == 'torch' else 'our side'}"
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, workload, side, threads, small), daemon=True)
        with _threads(threads), _deaf_to_interrupts():
            self.process.start()
        far.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self.process.join(timeout=1)  # it ends when the pipe does; not if it is in the middle of a step
        self.process.kill()

    def ask(self, method: str, *arguments: Any) -> Any:
        """The answer; FirsthandError, one sentence, if the process failed or died."""
        try:
            self._pipe.send((method, arguments))
            good, answer = self._pipe.recv()
        except (EOFError, OSError):
            self.process.join(timeout=1)
            raise FirsthandError(
                f"{self.who} died (exit code {self.process.exitcode}): killed, or out of memory; "
                "free some memory, or choose a smaller --workload."
            ) from None
        if not good:
            raise FirsthandError(f"{self.who} failed: {answer}")
        return answer


def _convolves(side: Side) -> bool:
    """Whether threads of core are of more use to it than those of BLAS."""
    return any(isinstance(layer, Conv2d) for model in side.pair.models for _, layer in model.named_layers())


def require_torch() -> None:
    """FirsthandError if there is no PyTorch to compare with."""
    if importlib.util.find_spec("torch") is None:
        raise FirsthandError(
            "PyTorch is not installed, so there is nothing to compare with: pip install -e '.[parity]'"
        )


def peak_memory_mb() -> float:
    """The largest resident size that this process has had; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage counts what the parent had when it started this process
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    """BLAS reads these variables when a process first loads it."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started here leave Ctrl-C to this one, which ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: "Connection[Any, Any]", workload: str, side: SideName, threads: int, small: bool) -> None:
    """Answer until the other end is closed or dies; a failure is an answer too, in one line."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()
    desk: Desk | None = None
    try:
        while True:
            method, arguments = pipe.recv()
            try:
                desk = desk or Desk(workload, side, threads, small)
                answer = True, getattr(desk, method)(*arguments)
            except Exception as error:
                answer = False, " ".join(f"{type(error).__name__}: {error}".split())
            pipe.send(answer)
    except (EOFError, OSError):
        pass


def _die_with(sentinel: int) -> None:
    """Nobody is left to work for."""
    wait_for([sentinel])
    os._exit(1)
