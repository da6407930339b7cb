"""Design documents: designs/<name>.md, whose front matter says what was decided and because of what.

`check` refuses a decision without a reason, a reason that names nothing declared, a number that disagrees with what
the code measures, and evidence whose claim does not hold.
"""

import re
import statistics
from dataclasses import dataclass
from pathlib import Path

from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.manifest import Manifest, Reads
from firsthand.project import Project, unknown
from firsthand.records import Unit
from firsthand.verdicts import judge
from firsthand.yamlfile import Strict, parse, read_text

SECTIONS = (
    "The data",
    "The task",
    "Constraints",
    "Decisions",
    "Alternatives",
    "Gradients",
    "Predictions",
    "Failure modes",
    "When not to use it",
)


class Measured(Strict):
    """A property of the data or a constraint: a statement with the number that an experiment measures for it."""

    id: str
    statement: str
    value: float
    reads: Reads
    within: float = 0.0  # how far the measured number (the mean over the seeds) may lie from `value`


class Decision(Strict):
    """What was chosen, because of which properties and constraints, instead of what, shown by which claims."""

    id: str
    choice: str
    because: list[str]
    instead_of: str
    evidence: list[str]


class Design(Strict):
    """The front matter of a design document."""

    title: str
    paper: str
    properties: list[Measured]
    constraints: list[Measured]
    decisions: list[Decision]


@dataclass(frozen=True)
class Problem:
    """Something that the check refuses."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Document:
    """A design document: the front matter, and the prose below it."""

    path: Path
    text: str
    design: Design
    body: str

    def line_of(self, item: str) -> int:
        """The line where the item with this id starts (1 if it cannot be found)."""
        found = re.search(rf"^\s*-?\s*id:\s*['\"]?{re.escape(item)}['\"]?\s*$", self.text, re.MULTILINE)
        return self.text.count("\n", 0, found.start()) + 1 if found else 1


def names(project: Project) -> list[str]:
    return sorted(path.stem for path in (project.root / "designs").glob("*.md"))


def read(project: Project, name: str) -> Document:
    """Read designs/<name>.md; FirsthandError when it is unknown or its front matter is missing or malformed."""
    if name not in names(project):
        raise unknown("design", name, names(project))
    path = project.root / "designs" / f"{name}.md"
    text = read_text(path)
    found = re.match(r"---\n(.*?\n)---\n(.*)", text, re.DOTALL)
    if found is None:
        raise FirsthandError(
            f"{path}: line 1: there is no front matter; start the file with a line ---, the YAML, and another line ---."
        )
    return Document(path, text, parse("\n" + found[1], path, Design), found[2])


def check(project: Project, name: str) -> list[Problem]:
    """Everything that is wrong with a design."""
    document = read(project, name)
    manifest = project.manifest(document.design.paper)
    evidence = Evidence(project, document.design.paper, project.results(document.design.paper))
    return [
        *_duplicates(document),
        *_sections(document),
        *_reasons(document),
        *_numbers(document, manifest, evidence),
        *_claims(document, manifest, evidence),
    ]


def measured(item: Measured, slug: str, manifest: Manifest, evidence: Evidence) -> tuple[float | None, str]:
    """The number that the records hold for a property or constraint, or None and why there is none."""
    reads = item.reads
    experiment = manifest.experiments.get(reads.experiment)
    if experiment is None or reads.tier not in experiment.tiers or reads.measurement not in experiment.measures:
        return None, f"paper.yml declares no {reads.experiment}.{reads.tier}.{reads.measurement}; correct the name."
    plan = experiment.tiers[reads.tier]
    values = []
    for seed in plan.seeds:
        unit = Unit(slug, reads.experiment, experiment.settings | plan.settings | reads.settings, seed)
        record = evidence.get(unit)
        if record is None or evidence.state(record) == "stale":
            word = "was not run" if record is None else "is stale"
            return None, f"its experiment {reads.experiment!r} {word}; run `firsthand run {slug} --tier {reads.tier}`."
        values.append(record.measurements[reads.measurement])
    return statistics.fmean(values), ""


def _duplicates(document: Document) -> list[Problem]:
    design = document.design
    ids = [item.id for item in (*design.properties, *design.constraints)] + [item.id for item in design.decisions]
    return [
        Problem(document.path, document.line_of(name), f"the id {name!r} is used twice; give each item its own.")
        for name in dict.fromkeys(ids)
        if ids.count(name) > 1
    ]


def _sections(document: Document) -> list[Problem]:
    headings = re.findall(r"^## (.+?)\s*$", document.body, re.MULTILINE)
    return [
        Problem(document.path, document.text.count("\n") + 1, f"the section '## {name}' is missing; add it.")
        for name in SECTIONS
        if name not in headings
    ]


def _reasons(document: Document) -> list[Problem]:
    design, found = document.design, []
    declared = [item.id for item in (*design.properties, *design.constraints)]
    for decision in design.decisions:
        line = document.line_of(decision.id)
        if not decision.because:
            found.append(
                Problem(
                    document.path,
                    line,
                    f"decision {decision.id!r} has no reason; name under `because` "
                    "the property or constraint that it answers.",
                )
            )
        found += [
            Problem(
                document.path,
                line,
                f"decision {decision.id!r} is because of {reason!r}, which names no "
                f"property or constraint (declared: {', '.join(declared)}); declare it or name another.",
            )
            for reason in decision.because
            if reason not in declared
        ]
        if not decision.evidence:
            found.append(
                Problem(
                    document.path,
                    line,
                    f"decision {decision.id!r} has no evidence; name the claim that shows what happens without it.",
                )
            )
    return found


def _numbers(document: Document, manifest: Manifest, evidence: Evidence) -> list[Problem]:
    design, found = document.design, []
    for item in (*design.properties, *design.constraints):
        value, why = measured(item, design.paper, manifest, evidence)
        if value is None:
            found.append(Problem(document.path, document.line_of(item.id), f"{item.id!r} cannot be checked: {why}"))
        elif abs(value - item.value) > item.within:
            problem = f"{item.id!r} says {item.value:,.10g}, but the code gives {value:,.10g}; correct one of them."
            found.append(Problem(document.path, document.line_of(item.id), problem))
    return found


def _claims(document: Document, manifest: Manifest, evidence: Evidence) -> list[Problem]:
    found = []
    known = [claim.id for claim in manifest.claims]
    for decision in document.design.decisions:
        for claim_id in decision.evidence:
            if claim_id not in known:
                problem = f"rests on the claim {claim_id!r}, which paper.yml does not have (it has {', '.join(known)})."
            else:
                judgement = judge(manifest.claim(claim_id), manifest, evidence)
                if judgement.holds:
                    continue
                stale = ", and its record is stale" if judgement.stale else ""
                problem = f"rests on the claim {claim_id}, which does not hold ({judgement.verdict}{stale})."
            found.append(Problem(document.path, document.line_of(decision.id), f"decision {decision.id!r} {problem}"))
    return found
