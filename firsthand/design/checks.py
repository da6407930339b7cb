"""Everything that `firsthand design check` refuses."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from firsthand import data
from firsthand.design.appeals import REASONED, appeal, appeals
from firsthand.design.document import Document, Grounds, read
from firsthand.design.readings import agrees, reading, recorded
from firsthand.design.schema import Alternative, Decision
from firsthand.frontmatter import Problem, missing_sections
from firsthand.project import Project
from firsthand.scaffold import template


def check(project: Project, name: str) -> list[Problem]:
    """What is wrong with a design, and what could not be checked here, as notes; in the order of the lines."""
    document = read(project, name)
    grounds = Grounds(project, document)
    parts = (_form, _references, _appeals, _numbers, _claims, _alternatives)
    found = [problem for part in parts for problem in part(document, grounds)]
    if document.design.draft:
        found = _as_draft(document, grounds, found)
    return sorted(found, key=lambda problem: problem.line)


def _as_draft(document: Document, grounds: Grounds, found: list[Problem]) -> list[Problem]:
    """Of a draft, what would be refused is only said; but when every claim has been run, it is no draft any more."""
    line, judgements = document.line_with("draft:"), grounds.judgements.values()
    if judgements and all(judgement.verdict != "not run" for judgement in judgements):
        said = "is a draft, but every claim has been run; fill it in and remove the line `draft: true`."
        return [*found, document.refused(line, said)]
    waiting = sum(not problem.note for problem in found)
    said = f"a draft, not a design: {waiting} things to do before the line `draft: true` can go."
    return [document.noted(line, said), *(replace(problem, note=True) for problem in found)]


def sections() -> dict[str, str]:
    """The sections of a design, each with what its template says."""
    parts = template("design/sections.md").split("## ")[1:]
    return {title: rest.strip() for title, _, rest in (part.partition("\n") for part in parts)}


def _form(document: Document, _: Grounds) -> Iterator[Problem]:
    design = document.design
    yield from document.marks()
    yield from missing_sections(document, sections())
    if not design.decisions:
        yield document.refused(
            document.line_with("decisions:"),
            "there is no decision; a design decides something: write it under `decisions`.",
        )
    ids = [item.id for item in (*design.properties, *design.constraints)] + [item.id for item in design.decisions]
    ids += [item.id for item in design.alternatives]
    for name in dict.fromkeys(ids):
        if ids.count(name) > 1:
            yield document.refused(document.line_of(name), f"the id {name!r} is used twice; give each item its own.")
        if not re.fullmatch(r"[A-Za-z]\w*", name):
            said = "write letters, digits and _ alone, a letter first, so that {{id}} can stand in the prose"
            yield document.refused(document.line_of(name), f"the id {name!r} is no word; {said}.")
    for line, name in document.placeholders():
        yield document.refused(line, document.unknown_placeholder(name))


def _references(document: Document, _: Grounds) -> Iterator[Problem]:
    """Every decision rests on something declared, nothing rests on itself, and everything declared is used."""
    design = document.design
    quantities, decisions = list(design.quantities()), {decision.id: decision for decision in design.decisions}
    for decision in design.decisions:
        line = document.line_of(decision.id)
        if not decision.because:
            yield document.refused(
                line,
                f"decision {decision.id!r} has no reason; name under `because` the property or constraint "
                "that it answers.",
            )
        for reason in decision.because:
            if reason not in quantities and reason not in decisions:
                yield document.refused(
                    line,
                    f"decision {decision.id!r} is because of {reason!r}, which names no property, constraint or "
                    f"decision (declared: {', '.join([*quantities, *decisions])}); declare it or name another.",
                )
        if not decision.evidence:
            yield document.refused(
                line, f"decision {decision.id!r} has no evidence; name the claim that shows what happens without it."
            )
        if circle := _circle(decision, decisions):
            yield document.refused(
                line, f"decision {decision.id!r} rests on itself ({' because of '.join(circle)}); break the circle."
            )
    for item in design.alternatives:
        for name in item.in_favour:
            if name not in quantities:
                yield document.refused(
                    document.line_of(item.id),
                    f"alternative {item.id!r} has {name!r} in its favour, which names no property or constraint "
                    f"(declared: {', '.join(quantities)}); declare it or name another.",
                )
    used = {name for decision in design.decisions for name in decision.because}
    used |= {name for item in design.alternatives for name in item.in_favour}
    for name in quantities:
        if name not in used:
            yield document.refused(
                document.line_of(name),
                f"no decision is because of {name!r}, and it speaks for no alternative; let one answer it, or leave it "
                "out.",
            )


def _circle(start: Decision, decisions: dict[str, Decision]) -> list[str]:
    """The decisions from `start` back to itself along `because`, or nothing."""
    waiting, seen = [[start.id]], {start.id}
    while waiting:
        path = waiting.pop()
        for reason in decisions[path[-1]].because:
            if reason == start.id:
                return [*path, reason]
            if reason in decisions and reason not in seen:
                seen.add(reason)
                waiting.append([*path, reason])
    return []


def _appeals(document: Document, _: Grounds) -> Iterator[Problem]:
    """See `firsthand.design.appeals` for the rule."""
    design, known = document.design, [*document.declared(), *(name.upper() for name in data.names())]
    texts = [(item.id, item.statement) for item in design.quantities().values()]
    texts += [(item.id, text) for item in design.decisions for text in (item.choice, item.instead_of)]
    texts += [(item.id, f"{item.what}\n{item.not_measured or ''}") for item in design.alternatives]
    found = [(document.line_of(name), words) for name, text in texts if (words := appeal(text, known))]
    for section in document.sections():
        if section.title in REASONED:
            found += [(document.line_at(section.start + place), words) for place, words in appeals(section.text, known)]
    for line, words in found:
        yield document.refused(
            line, f"{words!r} appeals to authority or fashion; say which property of the data asks for it."
        )


def _numbers(document: Document, grounds: Grounds) -> Iterator[Problem]:
    for item in document.design.quantities().values():
        line = document.line_of(item.id)
        if not (math.isfinite(item.value) and 0 <= item.within < math.inf):
            said = f"{item.id!r} has the value {item.value:g} and within {item.within:g}"
            yield document.refused(line, f"{said}; write numbers that are finite, and within from 0 on.")
            continue
        found = reading(item, grounds)
        if found.problem:
            yield document.refused(line, found.problem)
        if found.note:
            yield document.noted(line, found.note)
        if found.value is not None and not agrees(item, found.value):
            yield document.refused(
                line,
                f"{item.id!r} says {item.value:,.10g}, but the code gives {found.value:,.10g}; correct one of them.",
            )


def _claims(document: Document, grounds: Grounds) -> Iterator[Problem]:
    for decision in document.design.decisions:
        line, who = document.line_of(decision.id), f"decision {decision.id!r}"
        for claim in decision.evidence:
            yield from _known(document, grounds, claim, line, who)
            judgement = grounds.judgements.get(claim)
            if judgement is not None and not judgement.holds:
                stale = ", and its record is stale" if judgement.stale else ""
                remedy = "run it" if stale or judgement.verdict == "not run" else "name other evidence"
                yield document.refused(
                    line,
                    f"{who} rests on the claim {claim}, which does not hold ({judgement.verdict}{stale}); {remedy}, or "
                    "decide otherwise.",
                )
    for claim in document.design.predictions:
        yield from _known(document, grounds, claim, document.line_with("predictions:"), "the list of predictions")
    for section in document.sections():
        words = re.findall(r"[\w\-]+", section.text) if section.title == "Predictions" else []
        for claim in [name for name in grounds.judgements if name in words and name not in document.design.predictions]:
            said = f"the section '## Predictions' speaks of {claim}, which `predictions` leaves out"
            yield document.refused(section.line, f"{said}; add it, whatever became of it.")


def _alternatives(document: Document, grounds: Grounds) -> Iterator[Problem]:
    for item in document.design.alternatives:
        line = document.line_of(item.id)
        given = [name for name in ("measured", "claim", "not_measured") if getattr(item, name) is not None]
        if len(given) != 1:
            yield document.refused(
                line,
                f"alternative {item.id!r} has {' and '.join(given) or 'nothing that speaks against it'}; give exactly "
                "one of measured, claim and not_measured (and there the reason why not).",
            )
        else:
            yield from _alternative(document, grounds, item, line)
    if not document.design.alternatives:
        line, said = document.line_with("alternatives:"), "name at least one under `alternatives`, and measure it"
        yield document.refused(line, f"no alternative was refused; {said}.")


def _alternative(document: Document, grounds: Grounds, item: Alternative, line: int) -> Iterator[Problem]:
    who = f"alternative {item.id!r}"
    if item.claim is not None:
        yield from _known(document, grounds, item.claim, line, who)
        judgement = grounds.judgements.get(item.claim)
        if judgement is not None and (judgement.verdict == "not run" or judgement.stale):
            word = "is stale" if judgement.stale else "was not run"
            yield document.refused(line, f"{who} rests on the claim {item.claim}, which {word}; run it.")
    elif item.measured is not None:
        found = recorded(item.id, item.measured, grounds)
        if found.problem:
            yield document.refused(line, found.problem)
    elif not (item.not_measured or "").strip():
        yield document.refused(line, f"{who} was not measured, and does not say why; measure it.")
    else:
        yield document.noted(line, f"{who} was refused without a measurement: {item.not_measured}")


def _known(document: Document, grounds: Grounds, claim: str, line: int, who: str) -> Iterator[Problem]:
    if claim not in grounds.judgements:
        known = ", ".join(grounds.judgements) or "none"
        yield document.refused(
            line, f"{who} names the claim {claim!r}, which {grounds.where} does not have (it has {known})."
        )
