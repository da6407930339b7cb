"""Verdicts follow from numbers: each word has its case, and none is given where nothing ran."""

from collections.abc import Callable
from typing import Any

import pytest
from toy import Toy

from firsthand.evidence import Evidence
from firsthand.manifest import read
from firsthand.plan import units_of
from firsthand.records import write
from firsthand.run import execute
from firsthand.verdicts import Judgement, Spread, exit_code, judge

Bend = Callable[..., None]


def judged(toy: Toy, run: bool = True) -> Judgement:
    manifest = read(toy.path)
    if run:
        for unit in units_of(toy.slug, manifest, manifest.claims):
            write(execute(toy.project, unit), toy.project.results(toy.slug))
    return judge(manifest.claims[0], manifest, Evidence(toy.project, toy.slug, toy.project.results(toy.slug)))


def test_reproduced(toy: Toy) -> None:
    judgement = judged(toy)
    assert judgement.verdict == "reproduced" and judgement.holds and not judgement.stale
    assert judgement.value == 7 and judgement.values == [6, 7, 8] and judgement.seeds == [1, 2, 3]
    assert judgement.spread == Spread(std=1, min=6, max=8)
    assert judgement.control.value == 52 and judgement.control.passes is False
    assert judgement.baseline.value == 0 and judgement.baseline.passes is False
    assert judgement.axes == {
        "data": "generated",
        "size": "original",
        "algorithm": "original",
        "metric": "original",
        "seeds": "3 of 3",
        "number": "inside",
    }
    assert exit_code([judgement]) == 0


def test_not_run_is_not_green(toy: Toy) -> None:
    judgement = judged(toy, run=False)
    assert judgement.verdict == "not run" and judgement.holds is None and judgement.value is None
    assert exit_code([judgement]) == 1


def test_a_missing_seed_or_control_is_not_run(toy: Toy) -> None:
    judged(toy)
    for path in toy.project.results(toy.slug).glob("work-2-*.json"):
        path.unlink()
    judgement = judged(toy, run=False)
    assert judgement.verdict == "not run" and judgement.axes["seeds"] == "2 of 3"


@pytest.mark.parametrize(
    ("place", "value", "verdict"),
    [
        (("claims", 0, "accept", "high"), 6.9, "not reproduced"),
        (("claims", 0, "control", "settings"), {"value": 5.1}, "not reproduced"),  # the control passes too
        (("claims", 0, "baseline"), {"what": "luck", "value": 7.0}, "not reproduced"),  # so does the baseline
        (("claims", 0, "statistic"), "max", "not reproduced"),
        (("claims", 0, "statistic"), "each", "not reproduced"),
        (("claims", 0, "statistic"), "median", "reproduced"),
        (("claims", 0, "reads", "over"), {"value": 5.0}, "not reproduced"),  # the ratio to itself is 1
    ],
)
def test_the_word_follows_from_the_numbers(
    toy: Toy, bend: Bend, place: tuple[Any, ...], value: Any, verdict: str
) -> None:
    bend(*place, to=value)
    judgement = judged(toy)
    assert judgement.verdict == verdict and judgement.holds is (verdict == "reproduced")


def test_a_declared_difference_only_agrees(toy: Toy, bend: Bend) -> None:
    bend("claims", 0, "axes", "size", to="scaled")
    bend("claims", 0, "differs", to="smaller")
    assert judged(toy).verdict == "agrees, scaled"


@pytest.mark.parametrize(("direction", "verdict"), [("above", "direction only"), ("below", "not reproduced")])
def test_direction(toy: Toy, bend: Bend, direction: str, verdict: str) -> None:
    bend("claims", 0, "accept", to={"low": 100, "because": "too much"})
    bend("claims", 0, "direction", to=direction)
    judgement = judged(toy)
    assert judgement.verdict == verdict and judgement.holds is False


@pytest.mark.parametrize(
    ("high", "expect", "verdict", "holds"),
    [
        (7.5, "confirmed", "confirmed", True),
        (7.5, "contradicted", "confirmed", False),
        (6.9, "contradicted", "not reproduced", False),  # the control is outside as well: the audit could not say yes
    ],
)
def test_audits(toy: Toy, bend: Bend, high: float, expect: str, verdict: str, holds: bool) -> None:
    bend("claims", 0, "kind", to="audit")
    bend("claims", 0, "expect", to=expect)
    bend("claims", 0, "accept", "high", to=high)
    judgement = judged(toy)
    assert (judgement.verdict, judgement.holds) == (verdict, holds)


def test_a_contradicted_audit_has_a_control_inside(toy: Toy, bend: Bend) -> None:
    bend("claims", 0, "kind", to="audit")
    bend("claims", 0, "expect", to="contradicted")
    bend("claims", 0, "accept", to={"low": 51, "high": 53, "because": "elsewhere"})
    judgement = judged(toy)
    assert judgement.verdict == "contradicted" and judgement.holds


def test_ratio(toy: Toy, bend: Bend) -> None:
    bend("claims", 0, "reads", "over", to={"value": 1.0})
    bend("claims", 0, "accept", to={"low": 2, "high": 4, "because": "6/2, 7/3, 8/4"})
    bend("claims", 0, "control", "settings", to={"value": 500.0})
    judgement = judged(toy)
    assert judgement.values == [3, 7 / 3, 2] and judgement.control.value == 1 and judgement.verdict == "reproduced"
