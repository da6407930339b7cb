"""The page of a paper: every paper has the same sections in the same order."""

import statistics
from collections.abc import Iterator, Mapping

from firsthand.design import Document
from firsthand.figures import Drawn
from firsthand.pages import live
from firsthand.pages.claims import claims_in_full, disagreements, linked, standing
from firsthand.pages.designs import decisions, quantities, reviews, section
from firsthand.pages.exercises import exercises
from firsthand.pages.gradients import gradients
from firsthand.pages.text import bullets, code, counts, definitions, folded, inline, sized, table
from firsthand.pages.view import View
from firsthand.records import Record
from firsthand.report import number

HOW_TO_READ = """Each line opens to what was measured, on which seeds, why the accepted region is as wide as it is, and
the command that measures it again. The region was fixed before the run. Baseline and control are put to the same test
and must fail it.
"""


def paper_page(view: View, figures: Mapping[str, Drawn]) -> str:
    """The whole page, as Markdown."""
    document = view.grounds.document
    sections = {
        "Run it here { #live }": live.section(view),
        "The data and its measured structure { #data }": _data(view),
        "Design decisions { #decisions }": _decisions(view),
        "Equations { #equations }": section(document, "Gradients"),
        "Derivation and code { #gradients }": gradients(view),
        "Claims { #claims }": "\n".join([HOW_TO_READ, standing(view), claims_in_full(view)]),
        "What did not agree { #disagreements }": disagreements(view),
        "Figures { #figures }": _figures(view, figures),
        "Deviations { #deviations }": _deviations(view),
        "Ledger { #ledger }": _ledger(view),
        "What it cannot do { #limits }": _limits(document),
        "Exercises { #exercises }": exercises(view),
        "Reviews { #reviews }": reviews(view.project, view.slug, "../designs/"),
        "How it was measured { #measured }": _measured(view),
    }
    body = "\n".join(f"## {title}\n\n{content}\n" for title, content in sections.items() if content)
    return f"{_head(view)}\n{body}"


def _data(view: View) -> str:
    """What the design says of the data, and each property with the number that its source gives now."""
    document = view.grounds.document
    used = ", ".join(f"[{name}](../data.md#{name})" for name in view.manifest.data)
    sets = f"Data sets: {used}." if used else "The data are generated."
    return "\n\n".join([section(document, "The data"), sets, quantities(view.grounds, document.design.properties)])


def _decisions(view: View) -> str:
    own = f"../designs/{view.slug}.md"
    more = f"The argument, the constraints and what was refused: [{inline(view.grounds.document.design.title)}]({own})."
    return f"{decisions(view.grounds, '', own)}\n{more}\n"


def _limits(document: Document) -> str:
    parts = [section(document, title) for title in ("Failure modes", "When not to use it")]
    return "\n\n".join(part for part in parts if part)


def _head(view: View) -> str:
    manifest = view.manifest
    found = [f"doi [{manifest.doi}](https://doi.org/{manifest.doi})"] if manifest.doi else []
    found += [f"arXiv [{manifest.arxiv}](https://arxiv.org/abs/{manifest.arxiv})"] if manifest.arxiv else []
    byline = " · ".join([", ".join(manifest.authors), f"{manifest.year}, {inline(manifest.venue)}", *found])
    return "\n\n".join(
        [
            f"# {inline(manifest.title)}",
            byline + "\n{ .byline }",
            inline(manifest.summary),
            counts(view.judgements.values()) + "\n{ .verdicts }",
            code(
                f"firsthand run {view.slug}              # the quick claims, in seconds\n"
                f"firsthand run {view.slug} --tier full  # every claim, at the paper's own scale",
                "console",
            ),
        ]
    )


def _figures(view: View, figures: Mapping[str, Drawn]) -> str:
    parts = []
    for plan in view.manifest.figures:
        title = inline(plan.title)
        if plan.id in figures:
            picture = f"![{inline(plan.alt)}]({view.slug}/{plan.id}.svg){sized(figures[plan.id].svg)}"
            parts.append(f'<figure markdown="span">\n{picture}\n<figcaption>{title}</figcaption>\n</figure>\n')
        else:
            parts.append(f"*{title}*: not drawn, because its experiment was not run.\n")
    return "\n".join(parts)


def _deviations(view: View) -> str:
    rows = [
        [*map(inline, (one.what, one.paper, one.here, one.why)), linked(view, one.effect)]
        for one in view.manifest.deviations
    ]
    return table(["What", "In the paper", "Here", "Why", "Measured effect"], rows) if rows else "None.\n"


def _ledger(view: View) -> str:
    ledger = view.manifest.ledger
    parts = {"Read in the paper itself": ledger.read, "Not stated there": ledger.not_stated, "Assumed": ledger.assumed}
    return "\n".join(f"**{title}**\n\n{bullets(items or ['nothing'])}" for title, items in parts.items())


def _measured(view: View) -> str:
    """Machine, versions and times, from the records."""
    records = list(view.evidence.by_unit.values())
    if not records:
        return f"There are no accepted records: not run. `firsthand run {view.slug}` makes them.\n"
    days = sorted(record.finished[:10] for record in records)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    hours = sum(record.seconds for record in records) / 3600
    head = f"{len(records)} records, {when}, {hours:.2g} hours of computing in all.\n"
    return "\n".join([head, _times(view, records), *_machines(records)])


def _times(view: View, records: list[Record]) -> str:
    rows = []
    for name, experiment in view.manifest.experiments.items():
        own = [record for record in records if record.unit.experiment == name]
        title = f"`{name}` {inline(experiment.what)}"
        if not own:
            rows.append([title, "not run", "–", "–", "–"])
            continue
        seconds = [record.seconds for record in own]
        memory = round(max(record.peak_memory_mb for record in own))
        median, longest = statistics.median(seconds), max(seconds)
        rows.append([title, str(len(own)), f"{median:.3g}", f"{longest:.3g}", number(memory)])
    return table(["Experiment", "Records", "Seconds, median", "Seconds, longest", "Peak memory, MB"], rows)


def _machines(records: list[Record]) -> Iterator[str]:
    """Each machine that made records, with its versions, folded."""
    machines = dict.fromkeys(tuple(record.machine.items()) for record in records)
    for place, machine in enumerate(machines, start=1):
        facts = {name.replace("_", " ").capitalize(): inline(str(value)) for name, value in machine}
        yield folded(f"machine-{place}", f"Machine {place}", definitions(facts))
