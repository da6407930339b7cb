"""The page of data sets, from the registry."""

import re

from firsthand import data
from firsthand.pages.text import code, definitions, inline, table
from firsthand.pages.view import View

HEAD = """# Data sets

A data set is named by the hash of its values, whatever file it comes in, and checked before every use. What is not on
the machine is fetched, or the error says what to do; nothing is replaced silently."""


def data_page(views: list[View]) -> str:
    """What each set holds, under which licence, where it comes from, and which papers use it."""
    names = data.names()
    overview = table(["Name", "Data", "Licence", "May be passed on", "Used by"], [_row(name, views) for name in names])
    commands = code("firsthand data list\nfirsthand data fetch mnist", "console")
    return "\n\n".join([HEAD, commands, overview, *(_section(name) for name in names)])


def _row(name: str, views: list[View]) -> list[str]:
    entry = data.describe(name)
    free = "yes" if entry.licence.redistribution else "no"
    used_by = _used_by(name, views) or "no paper yet"
    return [f"[`{name}`](#{name})", inline(entry.title), inline(entry.licence.name), free, used_by]


def _used_by(name: str, views: list[View]) -> str:
    return ", ".join(f"[{view.slug}](papers/{view.slug}.md)" for view in views if name in view.manifest.data)


def _section(name: str) -> str:
    entry = data.describe(name)
    arrays = table(
        ["Array", "Type", "Shape", "Meaning"],
        [
            [f"`{array}`", held.dtype, " × ".join(f"{length:,}" for length in held.shape), inline(held.meaning)]
            for array, held in entry.arrays.items()
        ],
    )
    about = definitions(
        {
            "Licence": inline(entry.licence.name),
            "Source": _linked(entry.source),
            "Cite": _linked(entry.citation),
            "SHA-256": f'<code class="hash">{entry.sha256}</code>',
        }
    )
    return f"## {inline(entry.title)} {{ #{name} }}\n\n{about}\n{arrays}"


def _linked(text: str) -> str:
    """Addresses become links."""
    return re.sub(r"https?://[^\s,;]+[^\s,;.]", lambda found: f"<{found[0]}>", inline(text))
