"""Runs that are killed, interrupted, refused or fail: nothing is lost, and the next run does only what is missing."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from toy import EXPERIMENTS, Toy

Bend = Callable[..., None]


def finished(toy: Toy) -> dict[str, int]:
    """The records of the run folder, with the time of their last change."""
    return {path.name: path.stat().st_mtime_ns for path in toy.project.runs(toy.slug).glob("*.json")}


def start_slow_run(toy: Toy, bend: Bend) -> "subprocess.Popen[str]":
    """A run of six units, a second each, one after the other; returns when the first record is there."""
    bend("experiments", "work", "settings", "pause", to=0.2)
    run = subprocess.Popen(
        toy.command("run", toy.slug, "--jobs", "1"),
        cwd=toy.root,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not finished(toy):
        assert run.poll() is None and time.monotonic() < deadline, run.communicate()
        time.sleep(0.02)
    return run


def test_a_run_makes_records_and_the_next_one_nothing(toy: Toy) -> None:
    first = toy("run", toy.slug)
    assert first.returncode == 0 and "6 runs, 0 of them recorded already" in first.stdout
    assert "1 reproduced" in first.stdout
    records = finished(toy)
    assert len(records) == 6
    second = toy("run", toy.slug)
    assert "6 runs, 6 of them recorded already" in second.stdout and finished(toy) == records


def test_killed_and_started_again(toy: Toy, bend: Bend) -> None:
    run = start_slow_run(toy, bend)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    time.sleep(0.5)  # the orphaned worker notices and ends
    before = finished(toy)
    assert 0 < len(before) < 6
    for path in toy.project.runs(toy.slug).glob("*.json"):
        msgspec.json.decode(path.read_bytes())  # whole
    again = toy("run", toy.slug)
    assert again.returncode == 0 and f"{len(before)} of them recorded already" in again.stdout
    after = finished(toy)
    assert len(after) == 6 and before.items() <= after.items()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_no_worker_outlives_a_killed_run(toy: Toy, bend: Bend) -> None:
    run = start_slow_run(toy, bend)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    deadline = time.monotonic() + 10
    while left := _processes_in(toy.root):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _processes_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            here = entry.name.isdigit() and (entry / "cwd").resolve() == folder.resolve()
            if here and (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # ended while we looked, or not ours
            continue
    return found


def test_interrupted(toy: Toy, bend: Bend) -> None:
    run = start_slow_run(toy, bend)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130 and "Traceback" not in out + err
    assert err.strip() == "firsthand: Stopped. What was finished is recorded; the same command goes on from there."
    assert 0 < len(finished(toy)) < 6


def test_a_worker_that_dies(toy: Toy) -> None:
    toy.experiments.write_text(EXPERIMENTS.replace("for step", "import os; os._exit(1)\n    for step"))
    assert "a worker process died" in toy.refused("run", toy.slug)


def test_training_that_diverges(toy: Toy, bend: Bend) -> None:
    bend("experiments", "work", "settings", "loss", to=float("nan"))
    said = toy.refused("run", toy.slug, "--jobs", "1")
    assert (
        "toy_2000/work seed 1 with loss nan: The loss became nan after 1 of 5 steps" in said
        and "lower the rate" in said
    )


def test_a_measurement_that_is_not_a_number(toy: Toy) -> None:
    toy.experiments.write_text(EXPERIMENTS.replace("value + run.seed", 'float("inf")'))
    assert "number is inf, which cannot be judged" in toy.refused("run", toy.slug)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"number": value + run.seed, ', "", "did not return the measurement 'number'"),
        ('"chance": 0.0', '"chance": 0.0, "extra": 1.0', "returned 'extra', which the manifest does not list"),
        ("return Result(", "return dict(), (", "returned tuple; return firsthand.Result(...)"),
        ("def work(", "def play(", "there is no function 'work'"),
        ("pause: float, ", "", "takes no setting 'pause'"),
        ("loss: float)", "loss: float, rate: float)", "needs the setting 'rate'"),
        ("def work(", "def work((", "correct the syntax"),
    ],
)
def test_an_experiment_that_does_not_fit_its_manifest(toy: Toy, old: str, new: str, message: str) -> None:
    toy.experiments.write_text(EXPERIMENTS.replace(old, new))
    said = toy.refused("run", toy.slug)
    assert message in said and "experiments.py" in said


def test_a_mistake_in_an_experiment_shows_where_it_was_made(toy: Toy) -> None:
    toy.experiments.write_text(EXPERIMENTS.replace("for step", "1 / (value - 50)\n    for step"))
    done = toy("run", toy.slug, "--jobs", "1")
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr and "1 / (value - 50)" in done.stderr
    assert "in toy_2000/work seed 1 with value 50.0" in done.stderr  # the control
    assert len(finished(toy)) == 3


def test_data_that_were_not_declared(toy: Toy) -> None:
    toy.experiments.write_text(EXPERIMENTS.replace("for step", 'run.data("optdigits")\n    for step'))
    assert "reads the data set 'optdigits', which its entry in the manifest does not list" in toy.refused(
        "run", toy.slug
    )


def test_data_that_are_not_here(toy: Toy, bend: Bend, tmp_path: Path) -> None:
    bend("data", to=["mnist"])
    bend("experiments", "work", "data", to=["mnist"])
    toy.experiments.write_text(EXPERIMENTS.replace("for step", 'run.data("mnist")\n    for step'))
    said = toy.refused(
        "run",
        toy.slug,
        FIRSTHAND_OFFLINE="1",
        FIRSTHAND_DATA=str(tmp_path / "none"),
        FIRSTHAND_CACHE=str(tmp_path / "cache"),
    )
    assert "mnist" in said and "firsthand data fetch mnist" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(toy: Toy) -> None:
    (toy.root / "build").mkdir(mode=0o555)
    assert "cannot be written" in toy.refused("run", toy.slug)


def test_a_file_where_the_run_folder_should_be(toy: Toy) -> None:
    (toy.root / "build").write_text("")
    said = toy.refused("run", toy.slug)
    assert "build/runs/toy_2000: cannot be written" in said
    assert "Not a directory" in said or "File exists" in said


def test_other_seeds(toy: Toy) -> None:
    done = toy("run", toy.slug, "--seeds", "2,4", "--json")
    judgement = msgspec.json.decode(done.stdout)[0]
    assert judgement["seeds"] == [2, 4] and judgement["values"] == [7, 9]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_same_numbers_whatever_the_jobs(toy: Toy, jobs: str) -> None:
    done = toy("run", toy.slug, "--jobs", jobs, "--json")
    assert msgspec.json.decode(done.stdout)[0]["values"] == [6, 7, 8]


TOGETHER = """
from pathlib import Path
from firsthand import Result


