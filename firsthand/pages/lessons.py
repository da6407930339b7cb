"""The learning path: hand-written pages in site/learn, whose Python is run when the site is built.

The blocks of a page share one namespace, from top to bottom. What a block prints stands below it. A block that begins
with `# figure: what it shows` leaves a matplotlib figure called `figure`: the page shows it, with those words as its
alternative text, and keeps the code folded.
"""

import contextlib
import functools
import io
import re
import warnings
from typing import Any

import matplotlib
from threadpoolctl import threadpool_limits

from firsthand.errors import FirsthandError
from firsthand.figures import STYLE, svg
from firsthand.pages import speed
from firsthand.pages.text import code, folded
from firsthand.project import Project
from firsthand.yamlfile import read_text

FOLDER = "learn"
BLOCK = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"# figure: (.+)\n")

# The order of the path, which no file name can tell.
ORDER = (
    "gradient-descent",
    "chain-rule",
    "wrong-gradient",
    "vectorisation",
    "vanishing-gradients",
    "activations",
    "initialisation",
    "momentum-and-adam",
    "convolution",
    "recurrence",
    "attention",
    "reproduce",
    "production",
)


def lessons(project: Project) -> dict[str, str | bytes]:
    """Every page of the path with what its code printed and drew, by path in the site."""
    pages: dict[str, str | bytes] = {}
    for position, name in enumerate(ORDER):
        path = project.root / "site" / FOLDER / f"{name}.md"
        text, drawn = run(name, read_text(path))
        text = text.replace("{{loops}}", speed.places(project)["loops"])
        pages[f"{FOLDER}/{name}.md"] = text + _onwards(project, position)
        pages |= {f"{FOLDER}/{name}-{number}.svg": content for number, content in drawn.items()}
    return pages


def navigation(project: Project) -> list[dict[str, str]]:
    return [{title(project, name): f"{FOLDER}/{name}.md"} for name in ORDER]


def contents(project: Project) -> str:
    """The path as a list of links."""
    return "\n".join(f"{k}. [{title(project, name)}]({FOLDER}/{name}.md)" for k, name in enumerate(ORDER, 1)) + "\n"


def title(project: Project, name: str) -> str:
    path = project.root / "site" / FOLDER / f"{name}.md"
    found = re.match(r"# (.+)\n", read_text(path))
    if found is None:
        raise FirsthandError(f"{path}: line 1: a lesson begins with its title; write '# Title'.")
    return found[1]


@functools.cache
def run(name: str, text: str) -> tuple[str, dict[int, bytes]]:
    """Run the blocks of a page in order; the page with their output, and its figures by number."""
    namespace: dict[str, Any] = {"__name__": name}
    drawn: dict[int, bytes] = {}

    def replace(found: re.Match[str]) -> str:
        block, line = found[1], text.count("\n", 0, found.start()) + 2
        printed = _execute(name, block, line, namespace)
        alt = FIGURE.match(block)
        if alt is None:
            return found[0] + (f"\n{code(printed.rstrip(), 'text')}\n" if printed else "")
        number = len(drawn) + 1
        with matplotlib.rc_context(STYLE):
            drawn[number] = svg(namespace.pop("figure"))
        shown = code(block[alt.end() :].rstrip(), "python")
        return f"![{alt[1]}]({name}-{number}.svg)\n\n{folded(f'figure-{number}', 'How it was drawn', shown)}\n"

    with threadpool_limits(1, user_api="blas"):  # small products; two threads would wait for each other
        return BLOCK.sub(replace, text), drawn


def _execute(name: str, block: str, line: int, namespace: dict[str, Any]) -> str:
    """What the block printed. Line numbers are those of the page."""
    out = io.StringIO()
    place = f"site/{FOLDER}/{name}.md"
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings(), matplotlib.rc_context(STYLE):
            warnings.simplefilter("error")
            exec(compile("\n" * (line - 1) + block, place, "exec"), namespace)
    except Exception as error:
        trace, at = error.__traceback__, line
        while trace is not None:
            at = trace.tb_lineno if trace.tb_frame.f_code.co_filename == place else at
            trace = trace.tb_next
        raise FirsthandError(f"{place}: line {at}: {type(error).__name__}: {error}; correct the lesson.") from error
    return out.getvalue()


def _onwards(project: Project, position: int) -> str:
    if position + 1 == len(ORDER):
        return ""
    following = ORDER[position + 1]
    return f"\n---\n\nNext: [{title(project, following)}]({following}.md)\n"
