"""What the pages of one paper or study have in common: manifest, design, accepted records, and the judgements."""

from dataclasses import dataclass

from firsthand import design
from firsthand.design import Grounds
from firsthand.evidence import Evidence
from firsthand.manifest import Manifest
from firsthand.project import Project
from firsthand.verdicts import Judgement


@dataclass(frozen=True)
class View:
    """A paper, or the study of a design, judged once for all pages that show it."""

    project: Project
    slug: str
    manifest: Manifest
    evidence: Evidence
    judgements: dict[str, Judgement]  # by the id of the claim, in the order of the manifest
    grounds: Grounds  # the design, with the same evidence


def view(project: Project, slug: str) -> View:
    """The design of a paper has its name."""
    grounds = Grounds(project, design.read(project, slug))
    manifest, evidence = grounds.manifest, grounds.evidence
    assert manifest is not None and evidence is not None  # the design is that of a paper or study
    return View(project, slug, manifest, evidence, grounds.judgements, grounds)
