"""Records: what they depend on, how they go stale, and what happens to damaged ones."""

import msgspec
import pytest
from toy import EXPERIMENTS, Toy

from firsthand.code import code_hashes
from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.project import Project
from firsthand.records import Unit, address, read_all, write
from firsthand.run import execute

LAYER = {f"core/{name}.py" for name in ("guard", "law", "layer")}  # and what it imports


def unit(toy: Toy, seed: int = 1) -> Unit:
    return Unit(toy.slug, "work", {"value": 5.0, "pause": 0.0, "loss": 1.0}, seed)


def test_addresses_do_not_depend_on_the_order_of_keys() -> None:
    assert address({"a": 1, "b": [2.5, True]}) == address({"b": [2.5, True], "a": 1})
    assert address({"a": 1, "b": [2.5, True]}) != address({"a": 1, "b": [2.5, False]})


def test_a_record_says_what_it_rests_on(toy: Toy) -> None:
    record = execute(toy.project, unit(toy))
    assert record.measurements == {"number": 6.0, "chance": 0.0}
    assert record.arrays == {"curve": [0.0, 0.333333, 0.666667]}  # six significant digits
    assert set(record.code) == {*LAYER, f"papers/{toy.slug}/experiments.py"}
    assert record.machine["numpy"] and record.machine["blas_threads"] == 1
    assert record.seconds >= 0 and record.finished.endswith("+00:00")


def test_one_record_for_each_unit(toy: Toy) -> None:
    folder = toy.project.results(toy.slug)
    for seed in (1, 2, 1):
        write(execute(toy.project, unit(toy, seed)), folder)
    assert len(list(folder.iterdir())) == 2 and set(read_all(folder)) == {unit(toy, 1).id, unit(toy, 2).id}


def test_comments_and_docstrings_change_nothing_and_code_does(toy: Toy) -> None:
    before = code_hashes(toy.root, toy.slug)
    toy.experiments.write_text("# a remark\n" + EXPERIMENTS.replace("A toy whose", "Something whose"))
    assert code_hashes(toy.root, toy.slug) == before
    toy.experiments.write_text(EXPERIMENTS.replace("value + run.seed", "value - run.seed"))
    assert code_hashes(toy.root, toy.slug) != before


def test_only_the_imported_modules_of_core_count(toy: Toy) -> None:
    core = toy.root / "core"
    core.mkdir()
    (core / "__init__.py").write_text("from core.layer import Param\nfrom core.other import Other\n")
    (core / "layer.py").write_text("class Param: ...\n")
    (core / "other.py").write_text("class Other: ...\n")
    toy.experiments.write_text(EXPERIMENTS.replace("from core.layer import Param", "from core import Param"))
    assert set(code_hashes(toy.root, toy.slug)) == {"core/layer.py", f"papers/{toy.slug}/experiments.py"}


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (("# nothing", "# nothing"), "current"),
        (("5)", "6 - 1)"), "stands"),  # other code, same behaviour
        (("value + run.seed", "value + 2 * run.seed"), "stale"),
        (("arange(3) / 3", "arange(3) / 4"), "stale"),  # a figure would show what the code no longer gives
        (("def work(run", "def other(run"), "stale"),
    ],
)
def test_states(toy: Toy, change: tuple[str, str], state: str) -> None:
    record = execute(toy.project, unit(toy))
    write(record, toy.project.results(toy.slug))
    toy.experiments.write_text(EXPERIMENTS.replace(*change))
    verdict = toy("verify", toy.slug, "--json")
    toy_states = {"current": (False, False), "stands": (False, True), "stale": (True, False)}
    judgement = msgspec.json.decode(verdict.stdout)[0]
    stands = any("the record stands" in note for note in judgement["notes"])
    assert (judgement["stale"], stands) == toy_states[state], verdict.stdout


def test_confirming_saves_the_next_fingerprint_run(toy: Toy) -> None:
    write(execute(toy.project, unit(toy)), toy.project.results(toy.slug))
    toy.experiments.write_text(EXPERIMENTS.replace("5)", "6 - 1)"))
    assert toy("confirm", toy.slug).stdout == f"{toy.slug}: 0 current, 1 stands, 0 stale\n"
    (record,) = read_all(toy.project.results(toy.slug)).values()
    assert record.confirmed and len(list(toy.project.results(toy.slug).iterdir())) == 1
    toy.manifest["experiments"]["work"]["fingerprint"] = None  # a fingerprint run would now be impossible
    toy.save()
    evidence = Evidence(Project(toy.root), toy.slug, toy.project.results(toy.slug))
    assert evidence.state(record) == "stands" and evidence.confirm(record) == record
    toy.experiments.write_text(EXPERIMENTS.replace("5)", "7 - 2)"))  # other code again: not confirmed
    assert toy("confirm", toy.slug).stdout == f"{toy.slug}: 0 current, 0 stands, 1 stale\n"


@pytest.mark.parametrize("damage", ["truncated", "number", "renamed", "empty"])
def test_damaged_records_are_named(toy: Toy, damage: str) -> None:
    path = write(execute(toy.project, unit(toy)), toy.project.results(toy.slug))
    text = path.read_text()
    if damage == "renamed":
        path.rename(path.with_name("work-1-0000000000000000.json"))
    else:
        damaged = {"truncated": text[: len(text) // 2], "number": text.replace("6.0", "7.0"), "empty": ""}
        path.write_text(damaged[damage])
    said = toy.refused("verify", toy.slug)
    assert "results/work-1-" in said and ("damaged" in said or "altered" in said)


def test_a_folder_that_cannot_be_written(toy: Toy) -> None:
    (toy.root / "papers" / toy.slug / "results").write_text("a file where the folder should be")
    with pytest.raises(FirsthandError, match="cannot be written"):
        write(execute(toy.project, unit(toy)), toy.project.results(toy.slug))


def test_evidence_of_another_data_set_is_stale(toy: Toy) -> None:
    record = msgspec.structs.replace(execute(toy.project, unit(toy)), data={"mnist": "0" * 64})
    assert Evidence(toy.project, toy.slug, toy.project.results(toy.slug)).state(record) == "stale"
