"""Markdown files with YAML front matter: their lines, their sections, and what is wrong with them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from firsthand.errors import FirsthandError
from firsthand.yamlfile import parse, read_text

T = TypeVar("T")

MARK = "REPLACE"  # where a template waits for its author


@dataclass(frozen=True)
class Problem:
    """Something that a check refuses or, as a note, only says."""

    path: Path
    line: int
    message: str
    note: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'note: ' if self.note else ''}{self.message}"


@dataclass(frozen=True)
class Section:
    """A second-level heading, the line it stands on, and the text below it."""

    title: str
    line: int
    text: str
    start: int  # where the text starts in the body


@dataclass(frozen=True)
class Prose:
    """A file with front matter: the whole text, and the body below the front matter."""

    path: Path
    text: str
    body: str

    @property
    def name(self) -> str:
        return self.path.stem

    def line_of(self, item: str) -> int:
        """The line where the item with this id starts (1 if it cannot be found)."""
        found = re.search(rf"^[\s\-{{]*id:\s*['\"]?{re.escape(item)}['\"]?\s*(,.*)?$", self.text, re.MULTILINE)
        return self.text.count("\n", 0, found.start()) + 1 if found else 1

    def line_with(self, start: str) -> int:
        """The first line that starts like this (1 if none does)."""
        found = re.search(rf"^{re.escape(start)}", self.text, re.MULTILINE)
        return self.text.count("\n", 0, found.start()) + 1 if found else 1

    def line_at(self, place: int) -> int:
        """The line of the file on which this character of the body stands."""
        return self.text.count("\n", 0, len(self.text) - len(self.body) + place) + 1

    def sections(self) -> list[Section]:
        parts = list(re.finditer(r"^## (.+?)\s*$", self.body, re.MULTILINE))
        ends = [part.start() for part in parts[1:]] + [len(self.body)]
        found = []
        for part, end in zip(parts, ends, strict=True):
            text = self.body[part.end() : end]
            start = part.end() + len(text) - len(text.lstrip())
            found.append(Section(part[1], self.line_at(part.start()), text.strip(), start))
        return found

    def refused(self, line: int, message: str) -> Problem:
        return Problem(self.path, line, message)

    def noted(self, line: int, message: str) -> Problem:
        return Problem(self.path, line, message, note=True)

    def marks(self) -> Iterator[Problem]:
        """Every line of the front matter that still waits for its author."""
        for number, line in enumerate(self.text[: len(self.text) - len(self.body)].splitlines(), start=1):
            if MARK in line and not line.lstrip().startswith("#"):
                yield self.refused(number, f"{line.strip()!r} is as the template left it; write your own.")


def read(path: Path, into: type[T]) -> tuple[Prose, T]:
    """The file and its front matter; FirsthandError if it cannot be read, is not UTF-8 or has no well-formed one."""
    text = read_text(path).removeprefix("\ufeff")  # the mark with which some editors begin
    found = re.match(r"---\n(.*?\n)---\n(.*)", text, re.DOTALL)
    if found is None:
        raise FirsthandError(
            f"{path}: line 1: there is no front matter; start the file with a line ---, the YAML, and another line ---."
        )
    head = parse("\n" + found[1], path, into)  # the first line is ---, so that YAML counts lines as the file does
    return Prose(path, text, found[2]), head


def missing_sections(prose: Prose, wanted: dict[str, str]) -> list[Problem]:
    """Sections that are not there, are empty, stand twice, or are as in the template (`wanted`: title -> its text)."""
    found: list[Problem] = []
    sections = prose.sections()
    titles = [section.title for section in sections]
    last = prose.text.count("\n") + 1
    found += [
        prose.refused(last, f"the section '## {title}' is missing; add it.") for title in wanted if title not in titles
    ]
    for number, section in enumerate(sections):
        if section.title in titles[:number]:
            found.append(prose.refused(section.line, f"the section '## {section.title}' stands twice; join the two."))
        elif not section.text:
            found.append(prose.refused(section.line, f"the section '## {section.title}' is empty; write it."))
        elif MARK in section.text or _bare(section.text) == _bare(wanted.get(section.title, MARK)):
            found.append(
                prose.refused(section.line, f"the section '## {section.title}' is as in the template; write your own.")
            )
    return found


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.replace(MARK, ""))).lower()
