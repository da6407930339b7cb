"""Pieces of Markdown that every page uses: tables, verdicts, folded sections, text that must stay inline."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firsthand.verdicts import Judgement

# A verdict is told by its word and its mark; the colour (site/stylesheets/site.css) only repeats it.
MARKS = {
    "reproduced": "✓",
    "agrees, scaled": "≈",
    "direction only": "↗",
    "not reproduced": "✗",
    "not run": "○",
    "confirmed": "✓",
    "contradicted": "≠",
    "stale": "!",
}


def badge(verdict: str, words: str = "") -> str:
    """The verdict as a coloured word with its mark; `words` say more than the verdict itself."""
    name = verdict.replace(",", "").replace(" ", "-")
    return f'<span class="verdict verdict--{name}">{MARKS[verdict]} {words or verdict}</span>'


def verdict(judgement: Judgement) -> str:
    """The badge of a judgement. What is stale, or an audit that found the unexpected, never looks as if it held."""
    if _stale(judgement):
        return badge("stale", f"{judgement.verdict} (stale)")
    if judgement.kind == "audit" and judgement.holds is False and judgement.verdict in ("confirmed", "contradicted"):
        return badge("not reproduced", f"{judgement.verdict}, against expectation")
    return badge(judgement.verdict)


def _stale(judgement: Judgement) -> bool:
    """A claim of which only some units were run is not run, whatever the state of the others."""
    return judgement.stale and judgement.verdict != "not run"


def counts(judgements: Iterable[Judgement]) -> str:
    """How many claims have which verdict, one badge for each."""
    found: dict[tuple[str, bool], int] = {}
    for judgement in judgements:
        key = (judgement.verdict, _stale(judgement))
        found[key] = found.get(key, 0) + 1
    badges = {
        f"{count} {word}{' (stale)' if stale else ''}": "stale" if stale else word
        for (word, stale), count in found.items()
    }
    return " ".join(badge(word, words) for words, word in badges.items())


def inline(text: str) -> str:
    """Prose from a manifest on one line: Markdown and mathematics stay, `<word` does not become a tag."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", " ".join(text.split()))


def one_line(text: str) -> str:
    """A number with its sign and spread, kept together."""
    return f'<span class="number">{text}</span>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell is text."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "&#124;") for cell in line) + " |" for line in lines) + "\n"


def boxed(name: str, content: str) -> str:
    """Markdown in a box of its own, for the style sheet."""
    return f'<div class="{name}" markdown="1">\n\n{content}\n</div>\n'


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {inline(item)}" for item in items) + "\n"


def definitions(items: Mapping[str, str]) -> str:
    """A definition list; empty definitions are left out."""
    return "\n".join(f"{term}\n:   {text}\n" for term, text in items.items() if text)


def folded(identity: str, summary: str, content: str) -> str:
    """A section that opens when it is clicked, or when the page is opened at its address."""
    head = f'<details class="fold" id="{identity}" markdown="1">\n<summary>{summary}</summary>\n'
    return f"{head}\n{content}\n</details>\n"


def settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name} = {value}`" for name, value in values.items())


def code(text: str, language: str, title: str = "", marked: str = "") -> str:
    """A code block; `marked` are lines to stand out, as in "3-7 9"."""
    head = language + (f' title="{title}"' if title else "") + (f' hl_lines="{marked}"' if marked else "")
    return f"```{head}\n{text}\n```\n"


def sized(svg: bytes) -> str:
    """Attributes of a picture that is loaded when it comes into view: its place is kept free for it."""
    found = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    width, height = map(float, found.groups()) if found else (640, 320)
    return f"{{ loading=lazy width={width * 4 / 3:.0f} height={height * 4 / 3:.0f} }}"  # points to pixels


def slim(svg: bytes) -> bytes:
    """A figure of matplotlib's without what nobody sees: coordinates to a tenth of a point, short names, no blanks."""
    short = re.sub(rb"<metadata>.*?</metadata>|<!--.*?-->|(?<=<g) id=\"[^\"]*\"", b"", svg, flags=re.DOTALL)
    short = re.sub(rb' (?:d|x|y|style|transform)="[^"]*"', lambda found: _shorter(found[0]), short)
    short = re.sub(rb"\s*\n\s*", b"\n", short)
    short = re.sub(rb"<g>\n(<(?:use|path)[^>]*/>\n)</g>\n", rb"\1", short)
    names = {name: b"i%x" % number for number, name in enumerate(dict.fromkeys(re.findall(rb' id="([^"]+)"', short)))}
    return re.sub(rb'( id="|#)([^")]+)(?=[")])', lambda found: found[1] + names.get(found[2], found[2]), short)


def _shorter(attribute: bytes) -> bytes:
    """Numbers of paths and places rounded; scales and widths of lines stay, as small numbers matter there."""
    if attribute.startswith(b" style"):
        return re.sub(rb"#(.)\1(.)\2(.)\3\b", rb"#\1\2\3", re.sub(rb"([:;]) ", rb"\1", attribute))
    if b"scale" not in attribute:
        attribute = re.sub(rb"-?\d+\.\d+", lambda found: b"%g" % round(float(found[0]), 1), attribute)
    return re.sub(rb"\s*([A-Zz])\s*", rb"\1", attribute) if attribute.startswith(b" d") else attribute
