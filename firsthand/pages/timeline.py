"""What builds on what: a line for each paper in the order of the years, with an arc from each paper that it builds on.

The lines are links in a list, so that they are read on any width; the arcs are one drawing beside them.
"""

from dataclasses import dataclass

from firsthand.manifest import Manifest
from firsthand.pages.text import inline
from firsthand.project import Project

ROW, WIDTH = 34, 96  # pixels; the rows are as high in the style sheet


@dataclass(frozen=True)
class Entry:
    """A paper of the checkout, or one that others build on and that is not here."""

    slug: str
    manifest: Manifest | None

    @property
    def year(self) -> int:
        return self.manifest.year if self.manifest else int(self.slug.rpartition("_")[2])

    @property
    def builds_on(self) -> list[str]:
        return self.manifest.builds_on if self.manifest else []


def entries(project: Project) -> list[Entry]:
    """The papers, and all that they build on, by year."""
    here = {slug: Entry(slug, project.manifest(slug)) for slug in project.slugs()}
    named = {name for entry in here.values() for name in entry.builds_on}
    elsewhere = [Entry(name, None) for name in named if name not in here]
    return sorted([*here.values(), *elsewhere], key=lambda entry: (entry.year, entry.slug))


def timeline(project: Project) -> str:
    """The drawing and the list."""
    found = entries(project)
    lines = "\n".join(_line(entry) for entry in found)
    listed = f'<ol markdown="1">\n{lines}\n</ol>'
    return f'<div class="timeline" markdown="1">\n{_arcs(found)}\n{listed}\n</div>\n'


def _line(entry: Entry) -> str:
    if entry.manifest is None:
        return f'<li class="elsewhere" markdown="span"><span>{entry.year}</span> {_name(entry.slug)}</li>'
    earlier = ", ".join(_name(name) for name in entry.builds_on)
    more = f' <small><span class="label">builds</span> on {earlier}</small>' if earlier else ""
    link = f"[{inline(entry.manifest.title)}](papers/{entry.slug}.md)"
    return f'<li markdown="span"><span>{entry.year}</span> {link}{more}</li>'


def _name(slug: str) -> str:
    return slug.rpartition("_")[0].replace("_", " ")


def _arcs(found: list[Entry]) -> str:
    place = {entry.slug: ROW * (k + 0.5) for k, entry in enumerate(found)}
    x = WIDTH - 8
    parts = []
    for entry in found:
        for earlier in entry.builds_on:
            start, end = place[earlier], place[entry.slug]
            width = 80 * (end - start) / (end - start + 3 * ROW)
            reach = x - width * 4 / 3  # a curve goes 3/4 of the way to its handles
            parts.append(f'<path d="M{x} {start:g}C{reach:.0f} {start:g} {reach:.0f} {end:g} {x} {end:g}"/>')
    for entry in found:
        radius, kind = (6, "") if entry.manifest else (4, ' class="elsewhere"')
        parts.append(f'<circle cx="{x}" cy="{place[entry.slug]:g}" r="{radius}"{kind}/>')
    size = f'width="{WIDTH}" height="{ROW * len(found)}"'
    return f'<svg {size} aria-hidden="true">{"".join(parts)}</svg>'
