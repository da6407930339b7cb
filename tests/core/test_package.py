"""The face of core: what it exports, and what importing it does."""

import ast
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import core
from tests.core.helpers import public_names

INIT = Path(core.__file__)


MODULES = sorted(INIT.parent.glob("*.py"))


def test_every_public_name_is_documented() -> None:
    documented = [name for name in public_names() if name not in ("Array", "Backward")]  # these two are type aliases
    assert len(documented) > 80
    assert [name for name in documented if not (getattr(core, name).__doc__ or "").strip()] == []


def test_core_can_be_read_in_one_sitting() -> None:
    """Lines of code, that is without blank lines, comments and docstrings: under 3,000 in all, about 200 in a file."""
    lines = {path.stem: lines_of_code(path.read_text()) for path in MODULES}
    assert sum(lines.values()) < 3000
    assert {name: count for name, count in lines.items() if count > 200} == {}


def lines_of_code(source: str) -> int:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, documented) and ast.get_docstring(node)]
    prose = {line for node in nodes for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    lines = [line.strip() for number, line in enumerate(source.splitlines(), start=1) if number not in prose]
    return sum(bool(line) and not line.startswith("#") for line in lines)


def test_lines_of_code_are_told_from_prose() -> None:
    assert lines_of_code('"""A\nB."""\n\n# c\nx = 1  # d\n\n\ndef f():\n    """E."""\n    return """\nF\n"""\n') == 5


def top_level_modules(imports: str) -> set[str]:
    code = f"import sys, {imports}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=INIT.parents[1])
    return set(run.stdout.split())


def test_importing_core_brings_numpy_and_the_standard_library_only() -> None:
    added = top_level_modules("core") - top_level_modules("numpy, numpy.random")
    assert {name for name in added if name not in sys.stdlib_module_names} == {"core"}


FAULTS = """
import resource
import numpy as np
{imports}

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    kept = [np.ones(1 << 19) for _ in range(40)]  # 4 MiB each, as activations until the backward pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is told what to keep")
def test_memory_that_was_freed_is_used_again_without_page_faults() -> None:
    def second_round(imports: str) -> int:
        command = [sys.executable, "-c", FAULTS.format(imports=imports)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=INIT.parents[1])
        return int(run.stdout)

    assert 10 * second_round("import core") < second_round("")
