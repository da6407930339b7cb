"""The manifest of a paper, papers/<slug>/paper.yml: what is claimed, how it is measured, what would count as agreement.

The structures below are the schema. `read` also checks what a schema cannot say: that every name refers to
something declared, that each claim has a baseline and a control, and that the axes fit the kind of the claim.
"""

import math
from pathlib import Path
from typing import Any, Literal, TypeAlias

from msgspec import field

from firsthand.errors import FirsthandError
from firsthand.yamlfile import Strict, parse, read_text

Settings: TypeAlias = dict[str, Any]
Tier: TypeAlias = Literal["quick", "full"]
Kind: TypeAlias = Literal["exact", "theory", "original", "scaled", "ablation", "audit", "comparison", "prediction"]
Statistic: TypeAlias = Literal["mean", "median", "min", "max", "each"]


class TierPlan(Strict):
    """How an experiment runs in one tier: settings on top of the common ones, seeds, and a budget in seconds a unit."""

    seeds: list[int]
    budget: float
    settings: Settings = {}


class Experiment(Strict):
    """One function of (settings, seed), found by name in the paper's experiments.py."""

    what: str
    function: str
    measures: dict[str, str]  # name -> what it is, with its unit
    tiers: dict[Tier, TierPlan]
    settings: Settings = {}
    data: list[str] = []
    fingerprint: Settings | None = None  # settings of a short deterministic run that notices a change of behaviour
    together: bool = False  # the function takes the runs of all seeds at once, and returns a list of their results


class PaperValue(Strict):
    """What the paper says, and how we know."""

    value: float | str
    known: Literal["read", "secondary", "derived"]
    source: str


class Reads(Strict):
    """Which measurement a claim looks at. With `over`, the ratio to the same measurement under those settings."""

    experiment: str
    tier: Tier
    measurement: str
    settings: Settings = {}
    over: Settings | None = None


class Region(Strict):
    """The numbers that count as agreement: a closed interval, or one exact value. Fixed before the run."""

    because: str
    low: float | None = None
    high: float | None = None
    equals: float | None = None

    def contains(self, value: float) -> bool:
        low, high = self.bounds()
        return low <= value <= high

    def bounds(self) -> tuple[float, float]:
        """The ends of the interval, infinite where it is open."""
        if self.equals is not None:
            return self.equals, self.equals
        return -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high

    def text(self) -> str:
        if self.equals is not None:
            return f"= {self.equals:,.10g}"
        if self.low is None:
            return f"≤ {self.high:,.10g}"
        if self.high is None:
            return f"≥ {self.low:,.10g}"
        return f"{self.low:,.10g} … {self.high:,.10g}"


class Baseline(Strict):
    """What no skill at all would give: a mathematical constant, or a measurement of the same experiment."""

    what: str
    value: float | None = None
    measurement: str | None = None
    settings: Settings = {}


class Control(Strict):
    """The same measurement on a variant that must leave the region; its settings go on top of the claim's."""

    what: str
    settings: Settings


class Axes(Strict):
    """Where a run equals the paper's and where it does not."""

    data: Literal["original", "generated", "stand-in"]
    size: Literal["original", "scaled"]
    algorithm: Literal["original", "changed"]
    metric: Literal["original", "changed"]

    def as_published(self) -> bool:
        return self.data != "stand-in" and (self.size, self.algorithm, self.metric) == ("original",) * 3


class Claim(Strict):
    """A statement that a run can contradict."""

    id: str
    statement: str
    where: str
    kind: Kind
    paper: PaperValue
    reads: Reads
    accept: Region
    baseline: Baseline
    control: Control
    axes: Axes
    differs: str = ""  # a sentence on every axis that is not as published
    statistic: Statistic = "mean"
    direction: Literal["below", "above"] | None = None  # the side of the baseline that every seed must lie on for
    # "direction only"; left out where being better than the baseline says nothing of the claim
    expect: Literal["confirmed", "contradicted"] | None = None  # audits: what our derivation says a run will find
    analysis: str = ""  # why a claim that fails fails, once it has been understood


class Deviation(Strict):
    """Where we left the paper, why, and the claim or measurement that shows what it does."""

    what: str
    paper: str
    here: str
    why: Literal["unavailable", "unspecified", "budget", "chosen"]
    effect: str


class Ledger(Strict):
    """What was read in the paper, what it does not say, and what we therefore assumed."""

    read: list[str]
    not_stated: list[str]
    assumed: list[str]


class FigurePlan(Strict):
    """A figure drawn from the records by a function of the paper's figures.py."""

    id: str
    function: str
    title: str
    alt: str  # what the picture shows, for readers who cannot see it


class Live(Strict):
    """A quick claim that the reader can run on the paper's page, in the browser: a few seconds on one seed."""

    claim: str  # its id
    shows: str = ""  # what the picture of the run shows
    curves: list[str] = []  # the arrays that it shows, of one axis or of two: then a curve for each row
    over: str = ""  # the array that they are drawn over, if not 1, 2, 3, ...
    names: str = ""  # the array that names the rows


