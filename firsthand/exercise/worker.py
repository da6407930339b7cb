"""A program that checks a learner's file in the place of the module that it replaces: `worker.py MODULE FILE ORIGINAL
FUNCTION` prints what it found, and ends with 0 if the function is right and with 1 if not.

Before it imports anything of ours it sees to it that the learner's file is found where the module is asked for. So all
of core and of the papers uses the learner's file, and there is no original in the process that it could lean on. (It is
no prison: who opens the original's file has its text, of which `grade` refuses the plain ways only, and a derivative by
finite differences is not told from one by hand.)
"""

import contextlib
import importlib.machinery
import importlib.util
import signal
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Instead:
    """Finds a file of ours in the place of a module."""

    def __init__(self, module: str, file: str) -> None:
        self.module, self.file = module, file

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        loader = importlib.machinery.SourceFileLoader(name, self.file)
        return importlib.util.spec_from_file_location(name, self.file, loader=loader)


def main(module: str, file: str, original: str, function: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started this process ends it
    sys.meta_path.insert(0, Instead(module, file))
    with contextlib.redirect_stdout(sys.stderr):  # what the learner prints is no answer
        right, words = judge(importlib.import_module(module), file, Path(original), function)
    print(words)
    return 0 if right else 1


def judge(written: types.ModuleType, file: str, original: Path, function: str) -> tuple[bool, str]:
    """Whether a function of a module is right, and what is wrong, or how many specimens were tried.

    The specimens that count are those whose way back comes through the body, that is, meets a blank in its place.
    """
    from firsthand.exercise import check
    from firsthand.exercise.source import blanked, find, parse
    from firsthand.exercise.specimens import specimens_of
    from firsthand.yamlfile import read_text

    specimens, text = specimens_of(written.__name__), read_text(original)
    node = find(parse(text, original), function)
    assert node is not None
    with_blank = specimens(execute(blanked(text, node), written.__name__))
    reached = [k for k, specimen in enumerate(with_blank) if check.reaches_blank(specimen)]
    assert reached, f"nothing that {written.__name__} is checked on comes through {function}"
    tried = specimens(written)
    for specimen in (tried[k] for k in reached):
        error: Exception | None
        try:
            error = check.complaint(specimen)
            said = str(error)
        except Exception as raised:
            error, said = raised, f"backward raised {type(raised).__name__}: {raised}"
        if error is not None:
            inputs = check.inputs_of(specimen)
            return False, " ".join([*said.split(), *_line(error, file), *([f"(Tried on {inputs}.)"] if inputs else [])])
    return True, str(len(reached))


def execute(text: str, module: str) -> types.ModuleType:
    """The source of a module, run in a namespace of its own."""
    made = types.ModuleType(module)
    made.__package__ = module.rpartition(".")[0]
    exec(compile(text, f"<{module}>", "exec"), vars(made))
    return made


def _line(error: Exception, file: str) -> list[str]:
    """Where in the learner's file it was raised, if it was."""
    lines = [
        f"(Line {frame.lineno}: {frame.line})"
        for one in _chain(error)
        for frame in traceback.extract_tb(one.__traceback__)
        if frame.filename == file
    ]
    return lines[-1:]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, then what caused it."""
    while error is not None:
        yield error
        error = error.__cause__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
