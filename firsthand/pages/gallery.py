"""The gallery: a card for each paper, what they can be filtered by, and the timeline of what builds on what."""

import re

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from firsthand.figures import BLUE, GREY, STYLE, Drawn, svg
from firsthand.pages.text import counts, inline
from firsthand.pages.view import View

TIMELINE = "papers/timeline.svg"


def gallery(views: list[View], figures: dict[str, dict[str, Drawn]], here: str = "") -> str:
    """The filters and the cards. `here` leads from the page to the root of the site."""
    cards = "\n".join(_card(view, figures[view.slug], here) for view in sorted(views, key=lambda v: v.manifest.year))
    return f'{_filters(views)}\n<div class="gallery" markdown="1">\n\n{cards}\n</div>\n'


def timeline_alt(views: list[View]) -> str:
    """The timeline in words."""
    lines = []
    for view in sorted(views, key=lambda view: view.manifest.year):
        earlier = [name for name in view.manifest.builds_on if any(other.slug == name for other in views)]
        lines.append(f"{view.slug}{' builds on ' + ' and '.join(earlier) if earlier else ''}")
    return "Papers by year, with arrows to what they build on: " + "; ".join(lines)


def timeline(views: list[View]) -> bytes:
    """Papers in the order of their years, each on a line of its own, with an arrow from each paper it builds on."""
    ordered = sorted(views, key=lambda view: (view.manifest.year, view.slug))
    place = {view.slug: (view.manifest.year, -k) for k, view in enumerate(ordered)}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.55 * len(ordered) + 1))
        axes = figure.subplots()
        for view in ordered:
            x, y = place[view.slug]
            axes.plot(x, y, "o", color=BLUE, markersize=8)
            axes.annotate(view.slug, (x, y), (9, -4), textcoords="offset points")
            for earlier in view.manifest.builds_on:
                if earlier in place:
                    arrow = {"arrowstyle": "->", "color": GREY, "shrinkA": 6, "shrinkB": 6}
                    axes.annotate("", (x, y), place[earlier], arrowprops=arrow)
        years = [view.manifest.year for view in ordered]
        axes.set_xlim(min(years) - 1, max(years) + 6)
        axes.set_ylim(-len(ordered) + 0.4, 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        return svg(figure)


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
        listed = "".join(f'<option value="{option}">{option}</option>' for option in options)
        menus.append(
            f'<label>{labels[name]} <select data-filter="{name}"><option value="">all</option>{listed}</select></label>'
        )
    return f'<form class="filters" hidden>{"".join(menus)}<output></output></form>\n'


def _card(view: View, figures: dict[str, Drawn], here: str) -> str:
    manifest = view.manifest
    page = f"{here}papers/{view.slug}.md"
    about = inline(re.split(r"(?<=[.!?])\s", " ".join(manifest.summary.split()), maxsplit=1)[0])
    picture = ""
    if figures:
        iconic = next(iter(figures.values()))
        picture = f"[![{inline(iconic.plan.alt)}]({here}papers/{view.slug}/{iconic.plan.id}.svg)]({page})\n\n"
    topics = "|".join(manifest.topics)
    return (
        f'<div class="card" data-structure="{manifest.structure}" data-topics="{topics}" data-year="{manifest.year}" '
        f'markdown="1">\n\n{picture}**[{inline(manifest.title)}]({page})**\n\n'
        f"{manifest.year} · {manifest.structure} · {_run_time(view)}\n{{ .byline }}\n\n{about}\n\n"
        f"{counts(view.judgements.values())}\n\n</div>\n"
    )


def _run_time(view: View) -> str:
    """What all runs took together, each on one core, as the records say."""
    seconds = sum(record.seconds for record in view.evidence.by_unit.values())
    if not seconds:
        return "not run"
    if seconds < 90:
        return f"{seconds:.0f} s to run"
    return f"{seconds / 60:.0f} min to run" if seconds < 5400 else f"{seconds / 3600:.1f} h to run"
