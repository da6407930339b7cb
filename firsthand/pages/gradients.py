"""The gradients and the rules for a step in a paper's own modules, cut from the tested source by syntax tree."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firsthand.code import code_hashes
from firsthand.pages.text import code, inline, table
from firsthand.pages.view import View
from firsthand.yamlfile import read_text


@dataclass(frozen=True)
class Derivation:
    """A class or function that holds a nested `backward`, or a class whose `step` is a rule: its docstring, and its
    source without the docstring."""

    name: str
    file: str
    docstring: str
    source: str


def derivations(root: Path, slug: str) -> list[Derivation]:
    """All of a paper's modules, in the order of the files and of their lines."""
    return [found for path in sorted((root / "papers" / slug).glob("*.py")) for found in _in_file(root, path)]


def _in_file(root: Path, path: Path) -> Iterator[Derivation]:
    text = read_text(path)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and _derives(node):
            docstring = inspect.cleandoc(ast.get_docstring(node) or "")
            yield Derivation(node.name, path.relative_to(root).as_posix(), docstring, _cut(text, node))


def _derives(node: ast.ClassDef | ast.FunctionDef) -> bool:
    if any(isinstance(part, ast.FunctionDef) and part.name == "step" for part in node.body):
        return isinstance(node, ast.ClassDef)
    return any(
        isinstance(inner, ast.FunctionDef) and inner.name == "backward" and inner is not node
        for inner in ast.walk(node)
    )


def _cut(text: str, node: ast.ClassDef | ast.FunctionDef) -> str:
    """The lines of the definition, decorators included, docstring and the blank line after it left out."""
    lines = text.splitlines()
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    kept = range(first, (node.end_lineno or node.lineno) + 1)
    if ast.get_docstring(node) is None:
        return "\n".join(lines[number - 1] for number in kept)
    quoted = node.body[0]
    after = quoted.end_lineno or quoted.lineno
    if isinstance(node, ast.ClassDef) and not lines[after].strip():
        after += 1
    return "\n".join(lines[number - 1] for number in kept if not quoted.lineno <= number <= after)


def gradients(view: View) -> str:
    """Docstring and code of each derivation, and the modules of core that do the rest."""
    parts = [
        f"### {found.name}\n\n{found.docstring}\n\n{code(found.source, 'python', found.file)}"
        for found in derivations(view.project.root, view.slug)
    ]
    return "\n".join([*parts, "### From the core\n", core_used(view)])


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
