"""Design documents: the prose with its numbers filled in, and the front matter as tables with live verdicts."""

import re

from firsthand import design
from firsthand.design import Document, Measured
from firsthand.errors import FirsthandError
from firsthand.pages.claims import anchor
from firsthand.pages.text import inline, one_line, table, verdict
from firsthand.pages.view import View
from firsthand.project import Project
from firsthand.report import number

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z]\w*)\s*\}\}")


def documents(project: Project, slug: str) -> dict[str, Document]:
    """The design documents of a paper, by name."""
    found = {name: design.read(project, name) for name in design.names(project)}
    return {name: document for name, document in found.items() if document.design.paper == slug}


def design_page(view: View, document: Document) -> str:
    """One document: what was measured, what was decided because of it, and the argument."""
    head = document.design
    return "\n\n".join(
        [
            f"# {inline(head.title)}",
            f"The design of [{inline(view.manifest.title)}](../papers/{view.slug}.md), written before the model.",
            "## Properties and constraints",
            _measured_table(view, [*head.properties, *head.constraints]),
            "## Decisions at a glance",
            _decisions(view, document, f"../papers/{view.slug}.md", ""),
            filled(document),
        ]
    )


def decision_table(view: View) -> str:
    """For the paper's own page: the decisions, and where the whole argument is."""
    parts = []
    for name, document in documents(view.project, view.slug).items():
        own = f"../designs/{name}.md"
        link = f"[{inline(document.design.title)}]({own})"
        parts.append(
            f"{_decisions(view, document, '', own)}\nThe argument, the alternatives, when not to use it: {link}.\n"
        )
    return "\n".join(parts)


def filled(document: Document) -> str:
    """The prose, with {{id}} replaced by the number of the property or constraint of that id."""
    items = {item.id: item for item in (*document.design.properties, *document.design.constraints)}

    def value(found: re.Match[str]) -> str:
        if found[1] not in items:
            line = document.text[: document.text.index(found[0])].count("\n") + 1
            raise FirsthandError(
                f"{document.path}:{line}: {found[0]} names no property or constraint (declared: "
                f"{', '.join(items)}); declare it or name another."
            )
        return written(items[found[1]])

    return PLACEHOLDER.sub(value, document.body)


def written(item: Measured) -> str:
    """The number as the front matter has it, thousands separated."""
    return f"{item.value:,.10g}"


def _measured_table(view: View, items: list[Measured]) -> str:
    rows = []
    for item in items:
        value, _ = design.measured(item, view.slug, view.manifest, view.evidence)
        agrees = "not run, or stale" if value is None else number(value)
        if value is not None and abs(value - item.value) > item.within:
            agrees += " ✗ disagrees"
        rows.append(
            [
                f'<span id="{item.id}">`{item.id}`</span>',
                inline(item.statement),
                written(item) + (f" ± {item.within:g}" if item.within else ""),
                agrees,
            ]
        )
    return table(["Name", "Statement", "Written", "Measured"], rows)


def _decisions(view: View, document: Document, paper: str, own: str) -> str:
    """`paper` and `own` are the addresses of the paper's page and of the design's, empty for the page itself."""
    head = document.design
    numbers = {item.id: written(item) for item in (*head.properties, *head.constraints)}
    rows = []
    for decision in head.decisions:
        because = [
            f"[`{name}`]({own}#{name}) {one_line('= ' + numbers.get(name, 'not declared'))}"
            for name in decision.because
        ]
        evidence = [f"[{claim}]({paper}#{anchor(claim)}) {_verdict(view, claim)}" for claim in decision.evidence]
        choice = inline(decision.choice)
        rows.append([choice, "<br>".join(because), inline(decision.instead_of), "<br>".join(evidence)])
    return table(["Decision", "Because", "Instead of", "Evidence"], rows)


def _verdict(view: View, claim_id: str) -> str:
    judgement = view.judgements.get(claim_id)
    return "(no such claim)" if judgement is None else verdict(judgement)
