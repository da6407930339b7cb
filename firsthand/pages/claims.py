"""The claims of a paper: a list to read down, and for each claim all that there is to say, folded."""

import re

from firsthand.manifest import Claim, Kind, Region
from firsthand.pages.text import boxed, code, counts, definitions, folded, inline, one_line, settings, verdict
from firsthand.pages.view import View
from firsthand.report import number, spread
from firsthand.verdicts import STANDS, Compared, Judgement

# The kinds of claims, in the order of how much a number that agrees says; titles of their groups.
KINDS: dict[Kind, str] = {
    "exact": "Identities and counts",
    "theory": "Theory against simulation",
    "original": "Experiments at the original scale",
    "scaled": "Experiments at smaller scale",
    "ablation": "Decisions removed",
    "audit": "Statements of the paper put to the test",
    "comparison": "Against independent implementations",
    "prediction": "Predictions of the design",
}
COLUMNS = ("Claim", "Verdict", "Paper", "Ours", "Accepted", "Baseline", "Control")
KNOWN = {"read": "read in the paper", "secondary": "secondary source", "derived": "derived"}
STATISTICS = {
    "mean": "the mean over the seeds",
    "median": "the median over the seeds",
    "min": "the smallest over the seeds",
    "max": "the largest over the seeds",
    "each": "every seed by itself (the mean is shown)",
}


def anchor(claim_id: str) -> str:
    return f"claim-{claim_id}"


def claims_in_full(view: View) -> str:
    """Every claim on a line to read down, by kind; it opens to all that its verdict rests on."""
    parts = []
    for kind, title in KINDS.items():
        claims = [claim for claim in view.manifest.claims if claim.kind == kind]
        if claims:
            found = counts(view.judgements[claim.id] for claim in claims)
            lines = "\n".join(_line(view, claim, view.judgements[claim.id]) for claim in claims)
            head = "".join(f"<span>{name}</span>" for name in COLUMNS)
            listed = boxed("claims", f'<div class="head" aria-hidden="true">{head}</div>\n\n{lines}')
            parts.append(f"### {title} {{ #claims-{kind} }}\n\n{found}\n\n{listed}")
    return "\n".join(parts)


def _line(view: View, claim: Claim, judgement: Judgement) -> str:
    """The claim, its verdict, the paper's number, ours, the region fixed before the run, and what stands beside it."""
    cells = [
        f"<b>{claim.id}</b> {inline(claim.statement)}",
        verdict(judgement),
        "–" if claim.kind == "prediction" else paper_value(judgement),
        spread(judgement),
        region(claim.accept),
        number(judgement.baseline.value),
        number(judgement.control.value),
    ]
    numbers = zip(COLUMNS[2:], cells[2:], strict=True)
    labelled = [f'<span class="label">{name}</span> {cell}' for name, cell in numbers]
    summary = "".join(f"<span>{cell}</span>" for cell in (*cells[:2], *labelled))
    return folded(anchor(claim.id), summary, _in_full(view, claim, judgement))


def paper_value(judgement: Judgement) -> str:
    value = judgement.paper_value
    return inline(value) if isinstance(value, str) else number(value)


def region(accepted: Region) -> str:
    return one_line(accepted.text())


def _in_full(view: View, claim: Claim, judgement: Judgement) -> str:
    """Everything that the verdict rests on, and the command that makes its numbers again."""
    axes = "; ".join(f"{axis} {value}" for axis, value in judgement.axes.items())
    content = definitions(
        {
            "Where": inline(claim.where),
            "The paper says": ""
            if claim.kind == "prediction"
            else f"{paper_value(judgement)}, {KNOWN[claim.paper.known]}: {inline(claim.paper.source)}",
            "We measure": _reads(view, claim),
            "Ours": f"{spread(judgement)} {_each_seed(judgement)}",
            "Accepted": f"{region(claim.accept)} {inline(claim.accept.because)}",
            "Baseline": _beside(claim, judgement.baseline),
            "Control": f"{_beside(claim, judgement.control)} ({settings(claim.control.settings)})",
            "Axes": f"{axes}. {inline(claim.differs)}",
            "Expected": f"{claim.expect}, by our own derivation" if claim.expect else "",
            "Notes": inline("; ".join(note for note in judgement.notes if note != STANDS)),
        }
    )
    return content + "\n" + code(f"firsthand run {view.slug} --claim {claim.id}", "console")


def _reads(view: View, claim: Claim) -> str:
    reads = claim.reads
    meaning = view.manifest.experiments[reads.experiment].measures[reads.measurement]
    text = f"`{reads.measurement}` of the experiment `{reads.experiment}` ({reads.tier}): {inline(meaning)}"
    text += f"; with {settings(reads.settings)}" if reads.settings else ""
    text += f"; divided by the same with {settings(reads.over)}" if reads.over else ""
    return f"{text}; {STATISTICS[claim.statistic]}."


def _each_seed(judgement: Judgement) -> str:
    if len(judgement.values) != len(judgement.seeds):
        return f"(seeds {', '.join(map(str, judgement.seeds))} are planned)"
    return (
        "("
        + ", ".join(
            f"seed {seed}: {number(value)}" for seed, value in zip(judgement.seeds, judgement.values, strict=True)
        )
        + ")"
    )


def _beside(claim: Claim, compared: Compared) -> str:
    """A baseline or control. It should fail the claim's own test; that of an audit should answer otherwise."""
    should = "" if claim.kind == "audit" else ", as it should"
    outcome = {None: "not run", False: f"fails the same test{should}", True: "passes the same test"}
    return f"{inline(compared.what)}: {number(compared.value)}, {outcome[compared.passes]}"


def disagreements(view: View) -> str:
    """What did not come out as the paper says, each with its analysis; empty if nothing of the kind was found."""
    found = []
    for claim in view.manifest.claims:
        judgement = view.judgements[claim.id]
        if judgement.verdict in ("not reproduced", "direction only", "contradicted"):
            paper = "" if claim.kind == "prediction" else f"The paper: {paper_value(judgement)}; "
            numbers = f"{paper}ours: {spread(judgement)}; accepted: {region(claim.accept)}."
            notes = "".join(f" Note: {inline(note)}." for note in judgement.notes if note != STANDS)
            analysis = inline(claim.analysis) or "No analysis has been written: why is not understood."
            head = (
                f"[**{claim.id}**](#{anchor(claim.id)}) {verdict(judgement)} {inline(claim.statement)} {numbers}{notes}"
            )
            found.append(f"{head}\n\n{analysis}\n")
    return "\n".join(found)


def linked(view: View, text: str) -> str:
    """Prose that names claims, each followed by what it found."""

    def link(found: re.Match[str]) -> str:
        judgement = view.judgements[found[0]]
        return f"[{found[0]}](#{anchor(found[0])}) {verdict(judgement)} {one_line(spread(judgement))}"

    names = "|".join(sorted(map(re.escape, view.judgements), key=len, reverse=True))
    return re.sub(rf"(?<![\w-])(?:{names})(?![\w-])", link, inline(text)) if names else inline(text)


def standing(view: View) -> str:
    """Once for the page: that code has changed since its records were made, and why they still count."""
    notes = [judgement.notes for judgement in view.judgements.values()]
    if not any(STANDS in found for found in notes):
        return ""
    return (
        "Since some of the records were made, code has changed; the experiments' short fingerprint runs still give the "
        "same measurements, so the records stand.\n"
    )
