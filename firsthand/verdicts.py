"""Verdicts are computed from records, never typed.

A claim is judged on separate axes (data, size, algorithm, metric, seeds, number) and gets one of the words in
`Verdict`. Its number counts only if the trivial baseline and the control, put to the same test, fail it.
"""

import statistics
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from firsthand.evidence import Evidence
from firsthand.manifest import Claim, Manifest, Region
from firsthand.plan import Need, Role, needs, seeds_of

Verdict = Literal[
    "reproduced", "agrees, scaled", "direction only", "not reproduced", "not run", "confirmed", "contradicted"
]
HOLDING: tuple[Verdict, ...] = ("reproduced", "agrees, scaled")
STANDS = "code has changed since; the fingerprint run still gives the same, so the record stands"  # a note


class Spread(Struct, frozen=True):
    """Over the seeds; the standard deviation is that of a sample, and zero for a single seed."""

    std: float
    min: float
    max: float


class Compared(Struct, frozen=True):
    """A number that stands beside the claim's, and whether it passes the claim's own test (it should not)."""

    what: str
    value: float | None
    passes: bool | None


class Judgement(Struct, frozen=True, kw_only=True):
    """All that there is to say of one claim; `firsthand verify --json` prints a list of these."""

    paper: str
    claim: str
    kind: str
    statement: str
    where: str
    verdict: Verdict
    holds: bool | None  # None: not judged, because it did not run
    axes: dict[str, str]
    paper_value: float | str
    paper_value_known: str
    measurement: str
    statistic: str
    value: float | None
    spread: Spread | None
    values: list[float]
    seeds: list[int]
    accepted: Region
    baseline: Compared
    control: Compared
    stale: bool
    notes: list[str] = field(default_factory=list)


def judge(claim: Claim, manifest: Manifest, evidence: Evidence, seeds: Iterable[int] | None = None) -> Judgement:
    """Compare the recorded numbers with the claim's region, its baseline and its control."""
    wanted = seeds_of(manifest, claim, seeds)

    def gather(role: Role) -> list[float]:
        return [
            value
            for need in needs(evidence.slug, manifest, claim, role, wanted)
            if (value := _number(need, evidence)) is not None
        ]

    values, control_values = gather("value"), gather("control")
    constant = claim.baseline.value
    baseline_values = gather("baseline") if constant is None else [constant] * len(wanted)
    complete = min(len(values), len(control_values), len(baseline_values)) == len(wanted)
    baseline = _compared(claim, claim.baseline.what, baseline_values)
    control = _compared(claim, claim.control.what, control_values)
    states = _states(claim, manifest, evidence, wanted)
    verdict, number, notes = _verdict(claim, values, baseline, control) if complete else ("not run", "not run", [])
    if "stands" in states:
        notes = [*notes, STANDS]
    stale = "stale" in states
    if stale:
        notes = [*notes, *(f"its fingerprint cannot be taken: {obstacle}" for obstacle in evidence.obstacles)]
    return Judgement(
        paper=evidence.slug,
        claim=claim.id,
        kind=claim.kind,
        statement=claim.statement,
        where=claim.where,
        verdict=verdict,
        holds=None if verdict == "not run" else _holds(claim, verdict) and not stale,
        axes={
            "data": claim.axes.data,
            "size": claim.axes.size,
            "algorithm": claim.axes.algorithm,
            "metric": claim.axes.metric,
            "seeds": f"{len(values)} of {len(wanted)}",
            "number": number,
        },
        paper_value=claim.paper.value,
        paper_value_known=claim.paper.known,
        measurement=claim.reads.measurement,
        statistic=claim.statistic,
        value=_statistic(claim, values),
        spread=_spread(values),
        values=values,
        seeds=wanted,
        accepted=claim.accept,
        baseline=baseline,
        control=control,
        stale=stale,
        notes=notes,
    )


def exit_code(judgements: Iterable[Judgement]) -> int:
    """0 if something was judged and all of it holds, else 1."""
    judged = [judgement.holds for judgement in judgements if judgement.holds is not None]
    return 0 if judged and all(judged) else 1


def _number(need: Need, evidence: Evidence) -> float | None:
    found = [evidence.get(unit) for unit in need.units()]
    numbers = [record.measurements.get(need.measurement) for record in found if record is not None]
    if len(numbers) < len(found) or None in numbers:
        return None
    top, *below = (float(number) for number in numbers if number is not None)
    if not below:
        return top
    return top / below[0] if below[0] else float("inf") if top else 1.0


def _states(claim: Claim, manifest: Manifest, evidence: Evidence, seeds: list[int]) -> set[str]:
    roles: tuple[Role, ...] = ("value", "baseline", "control")
    units = [
        unit for role in roles for need in needs(evidence.slug, manifest, claim, role, seeds) for unit in need.units()
    ]
    return {evidence.state(record) for unit in units if (record := evidence.get(unit)) is not None}


def _verdict(
    claim: Claim, values: list[float], baseline: Compared, control: Compared
) -> tuple[Verdict, str, list[str]]:
    inside = _passes(claim, values)
    number = "inside" if inside else "outside"
    if claim.kind == "audit":
        if control.passes == inside:
            return "not reproduced", number, ["the control gives the same answer, so the audit shows nothing"]
        return ("confirmed" if inside else "contradicted"), number, []
    if claim.kind == "prediction" and not inside:
        return "contradicted", number, []
    if inside and (control.passes or baseline.passes):
        guilty = "control" if control.passes else "baseline"
        return "not reproduced", number, [f"the {guilty} passes the same test, so passing it shows nothing"]
    if inside and claim.kind == "prediction":
        return "confirmed", number, []
    if inside:
        return ("reproduced" if claim.axes.as_published() else "agrees, scaled"), number, []
    if claim.direction is not None and baseline.value is not None:
        sign = 1.0 if claim.direction == "above" else -1.0
        if all(sign * (value - baseline.value) > 0 for value in values):
            return "direction only", "direction only", []
    return "not reproduced", number, []


def _holds(claim: Claim, verdict: Verdict) -> bool:
    if claim.kind == "prediction":
        return verdict == "confirmed"
    return verdict == claim.expect if claim.kind == "audit" else verdict in HOLDING


def _passes(claim: Claim, values: list[float]) -> bool:
    if claim.statistic == "each":
        return all(claim.accept.contains(value) for value in values)
    value = _statistic(claim, values)
    return value is not None and claim.accept.contains(value)


def _statistic(claim: Claim, values: list[float]) -> float | None:
    if not values:
        return None
    if claim.statistic in ("min", "max"):
        return min(values) if claim.statistic == "min" else max(values)
    return statistics.median(values) if claim.statistic == "median" else statistics.fmean(values)


def _spread(values: list[float]) -> Spread | None:
    if not values:
        return None
    return Spread(statistics.stdev(values) if len(values) > 1 else 0.0, min(values), max(values))


def _compared(claim: Claim, what: str, values: list[float]) -> Compared:
    return Compared(what, _statistic(claim, values), _passes(claim, values) if values else None)
