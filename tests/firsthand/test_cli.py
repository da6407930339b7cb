"""The command line: exit codes, stable JSON, and one sentence for each mistake."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from toy import Toy

from firsthand.verdicts import Judgement

ROOT = Path(__file__).parents[2]
FIELDS = set(Judgement.__struct_fields__)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("verify", "toi_2000"), "There is no paper called 'toi_2000'; did you mean toy_2000?"),
        (("run", "zzz"), "There is no paper called 'zzz'; known: toy_2000."),
        (("run", "toy_2000", "--claim", "C2"), "There is no claim of toy_2000 called 'C2'; known: C1."),
        (("run", "toy_2000", "--seeds", "1,x"), "give whole numbers separated by commas"),
        (("run", "toy_2000", "--seeds", "1,1"), "seeds are different and not negative"),
        (("accept", "toy_2000"), "holds no current record of a planned run"),
        (("design", "check", "none"), "There is no design called 'none'"),
        (("new", "Toy"), "cannot be a paper's name"),
        (("new", "toy_2000"), "exists already"),
        (("data", "path", "mnits"), "mnist"),
    ],
)
def test_refusals(toy: Toy, words: tuple[str, ...], message: str) -> None:
    assert message in toy.refused(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "toy_2000", "--tier", "huge"),
        ("run", "toy_2000", "--jobs", "0"),
        ("fly",),
        ("verify", "--colour"),
    ],
)
def test_usage_errors(toy: Toy, words: tuple[str, ...]) -> None:
    done = toy(*words)
    assert done.returncode == 2 and "Error" in done.stderr and "Traceback" not in done.stderr


def test_exit_code_one_when_a_claim_does_not_hold(toy: Toy, bend: Callable[..., None]) -> None:
    bend("claims", 0, "accept", "high", to=6.9)
    assert toy("run", toy.slug).returncode == 1
    assert toy("verify", toy.slug).returncode == 1


def test_accept_then_verify(toy: Toy) -> None:
    assert toy("verify").returncode == 1  # nothing was run
    toy("run", toy.slug)
    accepted = toy("accept", toy.slug)
    assert accepted.returncode == 0 and "6 records accepted" in accepted.stdout
    verified = toy("verify", "--json")
    assert verified.returncode == 0
    (judgement,) = msgspec.json.decode(verified.stdout)
    assert set(judgement) == FIELDS and judgement["verdict"] == "reproduced"
    assert "1 reproduced" in toy("list").stdout
    assert msgspec.json.decode(toy("list", "--json").stdout)[0]["verdicts"] == {"C1": "reproduced"}


def test_seeds_that_were_tried_are_not_accepted(toy: Toy) -> None:
    toy("run", toy.slug, "--seeds", "7")
    assert "holds no current record" in toy.refused("accept", toy.slug)


def test_json_carries_nothing_else(toy: Toy) -> None:
    done = toy("run", toy.slug, "--json")
    assert msgspec.json.decode(done.stdout)[0]["claim"] == "C1" and "Traceback" not in done.stderr


def test_a_tier_without_claims(toy: Toy) -> None:
    toy.manifest["experiments"]["work"]["tiers"] = {"full": {"seeds": [1], "budget": 5}}
    toy.manifest["claims"][0]["reads"]["tier"] = "full"
    toy.save()
    assert "has no claim in the tier 'quick'; run it with --tier full" in toy.refused("run", toy.slug)


def test_outside_of_a_checkout_the_installed_one_is_used(tmp_path_factory: pytest.TempPathFactory, toy: Toy) -> None:
    toy.root = tmp_path_factory.mktemp("elsewhere")
    assert "lenet_1998" in toy("list").stdout


def test_doctor(toy: Toy) -> None:
    findings = msgspec.json.decode(toy("doctor", "--json").stdout)
    assert {"Python", "NumPy", "BLAS", "data: mnist", "data: optdigits"} <= {finding["what"] for finding in findings}
    missing = toy("doctor", FIRSTHAND_DATA="", FIRSTHAND_CACHE=str(toy.root / "none")).stdout
    assert "firsthand data fetch mnist" in missing


def test_a_new_paper_runs_as_it_is(toy: Toy) -> None:
    assert toy("new", "fresh_2001").returncode == 0
    for words in (["ruff", "check"], ["ruff", "format", "--check"]):
        style = [sys.executable, "-m", *words, "--config", str(ROOT / "pyproject.toml"), "papers/fresh_2001", "tests"]
        done = subprocess.run(style, cwd=toy.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    draft = toy("design", "check", "fresh_2001")
    assert draft.returncode == 0 and "note: a draft, not a design" in draft.stdout and "template" in draft.stdout
    assert toy("run", "fresh_2001").returncode == 0
    assert toy("accept", "fresh_2001").returncode == 0
    unfilled = toy("design", "check", "fresh_2001")  # the numbers agree; the words are still the template's
    assert unfilled.returncode == 1 and "the code gives" not in unfilled.stdout and "template" in unfilled.stdout
    assert "is a draft, but every claim has been run" in unfilled.stdout


def test_results_that_cannot_be_written(toy: Toy) -> None:
    toy("run", toy.slug)
    (toy.root / "papers" / toy.slug / "results").write_text("a file where the folder should be")
    assert "results: cannot be written" in toy.refused("accept", toy.slug)
    assert len(list(toy.project.runs(toy.slug).glob("*.json"))) == 6  # nothing is lost
