"""What a measurement depends on in code: the paper's modules and the core modules that they import, as syntax trees.

Comments, docstrings and layout do not enter the hash. `from core import Linear` counts as a use of the module that
`core/__init__.py` takes Linear from, so that a change elsewhere in core leaves the paper's records current.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from firsthand.errors import FirsthandError


def code_hashes(root: Path, slug: str) -> dict[str, str]:
    """File (relative to the checkout) -> hash, for all that experiments.py of a paper or study imports of ours."""
    owner = "papers" if (root / "papers" / slug).is_dir() else "designs"
    waiting = [root / owner / slug / "experiments.py"]
    found: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        home = _home(root, "core") if root not in path.parents else root
        name = path.relative_to(home).as_posix()
        if name not in found:
            tree = _tree(path)
            found[name] = _hash(path, path.stat().st_mtime_ns)
            waiting += [used for used in _uses(root, path.relative_to(home).parent.parts, tree) if used.is_file()]
    return dict(sorted(found.items()))


def _home(root: Path, package: str) -> Path:
    """Where a package of ours lies: in the checkout, or where Firsthand is installed (a checkout of papers alone)."""
    return root if (root / package).is_dir() else Path(__file__).resolve().parent.parent


def _tree(path: Path) -> ast.Module:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise FirsthandError(f"{path}: cannot be read ({error.strerror}); a paper needs this file.") from None
    except SyntaxError as error:
        raise FirsthandError(f"{path}: line {error.lineno}: {error.msg}; correct the syntax.") from None


@functools.lru_cache(maxsize=256)
def _parsed(path: Path, changed: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=1024)
def _hash(path: Path, changed: int) -> str:
    return hashlib.sha256(ast.unparse(_without_docstrings(_parsed(path, changed))).encode()).hexdigest()[:16]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    bare = ast.parse(ast.unparse(tree))
    for node in ast.walk(bare):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return bare


def _uses(root: Path, package: tuple[str, ...], tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _ours(root, tuple(alias.name.split(".")), [])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = base + tuple(node.module.split(".") if node.module else ())
            yield from _ours(root, module, [alias.name for alias in node.names])


def _ours(root: Path, module: tuple[str, ...], names: list[str]) -> Iterator[Path]:
    """The files behind `import module` or `from module import names`, if the module is of core, papers or designs."""
    if module[0] not in ("core", "papers", "designs"):
        return
    home = _home(root, module[0])
    folder = home.joinpath(*module)
    if folder.with_suffix(".py").is_file():
        yield folder.with_suffix(".py")
        return
    exported = _exports(folder / "__init__.py") if (folder / "__init__.py").is_file() else {}
    for name in names or exported:
        source = exported.get(name, ".".join((*module, name)))
        yield home.joinpath(*source.split(".")).with_suffix(".py")


def _exports(init: Path) -> dict[str, str]:
    """Name -> module, for the `from core.x import name` lines of a package's __init__."""
    return {
        alias.asname or alias.name: node.module
        for node in _tree(init).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def package_hash(package: ModuleType) -> str:
    """One hash for the modules of a package that its __init__ reaches by imports from the package itself."""
    folder = Path(str(package.__file__)).parent
    waiting, found = [folder / "__init__.py"], dict[str, str]()
    while waiting:
        path = waiting.pop()
        name = path.relative_to(folder).as_posix()
        if name in found or not path.is_file():
            continue
        tree = _tree(path)
        found[name] = _hash(path, path.stat().st_mtime_ns)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.__name__):
                below = (node.module or "").removeprefix(package.__name__).split(".")[1:]
                waiting += [folder.joinpath(*below).with_suffix(".py")] if below else []
                waiting += [folder.joinpath(*below, alias.name).with_suffix(".py") for alias in node.names]
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]
