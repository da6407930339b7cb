"""What a design asks to be run besides the claims: its properties, and what was measured of alternatives."""

from firsthand.design.document import names, read
from firsthand.manifest import Tier
from firsthand.project import Project
from firsthand.records import Unit


def design_units(project: Project, slug: str, tier: Tier = "full") -> list[Unit]:
    """What designs/<slug>.md reads from the experiments of that paper or study; `full` means all of it.

    Names that the manifest does not declare are left to `firsthand design check`.
    """
    if slug not in names(project):
        return []
    design, manifest = read(project, slug).design, project.manifest(slug)
    wanted = [item.reads for item in design.quantities().values()] + [item.measured for item in design.alternatives]
    found: dict[str, Unit] = {}
    for reads in wanted:
        if reads is None or reads.experiment not in manifest.experiments or (tier, reads.tier) == ("quick", "full"):
            continue
        experiment = manifest.experiments[reads.experiment]
        if reads.tier in experiment.tiers:
            plan = experiment.tiers[reads.tier]
            settings = experiment.settings | plan.settings | reads.settings
            units = [Unit(slug, reads.experiment, settings, seed) for seed in plan.seeds]
            found |= {unit.id: unit for unit in units}
    return list(found.values())
