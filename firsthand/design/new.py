"""`firsthand design new NAME`: a design document to fill in and, for a problem that is no paper, a study that runs."""

import keyword
import math
import re
import shutil
from pathlib import Path

from firsthand import data
from firsthand.design import probed
from firsthand.errors import FirsthandError
from firsthand.project import Project
from firsthand.scaffold import check_free, write_templates

RESERVED = ("results", "reviews")


def new_design(project: Project, name: str, source: str | None = None) -> list[Path]:
    """Write designs/NAME.md and, unless NAME is a paper, designs/NAME/; nothing that exists is touched.

    With `source`, a registered data set or an .npz file (which is copied into designs/NAME/), every probe that can read
    it is run, and what it measured stands in the front matter as properties to choose from.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name in RESERVED:
        raise FirsthandError(f"{name!r} cannot be a design's name: use lower-case words, as in next_year.")
    design, folder, paper = project.root / "designs" / f"{name}.md", project.root / "designs" / name, ""
    places = {"design/design.md": design}
    if name in project.slugs():
        paper = f"paper: {name}\n"
    else:
        places |= {f"design/{file}": folder / file for file in ("__init__.py", "study.yml", "experiments.py")}
    properties = "properties: []\n"
    own = None if source is None else _checked(source)
    if own is not None:
        places |= {"": folder / own.name}
    check_free(places.values())
    if source is not None:  # before anything is written: the data may not be what a probe can read
        name_of_data = f"{folder.name}/{own.name}" if own else source
        properties = _properties(probed.measure_all(str(own.resolve()) if own else source, design), name_of_data)
    written = write_templates(
        {template: place for template, place in places.items() if template}, slug=name, paper=paper
    )
    design.write_text(design.read_text(encoding="utf-8").replace("properties: []\n", properties, 1), encoding="utf-8")
    if own is not None:
        folder.mkdir(exist_ok=True)
        written.append(Path(shutil.copyfile(own, folder / own.name)))
    return written


def _checked(source: str) -> Path | None:
    """The reader's own file, or None for a data set of the registry; FirsthandError if it is neither."""
    if not source.endswith(".npz"):
        data.describe(source)
        return None
    path = Path(source)
    if not path.is_file():
        raise FirsthandError(f"{source}: there is no such file; name an .npz file or a data set.")
    return path


def _properties(found: dict[str, dict[str, float]], source: str) -> str:
    """The front matter's `properties`, with what the probes measured."""
    lines = ["properties:  # what the probes measured; keep what a decision answers, and say what it means\n"]
    for probe, measurements in found.items():
        for measurement, value in measurements.items():
            name = measurement if measurement.startswith(probe) else f"{probe}_{measurement}"
            places = 3 if value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))  # four digits that count
            lines += [
                f"  - id: {re.sub(r'[^A-Za-z0-9]+', '_', name)}\n",
                f"    statement: REPLACE with what {measurement} of the probe {probe} says of these data.\n",
                f"    value: {value:.{places}f}\n",
                f"    within: {10**-places:.{places}f}\n",
                f"    probe: {{name: {probe}, data: {source}, measurement: {measurement}}}\n",
            ]
    return "".join(lines)
