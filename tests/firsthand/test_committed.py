"""What is committed for every paper and study: records that were run and still stand, verdicts, figures."""

import pytest

from firsthand import design, records
from firsthand.design.plan import design_units
from firsthand.evidence import Evidence
from firsthand.figures import draw
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.verdicts import judge

PROJECT = Project.find()

each = pytest.mark.parametrize("slug", PROJECT.judged())


def is_draft(slug: str) -> bool:
    """A draft waits for its runs."""
    return design.read(PROJECT, slug).design.draft


@each
def test_every_claim_was_run_no_record_is_stale_and_what_failed_is_explained(slug: str) -> None:
    manifest, evidence = PROJECT.manifest(slug), Evidence(PROJECT, slug, PROJECT.results(slug))
    for claim in manifest.claims:
        judgement = judge(claim, manifest, evidence)
        if judgement.verdict == "not run" and is_draft(slug):
            continue
        assert judgement.verdict != "not run" and not judgement.stale, claim.id
        assert judgement.holds or claim.analysis, f"{claim.id} does not hold, and the manifest has no analysis of why"


@each
def test_no_record_is_left_over(slug: str) -> None:
    """Each is of a run that a claim or the design plans, so that nothing old is drawn or read."""
    manifest = PROJECT.manifest(slug)
    planned = {unit.id for unit in (*units_of(slug, manifest, manifest.claims), *design_units(PROJECT, slug))}
    assert records.read_all(PROJECT.results(slug)).keys() <= planned


@each
def test_every_figure_can_be_drawn(slug: str) -> None:
    drawn, planned = draw(PROJECT, slug), [plan.id for plan in PROJECT.manifest(slug).figures]
    assert list(drawn) == planned != [] or (is_draft(slug) and set(drawn) < set(planned))
    assert all(figure.svg.startswith(b"<?xml") and figure.plan.alt for figure in drawn.values())
