"""Where the number of a property or constraint comes from: a record, a probe of data, or the cost of a model."""

import importlib
import inspect
import statistics
from dataclasses import dataclass

import numpy as np

from core.cost import cost
from firsthand.design import probed
from firsthand.design.document import Grounds
from firsthand.design.schema import Quantity, ReadsCost, ReadsRecord
from firsthand.errors import FirsthandError
from firsthand.project import Project
from firsthand.records import Unit


@dataclass(frozen=True)
class Reading:
    """The number that a source gives. Without one, `problem` says why it is refused or `note` why not had here."""

    value: float | None
    problem: str = ""
    note: str = ""
    null: tuple[float, float] | None = None  # of a probe: mean and standard deviation of its null model


def reading(item: Quantity, grounds: Grounds) -> Reading:
    """What the one source of a property or constraint gives now."""
    given = [name for name in ("reads", "probe", "cost") if getattr(item, name) is not None]
    if len(given) != 1:
        said = f"has {' and '.join(given)}" if given else "has no source for its number"
        return Reading(None, f"{item.id!r} {said}; give exactly one of reads, probe and cost.")
    try:
        if item.reads is not None:
            return recorded(item.id, item.reads, grounds)
        if item.cost is not None:
            return Reading(float(counted(item.cost, grounds.project)))
        assert item.probe is not None
        found = probed.look(item.probe, grounds.document.path)
    except FirsthandError as error:
        return Reading(None, f"{item.id!r} cannot be checked: {error}")
    if found.value is None:
        return Reading(None, note=f"{item.id!r} cannot be checked here: {found.note}")
    return Reading(found.value, note=f"{item.id!r} {found.note}" if found.note else "", null=found.null)


def agrees(item: Quantity, value: float) -> bool:
    return abs(value - item.value) <= item.within


def recorded(name: str, reads: ReadsRecord, grounds: Grounds) -> Reading:
    """The mean over the seeds of what the committed records hold, if they speak for the code that is here."""
    slug, manifest, evidence = grounds.slug, grounds.manifest, grounds.evidence
    if slug is None or manifest is None or evidence is None:
        return Reading(
            None, f"{name!r} reads an experiment, but there is no {grounds.where}; write it or name a paper."
        )
    experiment = manifest.experiments.get(reads.experiment)
    if experiment is None or reads.tier not in experiment.tiers or reads.measurement not in experiment.measures:
        asked = f"{reads.experiment}.{reads.tier}.{reads.measurement}"
        return Reading(None, f"{name!r} cannot be checked: {grounds.where} declares no {asked}; correct the name.")
    plan = experiment.tiers[reads.tier]
    values = []
    for seed in plan.seeds:
        settings = experiment.settings | plan.settings | reads.settings
        record = evidence.get(Unit(slug, reads.experiment, settings, seed))
        if record is None or evidence.state(record) == "stale":
            word = "was not run with these settings" if record is None else "is stale"
            remedy = f"run `firsthand run {slug} --tier {reads.tier}` and accept it"
            return Reading(None, f"{name!r} cannot be checked: its experiment {reads.experiment!r} {word}; {remedy}.")
        values.append(record.measurements[reads.measurement])
    return Reading(statistics.fmean(values))


def counted(reads: ReadsCost, project: Project) -> int:
    """Build the model and count. FirsthandError if it cannot be built or counted."""
    module_name, _, function_name = reads.model.partition(":")
    if not function_name or (len(reads.input) < 2 and not _parameters_alone(reads)):
        raise FirsthandError(
            f"cost: {reads.model!r} with input {reads.input}: write module:function and a shape with its batch axis, "
            "as in papers.lenet_1998.model:lenet5 with [1, 1, 32, 32] (no shape is needed for parameters)."
        )
    project.importable()
    try:
        build = getattr(importlib.import_module(module_name), function_name)
        wanted = inspect.signature(build).parameters
        draws = {"rng": np.random.default_rng(0), "rngs": [np.random.default_rng(0)]}  # of one model, or of one trial
        given = {name: value for name, value in draws.items() if name in wanted and name not in reads.settings}
        model = build(**given, **reads.settings)
        if _parameters_alone(reads):
            return sum(p.data.size for _, p in model.named_params())
        found = cost(model, tuple(reads.input[1:]))
    except Exception as error:  # whatever a model's own code may raise
        told = f"{type(error).__name__}: {error}"
        raise FirsthandError(f"cost: {reads.model} cannot be counted ({told}); correct its name or settings.") from None
    return int(getattr(found, reads.measures))


def _parameters_alone(reads: ReadsCost) -> bool:
    """Whether the model need not be run: it may take more than one array, or words."""
    return reads.measures == "parameters" and not reads.input
