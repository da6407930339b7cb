"""The files that people write (manifest, study, design, review), from the types that read them.

A key's note is the comment beside it in the source, and the example is the template that `firsthand` writes.
"""

import ast
import inspect
import io
import tokenize
from dataclasses import dataclass

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec import inspect as types

from firsthand.design.schema import Design
from firsthand.manifest import Manifest
from firsthand.pages.text import code, inline, table
from firsthand.review import Review
from firsthand.scaffold import template
from firsthand.study import Study

PLAIN = {
    types.StrType: "text",
    types.IntType: "whole number",
    types.FloatType: "number",
    types.BoolType: "true or false",
    types.NoneType: "null",
    types.DateType: "date",
    types.AnyType: "any value",
}


@dataclass(frozen=True)
class Form:
    """A kind of file: the type that reads it, the template that starts it."""

    kind: type[Struct]
    title: str
    where: str
    template: str


FORMS = {
    "manifest": Form(
        Manifest,
        "The manifest of a paper",
        "`papers/SLUG/paper.yml`, begun by `firsthand new SLUG`. Besides these keys, names must refer to something "
        "declared, each claim needs a baseline and a control, and the axes must fit the kind of the claim; an error "
        "names the file, the line and the remedy.",
        "paper/paper.yml",
    ),
    "study": Form(
        Study,
        "The study of a design",
        "`designs/NAME/study.yml`, for a design that belongs to no paper, begun by `firsthand design new NAME`.",
        "design/study.yml",
    ),
    "design-document": Form(
        Design,
        "The front matter of a design",
        "At the head of `designs/NAME.md`, between two lines `---`. What else `firsthand design check` refuses is told "
        "in [How to design](../how-to-design.md#what-is-refused).",
        "design/design.md",
    ),
    "review": Form(
        Review,
        "The front matter of a review",
        "At the head of `designs/reviews/DESIGN-DATE.md`, between two lines `---`, begun by "
        "`firsthand review new DESIGN`.",
        "review/review.md",
    ),
}


def schema_pages() -> dict[str, str]:
    return {f"reference/{name}.md": schema_page(form) for name, form in FORMS.items()}


def schema_page(form: Form) -> str:
    """The keys of each structure, outermost first, then the template."""
    parts = [f"# {form.title}", form.where]
    for kind in structures(form.kind):
        parts += [f"## {kind.__name__}", inline(inspect.getdoc(kind) or ""), _keys(kind)]
    example = template(form.template)
    language = "markdown" if example.startswith("---") else "yaml"
    return "\n\n".join([*parts, "## The template", code(example.rstrip(), language, form.template)])


def structures(kind: type[Struct]) -> list[type[Struct]]:
    """The structure and all that it holds, each once."""
    found = [kind]
    for one in found:  # grows while it is walked
        for field in _fields(one):
            found += [held for held in _held(field.type) if held not in found]
    return found


def _fields(kind: type[Struct]) -> tuple[types.Field, ...]:
    described = types.type_info(kind)
    assert isinstance(described, types.StructType)
    return described.fields


def _held(described: types.Type) -> list[type[Struct]]:
    if isinstance(described, types.StructType):
        return [described.cls]
    inner = [getattr(described, name) for name in ("item_type", "value_type") if hasattr(described, name)]
    return [kind for part in (*inner, *getattr(described, "types", ())) for kind in _held(part)]


def _keys(kind: type[Struct]) -> str:
    notes = comments(kind)
    rows = [
        [f"`{field.name}`", _words(field.type), _needed(field), inline(notes[field.name])] for field in _fields(kind)
    ]
    return table(["Key", "Holds", "If left out", "Note"], rows)


def _needed(field: types.Field) -> str:
    if field.required:
        return "**needed**"
    default = field.default if field.default is not NODEFAULT else field.default_factory()
    return "nothing" if default in (None, "", [], {}) else f"`{msgspec.json.encode(default).decode()}`"


def _words(described: types.Type) -> str:
    """What a key may hold, in words; structures are links, words that are allowed are named."""
    if isinstance(described, types.StructType):
        return f"[{described.cls.__name__}](#{described.cls.__name__.lower()})"
    if isinstance(described, types.LiteralType):
        return ", ".join(f"`{word}`" for word in sorted(described.values, key=str) if word != "")
    if isinstance(described, types.ListType):
        return f"list of {_words(described.item_type)}"
    if isinstance(described, types.DictType):
        return f"mapping from {_words(described.key_type)} to {_words(described.value_type)}"
    if isinstance(described, types.UnionType):
        return " or ".join(_words(part) for part in described.types if not isinstance(part, types.NoneType))
    return PLAIN[type(described)]


def comments(kind: type[Struct]) -> dict[str, str]:
    """The comment of each key: on its line, and on the lines that follow up to the next key."""
    source = inspect.getsource(kind)
    said = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    starts = [part.lineno for part in tree.body[1:]] + [(tree.end_lineno or tree.lineno) + 1]
    return {
        part.target.id: " ".join(said[number] for number in range(part.lineno, after) if number in said)
        for part, after in zip(tree.body[1:], starts[1:], strict=True)
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
