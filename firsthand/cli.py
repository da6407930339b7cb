"""The command `firsthand`. Exit codes: 0 all judged claims hold, 1 some do not, 2 usage or input error, 130 Ctrl-C."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from firsthand import records, report
from firsthand.bench.cli import bench
from firsthand.bench.costs import show_costs
from firsthand.cluster import run_on_cluster
from firsthand.data.cli import data as data_group
from firsthand.design.cli import design
from firsthand.design.plan import design_units
from firsthand.doctor import examine
from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.exercise.cli import exercise
from firsthand.manifest import Tier
from firsthand.plan import select, units_of
from firsthand.probes.cli import probe
from firsthand.project import Project
from firsthand.review.cli import review
from firsthand.runner import missing, part, run_units
from firsthand.scaffold import new_paper
from firsthand.verdicts import Judgement, exit_code, judge


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="firsthand")
def cli() -> None:
    """Rebuild the papers that made deep learning, and check that they came out right."""


cli.add_command(data_group)
cli.add_command(bench)
cli.add_command(show_costs)
cli.add_command(probe)
cli.add_command(design)
cli.add_command(review)
cli.add_command(exercise)


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_papers(as_json: bool) -> None:
    """The papers, with the verdicts of their committed records."""
    project = Project.find()
    rows = [(slug, project.manifest(slug), _judge_all(project, slug)) for slug in project.slugs()]
    if as_json:
        _print_json(
            [
                {
                    "paper": slug,
                    "title": manifest.title,
                    "year": manifest.year,
                    "structure": manifest.structure,
                    "topics": manifest.topics,
                    "data": manifest.data,
                    "verdicts": {judgement.claim: judgement.verdict for judgement in judged},
                }
                for slug, manifest, judged in rows
            ]
        )
        return
    out = report.console()
    for slug, manifest, judged in rows:
        out.print(f"[bold]{slug}[/]  {manifest.title} ({manifest.year})\n  {report.summary(judged)}", soft_wrap=True)


@cli.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG...")
@click.option(
    "--tier",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="quick: seconds; full: every claim, at the papers' own scale.",
)
@click.option("--claim", "claim_id", help="Only this claim, whatever its tier.")
@click.option("--seeds", help="Other seeds than the manifest's, such as 7,8,9.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="all cores",
    help="Processes, one BLAS thread each.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="The workers of a Dask scheduler, such as tcp://127.0.0.1:8786, in place of processes here.",
)
@click.option("--shard", metavar="I/N", help="Only part I of N of the runs, for a batch queue. Nothing is judged.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run(
    slugs: Sequence[str],
    tier: Tier,
    claim_id: str | None,
    seeds: str | None,
    jobs: int,
    cluster: str | None,
    shard: str | None,
    as_json: bool,
) -> None:
    """Reproduce papers: run what is not recorded yet in build/runs, then judge the claims."""
    project, out = Project.find(), report.console(stderr=as_json)
    wanted_seeds, wanted_part = _seeds(seeds), _part(shard, as_json)
    chosen = {slug: select(slug, project.manifest(slug), tier, claim_id) for slug in slugs}
    judgements: list[Judgement] = []
    for slug, claims in chosen.items():
        units = units_of(slug, project.manifest(slug), claims, wanted_seeds)
        if claim_id is None and wanted_seeds is None:
            known = {unit.id for unit in units}
            units += [unit for unit in design_units(project, slug, tier) if unit.id not in known]
        if wanted_part is not None:
            units = part(project, units, *wanted_part)
        todo = missing(project, slug, units)
        if not as_json:
            out.print(f"[bold]{slug}[/]: {len(units)} runs, {len(units) - len(todo)} of them recorded already")
        with report.LiveDisplay(todo, project.manifest(slug), out) as display:
            if cluster is None:
                run_units(project, todo, jobs, display)
            else:
                run_on_cluster(project, todo, cluster, display)
        evidence = Evidence(project, slug, project.runs(slug))
        judgements += [judge(claim, project.manifest(slug), evidence, wanted_seeds) for claim in claims]
    if shard is None:
        _show(judgements, as_json)
    else:
        out.print(f"Part {shard} is recorded in build/runs. With all parts there, the command without --shard judges.")


@cli.command()
@click.argument("slugs", nargs=-1, metavar="[SLUG...]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(slugs: Sequence[str], as_json: bool) -> None:
    """Recompute every verdict from the committed records, and say which records are stale."""
    project = Project.find()
    judgements = [judgement for slug in slugs or project.judged() for judgement in _judge_all(project, slug)]
    _show(judgements, as_json)


@cli.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG...")
def accept(slugs: Sequence[str]) -> None:
    """Move the records of your runs into papers/SLUG/results or designs/SLUG/results, where they are committed."""
    project = Project.find()
    for slug in slugs:
        manifest = project.manifest(slug)
        planned = {unit.id for unit in units_of(slug, manifest, manifest.claims)}
        planned |= {unit.id for unit in design_units(project, slug)}
        evidence = Evidence(project, slug, project.runs(slug))
        taken = [
            record
            for unit_id, record in evidence.by_unit.items()
            if unit_id in planned and evidence.state(record) != "stale"
        ]
        if not taken:
            raise FirsthandError(
                f"{project.runs(slug)}: holds no current record of a planned run; `firsthand run {slug}` makes them."
            )
        for record in taken:
            records.write(evidence.confirm(record), project.results(slug))
        click.echo(f"{slug}: {len(taken)} records accepted into {project.results(slug)}")


@cli.command()
@click.argument("slugs", nargs=-1, metavar="[SLUG...]")
def confirm(slugs: Sequence[str]) -> None:
    """After a change of code: repeat the short fingerprint runs, and note in the committed records that they stand."""
    project = Project.find()
    for slug in slugs or project.judged():
        evidence = Evidence(project, slug, project.results(slug))
        states: list[str] = []
        for record in evidence.by_unit.values():
            states.append(evidence.state(record))
            if (confirmed := evidence.confirm(record)) != record:
                records.write(confirmed, project.results(slug))
        counts = ", ".join(f"{states.count(state)} {state}" for state in ("current", "stands", "stale"))
        click.echo(f"{slug}: {counts}")
        for obstacle in evidence.obstacles:
            click.echo(f"  a fingerprint cannot be taken: {obstacle}")


@cli.command()
@click.argument("slug")
def new(slug: str) -> None:
    """Start a paper: papers/SLUG, designs/SLUG.md and a test, which run as they are."""
    for path in new_paper(Project.find(), slug):
        click.echo(f"wrote {path}")
    click.echo(f"Now run `firsthand run {slug}`, then replace what is marked REPLACE.")


@cli.command()
@click.option(
    "--write",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to write the pages.",
)
def site(folder: Path) -> None:
    """Write the generated pages of the site as Markdown; `make site` builds the whole site from them."""
    from firsthand import pages  # draws figures: matplotlib takes a second to load, which no other command needs

    click.echo(f"{pages.write(Project.find(), folder)} files written to {folder}")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """What this machine has, what is missing, and how to get it."""
    findings = examine()
    if as_json:
        _print_json(findings)
    else:
        out = report.console()
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[yellow]--[/]"
            remedy = f"  [bright_black]({finding.remedy})[/]" if finding.remedy else ""
            out.print(f"{mark} {finding.what}: {finding.found}{remedy}", soft_wrap=True)


def _judge_all(project: Project, slug: str) -> list[Judgement]:
    manifest = project.manifest(slug)
    evidence = Evidence(project, slug, project.results(slug))
    return [judge(claim, manifest, evidence) for claim in manifest.claims]


def _seeds(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise FirsthandError(f"--seeds {text}: give whole numbers separated by commas, such as 100,101,102.") from None
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise FirsthandError(f"--seeds {text}: seeds are different and not negative.")
    return seeds


def _part(text: str | None, as_json: bool) -> tuple[int, int] | None:
    if text is None:
        return None
    if as_json:
        raise FirsthandError(
            "--json prints verdicts, and a part of the runs has none; leave one of --json, --shard out."
        )
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise FirsthandError(f"--shard {text}: give part i of n as i/n, such as 2/4.")
    return int(number), int(count)


def _show(judgements: list[Judgement], as_json: bool) -> None:
    """Print the judgements and end with the exit code that they deserve."""
    if as_json:
        _print_json(judgements)
    else:
        out = report.console()
        out.print(report.claims_table(judgements))
        for note in dict.fromkeys(note for judgement in judgements for note in judgement.notes):
            claims = ", ".join(judgement.claim for judgement in judgements if note in judgement.notes)
            out.print(f"  {claims}: {note}", soft_wrap=True)
        out.print(report.summary(judgements), soft_wrap=True)
    sys.exit(exit_code(judgements))


def _print_json(content: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def main() -> None:
    """Entry point: a problem that the user can act on is one sentence, not a traceback."""
    try:
        code = cli(standalone_mode=False)
    except FirsthandError as error:
        click.echo(f"firsthand: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("firsthand: Stopped.", err=True)
        sys.exit(130)
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
