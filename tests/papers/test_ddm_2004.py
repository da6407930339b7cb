"""ddm_2004: the gradients of the perceptron, forms of the monitor, the streams, the wrapper, sabotage of the claims."""

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, check_layer
from core.optim import SGD
from firsthand.project import Project
from firsthand.run import Run
from firsthand.verdicts import Judgement
from papers.ddm_2004 import alarms, data, experiments, monitor, tables, wrapper
from papers.ddm_2004.model import Perceptrons, perceptron_criterion, rosenblatt
from papers.ddm_2004.monitor import Monitor, cusum, first, opened, track
from tests.papers.helpers import flipped, frozen, run_and_judge

SLUG = "ddm_2004"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- the perceptron ----------------------------------------------------------------------------------------------------


@settings(max_examples=5, deadline=None)
@given(trials=st.integers(1, 4), n_in=st.integers(1, 5))
def test_perceptrons_keep_the_contract(trials: int, n_in: int) -> None:
    check_layer(Perceptrons(trials, n_in), rng().normal(size=(trials, n_in)))


def test_the_criterion_keeps_the_contract() -> None:
    check_layer(perceptron_criterion, rng(1).normal(size=6), np.array([1.0, -1, 1, -1, 1, -1]))


def test_a_step_is_rosenblatts_rule() -> None:
    """Against the rule as a loop: an example on the wrong side, or on the line, is added or taken away."""
    x, t = rng(2).normal(size=(3, 50, 2)), rng(3).choice([-1.0, 1.0], (3, 50))
    model = Perceptrons(3, 2)
    optimiser = SGD(model, 1.0)
    found = np.array([rosenblatt(model, optimiser, x[:, k], t[:, k], np.ones(3)) for k in range(50)]).T
    for trial in range(3):
        w = [0.0, 0.0, 0.0]
        for k in range(50):
            seen = [*x[trial, k], 1.0]
            wrong = t[trial, k] * sum(a * b for a, b in zip(w, seen, strict=True)) <= 0
            assert wrong == found[trial, k]
            if wrong:
                w = [a + t[trial, k] * b for a, b in zip(w, seen, strict=True)]
        np.testing.assert_allclose(model.W.data[trial], w)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"Perceptrons.*expected \(2, 3\)"):
        Perceptrons(2, 3)(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"perceptron_criterion.*the same shape"):
        perceptron_criterion(np.zeros(2), np.zeros(3))


# -- the monitor -------------------------------------------------------------------------------------------------------


def by_the_book(errors: Array) -> list[tuple[int, str]]:
    """A third form, from the equations: all states but quiet ones, with a fresh start after each drift."""
    found: list[tuple[int, str]] = []
    begin = 0
    while begin < len(errors):
        least: tuple[float, float, float] = (math.inf, 0.0, 0.0)
        for now in range(begin, len(errors)):
            i = now - begin + 1
            p = sum(bool(e) for e in errors[begin : now + 1]) / i
            s = (p * (1 - p) / i) ** 0.5
            if i > 30:
                if p + s < least[0]:
                    least = (p + s, p, s)
                levels = [least[1] + k * least[2] < p + s for k in (2, 3)]
                if any(levels):
                    found.append((now, "drift" if levels[1] else "warning"))
                if levels[1]:
                    break
        begin = now + 1
    return found


def as_a_loop(errors: Array) -> list[tuple[int, str]]:
    watching, found = Monitor(), []
    for now, error in enumerate(errors):
        state = watching.add(bool(error))
        if state != "quiet":
            found.append((now, str(state)))
        if state == "drift":
            watching.reset()
    return found


