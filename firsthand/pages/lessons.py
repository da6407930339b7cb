"""The learning path: hand-written pages in site/learn, whose Python is run when the site is built.

The blocks of a page share one namespace, from top to bottom. What a block prints stands below it. A block that begins
with `# figure: what it shows` leaves a matplotlib figure called `figure`: the page shows it, with those words as its
alternative text, and keeps the code folded. `{{live}}` is the place of a button that runs the page in the browser.
"""

import functools
import re
from typing import Any, NamedTuple

import matplotlib
from threadpoolctl import threadpool_limits

from firsthand.browser.blocks import execute
from firsthand.errors import FirsthandError
from firsthand.figures import STYLE, svg
from firsthand.pages import live, speed
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
        text, drawn, _ = run(name, read_text(path))
        text = text.replace("{{loops}}", speed.places(project)["loops"])
        text = text.replace("{{live}}", live.lesson(f"{FOLDER}/{name}"))
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


class Block(NamedTuple):
    """A piece of Python on a page, without those that draw."""

    line: int
    code: str
    printed: str


class Lesson(NamedTuple):
    """A page with the output of its blocks, its figures by number, and the blocks that draw none."""

    page: str
    drawn: dict[int, bytes]
    blocks: list[Block]


@functools.cache
def run(name: str, text: str) -> Lesson:
    """Run the blocks of a page in order."""
    namespace: dict[str, Any] = {"__name__": name}
    drawn: dict[int, bytes] = {}
    blocks: list[Block] = []

    def replace(found: re.Match[str]) -> str:
        block, line = found[1], text.count("\n", 0, found.start()) + 2
        printed = execute(block, place(name), line, namespace)
        alt = FIGURE.match(block)
        if alt is None:
            blocks.append(Block(line, block, printed))
            return found[0] + (f"\n{code(printed.rstrip(), 'text')}\n" if printed else "")
        number = len(drawn) + 1
        drawn[number] = svg(namespace.pop("figure"))
        shown = code(block[alt.end() :].rstrip(), "python")
        return f"![{alt[1]}]({name}-{number}.svg)\n\n{folded(f'figure-{number}', 'How it was drawn', shown)}\n"

    with matplotlib.rc_context(STYLE), threadpool_limits(1, user_api="blas"):  # on small products two threads wait
        return Lesson(BLOCK.sub(replace, text), drawn, blocks)


def place(name: str) -> str:
    return f"site/{FOLDER}/{name}.md"


def live_plans(project: Project) -> dict[str, live.Plan]:
    """For `firsthand.browser.live`: the blocks of each page that has `{{live}}`, except those that draw."""
    sources = {name: read_text(project.root / place(name)) for name in ORDER}
    return {
        f"{FOLDER}/{name}": {
            "name": name,
            "place": place(name),
            "blocks": [block._asdict() for block in run(name, text).blocks],
        }
        for name, text in sources.items()
        if "{{live}}" in text
    }


def _onwards(project: Project, position: int) -> str:
    if position + 1 == len(ORDER):
        return ""
    following = ORDER[position + 1]
    return f"\n---\n\nNext: [{title(project, following)}]({following}.md)\n"
