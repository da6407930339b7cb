"""A design is refused for each thing that a design must not be, and its healthy twin passes."""

import re
from pathlib import Path

import msgspec
import pytest
from planned import SLUG, fill_in, notes, plan, refusals
from toy import Toy

from firsthand import design
from firsthand.design.checks import sections
from firsthand.frontmatter import MARK
from firsthand.project import Project
from firsthand.scaffold import new_paper, template

ONE_UNIT = "  - id: one_unit\n"
SECOND = "  - id: second\n    choice: No bias.\n    because: [{reason}]\n    instead_of: A bias.\n    evidence: [C1]\n"


@pytest.fixture
def planned(toy: Toy) -> Path:
    return plan(toy)


def test_the_healthy_design_passes(planned: Path) -> None:
    assert refusals(planned) == [] == notes(planned)


def test_the_template_is_refused_wherever_it_waits_for_its_author(toy: Toy) -> None:
    new_paper(toy.project, SLUG)
    path = toy.root / "designs" / f"{SLUG}.md"
    path.write_text(re.sub(r"draft: true.*\n", "", path.read_text()))
    lines = path.read_text().splitlines()
    said = refusals(path)
    for number, line in enumerate(lines, start=1):
        if MARK in line and not line.startswith(MARK):
            assert any(problem.startswith(f"{path}:{number}: ") for problem in said), line
    for title in sections():
        assert any(f"the section '## {title}' is as in the template" in problem for problem in said)


def test_a_draft_is_told_what_to_do_and_passes_until_every_claim_was_run(toy: Toy) -> None:
    new_paper(toy.project, SLUG)
    path = toy.root / "designs" / f"{SLUG}.md"
    assert refusals(path) == []
    assert any("a draft, not a design" in note for note in notes(path))
    assert any("as in the template" in note for note in notes(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("because: [linear]", "because: []", "decision 'one_unit' has no reason"),
        ("because: [linear]", "because: [fashion]", "because of 'fashion', which names no property, constraint or"),
        ("because: [linear]", "because: [one_unit]", "rests on itself (one_unit because of one_unit)"),
        ("within: 2.0", "within: .inf", "'linear' has the value 1 and within inf; write numbers that are finite"),
        ("within: 2.0", "within: -1", "write numbers that are finite, and within from 0 on"),
        ("value: 1.0", "value: .nan", "'linear' has the value nan"),
        ("id: one_unit", "id: one-unit", "the id 'one-unit' is no word"),
        ("## Failure modes\n", "## Failure modes\n{{one-unit}}\n", "{{one-unit}} names no property or constraint"),
        ("within: 2.0", "within: 0.001", "'linear' says 1, but the code gives"),
        ("measurement: start_error", "measurement: luck", "papers/plan_2001/paper.yml declares no descent.quick.luck"),
        (
            "    reads: {experiment: descent, tier: quick, measurement: start_error}\n",
            "",
            "has no source for its number",
        ),
        (
            "    reads: {experiment",
            '    cost: {model: "core.dense:Linear", input: [1, 2], measures: parameters}\n    reads: {experiment',
            "'linear' has reads and cost; give exactly one",
        ),
        ("evidence: [C1]", "evidence: []", "has no evidence"),
        ("evidence: [C1]", "evidence: [C9]", "names the claim 'C9', which papers/plan_2001/paper.yml does not have"),
        ("predictions: [C1]", "predictions: [C9]", "the list of predictions names the claim 'C9'"),
        ("    claim: C1\n", "    claim: C9\n", "alternative 'one_step' names the claim 'C9'"),
        ("    claim: C1\n", "", "has nothing that speaks against it"),
        (
            "    claim: C1\n",
            "    claim: C1\n    not_measured: No time.\n",
            "has claim and not_measured; give exactly one",
        ),
        ("    claim: C1\n", "    not_measured: ''\n", "was not measured, and does not say why"),
        (
            "    claim: C1\n",
            "    measured: {experiment: descent, tier: quick, measurement: slope_error, settings: {steps: 3}}\n",
            "'one_step' cannot be checked: its experiment 'descent' was not run with these settings",
        ),
        (
            "    claim: C1\n",
            "    claim: C1\n    in_favour: [luck]\n",
            "has 'luck' in its favour, which names no property",
        ),
        ("id: one_unit", "id: linear", "the id 'linear' is used twice"),
        ("because: [linear]", "because: []", "no decision is because of 'linear', and it speaks for no alternative"),
        ("## Failure modes\n", "", "the section '## Failure modes' is missing"),
        (
            "## Failure modes\n",
            "## Failure modes\n\nIt bends. REPLACE: more.\n",
            "'## Failure modes' is as in the template",
        ),
        ("## Failure modes\n", "## Failure modes\n\n## Predictions\n", "the section '## Failure modes' is empty"),
        ("## Failure modes\n", "## Predictions\n", "the section '## Predictions' stands twice"),
        ("## Failure modes\n", "## Failure modes\n{{slope}}\n", "{{slope}} names no property or constraint"),
        ("choice: A single linear unit.", "choice: The state of the art.", "'state of the art' appeals to"),
        ("instead_of: A single step.", "instead_of: What is no best practice.", "'best practice' appeals to"),
    ],
)
def test_refusals_name_file_and_line(planned: Path, old: str, new: str, message: str) -> None:
    text = planned.read_text()
    assert old in text
    planned.write_text(text.replace(old, new, 1))
    said = refusals(planned)
    assert any(message in problem for problem in said), said
    assert all(problem.startswith(f"{planned}:") for problem in said)


