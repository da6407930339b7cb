"""The study of a design that belongs to no paper, designs/<name>/study.yml: its experiments and its predictions.

Experiments, records and seeds are those of a paper. A claim is a *prediction* of the design: there is no published
number beside it, the region was fixed before the run, and the verdict is `confirmed` or `contradicted`.
"""

from pathlib import Path

from firsthand import manifest
from firsthand.manifest import (
    Axes,
    Baseline,
    Claim,
    Control,
    Experiment,
    FigurePlan,
    Ledger,
    Manifest,
    PaperValue,
    Reads,
    Region,
    Statistic,
)
from firsthand.yamlfile import Strict, parse, read_text

_OWN = Axes(data="original", size="original", algorithm="original", metric="original")


class Prediction(Strict):
    """What the design says a run will find."""

    id: str
    statement: str
    reads: Reads
    accept: Region
    baseline: Baseline
    control: Control
    statistic: Statistic = "mean"
    analysis: str = ""  # why a prediction that failed failed, once it has been understood


class Study(Strict):
    """designs/<name>/study.yml"""

    title: str
    summary: str
    experiments: dict[str, Experiment]
    claims: list[Prediction]
    data: list[str] = []
    figures: list[FigurePlan] = []


def read(path: Path) -> Manifest:
    """Read and check a study, in the form in which plans, records and verdicts know papers."""
    found = parse(read_text(path), path, Study)
    source = f"designs/{path.parent.name}.md"
    whole = Manifest(
        title=found.title,
        authors=[],
        year=0,
        venue="",
        summary=found.summary,
        structure="none",
        topics=[],
        experiments=found.experiments,
        claims=[_claim(prediction, source) for prediction in found.claims],
        ledger=Ledger(read=[], not_stated=[], assumed=[]),
        data=found.data,
        figures=found.figures,
    )
    manifest.check(whole, path)
    return whole


def _claim(prediction: Prediction, source: str) -> Claim:
    return Claim(
        id=prediction.id,
        statement=prediction.statement,
        where=source,
        kind="prediction",
        paper=PaperValue(value="–", known="derived", source=source),
        reads=prediction.reads,
        accept=prediction.accept,
        baseline=prediction.baseline,
        control=prediction.control,
        axes=_OWN,
        statistic=prediction.statistic,
        analysis=prediction.analysis,
    )
