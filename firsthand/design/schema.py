"""The front matter of a design document: what was measured, what was decided because of it, what was refused."""

from typing import Literal

from firsthand.manifest import Settings, Tier
from firsthand.yamlfile import Strict


class ReadsRecord(Strict):
    """The mean over the seeds of a measurement that the paper's or study's experiments make."""

    experiment: str
    tier: Tier
    measurement: str
    settings: Settings = {}


class ReadsProbe(Strict):
    """A measurement that a probe makes of data: a registered data set, or an .npz file beside the design."""

    name: str
    data: str
    measurement: str


class ReadsCost(Strict):
    """A count of `core.cost` for one example; `model` is module:function, `input` a shape with its batch axis.

    Parameters are counted without running the model where no `input` is given.
    """

    model: str
    measures: Literal["parameters", "connections", "multiply_adds", "units", "kept_bytes"]
    input: list[int] = []
    settings: Settings = {}  # further arguments of the function


class Quantity(Strict):
    """A property of the data or a constraint: a statement with its number, and the one source of that number."""

    id: str
    statement: str
    value: float
    within: float = 0.0  # how far the number that the source gives may lie from `value`
    reads: ReadsRecord | None = None
    probe: ReadsProbe | None = None
    cost: ReadsCost | None = None


class Decision(Strict):
    """What was chosen, because of which properties, constraints or other decisions, instead of what, shown by what."""

    id: str
    choice: str
    because: list[str]
    instead_of: str
    evidence: list[str]  # claims


class Alternative(Strict):
    """What was refused, and the number or the claim that speaks against it; or why nothing was measured."""

    id: str
    what: str
    in_favour: list[str] = []  # properties and constraints that speak for it
    measured: ReadsRecord | None = None
    claim: str | None = None
    not_measured: str | None = None


class Design(Strict):
    """The whole front matter. Without a paper, experiments and claims are those of designs/<name>/study.yml."""

    title: str
    properties: list[Quantity]
    constraints: list[Quantity]
    decisions: list[Decision]
    alternatives: list[Alternative]
    predictions: list[str]  # claims that were fixed before the model
    paper: str | None = None
    draft: bool = False  # what the check would refuse is said, but not refused; only until every claim has been run

    def quantities(self) -> dict[str, Quantity]:
        return {item.id: item for item in (*self.properties, *self.constraints)}
