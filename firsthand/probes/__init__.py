"""What structure is in data: measurements with a null model beside each, and what they suggest for a model.

    finding = measure("pixel_correlation", load("mnist").arrays)
    finding.measurements["correlation_1"]     # 0.74
    finding.null["correlation_1"]             # mean and standard deviation over 19 permutations of the pixels
    print(finding.strength, finding.suggests)

`arrays` says what arrays are called, `finding` when evidence is strong; each docstring of a probe is its definition.
"""

import zlib
from collections.abc import Mapping

import numpy as np

from core.layer import Array
from firsthand.probes import examples, graphs, images, information, sequences, sets, spectrum, tables
from firsthand.probes.arrays import KINDS, Data, Kind
from firsthand.probes.checks import recognise
from firsthand.probes.finding import Finding, NotApplicable, Probe, Sheet
from firsthand.project import unknown

__all__ = ["KINDS", "PROBES", "Finding", "Kind", "NotApplicable", "Probe", "measure", "recognise", "run"]

PROBES: dict[str, Probe] = (
    images.PROBES
    | spectrum.PROBES
    | sequences.PROBES
    | information.PROBES
    | sets.PROBES
    | graphs.PROBES
    | tables.PROBES
    | examples.PROBES
)


def measure(probe: str, arrays: Mapping[str, Array], seed: int = 0) -> Finding:
    """Make one measurement of PROBES. The same arrays and seed give the same finding.

    Raises FirsthandError for a probe that does not exist and for arrays that are not right, NotApplicable (one of
    these) for data in which the probe has nothing to measure.
    """
    if probe not in PROBES:
        raise unknown("probe", probe, PROBES)
    kinds = PROBES[probe].kinds
    return run(probe, recognise(arrays, kinds[0] if len(kinds) == 1 else None), seed)


def run(probe: str, data: Data, seed: int = 0) -> Finding:
    """As `measure`, of data that was recognised already."""
    if probe not in PROBES:
        raise unknown("probe", probe, PROBES)
    entry = PROBES[probe]
    if data.kind not in entry.kinds:
        raise NotApplicable(f"{probe} is a measurement of {' or '.join(entry.kinds)}, not of {data.kind}.")
    for need in entry.needs:
        if not data.has(need):
            raise NotApplicable(f"{probe} needs {need}, which this data does not have.")
    rng = np.random.default_rng([seed, zlib.crc32(probe.encode())])  # a stream for each probe
    return entry.run(data, rng, Sheet(probe, data.kind, entry.definition))
