"""What the command line shows: the live display of a run and the table of claims."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from firsthand.manifest import Manifest
from firsthand.records import Unit
from firsthand.verdicts import Judgement

_COLOURS = {
    "reproduced": "green",
    "agrees, scaled": "green",
    "confirmed": "green",
    "contradicted": "magenta",
    "direction only": "yellow",
    "not reproduced": "red",
    "not run": "bright_black",
}


def console(stderr: bool = False) -> Console:
    """Width 120 where the output is not a terminal, so that piped tables stay readable."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 120, highlight=False)


class LiveDisplay:
    """One bar for the whole run and one for each unit at work; on a plain stream, one line for each finished unit."""

    def __init__(self, units: Sequence[Unit], manifest: Manifest, out: Console) -> None:
        self._labels = {unit.id: unit.label() for unit in units}
        self._manifest = manifest
        self._tasks: dict[str, TaskID] = {}
        self._out = out
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self._all = self._bars.add_task("all runs", total=len(units), note="")

    def __enter__(self) -> "LiveDisplay":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def step(self, unit_id: str, done: int, total: int, note: str) -> None:
        if unit_id not in self._tasks:
            self._tasks[unit_id] = self._bars.add_task(self._labels[unit_id], total=total, note=note)
        self._bars.update(self._tasks[unit_id], completed=done, total=total, note=note)

    def finished(self, unit: Unit, seconds: float) -> None:
        if unit.id in self._tasks:
            self._bars.remove_task(self._tasks.pop(unit.id))
        self._bars.advance(self._all)
        variant = ", ".join(f"{name}={value}" for name, value in unit.settings.items() if isinstance(value, str | bool))
        budget = max(plan.budget for plan in self._manifest.experiments[unit.experiment].tiers.values())
        over = f"  [yellow]over its budget of {budget:g} s[/]" if seconds > budget else ""
        self._out.print(f"  {unit.label()}  {seconds:.1f} s  [bright_black]{variant}[/]{over}", soft_wrap=True)


def number(value: float | None) -> str:
    """Six significant digits at most, thousands separated, small numbers in powers of ten."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e12 else f"{value:.4g}"


def spread(judgement: Judgement) -> str:
    if judgement.spread is None or len(judgement.values) < 2:
        return number(judgement.value)
    return f"{number(judgement.value)} ± {judgement.spread.std:.2g}"


def claims_table(judgements: Iterable[Judgement]) -> Table:
    """The claims with what the paper says, what was measured, what was accepted, and the verdict."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("claim", ratio=1)
    for name in ("paper", "ours", "accepted", "control"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for judgement in judgements:
        paper = judgement.paper_value
        table.add_row(
            f"[bold]{judgement.claim}[/]  {judgement.statement}",
            paper if isinstance(paper, str) else number(paper),
            spread(judgement),
            judgement.accepted.text(),
            number(judgement.control.value),
            verdict_text(judgement),
        )
    return table


def verdict_text(judgement: Judgement) -> Text:
    text = Text(judgement.verdict, style=_COLOURS[judgement.verdict])
    if judgement.stale:
        text = Text(f"{judgement.verdict} (stale)", style="yellow")
    return text


def summary(judgements: Sequence[Judgement]) -> str:
    """One line that counts the verdicts."""
    counts: dict[str, int] = {}
    for judgement in judgements:
        word = judgement.verdict + (", but stale" if judgement.stale else "")
        counts[word] = counts.get(word, 0) + 1
    return "; ".join(f"{count} {word}" for word, count in counts.items())
