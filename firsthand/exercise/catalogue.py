"""Which exercises there are, and what they are called."""

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import core
from firsthand.exercise.source import body_lines, functions, parse
from firsthand.project import Project, unknown
from firsthand.yamlfile import read_text


@dataclass(frozen=True)
class Exercise:
    """One backward: `function` in the file `path`, imported as `module`."""

    name: str
    module: str
    path: Path
    function: str
    lines: int  # of the body that is to be written

    @property
    def file(self) -> str:
        """core/dense.py, wherever that lies."""
        return self.module.replace(".", "/") + ".py"


@functools.cache
def catalogue(project: Project) -> dict[str, Exercise]:
    """All exercises by name, those of core first, and those with the fewest lines first."""
    found = _in_folder(Path(core.__file__).parent, "core", "")
    for slug in project.slugs():
        found += _in_folder(project.paper(slug), f"papers.{slug}", f"{slug}.")
    return {exercise.name: exercise for exercise in found}


def find(project: Project, name: str) -> Exercise:
    """FirsthandError, with the nearest, for an unknown name."""
    known = catalogue(project)
    if name not in known:
        raise unknown("exercise", name, known)
    return known[name]


def _in_folder(folder: Path, package: str, prefix: str) -> list[Exercise]:
    texts = {path: read_text(path) for path in sorted(folder.glob("*.py"))}
    found = [
        (path, function, len(body_lines(text, node)))
        for path, text in texts.items()
        for function, node in functions(parse(text, path))
        if function.endswith(".backward")
    ]
    names = {function for _, function, _ in found}
    exercises = [
        Exercise(prefix + _name(function, names), f"{package}.{path.stem}", path, function, lines)
        for path, function, lines in found
    ]
    return sorted(exercises, key=lambda exercise: exercise.lines)


def _name(function: str, all_functions: Collection[str]) -> str:
    """`LSTMCell.__call__.backward` is lstm_cell. A class that is called as a function is (Conv2d, conv2d) gets _layer;
    in a class with several, those of other methods than `__call__` get the name of the method."""
    owner, *methods = function.split(".")[:-1]
    name = _snake(owner)
    if methods and f"{name}.backward" in all_functions:
        name += "_layer"
    if methods != ["__call__"] and sum(other.startswith(f"{owner}.") for other in all_functions) > 1:
        name += f"_{methods[-1].strip('_')}"
    return name


def _snake(name: str) -> str:
    """LSTMCell is lstm_cell, PReLU prelu, GlobalAvgPool global_avg_pool."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "_", name).lower().strip("_")
