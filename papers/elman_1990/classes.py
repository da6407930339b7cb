"""The fourth simulation: words in sentences, and the classes that the hidden layer makes of them."""

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .grammar import LEXICON, NOUNS, Sentence, following, sentences
from .model import SimpleRecurrent, learn_to_predict, network_of

UNITS = 31  # one for each of 29 words, and two that the paper kept for later


def classes(run: Run, *, context: str, stream: str, count: int, hidden: int, passes: int, rate: float) -> Result:
    """Predict the next word; compare with what may come next, and cluster the mean hidden layers of the words."""
    words = {purpose: _words(run, purpose, stream, count) for purpose in ("train", "test")}
    network = network_of(run, (UNITS, hidden, UNITS), 1, 0.5, context)
    learn_to_predict(run, network, np.eye(UNITS)[words["train"][0]][None], passes=passes, rate=rate)
    word, likelihood = words["test"]
    y, h = answers(network, np.eye(UNITS)[word])
    likelihood, following_word = likelihood[:-1], np.eye(UNITS)[word[1:]]
    frequency = np.bincount(words["train"][0], minlength=UNITS) / len(words["train"][0])
    means = np.array([h[word == k].mean(axis=0) for k in range(len(LEXICON))])  # (29, hidden)
    merges, found = linkage(means), _norm(y[:-1] - following_word)
    floor = _norm(likelihood - following_word)
    return Result(
        {
            "error": found,
            "floor": floor,
            "over_floor": found / floor,
            "silent_over_floor": 1 / floor,
            "distance": _norm(y[:-1] - likelihood),
            "cosine": _cosine(y[:-1], likelihood),
            "frequency_cosine": _cosine(np.tile(frequency, (len(likelihood), 1)), likelihood),
            "near": nearest_alike(means),
            "near_by_chance": _alike()[~np.eye(len(LEXICON), dtype=bool)].mean(),
            "split": split(merges),
            "largest_class": NOUNS / len(LEXICON),
        },
        {"merges": merges},
    )


def _words(run: Run, purpose: str, stream: str, count: int) -> tuple[Array, Array]:
    """The words of a stream (T,), by number, and how likely each word is to come next, (T, 31)."""
    drawn: list[Sentence] = sentences(run.rng(purpose), count)
    numbers = np.array([LEXICON.index(word) for sentence in drawn for word in sentence])
    likelihood = np.zeros((len(numbers), UNITS))
    likelihood[:, : len(LEXICON)] = [following(one[: k + 1]) for one in drawn for k in range(len(one))]
    if stream == "shuffled words":
        numbers = run.rng(f"{purpose} order").permutation(numbers)
    return numbers, likelihood


def answers(network: SimpleRecurrent, stream: Array) -> tuple[Array, Array]:
    """What is answered (T, n_out), and the hidden layer (T, n_hidden), after each element of a stream (T, n_in)."""
    h, found = network.start(), []
    for x in stream:
        (y, h), _ = network(x[None, None], h)
        found.append((y[0, 0], h[0]))
    ys, hs = zip(*found, strict=True)
    return np.array(ys), np.array(hs)


def linkage(points: Array) -> list[tuple[int, int, float]]:
    """Hierarchical clusters of (N, D) by mean distance: pairs that are joined, nearest first, and how far apart.

    The k-th pair becomes cluster N + k.
    """
    members = {k: [k] for k in range(len(points))}
    apart = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    merges: list[tuple[int, int, float]] = []
    while len(members) > 1:
        names = sorted(members)
        pairs = [(float(apart[np.ix_(members[a], members[b])].mean()), a, b) for a in names for b in names if a < b]
        distance, a, b = min(pairs)
        merges.append((a, b, distance))
        members[len(points) + len(merges) - 1] = members.pop(a) + members.pop(b)
    return merges


def _alike() -> Array:
    """(29, 29): whether two words are both nouns or both verbs."""
    noun = np.arange(len(LEXICON)) < NOUNS
    alike: Array = noun[:, None] == noun
    return alike


def nearest_alike(points: Array) -> float:
    """The share of words whose nearest other word is a noun or a verb like them."""
    apart = ((points[:, None] - points) ** 2).sum(axis=2) + np.diag(np.full(len(points), np.inf))
    return float(_alike()[np.arange(len(points)), apart.argmin(axis=1)].mean())


def split(merges: list[tuple[int, int, float]]) -> float:
    """The share of words on their side, if the last two clusters are taken for the nouns and the verbs."""
    count = len(merges) + 1

    def leaves(cluster: int) -> list[int]:
        return [cluster] if cluster < count else [k for part in merges[cluster - count][:2] for k in leaves(part)]

    noun = np.arange(count) < NOUNS
    side = np.isin(np.arange(count), leaves(merges[-1][0]))
    return float(max((side == noun).mean(), (side != noun).mean()))


def _norm(difference: Array) -> float:
    """Root of the mean, over the words, of the squared length."""
    return float(np.sqrt((difference**2).sum(axis=1).mean()))


def _cosine(y: Array, likelihood: Array) -> float:
    """Mean cosine of the angles between rows."""
    lengths = np.linalg.norm(y, axis=1) * np.linalg.norm(likelihood, axis=1)
    return float(((y * likelihood).sum(axis=1) / lengths).mean())