def test_no_decision_and_no_alternative(planned: Path) -> None:
    text = planned.read_text()
    head, rest = text.split("decisions:\n")
    end = rest.split("predictions:")[1]
    planned.write_text(f"{head}decisions: []\nalternatives: []\npredictions:{end}")
    said = " ".join(refusals(planned))
    assert "there is no decision" in said and "no alternative was refused" in said


def test_a_prediction_that_came_to_nothing_is_not_left_out(planned: Path) -> None:
    text = planned.read_text().replace("## Predictions\n", "## Predictions\n\nA line errs little (C1).\n")
    planned.write_text(text)
    assert refusals(planned) == []
    planned.write_text(text.replace("predictions: [C1]", "predictions: []"))
    (said,) = refusals(planned)
    assert "'## Predictions' speaks of C1, which `predictions` leaves out; add it" in said


def test_a_circle_of_two_decisions(planned: Path) -> None:
    text = planned.read_text().replace(ONE_UNIT, SECOND.format(reason="one_unit") + ONE_UNIT)
    planned.write_text(text)
    assert refusals(planned) == []  # one decision may rest on another
    planned.write_text(text.replace("because: [linear]", "because: [linear, second]"))
    assert any("(second because of one_unit because of second)" in problem for problem in refusals(planned))


def test_a_property_may_speak_for_an_alternative_alone(planned: Path) -> None:
    item = "  - id: spare\n    statement: As linear.\n    value: 1.0\n    within: 2.0\n"
    item += "    reads: {experiment: descent, tier: quick, measurement: start_error}\n"
    planned.write_text(planned.read_text().replace("constraints: []", f"constraints:\n{item}"))
    assert len(refusals(planned)) == 1
    planned.write_text(planned.read_text().replace("    claim: C1\n", "    claim: C1\n    in_favour: [spare]\n"))
    assert refusals(planned) == []


def test_what_was_not_measured_is_said_each_time(planned: Path) -> None:
    planned.write_text(planned.read_text().replace("    claim: C1\n", "    not_measured: It takes a year.\n"))
    assert refusals(planned) == []
    assert ["'one_step' was refused without a measurement: It takes a year." in note for note in notes(planned)] == [
        True
    ]


def test_the_line_is_that_of_the_decision(planned: Path) -> None:
    planned.write_text(planned.read_text().replace("evidence: [C1]", "evidence: []"))
    line = next(n for n, text in enumerate(planned.read_text().splitlines(), 1) if "id: one_unit" in text)
    assert refusals(planned)[0].startswith(f"{planned}:{line}: ")


def test_numbers_and_evidence_need_records(planned: Path) -> None:
    for record in (planned.parent.parent / "papers" / SLUG / "results").iterdir():
        record.unlink()
    said = " ".join(refusals(planned))
    assert "was not run with these settings; run `firsthand run plan_2001 --tier quick`" in said
    assert "rests on the claim C1, which does not hold (not run); run it, or decide otherwise" in said
    assert "alternative 'one_step' rests on the claim C1, which was not run" in said


