"""elman_1990: the gradient and what its truncation leaves out, trials that do not meet, and sabotage of the claims."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, GradientError, check_layer
from firsthand.errors import FirsthandError
from firsthand.project import Project
from firsthand.run import Run
from firsthand.verdicts import Judgement
from papers.elman_1990 import classes, data, experiments, grammar
from papers.elman_1990.model import SimpleRecurrent, at_once, errors, learn_to_predict
from tests.papers.helpers import flipped, frozen, run_and_judge

SLUG = "elman_1990"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def network(trials: int = 2, *, n_out: int = 2, through_time: bool = False, context: bool = True) -> SimpleRecurrent:
    rngs = [rng(trial) for trial in range(trials)]
    return SimpleRecurrent(3, 4, n_out, rngs=rngs, width=1.0, through_time=through_time, context=context)


def inputs(trials: int, steps: int) -> tuple[Array, Array]:
    return rng(1).normal(size=(trials, steps, 3)), rng(2).normal(size=(trials, 4))


@settings(max_examples=5, deadline=None)
@given(trials=st.integers(1, 3), steps=st.integers(1, 4))
def test_the_gradient_through_time_keeps_the_contract(trials: int, steps: int) -> None:
    check_layer(network(trials, through_time=True), *inputs(trials, steps))


def test_one_step_with_a_given_context_keeps_the_contract() -> None:
    check_layer(network(), *inputs(2, 1))


def test_without_context_there_is_no_gradient_to_carry() -> None:
    check_layer(network(context=False), *inputs(2, 3))


def test_the_truncated_gradient_is_not_that_of_several_steps() -> None:
    with pytest.raises(GradientError, match="dx is wrong at 0, 1 along axis 1"):
        check_layer(network(), *inputs(2, 3))


def test_truncation_leaves_out_what_comes_through_the_context() -> None:
    """Where no unit listens to the context, there is nothing to leave out; else there is."""

    def grads(through_time: bool, deaf: bool) -> list[Array]:
        net = network(through_time=through_time)
        if deaf:
            net.W.data[:, 3:-1] = 0
        (y, h), backward = net(*inputs(2, 5))
        backward(rng(3).normal(size=y.shape), np.zeros_like(h))
        return [net.W.grad, net.V.grad]

    for full, cut in zip(grads(True, deaf=True), grads(False, deaf=True), strict=True):
        np.testing.assert_array_equal(full, cut)
    assert not np.allclose(grads(True, deaf=False)[0], grads(False, deaf=False)[0])


def test_against_loops() -> None:
    net, (x, h) = network(), inputs(2, 3)
    (y, last), _ = net(x, h)
    for trial in range(2):
        W, V, before = net.W.data[trial], net.V.data[trial], h[trial]
        for t in range(3):
            seen = [*x[trial, t], *before, 1.0]
            before = np.array([1 / (1 + np.exp(-sum(s * W[i, j] for i, s in enumerate(seen)))) for j in range(4)])
            out = [1 / (1 + np.exp(-sum(s * V[i, j] for i, s in enumerate([*before, 1.0])))) for j in range(2)]
            np.testing.assert_allclose(y[trial, t], out, rtol=1e-12)
        np.testing.assert_allclose(last[trial], before, rtol=1e-12)


def test_a_trial_does_not_depend_on_its_neighbours() -> None:
    stream = rng(4).integers(0, 2, (7, 40, 3)).astype(float)
    many, few = network(7, n_out=3), network(2, n_out=3)
    learn_to_predict(Run(0), many, stream, passes=3, rate=0.5)
    learn_to_predict(Run(0), few, stream[:2], passes=3, rate=0.5)
    np.testing.assert_array_equal(many.W.data[:2], few.W.data)
    np.testing.assert_array_equal(many.V.data[:2], few.V.data)


def test_the_hidden_layer_is_carried_from_window_to_window() -> None:
    net, (x, h) = network(), inputs(2, 5)
    (whole, _), _ = net(x, h)
    (first, h), _ = net(x[:, :2], h)
    (second, _), _ = net(x[:, 2:], h)
    np.testing.assert_array_equal(whole, np.concatenate([first, second], axis=1))


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"SimpleRecurrent.*expected x \(2, T, 3\), h \(2, 4\)"):
        network()(np.zeros((2, 5, 4)), np.zeros((2, 4)))


# -- the streams -------------------------------------------------------------------------------------------------------


def test_triples() -> None:
    bits = data.triples(rng(), 3000)
    assert (bits[2::3] == bits[::3] ^ bits[1::3]).all() and len(bits) == 3000
    assert all(abs(bits[place::3].mean() - 0.5) < 0.05 for place in range(3))
    assert data.triples(rng(), 7, "one triple").tolist() == [0, 1, 1, 0, 1, 1, 0]


def test_syllables_and_sentences() -> None:
    letters, places = data.syllables(rng(), 3000)
    assert len(letters) == len(places) == 3000
    assert set("".join(c if place else f" {c}" for c, place in zip(letters, places, strict=True)).split()[:-1]) == set(
        data.SYLLABLES
    )
    letters, places = data.sentences(rng(), 4963)
    read = "".join(c if place else f" {c}" for c, place in zip(letters, places, strict=True)).split()
    assert set(read[:-1]) == set(data.WORDS) and len(data.WORDS) == 15
    assert data.syllables(rng(), 9, "fixed")[0] == "badiiguuu"


def test_vectors_are_those_of_the_tables() -> None:
    assert len({tuple(vector) for vector in data.letter_vectors("bdgaiu")}) == 6
    assert [data.alphabet_code(letter) for letter in data.READ_CODES] == list(data.READ_CODES.values())


@pytest.mark.parametrize(("pairs", "bits"), [("aa ab", 1), ("ab ba", 0), ("ab ac ad ae", 2)])
def test_entropy(pairs: str, bits: float) -> None:
    assert experiments._entropy((first, second) for first, second in pairs.split()) == pytest.approx(bits)


def test_structure_of_the_bits() -> None:
    found = experiments.structure(Run(0), task="bits", symbols=20000).measurements
    one_in_three = np.log2(3) - 2 / 3  # bits in a choice with probability 1/3
    expected = {"entropy_0": 1, "entropy_1": 1, "entropy_2": one_in_three, "entropy_place": 2 / 3, "entropy_free": 1}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=0.01)


def test_the_places_of_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One who knows third bits, and answers the last two bits' exclusive or elsewhere by 1/4 or 3/4."""

    def oracle(_: SimpleRecurrent, stream: Array) -> tuple[Array, Array]:
        y = np.full(stream[:, 1:].shape, 0.5)
        unequal = stream[:, :-2] != stream[:, 1:-1]
        y[:, 1:] = np.where(unequal, 0.75, 0.25)
        y[:, 1::3] = stream[:, 2::3]
        return y, y - stream[:, 1:]

    monkeypatch.setattr(experiments, "errors", oracle)
    settings = Project.find(Path(__file__)).manifest(SLUG).experiments["bits"].settings
    found = experiments.bits(Run(0), **settings | {"passes": 1, "length": 30, "trials": 2})
    assert found.measurements["third"] == 0 and found.measurements["dips"] == 1
    assert found.measurements["free"] == pytest.approx(0.25**0.5 * 1.118, rel=0.01)  # sqrt((1/16 + 9/16) / 2)
    np.testing.assert_allclose(found.arrays["more_after_unequal"], [[1, 0.5, 0.5]] * 2)
    assert not np.array(found.arrays["profile"])[:, ::3].any()


