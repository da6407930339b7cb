"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable

import numpy as np

from core.layer import Array
from core.trial import EPSILON
from firsthand import Result, Run

from . import data
from .classes import classes as classes
from .model import errors, learn_to_predict, network_of, rms

WINDOW = 4  # letters that a network without context is given at once: as many as the longest syllable has


def gradient(run: Run, *, gradient: str, hidden: int, steps: int) -> Result:
    """The gradient of the last step's error, against central differences with the context of that step held fixed."""
    network = network_of(run, (3, hidden, 2), 2, 1.0, "hidden", gradient)
    x, target = run.rng("stream").normal(size=(2, steps, 3)), run.rng("target").normal(size=(2, 2))
    (_, context), _ = network(x[:, :-1], network.start())

    def loss() -> float:
        (y, _), _ = network(x[:, -1:], context)
        return 0.5 * float(((y[:, -1] - target) ** 2).sum())

    (y, h), backward = network(x, network.start())
    dy = np.zeros_like(y)
    dy[:, -1] = y[:, -1] - target
    backward(dy, np.zeros_like(h))
    differences, sizes = [], []
    for _, p in network.named_params():
        for place in np.ndindex(p.data.shape):
            here, slopes = p.data[place], []
            for step in (EPSILON, -EPSILON):
                p.data[place] = here + step
                slopes.append(loss() / (2 * step))
            p.data[place] = here
            differences.append(abs(sum(slopes) - p.grad[place]))
            sizes.append(abs(sum(slopes)))
    return Result({"difference": float(max(differences) / max(sizes)), "zero_difference": 1.0})


def codes(run: Run, *, codes: str) -> Result:
    """How many codes are the letter's number in the alphabet."""
    table = data.READ_CODES
    if codes == "drawn":
        drawn = run.rng("codes").integers(0, 2, (len(table), 5))
        table = {letter: tuple(code.tolist()) for letter, code in zip(table, drawn, strict=True)}
    return Result({"in_order": sum(code == data.alphabet_code(letter) for letter, code in table.items()), "none": 0})


def structure(run: Run, *, task: str, symbols: int) -> Result:
    """Entropies of the next symbol, in bits, from counts on one long stream."""
    rng = run.rng("stream")
    if task == "bits":
        stream = "".join(map(str, data.triples(rng, symbols)))
        places, free = np.arange(symbols) % 3, np.arange(symbols) % 3 < 2
    else:
        stream, places = (data.syllables if task == "letters" else data.sentences)(rng, symbols)
        free = places == 0
    at = range(8, symbols)
    so_far: dict[int, Hashable] = {t: (places[t], stream[t - places[t] : t]) if places[t] else (0, "") for t in at}
    # after the last letter of a word the reader knows the word, and not that it is over
    read: dict[int, Hashable] = so_far if task != "words" else {t: stream[t - 1 - places[t - 1] : t] for t in at}
    entropies = {f"entropy_{k}": _entropy((stream[t - k : t], stream[t]) for t in at) for k in range(4)}
    entropies["entropy_place"] = _entropy((read[t], stream[t]) for t in at)
    entropies["entropy_free"] = _entropy((so_far[t], stream[t]) for t in at if free[t])
    return Result(entropies)


def floors(run: Run, *, place: str, cycles: int) -> Result:
    """Answer with the frequency of a 1 after the last two bits, counted on one stream and tested on another."""
    known, fresh = (data.triples(run.rng(purpose), 3 * cycles) for purpose in ("known", "fresh"))

    def situation(bits: Array) -> Array:
        pair = 2 * bits[:-2] + bits[1:-1]
        return pair + (4 * (np.arange(2, len(bits)) % 3) if place == "known" else 0)

    ones = np.bincount(situation(known), weights=known[2:], minlength=12)
    answer = ones / np.maximum(np.bincount(situation(known), minlength=12), 1)
    error = fresh[2:] - answer[situation(fresh)]
    third = np.arange(2, len(fresh)) % 3 == 2
    return Result(
        {"third": rms(error[None, third])[0], "free": rms(error[None, ~third])[0], "half": rms(fresh[None] - 0.5)[0]}
    )


def letters(run: Run, *, context: str, order: str, length: int, passes: int, rate: float, trials: int) -> Result:
    """Syllables: the errors where a vowel comes next, and where a consonant does, feature by feature."""

    def streams(purpose: str) -> list[str]:
        return [data.syllables(run.rng(f"{purpose} {trial}"), length, order)[0] for trial in range(trials)]

    seen = WINDOW if context == "window" else 1
    network = network_of(run, (6 * seen, 20, 6), trials, 0.5, context)
    train = np.array([data.letter_vectors(stream) for stream in streams("train")])  # (B, T, 6)
    learn_to_predict(run, network, train, passes=passes, rate=rate, seen=seen)
    texts = streams("test")
    test = np.array([data.letter_vectors(stream) for stream in texts])
    _, error = errors(network, test, seen)  # (B, T - 1, 6)
    of_mean = train.mean(axis=1, keepdims=True) - test[:, 1:]
    consonant = test[:, 1:, 0] == 1  # (B, T - 1)

    def features(error: Array) -> Array:
        return np.array([np.sqrt((e[there] ** 2).mean(axis=0)) for e, there in zip(error, consonant, strict=True)])

    by_feature = features(error)  # (B, 6), where a consonant comes next
    return Result(
        {
            "vowel": _where(error, ~consonant),
            "consonant": _where(error, consonant),
            "vowel_chance": _where(of_mean, ~consonant),
            "consonant_chance": _where(of_mean, consonant),
            "open": np.sqrt((by_feature[:, 3:5] ** 2).mean(axis=1)).mean(),
            "known": by_feature[:, :3].mean(axis=0).max(),
            "mean_known": features(of_mean)[:, :3].mean(axis=0).max(),
        },
        {"by_feature": by_feature, "letters": texts[0][1:41], "error": np.sqrt((error[0, :40] ** 2).mean(axis=1))},
    )