def test_stale_evidence_is_refused(toy: Toy, planned: Path) -> None:
    experiments = planned.parent.parent / "papers" / SLUG / "experiments.py"
    experiments.write_text(experiments.read_text().replace("2 * x", "3 * x"))
    said = toy("design", "check", SLUG).stdout  # in a new process, which has not imported the paper yet
    assert "its experiment 'descent' is stale" in said and "and its record is stale" in said


def test_a_claim_that_does_not_hold_is_no_evidence(toy: Toy, planned: Path) -> None:
    manifest = planned.parent.parent / "papers" / SLUG / "paper.yml"
    manifest.write_text(manifest.read_text().replace("high: 1.0e-3", "high: 1.0e-30"))
    said = toy("design", "check", SLUG).stdout
    assert "rests on the claim C1, which does not hold (not reproduced); name other evidence" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# No front matter\n", "line 1: there is no front matter"),
        ("---\ntitle: [\n---\n", "not valid YAML"),
        ("---\ntitle: x\ntitle: y\n---\n", "line 3, column 1: this is not valid YAML (the key 'title' is given twice)"),
        ("---\ntitle: x\nmood: good\n---\n", "unknown field `mood`"),
        ("---\ntitle: x\n---\n", "missing required field"),
        (
            "---\ntitle: x\nproperties: [{id: x, statement: y, value: high}]\n---\n",
            "properties[0].value: Expected `float`",
        ),
    ],
)
def test_unreadable_front_matter(toy: Toy, text: str, message: str) -> None:
    path = toy.root / "designs" / "broken.md"
    path.write_text(text)
    said = toy.refused("design", "check", "broken")
    assert message in said and str(path) in said


def test_text_that_is_not_utf8(toy: Toy) -> None:
    (toy.root / "designs" / "broken.md").write_bytes(b"---\ntitle: \xff\n---\n")
    assert "byte 11 is not UTF-8 text; save the file as UTF-8" in toy.refused("design", "check", "broken")


def test_the_mark_with_which_some_editors_begin(planned: Path) -> None:
    planned.write_text(planned.read_text(), encoding="utf-8-sig")
    assert refusals(planned) == [] and planned.read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_design_of_a_paper_that_does_not_exist(toy: Toy, planned: Path) -> None:
    planned.write_text(planned.read_text().replace(f"paper: {SLUG}", "paper: nobody_1900"))
    for command in ("check", "show"):
        assert "There is no paper called 'nobody_1900'" in toy.refused("design", command, SLUG)


def test_exit_codes_and_json(toy: Toy, planned: Path) -> None:
    assert toy("design", "check", SLUG).returncode == 0
    planned.write_text(planned.read_text().replace("because: [linear]", "because: []"))
    done = toy("design", "check", SLUG)
    assert done.returncode == 1 and done.stdout.endswith(f"{SLUG}: 2 problems\n")
    rows = msgspec.json.decode(toy("design", "check", SLUG, "--json").stdout)
    assert [set(row) for row in rows] == [{"design", "path", "line", "kind", "message"}] * 2
    assert {row["kind"] for row in rows} == {"problem"} and {row["design"] for row in rows} == {SLUG}


def test_show(toy: Toy, planned: Path) -> None:
    said = toy("design", "show", SLUG).stdout
    assert "one_unit  A single linear unit." in said and "linear = 1" in said and "C1 reproduced" in said
    assert "There is no design called 'plann_2001'; did you mean plan_2001?" in toy.refused(
        "design", "show", "plann_2001"
    )
    planned.write_text(planned.read_text().replace("within: 2.0", "within: 0.001"))
    assert "disagrees" in toy("design", "show", SLUG).stdout


def test_a_filled_template_has_no_mark() -> None:
    assert MARK not in fill_in(template("design/sections.md"))


def test_the_designs_of_this_checkout() -> None:
    project = Project(Path(__file__).parents[2])
    for name in design.names(project):
        found = design.check(project, name)
        assert [str(problem) for problem in found if not problem.note] == []
        probed = [str(problem) for problem in found if "--write" in problem.message]
        assert probed == [], "a probe has changed; `firsthand design check --write`, where the data are"
