"""The gallery: a card for each paper, and what they can be filtered by."""

import re

from firsthand.figures import Drawn
from firsthand.pages.text import counts, inline, sized
from firsthand.pages.view import View

ANY = {"none": "any kind of data"}  # what a method that asks nothing of the structure of data is for


def gallery(views: list[View], figures: dict[str, dict[str, Drawn]], here: str = "") -> str:
    """The filters and the cards. `here` leads from the page to the root of the site."""
    cards = "\n".join(_card(view, figures[view.slug], here) for view in sorted(views, key=lambda v: v.manifest.year))
    return f'{_filters(views)}\n<div class="gallery" markdown="1">\n\n{cards}\n</div>\n'


def _filters(views: list[View]) -> str:
    """Three menus; the script shows them, since without it they would do nothing."""
    choices: dict[str, list[str]] = {
        "structure": sorted({view.manifest.structure for view in views}),
        "topics": sorted({topic for view in views for topic in view.manifest.topics}),
        "year": [str(year) for year in sorted({view.manifest.year for view in views})],
    }
    labels = {"structure": "Kind of data", "topics": "Topic", "year": "Year"}
    menus = []
    for name, options in choices.items():
        listed = "".join(f'<option value="{option}">{ANY.get(option, option)}</option>' for option in options)
        menus.append(
            f'<label>{labels[name]} <select data-filter="{name}"><option value="">all</option>{listed}</select></label>'
        )
    return f'<form class="filters" hidden>{"".join(menus)}<output></output></form>\n'


def _card(view: View, figures: dict[str, Drawn], here: str) -> str:
    manifest = view.manifest
    page = f"{here}papers/{view.slug}.md"
    picture = ""
    if figures:
        iconic = next(iter(figures.values()))
        address = f"{here}papers/{view.slug}/{iconic.plan.id}.svg"
        picture = f"[![{inline(iconic.plan.alt)}]({address}){sized(iconic.svg)}]({page})\n\n"
    topics = "|".join(manifest.topics)
    return (
        f'<div class="card" data-structure="{manifest.structure}" data-topics="{topics}" data-year="{manifest.year}" '
        f'markdown="1">\n\n{picture}**[{inline(manifest.title)}]({page})**\n\n'
        f"{manifest.year} · {ANY.get(manifest.structure, manifest.structure)} · {_run_time(view)}\n{{ .byline }}\n\n"
        f"{_about(manifest.summary)}\n\n"
        f"{counts(view.judgements.values())}\n\n</div>\n"
    )


def _about(summary: str, enough: int = 100) -> str:
    """The first sentences of the summary, until enough has been said."""
    said = ""
    for sentence in re.split(r"(?<=[.!?])\s", " ".join(summary.split())):
        if len(said) >= enough:
            break
        said = f"{said} {sentence}".strip()
    return inline(said)


def _run_time(view: View) -> str:
    """What all runs took together, each on one core, as the records say."""
    seconds = sum(record.seconds for record in view.evidence.by_unit.values())
    if not seconds:
        return "not run"
    if seconds < 90:
        return f"{seconds:.0f} s on one core"
    return f"{seconds / 60:.0f} min on one core" if seconds < 5400 else f"{seconds / 3600:.1f} h on one core"
