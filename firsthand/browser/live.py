"""Carry out a plan of the archive: one run of an experiment behind a claim, or the Python of a lesson.

A plan says all that the manifest and the committed records had to say when the site was built. What runs is the
paper's own function, called as `firsthand run` calls it, or the lesson's own blocks.
"""

import importlib
import json
import re
import time
from pathlib import Path
from typing import Any, TypeAlias

from firsthand.browser.blocks import execute
from firsthand.browser.curve import Curve, figure
from firsthand.experiment import Progress, Result, Run, call, rounded, same

Plan: TypeAlias = dict[str, Any]
Outcome: TypeAlias = dict[str, Any]

PLANS = Path(__file__).resolve().parents[2] / "live"


def run(name: str, report: Progress) -> str:
    """What came of the plan called `name`, as JSON: a sentence, the numbers behind it, and what there is to show."""
    plan = json.loads((PLANS / f"{name}.json").read_text(encoding="utf-8"))
    return json.dumps(lesson(plan, report) if "blocks" in plan else claim(plan, report))


def claim(plan: Plan, report: Progress) -> Outcome:
    """Run the experiment once, and hold its number against the record of the same run and the accepted region."""
    function = getattr(importlib.import_module(plan["module"]), plan["function"])
    began = time.perf_counter()
    [result] = call(function, [Run(plan["seed"], tuple(plan["data"]), report)], plan["settings"], plan["together"])
    seconds = time.perf_counter() - began
    value, record = float(result.measurements[plan["measurement"]]), plan["record"]
    return {
        "value": value,
        "seconds": seconds,
        "equal": record is not None and same(value, record["value"]),
        "inside": _inside(plan, value),
        "sentence": _sentence(plan, value, seconds),
        "figure": figure(curves(plan, result), plan["shows"]) if plan["curves"] else "",
    }


def _sentence(plan: Plan, value: float, seconds: float) -> str:
    """Agreement has two degrees: the same number, or, where rounding was magnified, another that says the same."""
    name, record = plan["measurement"], plan["record"]
    region = f"the accepted region ({plan['accepted']})"
    where = f"{'inside' if _inside(plan, value) else 'outside'} {region}"
    took = f"The run took {seconds:.1f} s in this browser"
    if record is None:
        return f"There is no committed record to compare with: {name} is {value:.6g}, {where}. {took}."
    both = f"{name} is {value:.6g} here and {record['value']:.6g} there"
    if same(value, record["value"]):
        said = f"It agrees with the committed record: {both}, {where}"
    elif _inside(plan, value) == _inside(plan, record["value"]):
        said = f"It agrees with the committed record on the claim, not on every digit: {both}, both {where}"
    else:
        said = f"It does not agree with the committed record: {both}, of which only one is inside {region}"
    return f"{said}. {took}, and {record['seconds']:.2g} s on the machine of the record."


def _inside(plan: Plan, value: float) -> bool:
    return bool(plan["low"] <= value <= plan["high"])


def curves(plan: Plan, result: Result) -> list[Curve]:
    """The arrays that the plan names, a line for each row of those that have rows."""
    found = []
    recorded = plan["record"]["arrays"] if plan["record"] else {}
    for array in plan["curves"]:
        rows, then = rounded(result.arrays[array]), recorded.get(array)
        if not isinstance(rows[0], list):
            rows, then, names = [rows], then and [then], [array]
        elif plan["names"]:
            names = rounded(result.arrays[plan["names"]])
        else:
            names = [f"{array} {k}" for k in range(1, len(rows) + 1)]
        for k, row in enumerate(rows):
            x = rounded(result.arrays[plan["over"]]) if plan["over"] else range(1, len(row) + 1)
            found.append(Curve(names[k], x, row, then[k] if then and len(then[k]) == len(row) else None))
    return found


def lesson(plan: Plan, report: Progress) -> Outcome:
    """Run the blocks in order, and hold what they print against what they printed when the site was built."""
    namespace: dict[str, Any] = {"__name__": plan["name"]}
    began, printed = time.perf_counter(), []
    for done, block in enumerate(plan["blocks"]):
        report(done, len(plan["blocks"]), f"block {done + 1}")
        printed.append(execute(block["code"], plan["place"], block["line"], namespace))
    seconds = time.perf_counter() - began
    pairs = [(block["printed"], text) for block, text in zip(plan["blocks"], printed, strict=True)]
    differ = " and ".join(str(k) for k, (then, now) in enumerate(pairs, start=1) if then != now)
    if not differ:
        result = "Every block printed what the page shows"
    elif all(_without_digits(then) == _without_digits(now) for then, now in pairs):
        result = f"Block {differ} printed some digits that the page does not show, because machines round differently"
    else:
        result = f"Block {differ} printed something else than the page shows"
    return {
        "seconds": seconds,
        "equal": not differ,
        "sentence": f"{result}. The run took {seconds:.1f} s in this browser.",
        "printed": printed,
    }


def _without_digits(text: str) -> str:
    return re.sub(r"\d+", "0", text)
