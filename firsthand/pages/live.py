"""What a reader can run on a page: the panels with their buttons, and the one archive that a browser needs for them.

The manifest names the claims (`live` in paper.yml), a lesson says `{{live}}`. Everything that needs the manifest, the
records or the registry of data sets is resolved here, into one plan for each button; `firsthand.browser.live` carries
plans out. Nothing is loaded before a button is pressed.
"""

import html
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import firsthand
from firsthand import data
from firsthand.code import code_hashes
from firsthand.data.places import VENDORED
from firsthand.errors import FirsthandError
from firsthand.manifest import Live
from firsthand.pages.claims import anchor
from firsthand.pages.text import inline
from firsthand.pages.view import View
from firsthand.plan import Need, needs, seeds_of
from firsthand.project import Project

ARCHIVE = "live/firsthand.zip"
WHERE = "live/runtime.json"  # where the browser finds Python; `hook` knows whether it was installed
WORKBENCH = ("__init__.py", "errors.py", "experiment.py", "data/dataset.py", "clinic/*.py", "browser/*.py")

Plan: TypeAlias = dict[str, Any]

INTRODUCTION = """The paper's own code on `core`, in your browser, with the settings and the seed of a committed record.
Python for browsers is loaded when you press a button, and not before.
"""

LESSON = """The blocks of this page, one after the other, in your browser. Those that draw need matplotlib and are left
out. Python for browsers is loaded when you press the button, and not before.
"""


def section(view: View) -> str:
    """The panels of a paper; empty if its manifest names no claim for them."""
    if not view.manifest.live:
        return ""
    parts = [INTRODUCTION]
    for live in view.manifest.live:
        claim = view.manifest.claim(live.claim)
        parts.append(f"**[{claim.id}](#{anchor(claim.id)})** {inline(claim.statement)}\n")
        parts.append(_panel(f"{view.slug}/{claim.id}", f"Run {claim.id} here"))
    return "\n".join(parts)


def lesson(name: str) -> str:
    """The panel of a lesson, with its head."""
    return f"## Run it here\n\n{LESSON}\n{_panel(name, 'Run this page here')}"


def _panel(plan: str, label: str) -> str:
    """A place that site/javascripts/live.js furnishes: the button, Stop, the progress, and what came out."""
    return (
        f'<div class="live" data-plan="{html.escape(plan)}" data-label="{html.escape(label)}">'
        "<noscript>To run this here, allow JavaScript.</noscript></div>\n"
    )


def archive(project: Project, views: Iterable[View], lessons: Mapping[str, Plan]) -> bytes:
    """Sources, plans and data in a zip file whose bytes depend on nothing else."""
    files = {path.relative_to(project.root).as_posix(): path.read_bytes() for path in project.root.glob("core/*.py")}
    home = Path(firsthand.__file__).parent
    for path in (path for pattern in WORKBENCH for path in home.glob(pattern)):
        files[f"firsthand/{path.relative_to(home).as_posix()}"] = path.read_bytes()
    files["firsthand/data/__init__.py"] = files.pop("firsthand/browser/data.py")  # a loader that needs no registry
    plans, sets = dict(lessons), set[str]()
    for view in views:
        if view.manifest.live:
            plans |= {f"{view.slug}/{live.claim}": _plan(view, live) for live in view.manifest.live}
            files |= _sources(project, view.slug)
            sets |= {name for live in view.manifest.live for name in _data(view, live)}
    files |= {f"live/{name}.json": json.dumps(plan).encode() for name, plan in plans.items()}
    for name in sets:
        files |= _arrays(name)
    return _zip(files)


def _plan(view: View, live: Live) -> Plan:
    """All that one run of a claim needs and is compared with."""
    claim = view.manifest.claim(live.claim)
    experiment = view.manifest.experiments[claim.reads.experiment]
    [need] = needs(view.slug, view.manifest, claim, "value", seeds_of(view.manifest, claim)[:1])
    low, high = claim.accept.bounds()
    return {
        "module": view.project.module(view.slug, "experiments"),
        "function": experiment.function,
        "together": experiment.together,
        "settings": need.unit.settings,
        "seed": need.unit.seed,
        "data": _data(view, live),
        "measurement": need.measurement,
        "low": low,
        "high": high,
        "accepted": claim.accept.text(),
        "record": _record(view, live, need),
        "curves": live.curves,
        "over": live.over,
        "names": live.names,
        "shows": live.shows,
    }


def _record(view: View, live: Live, need: Need) -> dict[str, Any] | None:
    """What the run is compared with; None if its unit has no accepted record."""
    record = view.evidence.get(need.unit)
    if record is None:
        return None
    for name in filter(None, (*live.curves, live.over, live.names)):
        if name not in record.arrays:
            known = ", ".join(record.arrays) or "none"
            raise FirsthandError(f"{_place(view, live)}: the record has no array {name!r}; it has {known}.")
    return {
        "value": record.measurements[need.measurement],
        "seconds": record.seconds,
        "arrays": {name: record.arrays[name] for name in live.curves},
    }


def _data(view: View, live: Live) -> list[str]:
    """The data sets of the claim's experiment, which must be embedded: the archive cannot carry others."""
    names = view.manifest.experiments[view.manifest.claim(live.claim).reads.experiment].data
    for name in names:
        state = data.status(name)
        if state.missing or any(VENDORED not in file.path.parents for file in state.found):
            raise FirsthandError(
                f"{_place(view, live)}: its experiment reads {name}, which is not embedded; name a claim that needs no "
                "other data."
            )
    return names


def _place(view: View, live: Live) -> str:
    return f"{view.project.paper(view.slug) / 'paper.yml'}: live ({live.claim})"


def _sources(project: Project, slug: str) -> dict[str, bytes]:
    """What experiments.py imports of the paper."""
    folder = project.paper(slug).relative_to(project.root).as_posix()
    names = [f"{folder}/__init__.py", *(name for name in code_hashes(project.root, slug) if name.startswith(folder))]
    return {name: (project.root / name).read_bytes() for name in names}


def _arrays(name: str) -> dict[str, bytes]:
    found = data.load(name)
    files = {f"firsthand/data/{name}/sha256": found.sha256.encode()}
    for array, values in found.arrays.items():
        content = io.BytesIO()
        np.save(content, values)
        files[f"firsthand/data/{name}/{array}.npy"] = content.getvalue()
    return files


def _zip(files: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same files: sorted, and without the time of day."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return content.getvalue()
