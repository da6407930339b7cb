"""The two ends of a language model: a vector for each word, and probabilities of the next."""

from core.containers import Sequential
from core.dense import Linear
from core.embedding import Embedding
from core.losses import softmax_cross_entropy
from firsthand.bench.twins import Twins
from firsthand.bench.workload import Draw, Pair, Pass, Workload


def words(draw: Draw, vocabulary: int, dim: int, tokens: int) -> Pair:
    """Each word predicts the next one, from its vector alone."""
    embedding, output = Embedding(vocabulary, dim, rng=draw.rng), Linear(dim, vocabulary, rng=draw.rng)
    model = Sequential(embedding, output)
    ids, following = draw.labels(vocabulary, tokens), draw.labels(vocabulary, tokens)

    def ours() -> None:
        logits, backward = model(ids)
        _, backward_loss = softmax_cross_entropy(logits, following)
        backward(backward_loss())

    def theirs(t: Twins) -> list[Pass]:
        table = t.nn.Embedding(vocabulary, dim, dtype=t.type_of(embedding.W))
        t.pair(embedding.W, table.weight)
        net, t_ids, t_following = t.nn.Sequential(table, t.linear(output)), t.array(ids), t.array(following)
        return [lambda: t.F.cross_entropy(net(t_ids), t_following).backward()]

    return Pair([model], [ours], theirs)


WORKLOADS = [
    Workload(
        "words",
        "embedding and softmax over 10,000 words, 128 dimensions, 1,024 tokens, Adam",
        words,
        {"vocabulary": 10_000, "dim": 128, "tokens": 1024},
        {"vocabulary": 9, "dim": 4, "tokens": 12},
    )
]
