"""What the pages of one paper have in common: its manifest, its accepted records, and the judgements from them."""

from dataclasses import dataclass

from firsthand.evidence import Evidence
from firsthand.manifest import Manifest
from firsthand.project import Project
from firsthand.verdicts import Judgement, judge


@dataclass(frozen=True)
class View:
    """A paper, judged once for all pages that show it."""

    project: Project
    slug: str
    manifest: Manifest
    evidence: Evidence
    judgements: dict[str, Judgement]  # by the id of the claim, in the order of the manifest


def view(project: Project, slug: str) -> View:
    manifest = project.manifest(slug)
    evidence = Evidence(project, slug, project.results(slug))
    return View(
        project, slug, manifest, evidence, {claim.id: judge(claim, manifest, evidence) for claim in manifest.claims}
    )
