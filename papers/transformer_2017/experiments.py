"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements.

Those that train are in this file; what is exact or drawn at random is in `identities`.
"""

import numpy as np

from core.attention import causal_mask
from core.containers import predict
from core.layer import Array
from firsthand import Result, Run

from . import data
from .decoding import beam_search, greedy, log_probability, penalised
from .identities import complexity, compute, counts, decoding, positions, schedule, scores, smoothing, symmetry
from .model import END, Namer, Sizes, Transformer, words_mask
from .training import accuracy, mean_surprise, minibatches, train

__all__ = [
    "complexity",
    "compute",
    "counts",
    "decoding",
    "positions",
    "reverse",
    "schedule",
    "scores",
    "smoothing",
    "spelling",
    "structure",
    "symmetry",
]


def structure(run: Run, *, training_words: int, test_words: int) -> Result:
    """What the spellings ask of a network, and what reversing asks."""
    known, asked = data.load_words(run, training_words, test_words)
    letters = (known.source > 0).sum(axis=1)
    phonemes = (known.answer > END).sum(axis=1)
    sequences, _ = data.reversals(run.rng("reversal"), 20_000, 16, 10)
    return Result(
        {
            "letters": letters.mean(),
            "lengths_differ": (letters != phonemes).mean(),
            "nearest_bag": data.nearest_error(known, asked, pairs=False),
            "nearest_pairs": data.nearest_error(known, asked, pairs=True),
            "reversal_distance": np.abs(np.arange(16) - np.arange(16)[::-1]).mean(),
            "reversal_bag": data.commonest_share(sequences),
        },
        {"letters": np.bincount(letters), "phonemes": np.bincount(phonemes)},
    )


def reverse(
    run: Run,
    *,
    positions: str,
    scaled: bool,
    heads: int,
    key_size: int,
    length: int,
    symbols: int,
    d_model: int,
    layers: int,
    steps: int,
    batch: int,
    warm_up: int,
) -> Result:
    """An encoder learns to write sequences of random symbols backwards."""
    sizes = Sizes(
        d_model=d_model,
        heads=heads,
        key_size=key_size,
        layers=layers,
        d_ff=2 * d_model,
        dropout=0.0,
        positions=positions,
        scaled=scaled,
        longest=length,
    )
    model = Namer(symbols + END + 1, sizes, rng=run.rng("weights"))
    sequences = run.rng("sequences")

    def draw() -> tuple[tuple[Array], Array]:
        given, backwards = data.reversals(sequences, batch, length, symbols)
        return (given,), backwards

    curve = [
        rightly for _, rightly in train(run, model, draw, d_model=d_model, steps=steps, warm_up=warm_up, smoothing=0.0)
    ]
    looks = curve[9::10]
    given, backwards = data.reversals(run.rng("test"), 500, length, symbols)
    named = predict(model, given)
    return Result(
        {
            "accuracy": accuracy(named, backwards),
            "steps_to_99": next((10 * (look + 1) for look, rightly in enumerate(looks) if rightly >= 0.99), steps),
            "cross_entropy": mean_surprise(lambda ids: predict(model, ids), (given,), backwards),
            "bag_ceiling": data.commonest_share(given),
        },
        {"accuracy": looks, "attention": attention_maps(model, given[:64])},
    )


def attention_maps(model: Namer, ids: Array) -> Array:
    """The weights of every layer and head, mean over the sequences: (layers, H, T, T)."""
    maps, mask = [], words_mask(ids)
    x = predict(model.encoder.embedding, ids)
    y = predict(model.encoder.positions, x)
    for layer in model.encoder.layers:
        maps.append(layer.attention.weights(y, y, mask).mean(axis=0))
        y = predict(layer, y, mask)
    return np.stack(maps)


def spelling(
    run: Run,
    *,
    positions: str,
    heads: int,
    key_size: int,
    dropout: float,
    smoothing: float,
    sounds: str,
    training_words: int,
    test_words: int,
    beam: int,
    d_model: int,
    layers: int,
    steps: int,
    batch: int,
    warm_up: int,
) -> Result:
    """An encoder and decoder learn to turn the spelling of English words and names into their sound."""
    known, asked = data.load_words(run, training_words, test_words)
    if sounds == "shuffled":
        known = known.with_shuffled_sounds(run.rng("shuffle"))
    sizes = Sizes(
        d_model=d_model,
        heads=heads,
        key_size=key_size,
        layers=layers,
        d_ff=4 * d_model,
        dropout=dropout,
        positions=positions,
        longest=asked.answer.shape[1],
    )
    model = Transformer(data.N_WORDS, sizes, rng=run.rng("weights"))
    draw = minibatches((known.source, known.written), known.answer, batch, run.rng("order"))
    losses = [
        loss for loss, _ in train(run, model, draw, d_model=d_model, steps=steps, warm_up=warm_up, smoothing=smoothing)
    ]
    longest = asked.answer.shape[1]
    answers = greedy(model, asked.source, longest)
    beams, scores = beam_search(model, asked.source, beam, longest)
    phoneme_error, word_error = data.error_rate(answers, asked.answer)
    greedy_scores = penalised(log_probability(model, asked.source, answers), answers, 0.6)
    gains = np.where((beams == answers).all(axis=1), 0.0, scores - greedy_scores)  # of one answer: rounding alone

    def surprise(words: data.Words) -> float:
        return mean_surprise(lambda *ids: predict(model, *ids), (words.source, words.written), words.answer)

    return Result(
        {
            "phoneme_error": phoneme_error,
            "beam_error": data.error_rate(beams, asked.answer)[0],
            "word_error": word_error,
            "cross_entropy": surprise(asked),
            "train_cross_entropy": surprise(known[: len(asked.source)]),
            "nearest_bag": data.nearest_error(known, asked, pairs=False),
            "beam_gain": float(gains.mean()),
        },
        {
            "losses": losses[::10],
            "source": asked.source[:4],
            "answers": answers[:4],
            "right": asked.answer[:4],
            "reading": reading_maps(model, data.Words(asked.source[:4], answers[:4])),
        },
    )


def reading_maps(model: Transformer, words: data.Words) -> Array:
    """The weights that the words written give to those read, (layers, N, H, T, S)."""
    maps, seen = [], words_mask(words.source)
    memory = predict(model.encoder, words.source, seen)
    mask = causal_mask(words.written.shape[1])[None]
    x = predict(model.decoder.positions, predict(model.embedding, words.written))
    for layer in model.decoder.layers:
        g = predict(layer.add_attention, x, predict(layer.attention, x, x, mask))
        maps.append(layer.reading.weights(g, memory, seen))
        x = predict(layer, x, memory, mask, seen)
    return np.stack(maps)
