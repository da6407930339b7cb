"""A learner's file, from `start` to its grade."""

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from firsthand.errors import FirsthandError
from firsthand.exercise import source, worker
from firsthand.exercise.catalogue import Exercise, find
from firsthand.exercise.specimens import specimens_of
from firsthand.project import Project
from firsthand.yamlfile import read_text

SECONDS = 60.0  # for a check; the longest takes a few
HEAD = "# Exercise {name}: write the body of {function}, and change nothing else. Then: firsthand exercise grade FILE\n"
REFUSED = ("__import__", "eval", "exec", "compile", "open", "globals")


@dataclass(frozen=True)
class Grade:
    right: bool
    words: str


def start(project: Project, name: str, to: Path | None) -> tuple[Path, int]:
    """Write a learner's file, where there is none yet; returns its path and the line to be written."""
    exercise = _ready(project, name)
    text = read_text(exercise.path)
    body = _function(exercise, source.parse(text, exercise.path), exercise.path)
    path = to or Path(f"{name}.py")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(HEAD.format(name=name, function=exercise.function) + source.blanked(text, body))
    except FileExistsError:
        raise FirsthandError(f"{path}: exists already; name another place with --to, or remove it.") from None
    except OSError as error:
        raise FirsthandError(f"{path}: cannot be written ({error.strerror}); name another place with --to.") from None
    return path, source.body_lines(text, body).start + 1


def grade(project: Project, path: Path, seconds: float = SECONDS) -> Grade:
    """Hold a learner's file to the gradient contract. FirsthandError if it is no answer to an exercise."""
    text = read_text(path)
    head = re.match(r"# Exercise (\S+):", text)
    if head is None:
        raise FirsthandError(
            f"{path}: is no exercise, its first line names none; `firsthand exercise start` makes one."
        )
    exercise = _ready(project, head[1])
    tree = source.parse(text, path)
    body = _function(exercise, tree, path)
    _refuse_other_changes(exercise, tree, path)
    if source.is_blank(body):
        return Grade(
            False, f"{exercise.name}: not written yet; line {body.body[-1].lineno} of {path} is where it goes."
        )
    _refuse_imports(body, path)
    return _checked(exercise, path, seconds)


def _ready(project: Project, name: str) -> Exercise:
    exercise = find(project, name)
    project.importable()
    specimens_of(exercise.module)  # FirsthandError if a paper has none
    return exercise


def _function(exercise: Exercise, tree: ast.Module, path: Path) -> ast.FunctionDef:
    node = source.find(tree, exercise.function)
    if node is None:
        raise FirsthandError(
            f"{path}: has no {exercise.function} any more; put it back, or start afresh with "
            f"`firsthand exercise start {exercise.name}`."
        )
    return node


def _refuse_other_changes(exercise: Exercise, tree: ast.Module, path: Path) -> None:
    theirs = source.parse(read_text(exercise.path), exercise.path)
    if (found := source.difference(tree, theirs, exercise.function)) is not None:
        raise FirsthandError(
            f"{path}: has `{found[0]}` where {exercise.file} has `{found[1]}`; change the body of {exercise.function} "
            f"alone, or start afresh with `firsthand exercise start {exercise.name}`."
        )


def _refuse_imports(body: ast.FunctionDef, path: Path) -> None:
    """The answer is to be written, not fetched."""
    for node in ast.walk(body):
        if isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Name) and node.id in REFUSED):
            raise FirsthandError(
                f"{path}: line {node.lineno}: `{ast.unparse(node)}` is refused; write the gradient with what the "
                "module has imported already."
            )


def _checked(exercise: Exercise, path: Path, seconds: float) -> Grade:
    """Run the file in a process of its own, which finds the same packages as this one."""
    program = [sys.executable, "-P", "-B", str(Path(worker.__file__))]
    try:
        done = subprocess.run(
            [*program, exercise.module, str(path.resolve()), str(exercise.path), exercise.function],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            timeout=seconds,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Grade(False, f"{exercise.name}: no end after {seconds:g} seconds. Is there a loop that does not end?")
    if not done.stdout:
        return Grade(False, f"{exercise.name}: backward ended the process (exit code {done.returncode}).")
    if done.returncode:
        return Grade(False, f"{exercise.name}: not right yet. {done.stdout.strip()}")
    specimens = "1 specimen" if done.stdout.strip() == "1" else f"{done.stdout.strip()} specimens"
    return Grade(
        True,
        f"{exercise.name}: right. Tried on {specimens} of the layer and its inputs, in float64: along random "
        "directions all gradients agree with central differences to a millionth of the largest, they are added to what "
        "grad held before, and nothing else is changed. In float32 they are float32.",
    )