class Manifest(Strict):
    """papers/<slug>/paper.yml"""

    title: str
    authors: list[str]
    year: int
    venue: str
    summary: str
    structure: Literal["images", "sequences", "sets", "graphs", "tables", "text", "none"]
    topics: list[str]
    experiments: dict[str, Experiment]
    claims: list[Claim]
    ledger: Ledger
    doi: str = ""
    arxiv: str = ""
    builds_on: list[str] = []
    data: list[str] = []
    deviations: list[Deviation] = []
    figures: list[FigurePlan] = field(default_factory=list)
    live: list[Live] = []  # what a reader can run on the page

    def claim(self, claim_id: str) -> Claim:
        for claim in self.claims:
            if claim.id == claim_id:
                return claim
        raise KeyError(claim_id)


def read(path: Path) -> Manifest:
    """Read and check a manifest; FirsthandError names the file, the place in it and the remedy."""
    manifest = parse(read_text(path), path, Manifest)
    for number, claim in enumerate(manifest.claims):
        if claim.kind == "prediction":
            place = f"claims[{number}] ({claim.id}).kind"
            raise FirsthandError(
                f"{path}: {place}: predictions are those of designs; give a claim on a paper its kind."
            )
    check(manifest, path)
    return manifest


def check(manifest: Manifest, path: Path) -> None:
    """What a schema cannot say; FirsthandError names the first thing that is wrong in the file at `path`."""
    for problem in _problems(manifest):
        raise FirsthandError(f"{path}: {problem}")


def _problems(manifest: Manifest) -> list[str]:
    found: list[str] = []
    for name, experiment in manifest.experiments.items():
        found += [f"experiments.{name}: {problem}" for problem in _experiment_problems(experiment, manifest)]
    seen: set[str] = set()
    for number, claim in enumerate(manifest.claims):
        place = f"claims[{number}] ({claim.id})"
        if claim.id in seen:
            found.append(f"{place}: the id is used twice; give each claim its own.")
        seen.add(claim.id)
        found += [f"{place}: {problem}" for problem in _claim_problems(claim, manifest)]
    for number, live in enumerate(manifest.live):
        found += [f"live[{number}] ({live.claim}): {problem}" for problem in _live_problems(live, manifest)]
    return found


def _experiment_problems(experiment: Experiment, manifest: Manifest) -> list[str]:
    found = [
        f"data: {name!r} is not in the paper's data list; add it there."
        for name in experiment.data
        if name not in manifest.data
    ]
    if not experiment.measures:
        found.append("measures: is empty; name what the function returns.")
    if not experiment.tiers:
        found.append("tiers: is empty; give at least one of quick and full.")
    for tier, plan in experiment.tiers.items():
        if not plan.seeds or len(set(plan.seeds)) < len(plan.seeds):
            found.append(f"tiers.{tier}.seeds: must be a non-empty list without repetition.")
    return found


def _claim_problems(claim: Claim, manifest: Manifest) -> list[str]:
    reads = claim.reads
    experiment = manifest.experiments.get(reads.experiment)
    if experiment is None:
        known = ", ".join(manifest.experiments) or "none"
        return [f"reads.experiment: {reads.experiment!r} is not declared (declared: {known})."]
    found = []
    if reads.tier not in experiment.tiers:
        found.append(f"reads.tier: experiment {reads.experiment!r} has no tier {reads.tier!r}; add it under its tiers.")
    wanted = {"reads.measurement": reads.measurement, "baseline.measurement": claim.baseline.measurement}
    for place, name in wanted.items():
        if name is not None and name not in experiment.measures:
            found.append(
                f"{place}: no experiment makes the measurement {name!r}; {reads.experiment!r} makes "
                f"{', '.join(experiment.measures)}."
            )
    found += _region_problems(claim.accept)
    if (claim.baseline.value is None) == (claim.baseline.measurement is None):
        found.append("baseline: give either a value or a measurement.")
    if not claim.control.settings:
        found.append("control.settings: is empty, so the control is the claim itself; say what the variant changes.")
    if (claim.kind == "audit") != (claim.expect is not None):
        found.append("expect: audits, and only audits, say whether a run should find confirmed or contradicted.")
    if not claim.axes.as_published() and not claim.differs:
        found.append("differs: an axis is not as published; say in a sentence what differs.")
    if claim.kind == "original" and (claim.axes.data == "stand-in" or claim.axes.size == "scaled"):
        found.append("kind: 'original' needs the original data and size; call the claim 'scaled'.")
    return found


def _live_problems(live: Live, manifest: Manifest) -> list[str]:
    claims = {claim.id: claim for claim in manifest.claims}
    if live.claim not in claims:
        return [f"claim: {live.claim!r} is not among the claims; name one of {', '.join(claims)}."]
    reads = claims[live.claim].reads
    found = []
    if reads.tier != "quick":
        found.append("claim: it is not in the tier quick, which a browser could bear; name one that is.")
    if reads.over is not None:
        found.append("claim: it is a ratio of two runs, and a reader runs one; name a claim that reads one run.")
    if live.curves and not live.shows:
        found.append("shows: is missing; say in words what the curves show.")
    return found


def _region_problems(region: Region) -> list[str]:
    if region.equals is not None:
        both = region.low is not None or region.high is not None
        return ["accept: give equals, or low and high, not both."] if both else []
    if region.low is None and region.high is None:
        return ["accept: every number would do; give low, high or equals."]
    if region.low is not None and region.high is not None and region.low > region.high:
        return ["accept: low is above high, so no number would do."]
    return []
