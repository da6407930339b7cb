"""transformer_2017: its gradients, second opinions, decoding against brute force, and sabotage that must be noticed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Array, MultiHeadAttention, check_layer, predict
from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.records import Unit, write
from firsthand.run import Run, execute
from firsthand.verdicts import Judgement, judge
from papers.transformer_2017 import data, table3
from papers.transformer_2017.counting import exponent, multiplications
from papers.transformer_2017.decoding import beam_search, greedy, log_probability, penalised
from papers.transformer_2017.experiments import attention_maps, reading_maps
from papers.transformer_2017.layers import AddNorm, FeedForward, HeadAttention, Positions, TiedEmbedding
from papers.transformer_2017.model import (
    END,
    PADDING,
    START,
    DecoderLayer,
    EncoderLayer,
    Namer,
    Sizes,
    Transformer,
    words_mask,
)
from papers.transformer_2017.training import accuracy, minibatches
from tests.papers.helpers import frozen

SLUG = "transformer_2017"
TINY = Sizes(d_model=6, heads=2, key_size=4, layers=2, d_ff=7, dropout=0.2, longest=9)
SOURCE = np.array([[3, 4, 5, 6], [7, 3, 0, 0]])
TARGET = np.array([[START, 4, 5, 6, 7], [START, 3, 6, 0, 0]])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def tiny(**changes: Any) -> Transformer:
    return Transformer(8, replace(TINY, **changes), rng=rng())


# -- gradients ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaled", [True, False])
def test_attention_keeps_the_contract(scaled: bool) -> None:
    mask = np.ones((2, 1, 5), bool)
    mask[1, 0, 3:] = False
    layer = HeadAttention(6, 2, 4, 3, rng=rng(), scaled=scaled)
    check_layer(layer, rng(1).normal(size=(2, 4, 6)), rng(2).normal(size=(2, 5, 6)), mask)


def test_the_parts_keep_the_contract() -> None:
    x = rng(1).normal(size=(2, 4, 6))
    check_layer(AddNorm(6, 0.2, rng=rng()), x, rng(2).normal(size=x.shape))
    check_layer(FeedForward(6, 7, rng=rng()), x)
    check_layer(Positions("learned", 4, 6, rng=rng()), x)
    check_layer(TiedEmbedding(8, 6, rng=rng()), SOURCE)


def test_encoder_and_decoder_layers_keep_the_contract() -> None:
    x, memory = rng(1).normal(size=(2, 5, 6)), rng(2).normal(size=(2, 4, 6))
    seen, causal = words_mask(SOURCE), np.tri(5, dtype=bool)[None]
    check_layer(EncoderLayer(TINY, rng=rng()), memory, seen)
    check_layer(DecoderLayer(TINY, rng=rng()), x, memory, causal, seen)


def test_whole_models_keep_the_contract() -> None:
    check_layer(Namer(8, replace(TINY, positions="learned", layers=1), rng=rng()), SOURCE)
    check_layer(tiny(layers=1), SOURCE, TARGET)


def slope_error(model: Transformer) -> float:
    """How far the gradient is from a central difference, relative to it, along one direction of all Params together."""
    model.astype(np.float64)
    params = [p for _, p in model.named_params()]
    step = [1e-6 * rng(n).normal(size=p.data.shape) for n, p in enumerate(params)]
    y, backward = model(SOURCE, TARGET)
    cotangent = rng(1).normal(size=y.shape)
    backward(cotangent)
    claimed = sum(float(np.vdot(p.grad, s)) for p, s in zip(params, step, strict=True))
    ends = []
    for sign in (1, -2):  # there, and back to the other side
        for p, s in zip(params, step, strict=True):
            p.data = p.data + sign * s
        ends.append(float(np.vdot(cotangent, model(SOURCE, TARGET)[0])))
    measured = (ends[0] - ends[1]) / 2
    return abs(claimed - measured) / abs(measured)


def test_two_layers_add_their_gradients_of_memory_and_embedding() -> None:
    assert slope_error(tiny(dropout=0.0)) < 1e-6


@pytest.mark.parametrize("use", ["__call__", "scores"])
def test_no_use_of_the_embedding_may_be_forgotten(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(TiedEmbedding, use)

    def forgetful(self: TiedEmbedding, x: Array) -> tuple[Array, Callable[[Array], Any]]:
        y, backward = original(self, x)

        def wrong(dy: Array) -> Any:
            held = self.words.W.grad.copy()
            result = backward(dy)
            self.words.W.grad = held
            return result

        return y, wrong

    monkeypatch.setattr(TiedEmbedding, use, forgetful)
    assert slope_error(tiny(dropout=0.0)) > 1e-2


def test_a_backward_runs_once() -> None:
    y, backward = tiny()(SOURCE, TARGET)
    backward(np.ones_like(y))
    with pytest.raises(RuntimeError, match="spent"):
        backward(np.ones_like(y))


# -- second opinions ---------------------------------------------------------------------------------------------------


def test_attention_is_that_of_core_where_both_are_defined() -> None:
    ours, core = HeadAttention(6, 2, 3, 3, rng=rng()), MultiHeadAttention(6, 2, rng=rng())
    for mine, theirs in ((ours.q, core.W_q), (ours.k, core.W_k), (ours.v, core.W_v), (ours.output, core.W_o)):
        mine.W.data = theirs.data
    x, memory = (rng(s).normal(size=(2, 4 + s, 6)).astype(np.float32) for s in (0, 1))
    mask = np.ones((2, 1, 5), bool)
    np.testing.assert_allclose(predict(ours, x, memory, mask), predict(core, x, memory, memory, mask), atol=1e-6)


def test_attention_against_loops() -> None:
    layer = HeadAttention(6, 2, 4, 3, rng=rng(), scaled=False).astype(np.float64)
    x, memory = rng(1).normal(size=(2, 4, 6)), rng(2).normal(size=(2, 5, 6))
    y, _ = layer(x, memory, np.ones((1, 1, 5), bool))
    for n in range(2):
        for t in range(4):
            heads = []
            for h in range(2):
                keys, values = slice(4 * h, 4 * h + 4), slice(3 * h, 3 * h + 3)
                q = x[n, t] @ layer.q.W.data[:, keys]
                weights = np.exp([q @ (m @ layer.k.W.data[:, keys]) for m in memory[n]])
                v = memory[n] @ layer.v.W.data[:, values]
                heads.append((weights[:, None] * v).sum(axis=0) / weights.sum())
            np.testing.assert_allclose(y[n, t], np.concatenate(heads) @ layer.output.W.data, atol=1e-12)


def test_a_decoder_layer_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    ours = DecoderLayer(Sizes(d_model=6, heads=2, key_size=3, d_ff=7, dropout=0.0), rng=rng()).astype(np.float64)
    theirs = torch.nn.TransformerDecoderLayer(6, 2, 7, 0.0, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for mine, other in ((ours.attention, theirs.self_attn), (ours.reading, theirs.multihead_attn)):
            W = np.concatenate([layer.W.data for layer in (mine.q, mine.k, mine.v)], axis=1)
            other.in_proj_weight.copy_(torch.tensor(W.T.copy()))
            other.out_proj.weight.copy_(torch.tensor(mine.output.W.data.T.copy()))
            other.in_proj_bias.zero_()
            other.out_proj.bias.zero_()
        for inner, linear in ((ours.feed.inner, theirs.linear1), (ours.feed.outer, theirs.linear2)):
            linear.weight.copy_(torch.tensor(inner.W.data.T.copy()))
            linear.bias.zero_()
    x, memory, dy = (rng(s).normal(size=(2, n, 6)) for s, n in ((1, 5), (2, 4), (3, 5)))
    causal = np.tri(5, dtype=bool)
    y, backward = ours(x, memory, causal[None], np.ones((1, 1, 4), bool))
    dx, dmemory, _, _ = backward(dy)
    x_t, memory_t = (torch.tensor(a, requires_grad=True) for a in (x, memory))
    y_t = theirs(x_t, memory_t, tgt_mask=torch.tensor(~causal))
    y_t.backward(torch.tensor(dy))
    for mine_a, other_a in ((y, y_t.detach()), (dx, x_t.grad), (dmemory, memory_t.grad)):
        np.testing.assert_allclose(mine_a, other_a.numpy(), atol=1e-10)
    W = theirs.self_attn.in_proj_weight.grad.numpy().T
    ours_W = np.concatenate([layer.W.grad for layer in (ours.attention.q, ours.attention.k, ours.attention.v)], axis=1)
    np.testing.assert_allclose(ours_W, W, atol=1e-10)


def test_padding_changes_nothing() -> None:
    model = tiny(dropout=0.0).astype(np.float64)
    short = predict(model, SOURCE[1:, :2], TARGET[1:, :3])
    longer = predict(model, SOURCE[1:], TARGET[1:])
    np.testing.assert_allclose(longer[:, :3], short, atol=1e-12)


def test_weights_are_those_that_attention_uses() -> None:
    namer = Namer(8, replace(TINY, dropout=0.0), rng=rng())
    maps = attention_maps(namer, SOURCE[:1])
    assert maps.shape == (2, 2, 4, 4)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-6)
    words = data.Words(SOURCE, np.array([[4, 5, END], [3, END, 0]]))
    reading = reading_maps(tiny(), words)
    assert reading.shape == (2, 2, 2, 3, 4)
    np.testing.assert_allclose(reading.sum(axis=-1), 1, atol=1e-6)
    assert not reading[:, 1, :, :, 2:].any()  # padding is not looked at


# -- decoding ----------------------------------------------------------------------------------------------------------


def test_greedy_is_the_likeliest_word_at_every_step() -> None:
    model = tiny(dropout=0.5)  # decoding is in evaluation mode
    written = greedy(model, SOURCE, 5)
    for t in range(5):
        before = np.concatenate([np.full((2, 1), START), written[:, :t]], axis=1)
        scores = predict(model, SOURCE, before)[:, -1]
        scores[:, [PADDING, START]] = -np.inf
        done = (written[:, :t] == END).any(axis=1)
        np.testing.assert_array_equal(written[:, t], np.where(done, PADDING, scores.argmax(axis=1)))


@settings(max_examples=10, deadline=None)
@given(width=st.integers(1, 6), seed=st.integers(0, 99))
def test_a_beam_knows_its_own_scores(width: int, seed: int) -> None:
    model = Transformer(8, TINY, rng=rng(seed)).astype(np.float64)
    written, scores = beam_search(model, SOURCE, width, 5)
    again = penalised(log_probability(model, SOURCE, written), written, 0.6)
    np.testing.assert_allclose(scores, again, atol=1e-10)
    for row in written:
        end = np.flatnonzero(row == END)
        assert not len(end) or not row[end[0] + 1 :].any()


# -- counts and data ---------------------------------------------------------------------------------------------------


def test_formula_and_layers_agree_for_other_sizes() -> None:
    sizes = Sizes(d_model=12, heads=3, key_size=5, layers=2, d_ff=7)
    row = table3.Row("", 0, layers=2, d_model=12, d_ff=7, heads=3, key_size=5, value_size=4)
    built = 2 * (table3.size(EncoderLayer(sizes, rng=rng())) + table3.size(DecoderLayer(sizes, rng=rng())))
    assert built == table3.parameters(row)
    whole = Transformer(11, sizes, rng=rng())
    assert table3.size(whole) == built + 11 * 12  # one embedding, however often it is used


@given(millions=st.integers(50, 200), parameters=st.integers(40_000_000, 49_000_000))
def test_an_interval_holds_what_rounds_as_printed_and_no_more(millions: int, parameters: int) -> None:
    row = replace(table3.BASE, millions=millions)
    low, high = table3.interval(row, parameters)

    def near(words: int) -> bool:
        return millions - 0.5 <= (parameters + words * row.d_model) / 1e6 < millions + 0.5

    assert [near(words) for words in (low - 1, low, high, high + 1)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("attention", lambda n, d: 2 * n * n * d),
        ("projected attention", lambda n, d: 4 * n * d * d + 2 * n * n * d),
        ("simple recurrence", lambda n, d: 2 * n * d * d),
        ("lstm", lambda n, d: 8 * n * d * d),
        ("convolution", lambda n, d: 3 * n * d * d),
    ],
)
def test_multiplications_are_counted_as_they_are_done(layer: str, expected: Callable[[int, int], int]) -> None:
    assert multiplications(layer, 5, 7) == expected(5, 7)
    assert exponent((2, 4, 8), [12, 48, 192]) == pytest.approx(2)


def test_edits_and_error_rates() -> None:
    assert data.edit_distance([1, 2, 3], [1, 3]) == 1 and data.edit_distance([], [1, 2]) == 2
    assert data.edit_distance([1, 2, 3, 4], [2, 3, 4, 5]) == 2
    right = np.array([[5, 6, 7, END], [5, END, 0, 0]])
    assert data.error_rate(right, right) == (0.0, 0.0)
    assert data.error_rate(np.array([[5, 7, END, 9], [5, END, 8, 8]]), right) == (0.25, 0.5)


def test_words_are_spelled_and_sounded_as_the_vocabulary_says() -> None:
    known, asked = data.load_words(Run(0, ("cmudict",)), 10, 5)
    assert known.source.shape == (10, 7) and asked.answer.shape == (5, 8)
    spelled = "".join(chr(ord("a") + word - data.FIRST_LETTER) for word in known.source[0] if word)
    assert spelled == "yeske" and (known.source[0] < data.FIRST_PHONEME).all()
    first = known.answer[0]
    assert first[4] == END and first[5:].tolist() == [0, 0, 0] and first[:4].min() >= data.FIRST_PHONEME
    assert known.written[0].tolist() == [START, *first[:4], 0, 0, 0]
    shuffled = known.with_shuffled_sounds(rng())
    assert (shuffled.answer != known.answer).any() and (np.sort(shuffled.answer, 0) == np.sort(known.answer, 0)).all()


def test_a_bag_forgets_the_order_and_pairs_do_not() -> None:
    words = data.Words(np.array([[3, 4, 5], [5, 4, 3]]), np.array([[30, END], [31, END]]))
    backwards = data.Words(words.source[::-1], words.answer[::-1])
    assert data.nearest_error(words, backwards, pairs=False) == 0.5  # the first of two equals, right once
    assert data.nearest_error(words, backwards, pairs=True) == 0.0


def test_reversals_and_what_their_bags_tell() -> None:
    given_, backwards = data.reversals(rng(), 50, 8, 5)
    assert (given_[:, ::-1] == backwards).all() and given_.min() > END
    assert data.commonest_share(np.array([[3, 3, 4, 5], [3, 4, 5, 6]])) == (0.5 + 0.25) / 2


def test_batches_cover_a_pass_and_come_in_a_new_order() -> None:
    x = np.arange(10)
    draw_batch = minibatches((x,), x, 5, rng())
    passes = [np.concatenate([draw_batch()[1] for _ in range(2)]) for _ in range(2)]
    assert all(sorted(words) == list(range(10)) for words in passes) and (passes[0] != passes[1]).any()
    assert accuracy(np.eye(4)[None], np.array([[0, 1, 1, 3]])) == 2 / 3  # padding does not count


# -- the claims of the quick tier, and what must break them ------------------------------------------------------------


def reversal(folder: Path) -> Judgement:
    """The quick claim on reversal, run here and now on one seed."""
    project = Project.find(Path(__file__))
    manifest = project.manifest(SLUG)
    claim = manifest.claim("V0")
    for unit in units_of(SLUG, manifest, [claim], seeds=[100]):
        write(execute(project, unit), folder)
    return judge(claim, manifest, Evidence(project, SLUG, folder), [100])


def flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient that attention sends back to its queries has the wrong sign."""
    original = HeadAttention.__call__

    def call(self: HeadAttention, query: Array, memory: Array, mask: Array) -> tuple[Array, Callable[[Array], Any]]:
        y, backward = original(self, query, memory, mask)

        def wrong(dy: Array) -> Any:
            result = backward(dy)
            for layer in (self.v, self.q):
                layer.W.grad = -layer.W.grad
            return result

        return y, wrong

    monkeypatch.setattr(HeadAttention, "__call__", call)