def rising(seed: int, length: int = 500) -> Array:
    rate = rng(seed).uniform(0, 0.4) + 0.3 * (np.arange(length) >= length // 2)
    drawn: Array = rng(seed + 1000).random(length) < rate
    return drawn


@pytest.mark.parametrize("seed", range(10))
def test_two_forms_agree_example_by_example(seed: int) -> None:
    errors = rising(seed)
    assert as_a_loop(errors) == by_the_book(errors)
    assert any(state == "drift" for _, state in as_a_loop(errors))


def test_against_an_independent_package() -> None:
    """river's DDM: the same warnings and drifts, over several contexts."""
    try:
        binary = importlib.import_module("river.drift.binary")
    except ModuleNotFoundError:
        pytest.skip("river is not installed")
    for seed in range(50):
        errors, theirs = rising(seed, 1500), []
        detector = binary.DDM()
        for now, error in enumerate(errors):
            detector.update(bool(error))
            if detector.drift_detected or detector.warning_detected:
                theirs.append((now, "drift" if detector.drift_detected else "warning"))
        assert theirs == as_a_loop(errors)


@pytest.mark.parametrize("seed", range(10))
def test_the_arrays_follow_the_loop_to_its_first_alarm(seed: int) -> None:
    errors = rising(seed)
    seen, watching = track(errors[None]), Monitor()
    at = first(seen.beyond(3.0))
    for now, error in enumerate(errors[: int(at[0])], 1):
        state = watching.add(bool(error))
        assert (state == "drift") == (now == at[0])
        if now > monitor.SILENT:
            assert (seen.p_min[0, now - 31], seen.s_min[0, now - 31]) == (watching.p_min, watching.s_min)
    assert opened(seen.beyond(2.0), at)[0] == watching.since > monitor.SILENT


def test_no_errors_no_alarm_and_then_the_first_error() -> None:
    errors = np.zeros((1, 200), bool)
    assert np.isinf(first(track(errors).beyond(3.0))[0])
    assert first(track(errors).beyond(3.0, "at least"))[0] == 31
    errors[0, 99] = True
    assert first(track(errors).beyond(3.0))[0] == 100
    assert np.isinf(first(track(errors, counts="smoothed").beyond(3.0))[0])


def test_a_warning_that_recedes_is_forgotten() -> None:
    watching = Monitor()
    states = [watching.add(e) for e in [True, False, False, False] * 10 + [True] * 5 + [False] * 40]
    assert "warning" in states and "drift" not in states
    assert states[-1] == "quiet" and watching.since == 0


def test_pages_sum_against_a_loop() -> None:
    errors = rng(5).random((4, 300)) < 0.3
    found = cusum(errors, 0.2, 0.4, 3.0)
    for stream, row in zip(errors, found, strict=True):
        total = 0.0
        for error, exceeds in zip(stream, row, strict=True):
            total = max(0.0, total + math.log(0.4 / 0.2 if error else 0.6 / 0.8))
            assert (total > 3.0) == exceeds


# -- the streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", data.STREAMS)
def test_contexts_are_balanced_and_differ(name: str) -> None:
    x, positive = data.stream_of(Run(7), name, 200)
    contexts = data.STREAMS[name].contexts
    assert len(x) == len(positive) == 200 * contexts
    assert (positive.reshape(contexts, 200).sum(axis=1) == 100).all()
    assert 30 < positive[:100].sum() < 70, "the classes are mixed"
    again, _ = data.stream_of(Run(7), name, 200, trial=1)
    assert not np.array_equal(x, again)


def test_labels_are_exchanged_and_inputs_are_not() -> None:
    for name, curve in (("SINE1", np.sin), ("SINIRREL2", data.wave)):
        x, positive = data.stream_of(Run(3), name, 500)
        below = x[:, 1] < curve(x[:, 0])
        assert (positive[:500] == below[:500]).all() and (positive[500:] != below[500:]).all()
        assert below[:500].sum() == below[500:].sum() == 250
    assert data.stream_of(Run(3), "SINIRREL2", 10)[0].shape[1] == 4


def test_the_rules_of_stagger_and_mixed() -> None:
    x, positive = data.stream_of(Run(3), "STAGGER", 100)
    for row, (example, label) in enumerate(zip(x.astype(bool), positive, strict=True)):
        small, red, green, circular = example[[0, 3, 4, 6]]
        assert label == ((small and red), (green or circular), not small)[row // 100]
    x, positive = data.stream_of(Run(3), "MIXED", 100)
    votes = x[:, 0] + x[:, 1] + (x[:, 3] < data.wave(x[:, 2]))
    assert ((votes >= 2) == (positive == (np.arange(200) < 100))).all()


def test_too_few_of_a_class() -> None:
    with pytest.raises(ValueError, match="CIRCLES gave"):
        for seed in range(500):  # 60 draws hold none inside the circle once in eighty times
            data.context_of("CIRCLES", rng(seed), 0, 2)


# -- the wrapper -------------------------------------------------------------------------------------------------------


class Scripted:
    """A learner whose errors are given: those of the model that never changes. It notes what it is asked."""

    def __init__(self, errors: Array) -> None:
        self.errors, self.fits, self.begun, self.asked = errors, [], 0, 0  # type: ignore[var-annotated]

    def wrong(self, x: Array, positive: Array) -> Array:
        self.asked = max(self.asked, int(x[-1]))
        found: Array = self.errors[x.astype(int)]
        return found

    def fit(self, x: Array, positive: Array) -> None:
        assert x[-1] <= self.asked, "trained on what was not yet predicted"
        self.fits.append((int(x[0]), int(x[-1])))

    def begin_anew(self) -> None:
        self.begun += 1


def followed(buffer: str) -> tuple[wrapper.Followed, Scripted]:
    errors = np.zeros(600, bool)
    errors[:300:5] = True  # one in five, then two in three
    errors[300::3] = errors[301::3] = True
    learner = Scripted(errors)
    return wrapper.follow(learner, np.arange(600), np.ones(600), buffer), learner  # type: ignore[arg-type]


def test_the_new_model_begins_with_the_buffer() -> None:
    found, learner = followed("warning")
    book = by_the_book(learner.errors)
    alarm = next(now for now, state in book if state == "drift")
    warned = {now for now, _ in book}
    begin = max(now for now in warned if now <= alarm and now - 1 not in warned)  # of the warning that did not recede
    assert found.alarms[0] == alarm and 300 < found.buffers[0] == begin < alarm
    assert min(warned) < begin, "an earlier warning receded, and is forgotten"
    assert (found.buffers[0], alarm) in learner.fits and learner.begun == len(found.alarms)
    assert all(begin >= found.buffers[0] for begin, last in learner.fits if last >= alarm)
    np.testing.assert_array_equal(found.wrong, learner.errors)


@pytest.mark.parametrize(("buffer", "begins", "begun"), [("none", "after", 1), ("everything", "0", 0), ("off", "0", 0)])
def test_the_other_buffers(buffer: str, begins: str, begun: int) -> None:
    found, learner = followed(buffer)
    assert bool(found.alarms) == (buffer != "off") and min(learner.begun, 1) == begun
    late = [begin for begin, last in learner.fits if last > 500]
    assert all(begin == 0 for begin in late) if begins == "0" else all(begin > found.alarms[0] for begin in late)


def test_a_window_sees_the_last_examples_only() -> None:
    found, learner = followed("window")
    assert not found.alarms and all(last - begin < wrapper.WINDOW for begin, last in learner.fits)


def test_perceptrons_side_by_side_do_not_meet() -> None:
    x, positive = data.stream_of(Run(1), "SINE1", 300)
    other, others = data.stream_of(Run(2), "SINE1", 300)
    t, ts = (np.where(labels, 1.0, -1.0) for labels in (positive, others))
    alone, alarm = wrapper.follow_online(x[None], t[None], np.array([True]), 0)
    both, alarms_of_both = wrapper.follow_online(np.stack([other, x]), np.stack([ts, t]), np.array([False, True]), 0)
    np.testing.assert_array_equal(alone[0], both[1])
    assert alarms_of_both == [[], alarm[0]] and alarm[0]


def test_what_is_measured_of_a_stream() -> None:
    there = wrapper.Followed(np.arange(3000) % 1000 < 50, [1019, 1400, 2099], [990, 1381, 2080])
    assert tables._late(there, 1000) == [20, 100]
    assert tables._buffers(there, 1000) == [(30, pytest.approx(1 / 3)), (20, None), (20, 0)]
    assert tables._after(there, 1000) == 0.25


def test_delays_of_a_certain_change(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Project.find(Path(__file__)).manifest(SLUG).experiments["delay"].settings
    given = plan | {"before": 0.3, "after": 1.0, "context": 100, "streams": 20, "watched": 200}
    every, tenth = (alarms.delay(Run(1), **given | {"context": c, "every": e}) for c, e in ((100, 1), (1000, 10)))
    assert 1 <= every.measurements["late"] < 40 and every.measurements["missed"] == 0
    assert tenth.measurements["late"] % 5 == 0 and tenth.measurements["late"] > every.measurements["late"]


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------

CLAIMS = ("E1", "E2", "A1", "T1", "T2", "P1")


def judgements(folder: Path, *names: str) -> dict[str, Judgement]:
    """Quick claims, run here and now on one seed."""
    return run_and_judge(SLUG, names, folder)


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    found = judgements(tmp_path, *CLAIMS)
    assert {name: judgement.holds for name, judgement in found.items()} == dict.fromkeys(CLAIMS, True)


@pytest.mark.parametrize("sabotage", [frozen, flipped])
def test_a_perceptron_that_does_not_learn_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sabotage(monkeypatch)
    assert not judgements(tmp_path, "P1")["P1"].holds


def test_a_monitor_that_never_looks_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(monitor.Track, "beyond", lambda self, level, rule="above": np.zeros(self.p.shape, bool))
    found = judgements(tmp_path, "E1", "E2", "A1", "T1")
    assert not any(judgement.holds for judgement in found.values())


def test_a_minimum_that_is_not_renewed_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first look is taken for the least: a falling error then never comes near it, but the loop differs."""
    original = track

    def wrong(errors: Array, **variant: Any) -> monitor.Track:
        seen = original(errors, **variant)
        first_look = (np.broadcast_to(a[:, :1], a.shape) for a in (seen.p, seen.s))
        return monitor.Track(seen.p, seen.s, *first_look)

    monkeypatch.setattr(alarms, "track", wrong)
    assert not judgements(tmp_path, "E1")["E1"].holds


@pytest.mark.parametrize(("sabotage", "least", "most"), [(None, 0.0, 0.4), (frozen, 0.9, 1.1)])
def test_the_network_gains_by_detection_only_if_it_learns(
    sabotage: Callable[[pytest.MonkeyPatch], None] | None, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sabotage:
        sabotage(monkeypatch)
    plan = Project.find(Path(__file__)).manifest(SLUG).experiments["network"].settings
    found = experiments.network(Run(3), **plan | {"sets": ["SINE1"], "size": 400, "steps": 50}).measurements
    assert least <= found["left"] <= most
