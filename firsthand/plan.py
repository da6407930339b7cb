"""Which units a claim needs: its value, the denominator of a ratio, its baseline and its control."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from firsthand.errors import FirsthandError
from firsthand.manifest import Claim, Manifest, Settings, Tier
from firsthand.project import unknown
from firsthand.records import Unit

Role = Literal["value", "baseline", "control"]


@dataclass(frozen=True)
class Need:
    """The unit that gives a number, and the unit it is divided by, if the claim is a ratio."""

    measurement: str
    unit: Unit
    over: Unit | None

    def units(self) -> list[Unit]:
        return [self.unit] if self.over is None else [self.unit, self.over]


def seeds_of(manifest: Manifest, claim: Claim, seeds: Iterable[int] | None = None) -> list[int]:
    """The seeds that a claim is judged on: the manifest's, unless others are asked for."""
    planned = manifest.experiments[claim.reads.experiment].tiers[claim.reads.tier].seeds
    # an exact claim or an audit that names one seed draws nothing that other seeds would change
    drawless = len(planned) == 1 and claim.kind in ("exact", "audit")
    return planned if seeds is None or drawless else list(seeds)


def needs(slug: str, manifest: Manifest, claim: Claim, role: Role, seeds: Iterable[int]) -> list[Need]:
    """What the number in `role` is computed from, seed by seed; nothing for a baseline that is a constant."""
    reads = claim.reads
    base = _tier_settings(manifest, claim) | reads.settings
    over, measurement = reads.over, reads.measurement
    extra: Settings = {}
    if role == "control":
        extra = claim.control.settings
    elif role == "baseline":
        if claim.baseline.measurement is None:
            return []
        extra, over, measurement = claim.baseline.settings, None, claim.baseline.measurement
    return [
        Need(
            measurement,
            Unit(slug, reads.experiment, base | extra, seed),
            None if over is None else Unit(slug, reads.experiment, base | over | extra, seed),
        )
        for seed in seeds
    ]


def _tier_settings(manifest: Manifest, claim: Claim) -> Settings:
    experiment = manifest.experiments[claim.reads.experiment]
    return experiment.settings | experiment.tiers[claim.reads.tier].settings


def select(slug: str, manifest: Manifest, tier: Tier, claim_id: str | None = None) -> list[Claim]:
    """The claims of a tier; `full` means all of them, and a claim asked for by name is taken whatever its tier."""
    if claim_id is not None:
        known = [claim.id for claim in manifest.claims]
        if claim_id not in known:
            raise unknown(f"claim of {slug}", claim_id, known)
        return [manifest.claim(claim_id)]
    chosen = [claim for claim in manifest.claims if tier == "full" or claim.reads.tier == "quick"]
    if not chosen:
        raise FirsthandError(f"{slug} has no claim in the tier {tier!r}; run it with --tier full.")
    return chosen


def units_of(slug: str, manifest: Manifest, claims: Iterable[Claim], seeds: Iterable[int] | None = None) -> list[Unit]:
    """Every unit that the claims need, each once, in the order of the claims."""
    wanted_seeds = None if seeds is None else list(seeds)
    found: dict[str, Unit] = {}
    roles: tuple[Role, ...] = ("value", "baseline", "control")
    for claim in claims:
        for role in roles:
            for need in needs(slug, manifest, claim, role, seeds_of(manifest, claim, wanted_seeds)):
                found |= {unit.id: unit for unit in need.units()}
    return list(found.values())