def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    original = data.reversals

    def wrong(generator: np.random.Generator, *sizes: int) -> tuple[Array, Array]:
        given_, backwards = original(generator, *sizes)
        return given_, generator.permutation(backwards)

    monkeypatch.setattr(data, "reversals", wrong)


def masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place may look at itself and at what came before, which is too little to write backwards."""
    monkeypatch.setattr("papers.transformer_2017.model.words_mask", lambda ids: np.tri(ids.shape[1], dtype=bool)[None])


def test_the_claim_holds_without_sabotage(tmp_path: Path) -> None:
    assert reversal(tmp_path).verdict == "agrees, scaled"


@pytest.mark.parametrize("sabotage", [frozen, flipped, shuffled, masked])
def test_sabotage_is_noticed(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sabotage(monkeypatch)
    try:
        assert reversal(tmp_path).holds is False
    except FirsthandError as error:
        assert "training diverged" in str(error)


def test_a_run_is_the_same_twice() -> None:
    project = Project.find(Path(__file__))
    experiment = project.manifest(SLUG).experiments["spelling"]
    unit = Unit(SLUG, "spelling", experiment.settings | (experiment.fingerprint or {}), 5)
    first, second = execute(project, unit), execute(project, unit)
    assert first.measurements == second.measurements and first.arrays == second.arrays
