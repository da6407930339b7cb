"""Design documents: the prose with its numbers filled in, the front matter as live tables, and the reviews."""

import re

from firsthand import design, review
from firsthand.design import Alternative, Document, Grounds, agrees, reading, written
from firsthand.design.readings import recorded
from firsthand.figures import draw
from firsthand.pages.claims import anchor, claims_in_full, disagreements, region
from firsthand.pages.text import boxed, bullets, inline, one_line, table, verdict
from firsthand.pages.view import View, view
from firsthand.project import Project
from firsthand.report import number, spread


def documents(project: Project, slug: str | None = None) -> dict[str, Document]:
    """The design documents by name; with `slug`, those of that paper alone."""
    found = {name: design.read(project, name) for name in design.names(project)}
    return {name: document for name, document in found.items() if slug is None or document.design.paper == slug}


def design_pages(project: Project) -> dict[str, str | bytes]:
    """The pages of all designs and of their reviews, and the figures of their studies, by path in the site."""
    pages: dict[str, str | bytes] = {}
    for name, document in documents(project).items():
        grounds = Grounds(project, document)
        pages[f"designs/{name}.md"] = design_page(grounds)
        for written_review in review.of_design(project, name):
            pages[f"designs/reviews/{written_review.name}.md"] = review_page(grounds, written_review)
    for name in project.studies():
        pages |= {f"designs/{name}/{figure}.svg": drawn.svg for figure, drawn in draw(project, name).items()}
    return pages


def design_page(grounds: Grounds) -> str:
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
        _quantities(grounds),
        "## Decisions at a glance",
        _decisions(grounds, paper, ""),
        "## What was refused",
        _alternatives(grounds, paper),
        document.filled(),
    ]
    if head.paper is None and grounds.slug is not None:
        parts.append(_study(view(grounds.project, grounds.slug)))
    return "\n\n".join([*parts, _reviews(grounds.project, document.name)])


def decision_table(view: View) -> str:
    """For the paper's own page: the decisions, and where the whole argument is."""
    parts = []
    for name, document in documents(view.project, view.slug).items():
        own = f"../designs/{name}.md"
        link = f"[{inline(document.design.title)}]({own})"
        rows = _decisions(Grounds(view.project, document), "", own)
        parts.append(f"{rows}\nThe argument, the alternatives, when not to use it: {link}.\n")
    return "\n".join(parts)


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


def _quantities(grounds: Grounds) -> str:
    rows = []
    for item in grounds.document.design.quantities().values():
        found = reading(item, grounds)
        if found.value is None:
            now = "✗ refused" if found.problem else "not checked here"
        else:
            now = number(found.value) + ("" if agrees(item, found.value) else " ✗ disagrees")
        within = f" ± {item.within:g}" if item.within else ""
        source = next((kind for kind in ("reads", "probe", "cost") if getattr(item, kind) is not None), "none")
        rows.append(
            [
                f'<span id="{item.id}">`{item.id}`</span>',
                inline(item.statement),
                written(item) + within,
                now,
                {"reads": "experiment"}.get(source, source),
            ]
        )
    return table(["Name", "Statement", "Written", "Measured", "By"], rows)


def _decisions(grounds: Grounds, paper: str, own: str) -> str:
    """`paper` and `own` are the addresses of the claims' page and of the design's, empty for the page itself."""
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


def _study(view: View) -> str:
    """The predictions of a design that belongs to no paper, with everything that their verdicts rest on."""
    figures = [
        f"![{inline(plan.alt)}]({view.slug}/{plan.id}.svg)\n\n*{inline(plan.title)}*"
        for plan in view.manifest.figures
        if plan.id in draw(view.project, view.slug)
    ]
    rows = []
    for claim in view.manifest.claims:
        judgement = view.judgements[claim.id]
        rows.append(
            [
                f"[**{claim.id}**](#{anchor(claim.id)}) {inline(claim.statement)}",
                verdict(judgement),
                f"{one_line(spread(judgement))} <small>seeds: {judgement.axes['seeds']}</small>",
                region(claim.accept),
                number(judgement.baseline.value),
                number(judgement.control.value),
            ]
        )
    found = boxed("claims", table(["Prediction", "Verdict", "Found", "Accepted", "Baseline", "Control"], rows))
    failed = disagreements(view)
    parts = ["## Predictions and what a run found", found, *figures, claims_in_full(view)]
    return "\n\n".join([*parts, *(["## What did not come out as predicted", failed] if failed else [])])


def _reviews(project: Project, name: str) -> str:
    """The verdicts of the reviews, and the questions that are open."""
    found = review.of_design(project, name)
    if not found:
        return f"## Reviews\n\nNone yet: `firsthand review new {name}` starts one.\n"
    rows = []
    for one in found:
        head = one.review
        opened = "<br>".join(f"{question.id}: {inline(question.question)}" for question in one.open_questions())
        link = f"[{inline(head.reviewer)}](reviews/{one.name}.md), {head.date.isoformat()}"
        conditions = "<br>".join(inline(text) for text in head.conditions)
        rows.append([link, f"**{head.verdict}**", conditions or "none", opened or "none"])
    return "## Reviews\n\n" + table(["Review", "Verdict", "Conditions", "Open questions"], rows)


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
