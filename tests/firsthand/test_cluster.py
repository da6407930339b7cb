"""The same units elsewhere: on the workers of a real Dask cluster, and in parts for a batch queue."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy import EXPERIMENTS, Toy

from firsthand import records

Bend = Callable[..., None]
Process = subprocess.Popen  # the type of what `cluster` starts


def numbers(toy: Toy) -> dict[str, tuple[float, dict[str, str]]]:
    """By unit: the number that was measured, and the code that did it."""
    found = records.read_all(toy.project.runs(toy.slug))
    return {unit: (record.measurements["number"], record.code) for unit, record in found.items()}


def dask(kind: str, folder: Path, *words: str) -> "Process[bytes]":
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *words]
    return Process(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def cluster(folder: Path, workers: int, threads: int = 1) -> Iterator[tuple[str, list["Process[bytes]"]]]:
    """The address of a scheduler, and its workers, each a process that was started in `folder`."""
    pytest.importorskip("distributed.cli.dask_worker")
    said = folder / "scheduler.json"
    started = [dask("scheduler", folder, "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(said))]
    try:
        wait_until(said.exists)
        address = json.loads(said.read_text())["address"]
        ready = [folder / f"worker-{k}" for k in range(workers)]
        for pid_file in ready:
            started.append(
                dask("worker", folder, address, "--nthreads", str(threads), "--no-nanny", "--pid-file", str(pid_file))
            )
        wait_until(lambda: all(pid_file.exists() for pid_file in ready))
        yield address, started[1:]
    finally:
        for process in started[::-1]:
            process.kill()
            process.wait()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_until_first_record(toy: Toy, address: str) -> "Process[str]":
    command = toy.command("run", toy.slug, "--cluster", address)
    run = Process(command, cwd=toy.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: run.poll() is not None or bool(list(toy.project.runs(toy.slug).glob("*.json"))))
    return run


def test_a_cluster_gives_the_same_records_though_a_worker_dies(toy: Toy, bend: Bend) -> None:
    bend("experiments", "work", "settings", "pause", to=0.1)
    assert toy("run", toy.slug).returncode == 0
    here = numbers(toy)
    assert len(here) == 6
    shutil.rmtree(toy.project.runs(toy.slug))
    with cluster(toy.root, workers=2) as (address, workers):
        run = run_until_first_record(toy, address)
        workers[0].kill()  # with a unit in its hands
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0 and "1 reproduced" in out, out + err
    assert numbers(toy) == here


def test_a_worker_with_other_code_is_refused(toy: Toy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(toy.root, elsewhere)
    (elsewhere / "papers" / toy.slug / "experiments.py").write_text(EXPERIMENTS.replace("value + run", "value - run"))
    with cluster(elsewhere, workers=1) as (address, _):
        said = toy.refused("run", toy.slug, "--cluster", address)
    assert "a worker ran other code than is here (papers/toy_2000/experiments.py)" in said and numbers(toy) == {}


def test_interrupted_on_a_cluster(toy: Toy, bend: Bend) -> None:
    bend("experiments", "work", "settings", "pause", to=0.1)
    with cluster(toy.root, workers=1) as (address, _):
        run = run_until_first_record(toy, address)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130 and "Stopped. What was finished is recorded" in err and "Traceback" not in err
    assert 0 < len(numbers(toy)) < 6


def test_a_unit_has_its_worker_to_itself(toy: Toy, bend: Bend) -> None:
    """Even in a worker that was started with two threads: at the end of each unit no other has begun."""
    counted = EXPERIMENTS.replace("    for step", "    begun.append(run.seed)\n    for step").replace(
        "def ", "begun = []\n\ndef ", 1
    )
    toy.experiments.write_text(counted.replace("np.arange(3) / 3", "len(begun) - (begun.clear() or 0)"))
    bend("experiments", "work", "settings", "pause", to=0.05)
    with cluster(toy.root, workers=1, threads=2) as (address, _):
        assert toy("run", toy.slug, "--cluster", address).returncode == 0
    found = records.read_all(toy.project.runs(toy.slug)).values()
    assert [record.arrays["curve"] for record in found] == [1] * 6


def test_a_failure_on_a_worker_is_told_like_one_here(toy: Toy, bend: Bend) -> None:
    bend("experiments", "work", "settings", "loss", to=float("nan"))
    with cluster(toy.root, workers=1) as (address, _):
        said = toy.refused("run", toy.slug, "--cluster", address)
    assert "The loss became nan after 1 of 5 steps" in said and "lower the rate" in said


def test_nobody_to_do_the_work(toy: Toy) -> None:
    with cluster(toy.root, workers=0) as (address, _):
        assert f"--cluster {address}: the scheduler has no workers" in toy.refused(
            "run", toy.slug, "--cluster", address
        )
    assert "no scheduler answers there" in toy.refused("run", toy.slug, "--cluster", "nonsense")


def test_where_dask_is_not_installed(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "distributed.py").write_text("raise ImportError")
    said = toy.refused("run", toy.slug, "--cluster", "tcp://127.0.0.1:1", PYTHONPATH=str(tmp_path / "hidden"))
    assert "pip install -e '.[cluster]'" in said


def test_parts_are_disjoint_and_whole_together(toy: Toy) -> None:
    found = []
    for part in ("1/4", "2/4", "3/4", "4/4"):
        done = toy("run", toy.slug, "--shard", part)
        assert done.returncode == 0 and f"Part {part} is recorded" in done.stdout and "reproduced" not in done.stdout
        found.append(numbers(toy).keys())
        shutil.rmtree(toy.project.runs(toy.slug))
    assert [len(units) for units in found] == [2, 2, 1, 1] and len(set().union(*found)) == 6


def test_a_part_is_the_same_whatever_is_recorded(toy: Toy) -> None:
    toy("run", toy.slug, "--shard", "1/2")
    again = toy("run", toy.slug, "--shard", "1/2")
    assert "3 runs, 3 of them recorded already" in again.stdout
    toy("run", toy.slug, "--shard", "2/2")
    whole = toy("run", toy.slug)
    assert whole.returncode == 0 and "6 runs, 6 of them recorded already" in whole.stdout


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "1/x", "-1/2", "1/2/3"])
def test_a_part_that_is_none(toy: Toy, text: str) -> None:
    assert f"--shard {text}: give part i of n as i/n" in toy.refused("run", toy.slug, "--shard", text)


def test_a_part_has_no_verdicts_to_print(toy: Toy) -> None:
    assert "--json prints verdicts" in toy.refused("run", toy.slug, "--shard", "1/2", "--json")
