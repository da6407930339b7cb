"""Design documents: the prose with its numbers filled in, the front matter as live tables, and the reviews."""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from firsthand import design, review
from firsthand.design import Alternative, Document, Grounds, Quantity, agrees, reading, written
from firsthand.design.readings import recorded
from firsthand.figures import Drawn, draw
from firsthand.pages.claims import anchor, claims_in_full, disagreements, standing
from firsthand.pages.text import boxed, bullets, inline, one_line, slim, table, verdict
from firsthand.pages.view import View
from firsthand.probes import PROBES
from firsthand.project import Project
from firsthand.report import number


def documents(project: Project) -> dict[str, Document]:
    """The design documents by name."""
    return {name: design.read(project, name) for name in design.names(project)}


def design_pages(project: Project, views: dict[str, View]) -> dict[str, str | bytes]:
    """The pages of all designs and of their reviews, and the figures of their studies, by path in the site."""
    pages: dict[str, str | bytes] = {}
    for name, document in documents(project).items():
        judged = views.get(name)
        grounds = judged.grounds if judged else Grounds(project, document)
        study = judged if document.design.paper is None else None
        drawn = draw(project, name) if study else {}
        pages[f"designs/{name}.md"] = design_page(grounds, study, drawn)
        pages |= {f"designs/{name}/{figure}.svg": slim(one.svg) for figure, one in drawn.items()}
        for written_review in review.of_design(project, name):
            pages[f"designs/reviews/{written_review.name}.md"] = review_page(grounds, written_review)
    return pages


def design_page(grounds: Grounds, study: View | None, drawn: Mapping[str, Drawn]) -> str:
    """One document: what was measured, what was decided because of it, the argument, and what others say of it."""
    document, head = grounds.document, grounds.document.design
    origin = "The design of a problem that is not a paper, begun before the model."
    if head.paper is not None and grounds.manifest is not None:
        origin = (
            f"The design of [{inline(grounds.manifest.title)}](../papers/{head.paper}.md), written before the model."
        )
    paper = f"../papers/{head.paper}.md" if head.paper else ""
    parts = [
        f"# {inline(head.title)}",
        origin,
        "## Properties and constraints",
        quantities(grounds, head.quantities().values()),
        "## Decisions at a glance",
        decisions(grounds, paper, ""),
        "## What was refused",
        _alternatives(grounds, paper),
        document.filled(),
    ]
    if study is not None:
        parts.append(_study(study, drawn))
    return "\n\n".join([*parts, f"## Reviews\n\n{reviews(grounds.project, document.name, '')}"])


def section(document: Document, title: str) -> str:
    """One section of the prose, with its numbers filled in; empty if there is none."""
    filled = dataclasses.replace(document, body=document.filled())
    return next((found.text for found in filled.sections() if found.title == title), "")


def review_page(grounds: Grounds, written_review: review.Document) -> str:
    """One review in full, its ids leading to what they name."""
    document, head = grounds.document, written_review.review
    own = f"../{document.name}.md"
    paper = f"../../papers/{document.design.paper}.md" if document.design.paper else own
    places = {claim: f"{paper}#{anchor(claim)}" for claim in grounds.judgements}
    places |= {name: f"{own}#{name}" for name in _own_ids(document)}

    def link(found: re.Match[str]) -> str:
        return f"[`{found[1]}`]({places[found[1]]})" if found[1] in places else found[0]

    body = re.sub(r"`([^`\n]+)`", link, written_review.body)
    return "\n\n".join(
        [
            f"# A review by {inline(head.reviewer)}",
            f"Of [{inline(document.design.title)}]({own}), {head.date.isoformat()}. Verdict: **{head.verdict}**.",
            "## Conditions",
            bullets(head.conditions or ["none"]),
            "## Questions",
            "\n\n".join(_question(one, places) for one in head.questions),
            body,
        ]
    )


def _own_ids(document: Document) -> set[str]:
    head = document.design
    return {*head.quantities(), *(item.id for item in head.decisions), *(item.id for item in head.alternatives)}


def quantities(grounds: Grounds, items: Iterable[Quantity]) -> str:
    """Each property or constraint: what the design says, what its source says now, and what the source is."""
    rows: list[list[str]] = []
    for item in items:
        found, source = reading(item, grounds), _source(item, grounds)
        if any(source == row[-1] for row in rows):
            source = source.partition(" <small>")[0] + " <small>as above</small>"
        if found.value is None:
            now = "✗ refused" if found.problem else "not checked here"
        else:
            now = number(found.value) + ("" if agrees(item, found.value) else " ✗ disagrees")
        within = f" ± {item.within:g}" if item.within else ""
        null = f"<br><small>null: {found.null[0]:.2g} ± {found.null[1]:.2g}</small>" if found.null else ""
        rows.append(
            [
                f'<span id="{item.id}">`{item.id}`</span>',
                inline(item.statement),
                one_line(written(item) + within),
                one_line(now) + null,
                source,
            ]
        )
    return boxed("quantities", table(["Name", "Statement", "Written", "Measured", "By"], rows))


