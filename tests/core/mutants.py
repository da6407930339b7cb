"""Small mistakes, planted one at a time into the backward functions of a module.

A mutant is the module's source with one change, executed in a namespace of its own: no file and no imported module is
touched. The kinds of change are those that people make: a sign, a term, a factor, a transpose, a sum, a line, `=` for
`+=`, results exchanged, a comparison, a number off by one.
"""

import ast
import copy
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CORE = Path(__file__).parents[2] / "core"


@dataclass(frozen=True)
class Mutant:
    module: str  # file name without .py
    where: str  # the function it is in, "Linear.__call__.backward"
    change: str  # "dy @ W.T  ->  dy @ W"
    tree: ast.Module

    @property
    def title(self) -> str:
        return f"{self.module}:{self.where}: {self.change}"

    def namespace(self) -> types.ModuleType:
        """The mutated module, executed under another name."""
        module = types.ModuleType(f"mutant_of_{self.module}")
        exec(compile(self.tree, f"<{self.title}>", "exec"), module.__dict__)
        return module


def parse(module: str) -> ast.Module:
    return ast.parse((CORE / f"{module}.py").read_text())


def original(module: str) -> types.ModuleType:
    """The unchanged module, executed in a namespace of its own, for others to be put into."""
    return Mutant(module, "", "nothing", parse(module)).namespace()


def mutants(module: str, functions: tuple[str, ...] = ("backward",)) -> Iterator[Mutant]:
    """All mutants of the functions of these names in a module of core, wherever they are nested."""
    tree = parse(module)
    for where, function in _functions(tree, ""):
        if function.name in functions:
            for node in _walk(function):
                for change, undo in _changes(node):
                    mutated = copy.deepcopy(tree)
                    undo()
                    yield Mutant(module, where, change, ast.fix_missing_locations(mutated))


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        name = getattr(child, "name", None)
        path = f"{prefix}.{name}".lstrip(".") if name else prefix
        if isinstance(child, ast.FunctionDef):
            yield path, child
        yield from _functions(child, path)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that computes something: annotations do not."""
    yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _walk(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    """Apply each change below this node in turn: yields its description, and what takes it back."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns") or (isinstance(node, ast.UnaryOp) and isinstance(value, ast.Constant)):
            continue  # (to NumPy, -2 means the same as -1 in a shape)
        if isinstance(value, ast.expr):
            for other in _expressions(value):
                yield _applied(node, field, None, value, other)
        elif isinstance(value, list):
            for k, item in enumerate(value):
                others = _expressions(item) if isinstance(item, ast.expr) else _statements(item, node)
                for other in others:
                    yield _applied(node, field, k, item, other)


def _applied(parent: ast.AST, field: str, k: int | None, old: ast.AST, new: ast.AST) -> tuple[str, Callable[[], None]]:
    def put(value: ast.AST) -> None:
        if k is None:
            setattr(parent, field, value)
        else:
            getattr(parent, field)[k] = value

    ast.fix_missing_locations(new)
    change = f"{ast.unparse(old).splitlines()[0]}  ->  {ast.unparse(new).splitlines()[0]}"
    put(new)
    return change, lambda: put(old)


def _statements(node: ast.AST, parent: ast.AST) -> Iterator[ast.stmt]:
    if not isinstance(node, ast.stmt) or isinstance(node, ast.FunctionDef):
        return
    documentation = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    only_line_of_loop = isinstance(parent, ast.While) and len(parent.body) == 1  # without it the loop never ends
    declaration = isinstance(node, ast.AnnAssign) and node.value is None
    if not (documentation or declaration or only_line_of_loop):
        yield ast.Pass()
    if isinstance(node, ast.AugAssign):
        for target_op in (ast.Sub(),) if isinstance(node.op, ast.Add) else (ast.Add(),):
            yield ast.AugAssign(node.target, target_op, node.value)
        yield ast.Assign([node.target], node.value)
        yield ast.AugAssign(node.target, node.op, ast.BinOp(ast.Constant(2.0), ast.Mult(), node.value))
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield ast.Return(ast.Tuple(node.value.elts[::-1], ast.Load()))
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.UnaryOp(ast.USub(), node.value))


OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
COMPARISONS = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OTHER_CALLS = {"add": "subtract", "subtract": "add", "multiply": "divide"}  # of NumPy, by either name
DROPPED_CALLS = {"sum", "transpose", "swapaxes"}


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
        if type(node.op) in OPPOSITE:
            yield ast.BinOp(node.left, OPPOSITE[type(node.op)](), node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DROPPED_CALLS:
        yield node.func.value
        if node.func.attr == "sum":
            yield ast.Call(ast.Attribute(node.func.value, "mean", ast.Load()), node.args, node.keywords)
    called = ast.unparse(node.func).removeprefix("np.") if isinstance(node, ast.Call) else ""
    if isinstance(node, ast.Call) and called in OTHER_CALLS:
        other = ast.Attribute(ast.Name("np", ast.Load()), OTHER_CALLS[called], ast.Load())
        yield ast.Call(other, node.args, node.keywords)
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield ast.Constant(node.value + 1)
