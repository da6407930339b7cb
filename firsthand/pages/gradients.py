"""The gradients and the rules for a step in a paper's own modules, cut from the tested source by syntax tree."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from firsthand.code import code_hashes
from firsthand.pages.text import boxed, code, folded, inline, table
from firsthand.pages.view import View
from firsthand.yamlfile import read_text

HOW_TO_COMPARE = "Equations on one side, on the other the code, cut from the tested source.{marked}\n"
MARKED = """ The marked lines go backward; each names the forward line or equation that it differentiates."""

Definition: TypeAlias = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Derivation:
    """A class or function that holds a nested `backward`, or a class with `gradients` or a `step` that is fed one, `g`.

    `source` is the function, or of a class the methods that derive and those that they use; `marked` are the lines of
    it that go backward; `rest` are the other lines of the class, if there are any. All are those of the file.
    """

    name: str
    file: str
    docstring: str
    source: str
    marked: tuple[range, ...]
    rest: str


def derivations(root: Path, slug: str) -> list[Derivation]:
    """All of a paper's modules, in the order of files and lines; of a paper without gradients, its model."""
    paper = root / "papers" / slug
    found = [one for path in sorted(paper.glob("*.py")) for one in _in_file(root, path, _derives)]
    return found or list(_in_file(root, paper / "model.py", _is_public))


def _in_file(root: Path, path: Path, wanted: Callable[[Definition], bool]) -> Iterator[Derivation]:
    text = read_text(path)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and wanted(node):
            docstring = inspect.cleandoc(ast.get_docstring(node) or "")
            numbers = _without_docstring(text, node)
            chosen, methods = numbers, []
            if isinstance(node, ast.ClassDef) and _derives(node):
                methods = _deriving(node)
                chosen = [number for number in numbers if any(number in _span(method) for method in methods)]
            body = node.body[bool(docstring) :]
            rest = [number for number in numbers if number not in set(chosen)] if body != methods else []
            yield Derivation(
                node.name,
                path.relative_to(root).as_posix(),
                docstring,
                _lines(text, chosen),
                tuple(_places(chosen, inner) for inner in _backward(node)),
                _lines(text, rest),
            )


def _is_public(node: Definition) -> bool:
    return not node.name.startswith("_") and ast.get_docstring(node) is not None


def _derives(node: Definition) -> bool:
    if isinstance(node, ast.ClassDef) and any(_is_rule(method) for method in _methods(node)):
        return True
    return any(True for _ in _backward(node))


def _is_rule(method: ast.FunctionDef) -> bool:
    """Gradients written down, or a step along one; what only says that a step is to be written is none."""
    fed = any(argument.arg == "g" for argument in method.args.args) and not isinstance(method.body[-1], ast.Raise)
    return method.name == "gradients" or (method.name == "step" and fed)


def _methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [part for part in node.body if isinstance(part, ast.FunctionDef)]


def _backward(node: Definition) -> Iterator[ast.FunctionDef]:
    """The functions called `backward` inside of the definition."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef) and inner.name == "backward" and inner is not node:
            yield inner


def _deriving(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """The methods that hold a `backward` or are a rule, and the methods of the class that they use."""
    methods = {method.name: method for method in _methods(node) if method.name != "__init__"}
    wanted = [name for name, method in methods.items() if _is_rule(method) or any(True for _ in _backward(method))]
    for name in wanted:  # grows while it is walked
        used = {part.attr for part in ast.walk(methods[name]) if isinstance(part, ast.Attribute)}
        wanted += [other for other in methods if other in used and other not in wanted]
    return [method for name, method in methods.items() if name in wanted]


def _span(node: Definition) -> range:
    """Its lines, decorators included."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return range(first, (node.end_lineno or node.lineno) + 1)


def _without_docstring(text: str, node: Definition) -> list[int]:
    """The numbers of its lines; the docstring and the blank line after it are left out."""
    if ast.get_docstring(node) is None:
        return list(_span(node))
    lines, quoted = text.splitlines(), node.body[0]
    after = quoted.end_lineno or quoted.lineno
    if isinstance(node, ast.ClassDef) and not lines[after].strip():
        after += 1
    return [number for number in _span(node) if not quoted.lineno <= number <= after]


def _lines(text: str, numbers: list[int]) -> str:
    """These lines of the file; where some between them are left out, a blank line stands for them."""
    lines, found = text.splitlines(), list[str]()
    for before, number in zip([None, *numbers], numbers, strict=False):
        if before is not None and number > before + 1 and found[-1].strip():
            found.append("")
        found.append(lines[number - 1])
    return textwrap.dedent("\n".join(found)).strip("\n")


def _places(chosen: list[int], inner: ast.FunctionDef) -> range:
    """Where the lines of `inner` stand among the chosen ones, counted from 1."""
    gaps = 0
    places = []
    for position, number in enumerate(chosen, start=1):
        gaps += position > 1 and number > chosen[position - 2] + 1
        if number in _span(inner):
            places.append(position + gaps)
    return range(places[0], places[-1] + 1)


def gradients(view: View) -> str:
    """Each derivation beside its code, file by file, and the modules of core that do the rest."""
    root, found = view.project.root, derivations(view.project.root, view.slug)
    parts = [HOW_TO_COMPARE.format(marked=MARKED if any(one.marked for one in found) else "")]
    for file, of_file in groupby(found, lambda one: one.file):
        about = ast.get_docstring(ast.parse(read_text(root / file))) or ""
        parts += [f"{about}\n", *map(_side_by_side, of_file)]
    return "\n".join([*parts, "### From the core { #core }\n", core_used(view)])


def _side_by_side(found: Derivation) -> str:
    marked = " ".join(f"{lines[0]}-{lines[-1]}" for lines in found.marked)
    shown = code(found.source, "python", found.file, marked)
    if found.rest:
        rest = code(found.rest, "python", found.file)
        shown += "\n" + folded(f"rest-{found.name}", f"The rest of <code>{found.name}</code>", rest)
    beside = boxed("derived", found.docstring) + boxed("code", shown)
    return f"### {found.name} {{ #{found.name} }}\n\n{boxed('derivation', beside)}"


def core_used(view: View) -> str:
    root = view.project.root
    used = [name for name in code_hashes(root, view.slug) if name.startswith("core/")]
    rows = [[f"[`{module(name)}`](../reference/{Path(name).stem}.md)", first_sentence(root / name)] for name in used]
    return table(["Module", "What it holds"], rows) if rows else "Nothing.\n"


def module(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".")


def first_sentence(path: Path) -> str:
    """Of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(read_text(path))) or ""
    sentence, stop, _ = docstring.split("\n\n")[0].partition(". ")
    return inline(sentence + stop.strip())
