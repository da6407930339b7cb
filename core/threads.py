"""Several threads, for the layer whose work NumPy leaves to one and that is worth them: convolution.

    with core.threads(2):
        y, backward = model(x)
        backward(dy)

It goes through a batch in blocks anyway. Here the blocks are shared out, which helps because NumPy lets go of the
interpreter while it calculates. What is calculated stays the same: equal seeds give equal bits, whatever the number
of threads. Matrix products have threads of their own, those of BLAS; allow them one (OPENBLAS_NUM_THREADS=1), or the
two kinds get in each other's way.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from itertools import pairwise
from typing import TypeVar

from core.guard import whole

Item = TypeVar("Item")
Result = TypeVar("Result")

_team: ContextVar[tuple[Executor, int] | None] = ContextVar("team", default=None)  # None: nobody but the caller


@contextmanager
def threads(count: int) -> Iterator[None]:
    """In the block of this `with`, in the thread that entered it, work is shared out among `count` threads.

    Where threads cannot be started, as in browsers, the caller does all of it. Raises ValueError for a count below 1.
    """
    count = whole("threads", "count", count)
    with ThreadPoolExecutor(count) as pool:  # it starts a thread when there is work for it
        token = _team.set((pool, count) if count > 1 and _starts(pool) else None)
        try:
            yield
        finally:
            _team.reset(token)


def share(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result]:
    """work(items); in a team, each does `work` on a run of neighbouring items, and the results are joined in order."""
    team = _team.get()
    if team is None or len(items) < 2:
        return work(items)
    pool, count = team
    mine, *others = parts(items, count)
    pending = [pool.submit(copy_context().run, work, run) for run in others]  # the context has NumPy's errstate
    results = work(mine)
    return results + [result for future in pending for result in future.result()]


def parts(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """At most `count` runs of neighbouring items, of nearly the same length, none empty."""
    ends = [len(items) * k // count for k in range(count + 1)]
    return [items[a:b] for a, b in pairwise(ends) if a < b]


def _starts(pool: Executor) -> bool:
    try:
        pool.submit(int).result()
    except RuntimeError:
        return False
    return True