# -- words in sentences -----------------------------------------------------------------------------------------------


MANY = grammar.sentences(rng(1), 20000)


def test_the_grammar() -> None:
    assert len(grammar.LEXICON) == 29 and sum(grammar.probabilities().values()) == pytest.approx(1)
    assert not {"man", "sandwich"} - set(grammar.LEXICON[: grammar.NOUNS]) and "eat" in grammar.LEXICON[grammar.NOUNS :]
    assert set(MANY) <= set(grammar.probabilities()) and len(set(MANY)) > 0.95 * len(grammar.probabilities())
    assert sum(map(len, MANY)) / len(MANY) == pytest.approx(2.75, abs=0.02)


@pytest.mark.parametrize(
    "so_far", [("man",), ("dragon",), ("cat", "move"), ("woman", "eat", "bread"), ("girl", "break")]
)
def test_what_may_follow(so_far: tuple[str, ...]) -> None:
    """Against counts: of the words after the same beginning of a sentence, whether it goes on or another one begins."""
    counts = np.zeros(29)
    for one, then in pairwise(MANY):
        if one[: len(so_far)] == so_far:
            counts[grammar.LEXICON.index((one + then)[len(so_far)])] += 1
    np.testing.assert_allclose(grammar.following(so_far), counts / counts.sum(), atol=5 / np.sqrt(counts.sum()))
    assert grammar.following(so_far).sum() == pytest.approx(1)


