"""The module `firsthand.data` of the archive for browsers: data sets that were verified when the site was built.

Each lies in a folder of its own beside this file: its arrays, and the digest that names its content.
"""

from pathlib import Path
from types import MappingProxyType

import numpy as np

from firsthand.data.dataset import DataSet
from firsthand.errors import FirsthandError

__all__ = ["DataSet", "load"]


def load(name: str) -> DataSet:
    """A data set of the archive; FirsthandError if it was not packed."""
    folder = Path(__file__).with_name(name)
    if not folder.is_dir():
        raise FirsthandError(f"The data set {name!r} is not in the archive for browsers; run this on your own machine.")
    arrays = {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}
    for array in arrays.values():
        array.setflags(write=False)
    return DataSet(name, MappingProxyType(arrays), (folder / "sha256").read_text(encoding="ascii"))
