"""The records of a paper, and whether they still speak for the code that is here now."""

import functools
from pathlib import Path
from typing import Literal

import msgspec

from firsthand import data, records
from firsthand.code import code_hashes
from firsthand.errors import FirsthandError
from firsthand.experiment import same
from firsthand.project import Project
from firsthand.records import Record, Unit
from firsthand.run import take_fingerprint

State = Literal["current", "stands", "stale"]


class Evidence:
    """The records in a folder. `state` says of each whether it is

    - current: made by this code, from these data;
    - stands: code has changed since, but its fingerprint run still gives the same measurements and sizes of arrays;
    - stale: neither, so the unit has to be run again.
    """

    def __init__(self, project: Project, slug: str, folder: Path) -> None:
        self.project, self.slug, self.folder = project, slug, folder
        self.by_unit = records.read_all(folder)
        self.obstacles: dict[str, None] = {}  # why fingerprints could not be taken, in the order met

    def get(self, unit: Unit) -> Record | None:
        return self.by_unit.get(unit.id)

    def state(self, record: Record) -> State:
        experiment = self.project.manifest(self.slug).experiments[record.unit.experiment]
        if record.data != {name: data.digest(name) for name in experiment.data}:
            return "stale"
        if record.code == self._code:
            return "current"
        if records.code_version(self._code) == record.confirmed or self._fingerprint_holds(record):
            return "stands"
        return "stale"

    def confirm(self, record: Record) -> Record:
        """The record with a note that it stands under the code that is here now, so that nobody has to ask again."""
        version = records.code_version(self._code)
        if self.state(record) != "stands":
            return record
        return msgspec.structs.replace(record, confirmed=version)

    @functools.cached_property
    def _code(self) -> dict[str, str]:
        return code_hashes(self.project.root, self.slug)

    def _fingerprint_holds(self, record: Record) -> bool:
        """One fingerprint run for each (experiment, settings) that shares the record's code, whatever the seed."""
        group = records.address(record.unit.experiment, record.unit.settings, record.code)
        if group not in self._fingerprints:
            self._fingerprints[group] = self._same_fingerprint(record)
        return self._fingerprints[group]

    @functools.cached_property
    def _fingerprints(self) -> dict[str, bool]:
        return {}

    def _same_fingerprint(self, record: Record) -> bool:
        short = self.project.manifest(self.slug).experiments[record.unit.experiment].fingerprint
        if record.fingerprint is None or short != record.fingerprint.settings:
            return False
        try:
            now = take_fingerprint(self.project, record.unit)
        except FirsthandError as error:  # it no longer runs, or its data are not here: nobody can vouch for the record
            self.obstacles[str(error).partition("\n")[0]] = None
            return False
        then = record.fingerprint
        return now is not None and all(
            found.keys() == expected.keys() and all(same(value, expected[name]) for name, value in found.items())
            for found, expected in ((now.measurements, then.measurements), (now.arrays, then.arrays or now.arrays))
        )
