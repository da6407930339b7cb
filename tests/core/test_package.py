"""The face of core: what it exports, and what importing it does."""

import ast
import subprocess
import sys
from pathlib import Path

import core

INIT = Path(core.__file__)


def test_the_public_names_are_those_imported() -> None:
    tree = ast.parse(INIT.read_text())
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(imported) == sorted(core.__all__)
    assert all(hasattr(core, name) for name in core.__all__)


def test_every_public_name_is_documented() -> None:
    documented = [name for name in core.__all__ if name not in ("Array", "Backward")]  # these two are type aliases
    assert [name for name in documented if not (getattr(core, name).__doc__ or "").strip()] == []


def top_level_modules(imports: str) -> set[str]:
    code = f"import sys, {imports}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=INIT.parents[1])
    return set(run.stdout.split())


def test_importing_core_brings_numpy_and_the_standard_library_only() -> None:
    added = top_level_modules("core") - top_level_modules("numpy, numpy.random")
    assert {name for name in added if name not in sys.stdlib_module_names} == {"core"}
