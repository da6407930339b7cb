"""Read a YAML file into typed structures; every mistake becomes one sentence that names file, place and remedy."""

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from firsthand.errors import FirsthandError

T = TypeVar("T")


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A structure in which an unknown key is an error."""


class _Loader(yaml.SafeLoader):
    """The safe loader, except that a key given twice is an error instead of a silent override."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"the key {key!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_text(path: Path) -> str:
    """The file's text; unreadable, missing or non-UTF-8 files raise a FirsthandError that says which it was."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FirsthandError(f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8.") from None
    except OSError as error:
        raise FirsthandError(f"{path}: cannot be read ({error.strerror}).") from None


def parse(text: str, path: Path, into: type[T]) -> T:
    """Parse YAML `text` (from `path`, for messages) into the msgspec structure `into`."""
    try:
        # the loader is a subclass of SafeLoader: it builds plain values and never runs code
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise FirsthandError(f"{path}: {where}: this is not valid YAML ({error.problem}); correct that line.") from None
    except yaml.YAMLError as error:
        raise FirsthandError(f"{path}: this is not valid YAML ({error}); correct it.") from None
    try:
        return msgspec.convert(content, into)
    except msgspec.ValidationError as error:
        raise FirsthandError(f"{path}: {_place(str(error), text)}") from None


def _place(message: str, text: str) -> str:
    """Turn msgspec's "... - at `$.claims[0]`" into "line 7: claims[0]: ... ; remedy"."""
    said, _, place = message.partition(" - at ")
    place = place.strip("`").removeprefix("$").removeprefix(".") or "top level"
    place = _line(place, text) + place
    if "unknown field" in said:
        remedy = "remove that key or correct its spelling"
    elif "missing required field" in said:
        remedy = "add it"
    else:
        remedy = "correct the value"
    return f"{place}: {said}; {remedy}."


def _line(place: str, text: str) -> str:
    """The line of "claims[0].kind", as far as the place can be followed: msgspec does not name keys of mappings."""
    node = yaml.compose(text, Loader=_Loader)
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", place):
        if isinstance(node, yaml.MappingNode):
            below = next((value for name, value in node.value if name.value == key), None)
        else:
            below = node.value[int(index)] if index and isinstance(node, yaml.SequenceNode) else None
        if below is None:
            break
        node = below
    return f"line {node.start_mark.line + 1}: " if node is not None else ""
