"""The workbench: everything that turns an implementation into a checked reproduction.

Papers use `Run` and `Result`, and ask the clinic when training goes wrong (`examine`, `where_nan`); everything else is
for the command line.
"""

from firsthand.clinic import examine, where_nan
from firsthand.experiment import Result, Run

__all__ = ["Result", "Run", "examine", "where_nan"]
