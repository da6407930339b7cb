"""The claims of a paper: one table to read down, and for each claim all that there is to say, folded."""

from firsthand.manifest import Claim, Region
from firsthand.pages.text import boxed, code, definitions, folded, inline, one_line, settings, table, verdict
from firsthand.pages.view import View
from firsthand.report import number, spread
from firsthand.verdicts import Compared, Judgement

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


def claims_table(view: View) -> str:
    """Verdict, the paper's number, ours, the region fixed before the run, and what stands beside it."""
    rows = [_row(claim, view.judgements[claim.id]) for claim in view.manifest.claims]
    return boxed("claims", table(["Claim", "Verdict", "Paper", "Ours", "Accepted", "Baseline", "Control"], rows))


def _row(claim: Claim, judgement: Judgement) -> list[str]:
    return [
        f"[**{claim.id}**](#{anchor(claim.id)}) {inline(claim.statement)} <small>{inline(claim.where)}</small>",
        verdict(judgement),
        f"{one_line(paper_value(judgement))} <small>{KNOWN[claim.paper.known]}</small>",
        f"{one_line(spread(judgement))} <small>seeds: {judgement.axes['seeds']}</small>",
        region(claim.accept),
        number(judgement.baseline.value),
        number(judgement.control.value),
    ]


def paper_value(judgement: Judgement) -> str:
    value = judgement.paper_value
    return inline(value) if isinstance(value, str) else number(value)


def region(accepted: Region) -> str:
    return one_line(accepted.text())


def claims_in_full(view: View) -> str:
    """Every claim with everything that its verdict rests on, and the command that makes its numbers again."""
    return "\n".join(_in_full(view, claim, view.judgements[claim.id]) for claim in view.manifest.claims)


def _in_full(view: View, claim: Claim, judgement: Judgement) -> str:
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
            "Baseline": _beside(judgement.baseline),
            "Control": f"{_beside(judgement.control)} ({settings(claim.control.settings)})",
            "Axes": f"{axes}. {inline(claim.differs)}",
            "Expected": f"{claim.expect}, by our own derivation" if claim.expect else "",
            "Notes": inline("; ".join(judgement.notes)),
        }
    )
    again = code(f"firsthand run {view.slug} --claim {claim.id}", "console")
    return folded(
        anchor(claim.id),
        f"<strong>{claim.id}</strong> {inline(claim.statement)} {verdict(judgement)}",
        f"{content}\n{again}",
    )


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


def _beside(compared: Compared) -> str:
    """A baseline or control, which should fail the claim's own test."""
    outcome = {None: "not run", False: "fails the same test, as it should", True: "passes the same test"}
    return f"{inline(compared.what)}: {number(compared.value)}, {outcome[compared.passes]}"


def disagreements(view: View) -> str:
    """What did not come out as the paper says, each with its analysis; empty if nothing of the kind was found."""
    found = []
    for claim in view.manifest.claims:
        judgement = view.judgements[claim.id]
        if judgement.verdict in ("not reproduced", "direction only", "contradicted"):
            paper = "" if claim.kind == "prediction" else f"The paper: {paper_value(judgement)}; "
            numbers = f"{paper}ours: {spread(judgement)}; accepted: {region(claim.accept)}."
            notes = "".join(f" Note: {inline(note)}." for note in judgement.notes)
            analysis = inline(claim.analysis) or "No analysis has been written: why is not understood."
            head = f"**{claim.id}** {verdict(judgement)} {inline(claim.statement)} {numbers}{notes}"
            found.append(f"{head}\n\n{analysis}\n")
    return "\n".join(found)
