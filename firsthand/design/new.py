"""`firsthand design new NAME`: a design document to fill in and, for a problem that is no paper, a study that runs."""

import keyword
import re
import shutil
from pathlib import Path

from firsthand import data
from firsthand.design import probed
from firsthand.errors import FirsthandError
from firsthand.project import Project
from firsthand.scaffold import write_templates

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
    own = None if source is None else _checked(source)
    written = write_templates(places, slug=name, paper=paper, properties=" []\n")
    if source is not None:
        if own is not None:
            folder.mkdir(exist_ok=True)
            target = folder / own.name
            shutil.copyfile(own, target)
            written.append(target)
            source = target.relative_to(design.parent).as_posix()
        measured = _properties(source, design)
        design.write_text(design.read_text(encoding="utf-8").replace("properties: []\n", measured), encoding="utf-8")
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


def _properties(source: str, design: Path) -> str:
    """The front matter's `properties`, with what the probes measured."""
    lines = ["properties:  # what the probes measured; keep what a decision answers, and say what it means\n"]
    for probe, measurements in probed.measure_all(source, design).items():
        for measurement, value in measurements.items():
            lines += [
                f"  - id: {re.sub(r'[^A-Za-z0-9]+', '_', measurement)}\n",
                f"    statement: REPLACE with what {measurement} of the probe {probe} says of these data.\n",
                f"    value: {value:.4g}\n",
                f"    within: {abs(value) / 1000 or 0.001:.1g}\n",
                f"    probe: {{name: {probe}, data: {source}, measurement: {measurement}}}\n",
            ]
    return "".join(lines)
