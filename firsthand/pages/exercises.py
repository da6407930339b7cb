"""The exercises on the page of a paper: its own backwards, and those of core that it imports."""

import ast
from collections.abc import Iterable

from firsthand.code import code_hashes
from firsthand.exercise.catalogue import Exercise, catalogue
from firsthand.pages.text import code
from firsthand.pages.view import View
from firsthand.yamlfile import read_text

HOW = """An exercise is a copy of the tested module in which the body of one backward is left for you to write. The
grader holds your file to the contract that the original is held to, and says in a sentence what is wrong with it: a
sign, a mean for a sum, a missing transpose.
"""


def exercises(view: View) -> str:
    """The commands, the shortest exercises first."""
    every, imported = catalogue(view.project).values(), _imported(view)
    own = [one for one in every if one.name.startswith(f"{view.slug}.")]
    of_core = [one for one in every if one.module.startswith("core.") and one.function.split(".")[0] in imported]
    if not own + of_core:
        return ""
    first = (own or of_core)[0].name
    parts = [HOW, _commands(own)]
    if of_core:
        parts += ["What it takes from the core:\n", _commands(of_core)]
    parts += ["When the body is written:\n", code(f"firsthand exercise grade {first}.py", "console")]
    return "\n".join(part for part in parts if part)


def _commands(found: Iterable[Exercise]) -> str:
    commands = [(f"firsthand exercise start {one.name}", one) for one in found]
    width = max((len(command) for command, _ in commands), default=0)
    lines = [f"{command:{width}}  # {_size(one)}: {one.function}" for command, one in commands]
    return code("\n".join(lines), "console") if lines else ""


def _size(one: Exercise) -> str:
    return "1 line" if one.lines == 1 else f"{one.lines} lines"


def _imported(view: View) -> set[str]:
    """The names that the paper's modules import from core."""
    root = view.project.root
    own = [root / name for name in code_hashes(root, view.slug) if name.startswith("papers/")]
    return {
        alias.name
        for path in own
        for node in ast.walk(ast.parse(read_text(path)))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "core"
        for alias in node.names
    }