def work(runs, *, value, pause, loss):
    with (Path(__file__).parent / "calls").open("a") as calls:
        calls.write(f"{value:g}: {[run.seed for run in runs]}\\n")
    return [Result({"number": value + run.seed, "chance": 0.0}) for run in runs]
"""


def test_seeds_that_run_together_leave_a_record_each(toy: Toy, bend: Bend) -> None:
    bend("experiments", "work", "together", to=True)
    bend("experiments", "work", "fingerprint", to=None)
    toy.experiments.write_text(TOGETHER)
    done = toy("run", toy.slug, "--json", "--jobs", "1")
    assert msgspec.json.decode(done.stdout)[0]["values"] == [6, 7, 8]
    calls = toy.experiments.parent / "calls"
    assert calls.read_text().splitlines() == ["5: [1, 2, 3]", "50: [1, 2, 3]"]
    next(toy.project.runs(toy.slug).glob("work-2-*.json")).unlink()
    toy("run", toy.slug, "--jobs", "1")
    assert len(calls.read_text().splitlines()) == 3 and calls.read_text().endswith(": [2]\n")


def test_as_many_results_as_runs(toy: Toy, bend: Bend) -> None:
    bend("experiments", "work", "together", to=True)
    toy.experiments.write_text(TOGETHER.replace("0.0}) for run in runs]", "0.0}) for run in runs[1:]]"))
    assert "must return a list of as many results as it takes runs, 3 here" in toy.refused("run", toy.slug)