def _source(item: Quantity, grounds: Grounds) -> str:
    """How the number is measured; for a probe with its null model, for an experiment with what stands beside it."""
    if item.probe is not None:
        definition = PROBES[item.probe.name].definition if item.probe.name in PROBES else ""
        return f"probe `{item.probe.name}` of `{item.probe.data}` <small>{inline(definition)}</small>"
    if item.cost is not None:
        return f"`core.cost`: {item.cost.measures.replace('_', ' ')} of `{item.cost.model.partition(':')[2]}`"
    if item.reads is None or grounds.manifest is None or item.reads.experiment not in grounds.manifest.experiments:
        return "none"
    reads, experiment = item.reads, grounds.manifest.experiments[item.reads.experiment]
    beside = [
        f"beside it: {inline(judgement.control.what)}: {number(judgement.control.value)}"
        for claim in grounds.manifest.claims
        if (claim.reads.experiment, claim.reads.measurement, claim.reads.settings)
        == (reads.experiment, reads.measurement, reads.settings)
        and (judgement := grounds.judgements[claim.id]).control.value is not None
    ]
    more = "; ".join([inline(experiment.measures.get(reads.measurement, "")), *beside[:1]])
    return f"experiment `{reads.experiment}` <small>{more}</small>"


def decisions(grounds: Grounds, paper: str, own: str) -> str:
    """The decisions with the live verdicts of their evidence.

    `paper` and `own` are the addresses of the claims' page and of the design's, empty for the page itself.
    """
    head = grounds.document.design
    numbers = {name: written(item) for name, item in head.quantities().items()}
    rows = []
    for decision in head.decisions:
        because = [
            f"[`{name}`]({own}#{name})" + (f" {one_line('= ' + numbers[name])}" if name in numbers else "")
            for name in decision.because
        ]
        evidence = [_claim(grounds, claim, paper) for claim in decision.evidence]
        choice = inline(decision.choice) if own else f'<span id="{decision.id}">{inline(decision.choice)}</span>'
        rows.append([choice, "<br>".join(because), inline(decision.instead_of), "<br>".join(evidence)])
    return table(["Decision", "Because", "Instead of", "Evidence"], rows)


def _claim(grounds: Grounds, claim: str, page: str) -> str:
    judgement = grounds.judgements.get(claim)
    if judgement is None:
        return f"{claim} (no such claim)"
    return f"[{claim}]({page}#{anchor(claim)}) {verdict(judgement)}"


def _alternatives(grounds: Grounds, paper: str) -> str:
    rows = [
        [
            f'<span id="{item.id}">{inline(item.what)}</span>',
            "<br>".join(f"[`{name}`](#{name})" for name in item.in_favour),
            _against(grounds, item, paper),
        ]
        for item in grounds.document.design.alternatives
    ]
    return table(["Alternative", "In its favour", "Measured"], rows)


def _against(grounds: Grounds, item: Alternative, page: str) -> str:
    if item.claim is not None:
        judgement = grounds.judgements.get(item.claim)
        value = "" if judgement is None or judgement.value is None else f"{number(judgement.value)}, "
        return value + _claim(grounds, item.claim, page)
    if item.measured is None:
        return f"not measured: {inline(item.not_measured or '')}"
    found = recorded(item.id, item.measured, grounds)
    now = "not run, or stale" if found.value is None else number(found.value)
    return f"`{item.measured.measurement}` {one_line('= ' + now)}"


def _study(view: View, drawn: Mapping[str, Drawn]) -> str:
    """The predictions of a design that belongs to no paper, with everything that their verdicts rest on."""
    figures = [
        f"![{inline(one.plan.alt)}]({view.slug}/{name}.svg)\n\n*{inline(one.plan.title)}*"
        for name, one in drawn.items()
    ]
    failed = disagreements(view)
    parts = ["## Predictions and what a run found", standing(view), claims_in_full(view), *figures]
    return "\n\n".join([*parts, *(["## What did not come out as predicted", failed] if failed else [])])


def reviews(project: Project, name: str, own: str) -> str:
    """The verdicts of the reviews, and the questions that are open; `own` leads to the folder of the designs."""
    found = review.of_design(project, name)
    if not found:
        return f"None yet: `firsthand review new {name}` starts one.\n"
    rows = []
    for one in found:
        head = one.review
        opened = "<br>".join(f"{question.id}: {inline(question.question)}" for question in one.open_questions())
        link = f"[{inline(head.reviewer)}]({own}reviews/{one.name}.md), {head.date.isoformat()}"
        conditions = "<br>".join(inline(text) for text in head.conditions)
        rows.append([link, f"**{head.verdict}**", conditions or "none", opened or "none"])
    return table(["Review", "Verdict", "Conditions", "Open questions"], rows)


def _question(question: review.Question, places: dict[str, str]) -> str:
    text = f"**{question.id}** {inline(question.question)}"
    if not question.answer:
        return f"{text} *Open.*"
    change = question.change
    if change in places:
        change = f"[`{change}`]({places[change]})"
    else:
        change = f"<{change}>" if change.startswith("http") else f"`{change}`"
    return f"{text}\n\n*Answer:* {inline(question.answer)} ({change})"
