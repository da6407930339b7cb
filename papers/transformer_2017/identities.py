"""The experiments that train nothing: counts, identities, and what follows from random queries and keys."""

import itertools
import math
from dataclasses import replace

import numpy as np

from core.containers import predict
from core.layer import Array
from core.losses import softmax_cross_entropy
from core.positions import sinusoidal
from core.schedules import transformer
from firsthand import Result, Run

from . import table3
from .counting import exponent, multiplications
from .decoding import Cache, beam_search, greedy, log_probability, log_softmax, penalised
from .model import END, PADDING, START, Namer, Sizes, Transformer, words_mask

SMALL = Sizes(d_model=16, heads=2, key_size=8, layers=2, d_ff=32, dropout=0.0, longest=16)
HOUR, DAY = 3600, 24 * 3600


def counts(run: Run, *, rows: str, values: str, head_size: str, attention_biases: bool) -> Result:
    """The parameters of table 3, and the vocabularies under which they come out as printed."""
    chosen: tuple[table3.Row, ...] = (table3.BIG,) if rows == "big" else table3.ROWS
    if values == "as keys":
        chosen = tuple(replace(row, value_size=row.key_size) for row in chosen)
    intervals = [table3.interval(row, table3.parameters(row)) for row in chosen]
    low, high = table3.common(intervals)
    size = 64 if head_size == "fixed" else None
    by_heads = [
        table3.parameters(replace(table3.BASE, heads=h, key_size=size or 512 // h, value_size=size or 512 // h))
        for h in table3.HEADS
    ]
    encoder, decoder = table3.counted(attention_biases)
    vocabulary = (low + high) / 2
    every = (*table3.ROWS, table3.BIG)
    return Result(
        {
            "layers": encoder + decoder,
            "formula": table3.parameters(table3.BASE),
            "encoder": encoder,
            "heads_spread": max(by_heads) - min(by_heads),
            "vocabularies": max(0, high - low + 1),
            "vocabulary": vocabulary,
            "big_millions": (table3.parameters(table3.BIG) + vocabulary * table3.BIG.d_model) / 1e6,
        },
        {
            "names": [row.name for row in every],
            "millions": [row.millions for row in every],
            "parameters": [table3.parameters(row) for row in every],
            "intervals": [table3.interval(row, table3.parameters(row)) for row in every],
            "common": (low, high),
        },
    )


def compute(run: Run, *, devices: int, teraflops: float) -> Result:
    """Time, times devices, times speed."""
    speed = devices * teraflops * 1e12
    return Result({"base_flops": 12 * HOUR * speed, "big_flops": 3.5 * DAY * speed})


def scores(run: Run, *, d_k: int, scaled: bool, entries: str, queries: int) -> Result:
    """Products of random queries and keys, and the softmax of 64 of them at a time."""
    rng = run.rng("entries")

    def draw(n: int) -> Array:
        return rng.normal(size=(n, d_k)) if entries == "normal" else rng.uniform(-1, 1, size=(n, d_k))

    q = draw(queries)
    products = np.stack([draw(64) @ query for query in q])  # (queries, 64)
    S = products / math.sqrt(d_k) if scaled else products
    P = np.exp(log_softmax(S))
    # the Jacobian diag(p) - p p^T: p_i (1 - p_i) on the diagonal, - p_i p_j beside it
    off = P[:, :, None] * P[:, None, :] * (1 - np.eye(64))
    norms = np.sqrt(((P * (1 - P)) ** 2).sum(axis=1) + (off**2).sum(axis=(1, 2)))
    return Result(
        {
            "variance": S.var(),
            "variance_per_entry": products.var() / d_k,
            "largest_weight": P.max(axis=1).mean(),
            "gradient": np.median(norms),
            "mean_gradient": norms.mean(),
            "entropy": -(P * np.log(np.maximum(P, 1e-300))).sum(axis=1).mean(),
        },
        {"sorted_weights": -np.sort(-P, axis=1).mean(axis=0), "scores": np.percentile(S, np.arange(101))},
    )


def positions(run: Run, *, table: str, denominators: str, d_model: int, length: int) -> Result:
    """The table of encodings against what the paper says of it."""
    i = np.arange(d_model // 2)
    ends = d_model - 2 if denominators == "reaching the end" else d_model
    angle = 10000.0 ** (-2 * i / ends)  # of the pair 2i, 2i + 1, for each position
    if denominators == "as printed":
        PE = sinusoidal(length, d_model, dtype=np.float64)
    else:
        turns = np.arange(length)[:, None] * angle
        PE = np.stack([np.sin(turns), np.cos(turns)], axis=-1).reshape(length, d_model)
    measured = np.arctan2(PE[1, 0::2], PE[1, 1::2])  # the angles that are in the table
    if table == "random":
        PE = run.rng("table").normal(size=PE.shape)
    pairs = PE.reshape(length, -1, 2)  # sin, cos
    errors, unmoved = [], []
    for k in (1, 7, 100):
        c, s = np.cos(k * angle), np.sin(k * angle)
        sines = pairs[..., 0] * c + pairs[..., 1] * s  # sin(a + b) = sin a cos b + cos a sin b
        cosines = pairs[..., 1] * c - pairs[..., 0] * s  # cos(a + b) = cos a cos b - sin a sin b
        moved = np.stack([sines, cosines], axis=-1)
        errors.append(np.abs(moved[:-k] - pairs[k:]).max())
        unmoved.append(np.abs(pairs[:-k] - pairs[k:]).max())
    gram = PE @ PE.T
    apart = [np.ptp(np.diagonal(gram, k)) for k in range(length // 2)]
    return Result(
        {
            "shift_error": max(errors),
            "unmoved_error": max(unmoved),
            "gram_error": max(apart),
            "longest_wavelength": 2 * math.pi / measured.min(),
            "shortest_wavelength": 2 * math.pi / measured.max(),
        },
        {"table": sinusoidal(64, 64), "products": gram[0, :64] / gram[0, 0]},
    )


def schedule(run: Run, *, d_model: int, warm_up: int) -> Result:
    """The rate over 100,000 steps."""
    rate = transformer(d_model, warm_up)
    rates = [rate(step) for step in range(100_000)]
    peak = int(np.argmax(rates))
    return Result({"peak_step": peak + 1, "peak_rate": rates[peak], "last_rate": rates[-1]}, {"rates": rates[::500]})


def smoothing(run: Run, *, epsilon: float, classes: int, stretch: float) -> Result:
    """The smoothed loss and its gradient where softmax gives the smoothed target."""
    target = np.full(classes, epsilon / classes)
    target[0] += 1 - epsilon
    logits, label = stretch * np.log(target)[None], np.zeros(1, int)
    floor, backward = softmax_cross_entropy(logits, label, smoothing=epsilon)
    sure = np.where(np.arange(classes) == 0, 1000.0, 0.0)[None]
    sharp, _ = softmax_cross_entropy(sure, label)
    return Result({"floor": floor, "gradient": np.abs(backward()).max(), "sharp_floor": sharp})


def symmetry(run: Run, *, positions: str, causal: bool) -> Result:
    """A permuted input of an encoder, and a change late in the input of a decoder."""
    sizes = replace(SMALL, positions=positions)
    namer = Namer(20, sizes, rng=run.rng("weights")).astype(np.float64)
    ids = run.rng("ids").permuted(np.tile(np.arange(3, 15), (4, 1)), axis=1)  # (4, 12), no word twice
    order = np.roll(np.arange(12), 5)
    y, permuted = predict(namer, ids), predict(namer, ids[:, order])
    scale = np.abs(y).max()
    model = Transformer(20, replace(SMALL, positions="sinusoids"), rng=run.rng("decoder")).astype(np.float64)
    changed = ids.copy()
    changed[:, 7:] = ids[:, :6:-1]
    seen = words_mask(ids)
    memory = predict(model.encoder, ids, seen)
    mask = np.tri(12, dtype=bool)[None] if causal else np.ones((1, 12, 12), bool)
    before, after = (predict(model.decoder, given, memory, mask, seen) for given in (ids, changed))
    change = np.abs(before - after)
    return Result(
        {
            "permutation_error": np.abs(permuted - y[:, order]).max() / scale,
            "order_kept_error": np.abs(permuted - y).max() / scale,
            "future": change[:, :7].max(),
            "past": change[:, 7:].max(),
        }
    )


def complexity(run: Run, *, layer: str, projections: bool, opponent: str) -> Result:
    """Exponents of n, d and k in the multiplications of a layer, and where attention and a recurrence cost the same."""
    attention = "projected attention" if projections else "attention"
    names = {"attention": attention, "recurrent": "simple recurrence", "convolution": "convolution"}
    name, sizes, kernels = names[layer], (16, 32, 64, 128), (3, 5, 9)
    by_n = [multiplications(name, n, 32) for n in sizes]
    by_d = [multiplications(name, 32, d) for d in sizes]
    by_k = [multiplications(name, 32, 32, k) for k in kernels]
    d = 32
    lengths = range(d // 2, 4 * d + 1, d // 2)
    cheaper = [n for n in lengths if multiplications(attention, n, d) <= multiplications(opponent, n, d)]
    crossover = max(cheaper, default=0) / d
    return Result(
        {
            "exponent_n": exponent(sizes, by_n),
            "exponent_d": exponent(sizes, by_d),
            "exponent_k": exponent(kernels, by_k),
            "crossover": crossover,
        },
        {"sizes": sizes, "by_n": by_n, "by_d": by_d},
    )


def decoding(run: Run, *, cache: str, width: int, full_width: int) -> Result:
    """The cache against none, the beam against greedy decoding, and a full beam against all outputs."""
    model = Transformer(12, SMALL, rng=run.rng("weights")).astype(np.float64)
    source = run.rng("source").integers(END + 1, 12, size=(16, 9))
    source[:8, 6:] = PADDING
    written = np.concatenate([np.full((16, 1), START), run.rng("written").integers(END + 1, 12, size=(16, 7))], axis=1)
    kept = Cache(model, source, forget_positions=cache == "positions forgotten")
    errors = []
    for t in range(written.shape[1]):
        anew = log_softmax(predict(model, source, written[:, : t + 1])[:, -1])
        errors.append(np.abs(kept.step(written[:, t]) - anew).max())
    one, _ = beam_search(model, source, width, 8, penalty=0.0)
    small = Transformer(6, SMALL, rng=run.rng("small")).astype(np.float64)
    asked = run.rng("asked").integers(END + 1, 6, size=(16, 5))
    best, _ = beam_search(small, asked, full_width, 3)
    return Result(
        {
            "cache_error": max(errors),
            "beam_differs": (one != greedy(model, source, 8)).any(axis=1).sum(),
            "best_found": (best == best_of_all(small, asked, 3)).all(axis=1).mean(),
        }
    )


def best_of_all(model: Transformer, source: Array, longest: int) -> Array:
    """The output with the highest score of all that can be written, (N, longest), by trying each."""
    n_words = len(model.embedding.words.W.data)
    outputs = [
        words
        for words in itertools.product(range(n_words), repeat=longest)
        if START not in words
        and all((b == PADDING) == (a in (END, PADDING)) for a, b in itertools.pairwise(words))
        and words[0] != PADDING
    ]
    scores = []
    for words in outputs:
        written = np.tile(words, (len(source), 1))
        scores.append(penalised(log_probability(model, source, written), written, 0.6))
    best: Array = np.array(outputs)[np.argmax(scores, axis=0)]
    return best
