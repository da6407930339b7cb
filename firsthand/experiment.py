"""What an experiment is given, what it returns, and how it is called.

Only NumPy and the standard library, because experiments also run in the reader's browser (`firsthand.browser`).
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from firsthand.errors import FirsthandError

if TYPE_CHECKING:
    from firsthand.data import DataSet

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Result:
    """What an experiment returns: named numbers, and arrays for figures (kept to six significant digits)."""

    measurements: Mapping[str, float]
    arrays: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What an experiment is given besides its settings: the seed, its data, and somewhere to report progress."""

    seed: int
    data_sets: tuple[str, ...] = ()
    report: Progress = lambda done, total, note: None

    def rng(self, purpose: str) -> np.random.Generator:
        """A stream of its own for each purpose ("weights", "order"): more draws of one leave the others alone."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def data(self, name: str) -> "DataSet":
        """A data set that the manifest lists for this experiment."""
        from firsthand import data  # when it is asked for: a browser has it from elsewhere

        if name not in self.data_sets:
            raise FirsthandError(
                f"This experiment reads the data set {name!r}, which its entry in the manifest does not "
                "list; add it under data."
            )
        return data.load(name)

    def progress(
        self, done: int, total: int, loss: float | None = None, where: Callable[[], str] | None = None
    ) -> None:
        """Report that `done` of `total` steps are over. A loss that is not finite ends the run here.

        `where` is asked then, and only then, for a sentence on where that began (see `firsthand.clinic.where_nan`).
        """
        if loss is not None and not math.isfinite(loss):
            raise FirsthandError(
                f"The loss became {loss} after {done} of {total} steps (seed {self.seed}): training "
                "diverged; lower the rate or check the gradients." + (f" {where()}" if where else "")
            )
        self.report(done, total, "" if loss is None else f"loss {loss:.4f}")


def call(function: Callable[..., Any], runs: Sequence[Run], settings: Mapping[str, Any], together: bool) -> Any:
    """What the experiment's function returns for each run; `together` says that it takes them all at once."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a diverged run is told by its loss
        return function(runs, **settings) if together else [function(run, **settings) for run in runs]


def rounded(array: Any) -> Any:
    """An array as it stands in a record: nested lists, numbers to six significant digits."""
    values = np.asarray(array)
    if values.dtype.kind == "f":
        return [rounded(row) for row in values] if values.ndim else float(f"{float(values):.6g}")
    return values.tolist()


def same(value: float, then: float) -> bool:
    """Whether a number is the one that was measured before, up to the rounding of another machine."""
    return math.isclose(value, then, rel_tol=1e-4, abs_tol=1e-9)
