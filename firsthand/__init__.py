"""The workbench: everything that turns an implementation into a checked reproduction.

Papers use `Run` and `Result`; everything else is for the command line.
"""

from firsthand.run import Result, Run

__all__ = ["Result", "Run"]
