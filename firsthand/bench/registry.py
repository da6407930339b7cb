"""All workloads, by name."""

from collections.abc import Iterable

from firsthand.bench import attention, dense, images, language, optimisers, recurrent
from firsthand.bench.workload import Workload
from firsthand.project import unknown

FAMILIES = (dense, images, recurrent, attention, language, optimisers)
WORKLOADS: dict[str, Workload] = {workload.name: workload for family in FAMILIES for workload in family.WORKLOADS}


def select(names: Iterable[str]) -> list[Workload]:
    """The workloads of these names, all of them for none; FirsthandError, with the nearest, for an unknown name."""
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in WORKLOADS:
            raise unknown("workload", name, WORKLOADS)
    return [WORKLOADS[name] for name in wanted or WORKLOADS]
