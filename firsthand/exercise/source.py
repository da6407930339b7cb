"""Functions in source text, by syntax tree: finding one, blanking its body, and comparing all the rest."""

import ast
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from textwrap import shorten

from firsthand.errors import FirsthandError


def parse(text: str, path: Path) -> ast.Module:
    """FirsthandError with the line if this is no Python."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise FirsthandError(f"{path}: line {error.lineno}: {error.msg}; correct the syntax.") from None
    except ValueError as error:  # a null character
        raise FirsthandError(f"{path}: {error}; this is no Python source.") from None


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions in the order of their lines, each by its path: `Linear.__call__.backward`."""
    for child in ast.iter_child_nodes(node):
        path = f"{prefix}.{child.name}".lstrip(".") if isinstance(child, ast.ClassDef | ast.FunctionDef) else prefix
        if isinstance(child, ast.FunctionDef):
            yield path, child
        yield from functions(child, path)


def find(tree: ast.Module, function: str) -> ast.FunctionDef | None:
    return next((node for path, node in functions(tree) if path == function), None)


def statements(function: ast.FunctionDef) -> list[ast.stmt]:
    """The body without its docstring."""
    return function.body[ast.get_docstring(function) is not None :]


def body_lines(text: str, function: ast.FunctionDef) -> range:
    """The numbers of the lines of the body, docstring excepted; comments before its first statement are part of it."""
    lines, body = text.splitlines(), statements(function)
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    while not lines[first - 2].split("#")[0].strip():
        first -= 1
    return range(first, last + 1)


def blanked(text: str, function: ast.FunctionDef) -> str:
    """The text with the body of one function replaced; every other character stays."""
    lines, body = text.splitlines(keepends=True), body_lines(text, function)
    indent = " " * statements(function)[0].col_offset
    lines[body.start - 1 : body.stop - 1] = [f'{indent}raise NotImplementedError("write this backward")\n']
    return "".join(lines)


def is_blank(function: ast.FunctionDef) -> bool:
    """Whether nothing has been written: `raise NotImplementedError`, `pass` or `...` alone, or a docstring."""
    only = [ast.unparse(statement).partition("(")[0] for statement in statements(function)]
    return only in ([], ["raise NotImplementedError"], ["pass"], ["..."])


def difference(ours: ast.Module, theirs: ast.Module, function: str) -> tuple[str, str] | None:
    """The first line outside of the function's body that is not the same, in both; comments and layout do not count."""
    a, b = (_without_body(tree, function).splitlines() for tree in (ours, theirs))
    pairs = zip_longest(a, b, fillvalue="")
    return next(((shorten(x, 80), shorten(y, 80)) for x, y in pairs if x != y), None)


def _without_body(tree: ast.Module, function: str) -> str:
    copy = ast.parse(ast.unparse(tree))
    node = find(copy, function)
    if node is not None:
        node.body = [ast.Pass()]
    return ast.unparse(copy)
