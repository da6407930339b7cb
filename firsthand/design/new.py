"""`firsthand design new NAME`: a design document to fill in and, for a problem that is no paper, a study that runs."""

import json
import keyword
import math
import re
import shutil
import textwrap
from pathlib import Path

from firsthand import data
from firsthand.design import probed
from firsthand.design.schema import ReadsProbe
from firsthand.errors import FirsthandError
from firsthand.probes import Finding
from firsthand.project import Project
from firsthand.scaffold import check_free, write_templates

RESERVED = ("results", "reviews")


def new_design(project: Project, name: str, source: str | None = None) -> list[Path]:
    """Write designs/NAME.md and, unless NAME is a paper, designs/NAME/; nothing that exists is touched.

    With `source`, a registered data set or an .npz file (which is copied into designs/NAME/), every probe that can read
    it is run. What each measured and suggests stands in the front matter, as a property to keep or to strike out.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name in RESERVED:
        raise FirsthandError(f"{name!r} cannot be a design's name: use lower-case words, as in next_year.")
    design, folder, paper = project.root / "designs" / f"{name}.md", project.root / "designs" / name, ""
    places = {"design/design.md": design}
    if name in project.slugs():
        paper = f"paper: {name}\n"
    else:
        places |= {f"design/{file}": folder / file for file in ("__init__.py", "study.yml", "experiments.py")}
    own = None if source is None else _checked(source)
    taken = [
        *places.values(),
        *([folder / own.name] if own else []),
        *([probed.results_path(design)] if source else []),
    ]
    check_free(taken)
    if source is None:
        return write_templates(places, slug=name, paper=paper)
    found = probed.measure_all(str(own.resolve()) if own else source, design)  # may refuse, before anything is written
    written = write_templates(places, slug=name, paper=paper)
    text, source = design.read_text(encoding="utf-8"), f"{folder.name}/{own.name}" if own else source
    design.write_text(text.replace("properties: []\n", _properties(found, source), 1), encoding="utf-8")
    if own is not None:
        folder.mkdir(exist_ok=True)
        written.append(Path(shutil.copyfile(own, folder / own.name)))
    probed.write([ReadsProbe(name=probe, data=source, measurement=one.decides) for probe, one in found.items()], design)
    return [*written, probed.results_path(design)]


def _checked(source: str) -> Path | None:
    """The reader's own file, or None for a data set of the registry; FirsthandError if it is neither."""
    if not source.endswith(".npz"):
        data.describe(source)
        return None
    path = Path(source)
    if not path.is_file():
        raise FirsthandError(f"{source}: there is no such file; name an .npz file or a data set.")
    return path


def _properties(found: dict[str, Finding], source: str) -> str:
    """The front matter's `properties`: of each probe the number that decides, and what it suggests."""
    plain = re.fullmatch(r"[\w./\-]+", source) is not None
    source = source if plain else json.dumps(source, ensure_ascii=False)  # a string of JSON is one of YAML
    lines = ["properties:  # what the probes measured; keep what a decision answers, and say what it means"]
    for probe, finding in found.items():
        measurement, value = finding.decides, finding.measurements[finding.decides]
        places = 3 if value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))  # four digits that count
        others = ", ".join(name for name in finding.measurements if name != measurement)
        lines += [
            *_comment(f"Evidence: {finding.strength}. {finding.suggests}"),
            *_comment(f"It also measures {others}." if others else ""),
            f"  - id: {probe}",
            f"    statement: REPLACE with what {measurement} of the probe {probe} says of these data.",
            f"    value: {value:.{places}f}",
            f"    within: {10**-places:.{places}f}",
            f"    probe: {{name: {probe}, data: {source}, measurement: {measurement}}}",
        ]
    return "\n".join([*lines, ""])


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent="  # ", subsequent_indent="  # ", break_on_hyphens=False)
