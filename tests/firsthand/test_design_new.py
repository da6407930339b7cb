"""A new design parses, says what is to be filled in, and has a study, which is run and judged as a paper is."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from planned import fill_in, notes, refusals
from toy import Toy

from firsthand import design
from firsthand.design.new import new_design
from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.frontmatter import MARK
from firsthand.plan import units_of
from firsthand.records import write
from firsthand.run import execute
from firsthand.scaffold import new_paper
from firsthand.verdicts import Judgement, judge

NAME = "next_year"
SERIES = ("autocorrelation", "memory", "order_sensitivity", "mutual_information")  # the probes of a single series
DECIDED = """constraints: []
decisions:
  - id: a_line
    choice: A line.
    because: [spread]
    instead_of: A mean.
    evidence: [C1]
alternatives:
  - id: a_mean
    what: The mean of the training points.
    measured: {experiment: fit, tier: quick, measurement: error, settings: {model: mean}}
predictions: [C1]
"""
SPREAD = """properties:
  - id: spread
    statement: Error of the mean of the training points.
    value: 3
    within: 1
    reads: {experiment: fit, tier: quick, measurement: mean_error}
"""


def test_it_parses_and_waits_for_its_author(toy: Toy) -> None:
    new_design(toy.project, NAME)
    path = toy.root / "designs" / f"{NAME}.md"
    head = design.read(toy.project, NAME).design
    assert head.paper is None and not head.properties and not head.decisions
    said = refusals(path)
    assert any("there is no decision" in problem for problem in said)
    assert sum("as in the template" in problem for problem in said) == path.read_text().count(f"\n{MARK}: ")


def test_from_the_template_to_a_checked_design(toy: Toy) -> None:
    """The whole way of a reader: new, decide, run, accept, check."""
    assert toy("design", "new", NAME).returncode == 0
    path = toy.root / "designs" / f"{NAME}.md"
    text = fill_in(path.read_text())
    rest = text[text.index("---\n\n## The data") :]
    path.write_text(f"---\ntitle: A line\n{SPREAD}{DECIDED}{rest}")
    assert any("was not run with these settings" in problem for problem in refusals(path))
    done = toy("run", NAME, "--json")
    assert done.returncode == 0, done.stderr
    (judgement,) = msgspec.json.decode(done.stdout)
    assert (judgement["kind"], judgement["verdict"], judgement["holds"]) == ("prediction", "confirmed", True)
    assert "records accepted" in toy("accept", NAME).stdout
    assert toy("verify", NAME).returncode == 0 and "C1" in toy("verify", "--json").stdout
    assert refusals(path) == []  # also what no claim reads, the mean, was run and accepted
    assert "a_mean  The mean of the training points.  " in toy("design", "show", NAME).stdout


@pytest.mark.parametrize("file", ["waves.npz", "waves, mine: (1)#.npz"])
def test_own_data_are_copied_and_measured(toy: Toy, file: str) -> None:
    own = toy.root / file
    np.savez(own, series=np.sin(np.arange(300)) + np.random.default_rng(0).normal(size=300))
    written = new_design(toy.project, NAME, str(own))
    assert (toy.root / "designs" / NAME / file).read_bytes() == own.read_bytes()
    path = toy.root / "designs" / f"{NAME}.md"
    head = design.read(toy.project, NAME).design
    assert [item.id for item in head.properties] == list(SERIES)
    assert all(item.probe and item.probe.data == f"{NAME}/{file}" for item in head.properties)
    assert re.search(r"  # Evidence: (weak|strong)\. Values correlate with those up to", path.read_text())
    said = refusals(path)
    assert not any("the code gives" in problem for problem in said)  # every number agrees with its probe
    assert notes(path) == [] and written[-1].name == f"{NAME}.json"  # what was measured is kept


@pytest.mark.parametrize(
    ("array", "message"),
    [(np.array([1.0, np.nan]), "own.npz: series[1] is nan"), (np.array([{}], object), "holds Python objects")],
)
def test_own_data_that_are_not_right_leave_nothing_behind(toy: Toy, array: np.ndarray, message: str) -> None:
    own = toy.root / "own.npz"
    np.savez(own, series=array)
    assert message in toy.refused("design", "new", NAME, "--data", str(own))
    assert list((toy.root / "designs").iterdir()) == []


def test_a_registered_set_is_measured(toy: Toy) -> None:
    new_design(toy.project, NAME, "sunspots")
    head = design.read(toy.project, NAME).design
    assert {item.probe.data for item in head.properties if item.probe} == {"sunspots"}


def test_for_a_paper_there_is_no_study(toy: Toy) -> None:
    new_paper(toy.project, "plan_2001")
    (toy.root / "designs" / "plan_2001.md").unlink()
    assert [path.name for path in new_design(toy.project, "plan_2001")] == ["plan_2001.md"]
    assert design.read(toy.project, "plan_2001").design.paper == "plan_2001"


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("Next", None, "cannot be a design's name"),
        ("reviews", None, "cannot be a design's name"),
        ("class", None, "cannot be a design's name"),
        (NAME, "none.npz", "there is no such file"),
        (NAME, "sunspot", "did you mean sunspots?"),
        ("taken", None, "taken.md: exists already"),
    ],
)
def test_refusals_leave_nothing_behind(toy: Toy, name: str, source: str | None, message: str) -> None:
    taken = toy.root / "designs" / "taken.md"
    taken.write_text("mine")
    with pytest.raises(FirsthandError, match=message.replace("?", r"\?")):
        new_design(toy.project, name, source)
    assert list((toy.root / "designs").iterdir()) == [taken] and taken.read_text() == "mine"


def study(toy: Toy, old: str, new: str) -> None:
    new_design(toy.project, NAME)
    path = toy.root / "designs" / NAME / "study.yml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def judged(toy: Toy) -> Judgement:
    project, manifest = toy.project, toy.project.manifest(NAME)
    for unit in units_of(NAME, manifest, manifest.claims):
        write(execute(project, unit), project.results(NAME))
    return judge(manifest.claims[0], manifest, Evidence(project, NAME, project.results(NAME)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: REPLACE with the problem", "authors: [me]\ntitle: x", "unknown field `authors`"),
        ("measurement: error}", "measurement: luck}", "no experiment makes the measurement 'luck'"),
        ("settings: {order: shuffled}", "settings: {}", "control.settings: is empty"),
        ("high: 1.3, ", "", "every number would do"),
        ("{model: line, order", "{model: line, mood: good, order", "takes no setting 'mood'"),
    ],
)
def test_a_study_is_checked_as_a_paper_is(toy: Toy, old: str, new: str, message: str) -> None:
    study(toy, old, new)
    with pytest.raises(FirsthandError, match=re.escape(message)):
        judged(toy)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("high: 1.3", "high: 0.001", "contradicted"),
        ("{order: shuffled}", "{points: 61}", "not reproduced"),  # the control passes, too
        ("high: 1.3", "high: 1000.0", "not reproduced"),  # the baseline passes, too
    ],
)
def test_a_prediction_that_fails_or_shows_nothing_does_not_hold(toy: Toy, old: str, new: str, verdict: str) -> None:
    study(toy, old, new)
    judgement = judged(toy)
    assert (judgement.verdict, judgement.holds) == (verdict, False)


def test_a_paper_makes_no_predictions(toy: Toy) -> None:
    toy.manifest["claims"][0]["kind"] = "prediction"
    toy.save()
    assert "claims[0] (C1).kind: predictions are those of designs" in toy.refused("verify", toy.slug)


def test_a_study_goes_stale_with_its_own_modules(toy: Toy) -> None:
    study(toy, "fingerprint: {}", "fingerprint: null")
    folder: Path = toy.root / "designs" / NAME
    code = folder / "experiments.py"
    (folder / "noise.py").write_text("NOISE = 1.0\n")
    text = code.read_text().replace(
        "from firsthand import Result, Run\n", "from firsthand import Result, Run\n\nfrom .noise import NOISE\n"
    )
    code.write_text(text.replace('run.rng("noise").normal', 'NOISE * run.rng("noise").normal'))
    assert toy("run", NAME).returncode == 0 and toy("accept", NAME).returncode == 0
    (folder / "noise.py").write_text("NOISE = 0.9\n")
    (judgement,) = msgspec.json.decode(toy("verify", NAME, "--json").stdout)
    assert judgement["stale"] and not judgement["holds"]
