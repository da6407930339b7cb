"""The page of a paper: every paper has the same sections in the same order."""

import statistics
from collections.abc import Iterator, Mapping

from firsthand.figures import Drawn
from firsthand.pages import live
from firsthand.pages.claims import claims_in_full, claims_table, disagreements
from firsthand.pages.designs import decision_table
from firsthand.pages.exercises import exercises
from firsthand.pages.gradients import gradients
from firsthand.pages.text import bullets, code, counts, definitions, folded, inline, table
from firsthand.pages.view import View
from firsthand.records import Record
from firsthand.report import number

HOW_TO_READ = """The accepted region was fixed before the run. Baseline and control are put to the same test and must
fail it; a claim's name leads to what they are and why the region is as wide as it is.
"""


def paper_page(view: View, figures: Mapping[str, Drawn]) -> str:
    """The whole page, as Markdown."""
    failed = disagreements(view)
    sections = {
        "Run it here": live.section(view),
        "Claims": _claims(view),
        "What did not agree": failed,
        "Figures": _figures(view, figures),
        "Design decisions": decision_table(view),
        "Gradients by hand": gradients(view),
        "Deviations": _deviations(view),
        "Ledger": _ledger(view),
        "Exercises": exercises(view),
        "How it was measured": _measured(view),
    }
    body = "\n".join(f"## {title}\n\n{content}" for title, content in sections.items() if content)
    return f"{_head(view)}\n{body}"


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


def _claims(view: View) -> str:
    parts = [HOW_TO_READ, claims_table(view), "### Claim by claim\n", claims_in_full(view)]
    return "\n".join(parts)


def _figures(view: View, figures: Mapping[str, Drawn]) -> str:
    parts = []
    for plan in view.manifest.figures:
        title = inline(plan.title)
        if plan.id in figures:
            picture = f"![{inline(plan.alt)}]({view.slug}/{plan.id}.svg)"
            parts.append(f'<figure markdown="span">\n{picture}\n<figcaption>{title}</figcaption>\n</figure>\n')
        else:
            parts.append(f"*{title}*: not drawn, because its experiment was not run.\n")
    return "\n".join(parts)


def _deviations(view: View) -> str:
    rows = [
        [inline(cell) for cell in (one.what, one.paper, one.here, one.why, one.effect)]
        for one in view.manifest.deviations
    ]
    return table(["What", "In the paper", "Here", "Why", "Effect"], rows) if rows else "None.\n"


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
