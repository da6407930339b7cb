"""What the tests of several papers do."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from core.optim import Optimiser
from firsthand.evidence import Evidence
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.records import write
from firsthand.run import execute
from firsthand.verdicts import Judgement, judge


def run_and_judge(
    slug: str, claims: Iterable[str], folder: Path, seeds: Iterable[int] = (100,)
) -> dict[str, Judgement]:
    """The judgements of these claims by id, from runs made here and now, with the code as a test has bent it.

    The records go to `folder`. Experiments that draw nothing run on their one seed.
    """
    project, seeds = Project.find(Path(__file__)), list(seeds)
    manifest = project.manifest(slug)
    chosen = [manifest.claim(name) for name in claims]
    for unit in units_of(slug, manifest, chosen, seeds):
        write(execute(project, unit), folder)
    return {claim.id: judge(claim, manifest, Evidence(project, slug, folder), seeds) for claim in chosen}


def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No optimiser of core takes a step."""
    monkeypatch.setattr(Optimiser, "step", lambda self: None)


def flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every optimiser of core goes up the error."""
    original = Optimiser.step

    def wrong(self: Optimiser) -> None:
        for p in self.params.values():
            p.grad = -p.grad
        original(self)

    monkeypatch.setattr(Optimiser, "step", wrong)
