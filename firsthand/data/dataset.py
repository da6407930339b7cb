"""A data set in memory. NumPy alone: a browser has data sets too (`firsthand.browser.data`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.layer import Array


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set in memory. The arrays are read-only; `sha256` is the digest of the whole set."""

    name: str
    arrays: Mapping[str, Array] = field(repr=False)
    sha256: str

    def __getitem__(self, array: str) -> Array:
        """One array; KeyError names those there are."""
        if array not in self.arrays:
            raise KeyError(f"{self.name} has no array {array!r}; it has {', '.join(self.arrays)}")
        return self.arrays[array]
