"""`{{run: firsthand ...}}` on a hand-written page: the command, and what it prints when the site is built."""

import contextlib
import re
import tempfile
from pathlib import Path

from click.testing import CliRunner

from firsthand.errors import FirsthandError
from firsthand.pages.text import code
from firsthand.project import Project

PLACE = re.compile(r"\{\{run: firsthand ([^}]+)\}\}")
# what only reads the checkout, so that building a site changes nothing
READING = ("design check", "design show", "review check", "verify", "list", "data list", "probe")
STARTING = ("design new", "review new")  # carried out in an empty checkout, which is thrown away with the page
WRITES = ("--write", "--out")


def with_output(text: str, project: Project, where: str) -> str:
    """The page with every command carried out; FirsthandError for a command that fails or that may not be here."""
    with tempfile.TemporaryDirectory() as scratch:
        for folder in ("papers", "designs"):
            (Path(scratch).resolve() / folder).mkdir()
        empty = Project(Path(scratch).resolve())
        return PLACE.sub(lambda found: code(_output(found[1].strip(), project, empty, where), "console"), text)


def _output(words: str, project: Project, empty: Project, where: str) -> str:
    from firsthand.cli import cli  # the command line imports the pages

    if not words.startswith(READING + STARTING) or any(option in words for option in WRITES):
        known = ", ".join(READING + STARTING)
        raise FirsthandError(f"site/{where}: firsthand {words} is more than reading; use one of {known}.")
    root = (empty if words.startswith(STARTING) else project).root
    with contextlib.chdir(root):
        done = CliRunner().invoke(cli, words.split())
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    if done.exit_code == 2:
        raise FirsthandError(f"site/{where}: firsthand {words}: {done.output.strip()}")
    # paths as the reader would see them from the checkout; no blanks at the ends of lines
    lines = (line.rstrip() for line in done.output.replace(f"{root}/", "").splitlines())
    return f"$ firsthand {words}\n" + "\n".join(lines).strip("\n")
