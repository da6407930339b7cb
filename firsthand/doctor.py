"""What this machine has: versions, linear algebra, threads, data; and, for what is missing, how to get it."""

import importlib.metadata
import platform
import sys
from pathlib import Path

import numpy as np
from msgspec import Struct
from threadpoolctl import threadpool_info

from firsthand import data
from firsthand.errors import FirsthandError
from firsthand.project import Project
from firsthand.run import machine


class Finding(Struct, frozen=True):
    """One line of the report; `remedy` is empty where nothing needs to be done."""

    what: str
    found: str
    ok: bool
    remedy: str = ""


def examine() -> list[Finding]:
    """Everything worth knowing before a run, or in a bug report."""
    return [*_versions(), *_machine(), *_project(), *_data(), *_optional()]


def _versions() -> list[Finding]:
    python_ok = sys.version_info >= (3, 11)
    numpy_ok = int(np.__version__.partition(".")[0]) >= 2
    return [
        Finding("Firsthand", importlib.metadata.version("firsthand"), True),
        Finding("Python", platform.python_version(), python_ok, "" if python_ok else "install Python 3.11 or newer"),
        Finding("NumPy", np.__version__, numpy_ok, "" if numpy_ok else "pip install 'numpy>=2'"),
    ]


def _machine() -> list[Finding]:
    here = machine()
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = f", {pools[0]['num_threads']} threads outside of runs, 1 in each run" if pools else ""
    return [
        Finding("processor", f"{here['processor']}, {here['cores']} cores, {here['system']}", True),
        Finding(
            "BLAS",
            f"{here['blas']}{threads}",
            bool(pools),
            "" if pools else "NumPy has no known BLAS: results hold, runs are slow; reinstall numpy from a wheel",
        ),
    ]


def _project() -> list[Finding]:
    try:
        project = Project.find()
    except FirsthandError as error:
        return [Finding("checkout", "none", False, str(error))]
    return [Finding("checkout", f"{project.root}, papers: {', '.join(project.slugs()) or 'none'}", True)]


def _data() -> list[Finding]:
    found = []
    for name in data.names():
        status = data.status(name)
        where = ", ".join(dict.fromkeys(str(Path(item.path).parent) for item in status.found))
        here = status.state == "here"
        remedy = "" if here else f"firsthand data fetch {name}, or set FIRSTHAND_DATA to a folder that holds it"
        found.append(Finding(f"data: {name}", where if here else "not on this machine", here, remedy))
    return found


def _optional() -> list[Finding]:
    extras = {"pytest": "dev", "mkdocs": "docs", "torch": "parity", "distributed": "cluster"}
    found = []
    for package, extra in extras.items():
        try:
            found.append(Finding(f"extra: {extra}", f"{package} {importlib.metadata.version(package)}", True))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(f"extra: {extra}", "not installed (optional)", True, f"pip install -e '.[{extra}]'"))
    return found