def test_linkage_joins_what_is_near() -> None:
    points = np.array([[0.0], [10.0], [1.0], [12.0], [50.0]])
    assert classes.linkage(points) == [(0, 2, 1.0), (1, 3, 2.0), (5, 6, 10.5), (4, 7, pytest.approx(44.25))]


def test_nouns_and_verbs_apart() -> None:
    noun = np.arange(29) < grammar.NOUNS
    points = np.where(noun, 0.0, 9.0)[:, None] + 0.01 * np.arange(29)[:, None]
    assert classes.nearest_alike(points) == 1 and classes.split(classes.linkage(points)) == 1
    points[28] = 100  # a verb far from all
    assert classes.nearest_alike(points) == 1 and classes.split(classes.linkage(points)) == 19 / 29
    points[0] = 9.5  # a noun among verbs
    assert classes.nearest_alike(points) < 1


def test_one_who_knows_the_grammar_is_at_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"context": "hidden", "stream": "sentences", "count": 400, "hidden": 2, "passes": 1, "rate": 0.1}
    _, likelihood = classes._words(Run(0), "test", "sentences", 400)
    layers = rng().normal(size=(len(likelihood), 2))
    monkeypatch.setattr(classes, "answers", lambda network, stream: (likelihood, layers))
    found = classes.classes(Run(0), **settings).measurements
    assert found["distance"] == 0 and found["over_floor"] == 1 and found["cosine"] == pytest.approx(1)
    assert 0.85 < found["floor"] < 0.95


def test_the_stream_of_the_control_is_out_of_order() -> None:
    words, likelihood = classes._words(Run(0), "train", "sentences", 50)
    shuffled, _ = classes._words(Run(0), "train", "shuffled words", 50)
    assert sorted(words) == sorted(shuffled) and (words != shuffled).any()
    assert likelihood.shape == (len(words), 31) and (likelihood[np.arange(len(words) - 1), words[1:]] > 0).all()


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


def judgements(folder: Path) -> dict[str, Judgement]:
    """The empirical quick claims, run here and now on one seed."""
    return run_and_judge(SLUG, ["L0", "L0-known"], folder)


def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The letters to learn from come in any order."""
    original = experiments.learn_to_predict

    def learn(run: Run, net: SimpleRecurrent, stream: Array, *, passes: int, rate: float, seen: int) -> None:
        original(run, net, rng(run.seed).permutation(stream, axis=1), passes=passes, rate=rate, seen=seen)

    monkeypatch.setattr(experiments, "learn_to_predict", learn)


def test_the_claims_hold_without_sabotage(tmp_path: Path) -> None:
    assert [judgement.verdict for judgement in judgements(tmp_path).values()] == ["agrees, scaled"] * 2


@pytest.mark.parametrize("sabotage", [frozen, flipped, shuffled])
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sabotage(monkeypatch)
    found = judgements(tmp_path)
    assert {claim: judgement.holds for claim, judgement in found.items()} == {"L0": False, "L0-known": False}


def test_a_gradient_through_time_is_noticed() -> None:
    """E1 notices a gradient that is carried through time."""
    project = Project.find(Path(__file__))
    claim = project.manifest(SLUG).claim("E1")
    settings = project.manifest(SLUG).experiments["gradient"].settings
    right = experiments.gradient(Run(7), **settings).measurements["difference"]
    wrong = experiments.gradient(Run(7), **settings | {"gradient": "through time"}).measurements["difference"]
    assert claim.accept.contains(right) and not claim.accept.contains(wrong)


def test_a_run_that_diverges_is_stopped() -> None:
    net = network(2, n_out=3)
    net.W.data[:] = np.nan
    with pytest.raises(FirsthandError, match="training diverged"):
        learn_to_predict(Run(3), net, np.ones((2, 4, 3)), passes=1, rate=0.1)


def test_errors_are_against_the_next_symbol() -> None:
    net = network(2, n_out=3)
    net.V.data[:] = 0  # every answer is 1/2
    stream = rng(5).integers(0, 2, (2, 6, 3)).astype(float)
    _, error = errors(net, stream)
    np.testing.assert_allclose(error, 0.5 - stream[:, 1:])


def test_several_elements_at_once() -> None:
    """The last two elements side by side, the newest first; before the first comes the last, as in training."""
    stream = np.arange(4.0).reshape(1, 4, 1)
    np.testing.assert_array_equal(at_once(stream, 2)[0], [[0, 3], [1, 0], [2, 1], [3, 2]])
    np.testing.assert_array_equal(at_once(stream, 1), stream)
