"""`firsthand design show`: the decisions of a design, with live numbers and verdicts, in the terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firsthand.design.document import Grounds, written
from firsthand.design.readings import Reading, agrees, reading, recorded
from firsthand.design.schema import Alternative, Quantity
from firsthand.report import number, verdict_text


def shown(grounds: Grounds) -> RenderableType:
    """The tables of a design: its numbers, its decisions, what it refused, what it predicted."""
    design = grounds.document.design
    parts: list[RenderableType] = [Text(design.title, style="bold")]
    for given, shown_by in (
        (design.quantities(), quantities),
        (design.decisions, decisions),
        (design.alternatives, alternatives),
        (design.predictions, predictions),
    ):
        parts += [shown_by(grounds)] if given else []
    return Group(*parts)


def quantities(grounds: Grounds) -> Table:
    table = _table("property or constraint", "written", "now")
    for item in grounds.document.design.quantities().values():
        within = f" ± {item.within:g}" if item.within else ""
        now = live(item, reading(item, grounds))
        table.add_row(_named(item.id, item.statement), written(item) + within, now)
    return table


def live(item: Quantity, found: Reading) -> Text:
    """The number that the source gives now, and whether it agrees with the one that is written."""
    if found.value is None:
        return Text("refused" if found.problem else "not checked here", style="red" if found.problem else "yellow")
    if agrees(item, found.value):
        return Text(number(found.value), style="green")
    return Text(f"{number(found.value)} disagrees", style="red")


def decisions(grounds: Grounds) -> Table:
    design = grounds.document.design
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, ratio in (("decision", 5), ("because", 3), ("instead of", 4), ("evidence", 4)):
        table.add_column(name, ratio=ratio)
    numbers = {name: written(item) for name, item in design.quantities().items()}
    for decision in design.decisions:
        because = [f"{name} = {numbers[name]}" if name in numbers else name for name in decision.because]
        evidence = Text("\n").join(claim_text(grounds, claim) for claim in decision.evidence)
        choice = _named(decision.id, decision.choice)
        table.add_row(choice, "\n".join(because), Text(decision.instead_of), evidence)
    return table


def alternatives(grounds: Grounds) -> Table:
    table = _table("refused alternative", "measured")
    for item in grounds.document.design.alternatives:
        table.add_row(_named(item.id, item.what), against(grounds, item))
    return table


def against(grounds: Grounds, item: Alternative) -> Text:
    """What speaks against an alternative: a number, a claim with its verdict, or nothing."""
    if item.claim is not None:
        judgement = grounds.judgements.get(item.claim)
        value = "" if judgement is None or judgement.value is None else f"{number(judgement.value)}  "
        return Text(value) + claim_text(grounds, item.claim)
    if item.measured is None:
        return Text("not measured", style="yellow")
    found = recorded(item.id, item.measured, grounds)
    if found.value is None:
        return Text("not run, or stale", style="yellow")
    return Text(f"{item.measured.measurement} = {number(found.value)}")


def predictions(grounds: Grounds) -> Table:
    table = _table("prediction", "accepted", "found", "verdict")
    for claim in grounds.document.design.predictions:
        judgement = grounds.judgements.get(claim)
        if judgement is None:
            table.add_row(_named(claim), "–", "–", "no such claim")
        else:
            row = (judgement.accepted.text(), number(judgement.value), verdict_text(judgement))
            table.add_row(_named(claim, judgement.statement), *row)
    return table


def claim_text(grounds: Grounds, claim: str) -> Text:
    judgement = grounds.judgements.get(claim)
    return Text(claim + " ") + (Text("no such claim", style="red") if judgement is None else verdict_text(judgement))


def _named(name: str, text: str = "") -> Text:
    return Text(name, style="bold") + Text(f"  {text}", style="not bold")


def _table(first: str, *rest: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, ratio=1)
    for name in rest:
        table.add_column(name, justify="right", no_wrap=True)
    return table