def bits(
    run: Run,
    *,
    context: str,
    stream: str,
    gradient: str,
    window: int,
    hidden: int,
    length: int,
    passes: int,
    rate: float,
    trials: int,
) -> Result:
    """Triples: the errors by place, on 1,200 cycles of twelve fresh bits, and what is answered after two bits."""

    def streams(purpose: str, length: int) -> Array:
        drawn = [data.triples(run.rng(f"{purpose} {trial}"), length, stream) for trial in range(trials)]
        return np.array(drawn, float)[:, :, None]  # (B, T, 1)

    network = network_of(run, (1, hidden, 1), trials, 1.0, context, gradient)
    learn_to_predict(run, network, streams("train", length), passes=passes, rate=rate, window=window)
    test = streams("test", 12 * 1200 + 2)
    y, error = (array[:, 1:, 0].reshape(trials, 1200, 12) for array in errors(network, test))  # a third bit is first
    profile = np.sqrt((error**2).mean(axis=1))  # (B, 12)
    third, first, second = (rms(error[:, :, place::3]) for place in range(3))
    unequal = (test[:, :-2] != test[:, 1:-1]).reshape(trials, 1200, 12)  # the two bits before the one asked for
    more = np.array([[_difference(y[k], unequal[k], place) for place in range(3)] for k in range(trials)])
    return Result(
        {
            "third": third.mean(),
            "best_third": third.min(),
            "free": rms(error[:, :, np.arange(12) % 3 > 0]).mean(),
            "dips": float((third < np.minimum(first, second) - 0.06).mean()),
            "everywhere": float((more > 0.05).all(axis=1).mean()),
        },
        {"profile": profile, "more_after_unequal": more},
    )


def words(run: Run, *, stream: str, length: int, passes: int, rate: float, trials: int) -> Result:
    """Sentences without spaces: the errors at the first letters of words, and at the others."""

    def streams(purpose: str) -> tuple[Array, Array]:
        drawn = [data.sentences(run.rng(f"{purpose} {trial}"), length) for trial in range(trials)]
        vectors = np.array([data.alphabet_vectors(letters) for letters, _ in drawn])  # (B, T, 5)
        if stream == "shuffled letters":
            vectors = np.array([run.rng(f"{purpose} order {trial}").permutation(v) for trial, v in enumerate(vectors)])
        return vectors, np.array([places for _, places in drawn])

    network = network_of(run, (5, 20, 5), trials, 0.5, "hidden")
    learn_to_predict(run, network, streams("train")[0], passes=passes, rate=rate)
    test, places = streams("test")
    _, error = errors(network, test)
    onset = places[:, 1:] == 0
    at_onset, inside = _where(error, onset), _where(error, ~onset)
    each = rms(error.reshape(-1, 5)).reshape(onset.shape)  # (B, T - 1)
    _, of_text = errors(network, np.array([data.alphabet_vectors(data.TEXT)] * trials))
    by_place = [_where(error, places[:, 1:] == place) for place in range(min(6, places.max() + 1))]
    return Result(
        {
            "onset": at_onset,
            "inside": inside,
            "ratio": at_onset / inside,
            "one": 1.0,
            "area": float(np.mean([_area(e[there], e[~there]) for e, there in zip(each, onset, strict=True)])),
            "half": 0.5,
        },
        {"text_error": np.sqrt((of_text**2).mean(axis=2)).mean(axis=0), "by_place": by_place},
    )


def _where(error: Array, there: Array) -> float:
    """Root mean squared error (B, T, n) at some places (B, T), mean over trials."""
    return float(np.mean([np.sqrt((e[at] ** 2).mean()) for e, at in zip(error, there, strict=True)]))


def _difference(y: Array, unequal: Array, place: int) -> float:
    """How much more is answered at a place after unequal bits than after equal ones; 0 if either never occurs."""
    y, unequal = y[:, place::3], unequal[:, place::3]
    return float(y[unequal].mean() - y[~unequal].mean()) if 0 < unequal.sum() < unequal.size else 0.0


def _area(high: Array, low: Array) -> float:
    """Probability that a random one of `high` is larger than one of `low`, ties counting half."""
    low = np.sort(low)
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / (2 * len(low)))


def _entropy(pairs: Iterable[tuple[Hashable, str]]) -> float:
    """Of the second of a pair, in bits, knowing the first."""
    counts: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for known, symbol in pairs:
        counts[known][symbol] += 1
    total = sum(counter.total() for counter in counts.values())
    surprise = sum(n * np.log2(counter.total() / n) for counter in counts.values() for n in counter.values())
    return float(surprise / total)
