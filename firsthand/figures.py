"""Figures drawn from records, in one style: colour-blind safe, readable without the text, the same bytes each time."""

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.manifest import FigurePlan, Manifest
from firsthand.project import Project
from firsthand.records import Record

# Okabe and Ito's colours, which stay apart for the common kinds of colour blindness.
BLUE, ORANGE, GREEN, RED, SKY, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#666666"

# Words in these colours would be too pale to read on white: they are drawn in a darker shade of the same hue.
INK = {ORANGE: "#8A5D00", GREEN: "#007A59", RED: "#B34A00", SKY: "#1F73A3"}

STYLE: Any = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, SKY, GREY]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 10,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "firsthand",
    "svg.fonttype": "path",
}


class NotRun(Exception):
    """A figure needs records that are not there."""


@dataclass(frozen=True)
class Records:
    """What a paper's figures.py gets: the accepted records, by experiment and settings."""

    manifest: Manifest
    evidence: Evidence

    def all(self, experiment: str, **settings: Any) -> list[Record]:
        """Every record of the experiment in which these settings have these values, by seed; NotRun if there is none.

        A setting that is not named must have the experiment's own value, as written in the manifest.
        """
        wanted = self.manifest.experiments[experiment].settings | settings
        found = [
            record
            for record in self.evidence.by_unit.values()
            if record.unit.experiment == experiment and record.unit.settings == wanted
        ]
        if not found:
            raise NotRun(f"{experiment} was not run with {settings or 'its own settings'}")
        return sorted(found, key=lambda record: record.unit.seed)


@dataclass(frozen=True)
class Drawn:
    """A finished figure."""

    plan: FigurePlan
    svg: bytes


def draw(project: Project, slug: str) -> dict[str, Drawn]:
    """The paper's figures by id, from its accepted records; a figure whose records are missing is left out."""
    manifest = project.manifest(slug)
    if not manifest.figures:
        return {}
    records = Records(manifest, Evidence(project, slug, project.results(slug)))
    project.importable()
    module = importlib.import_module(project.module(slug, "figures"))
    found = {}
    for plan in manifest.figures:
        function: Callable[[Records], Figure] | None = getattr(module, plan.function, None)
        if function is None:
            raise FirsthandError(
                f"{project.paper(slug) / 'figures.py'}: there is no function {plan.function!r}, which "
                "the manifest names under figures."
            )
        try:
            found[plan.id] = Drawn(plan, _svg(function, records))
        except NotRun:
            plt.close("all")  # the function may have opened one before it asked for records
    return found


def _svg(function: Callable[[Records], Figure], records: Records) -> bytes:
    with plt.rc_context(STYLE):
        figure = function(records)
        drawn = svg(figure)
        plt.close(figure)
    return drawn


def svg(figure: Figure) -> bytes:
    """The figure as SVG, the same bytes each time; to be called in the style that it was drawn in."""
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            text.set_color(INK.get(to_hex(text.get_color()).upper(), text.get_color()))
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()
