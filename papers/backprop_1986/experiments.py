"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

import numpy as np

from core.containers import Sequential
from core.layer import Array, Layer
from core.trial import EPSILON
from firsthand import Result, Run

from . import data
from .data import PATTERNS, TREE, labels
from .family import family as family
from .model import FamilyNetwork, IterativeNetwork, SymmetryNetwork, Units, summed_error
from .symmetry import margins as margins
from .symmetry import patterns as patterns
from .symmetry import symmetry as symmetry


def gradient(run: Run, *, over_cases: str) -> Result:
    """Both networks on all their cases: every derivative against a central difference of the error."""
    rngs = [run.rng("weights")]
    p, r, d = data.questions()
    tried: list[tuple[Layer, tuple[Array, ...], Array]] = [
        (SymmetryNetwork(rngs=rngs), (PATTERNS[None],), labels("mirror")[None]),
        (FamilyNetwork(rngs=rngs, width=1.0), (p[None], r[None]), d[None]),
    ]
    difference = max(_difference(*each, over_cases) for each in tried)
    return Result({"difference": difference, "zero_difference": 1.0})


def _difference(network: Layer, inputs: tuple[Array, ...], d: Array, over_cases: str) -> float:
    """Largest difference, relative to the largest derivative."""

    def error() -> float:
        return summed_error(network(*inputs)[0], d)[0]

    y, backward = network(*inputs)
    dy = summed_error(y, d)[1]()
    backward(dy / y.shape[1] if over_cases == "mean" else dy)
    differences, sizes = [], []
    for _, w in network.named_params():
        for place in np.ndindex(w.data.shape):
            here, slope = w.data[place], 0.0
            for step in (EPSILON, -EPSILON):
                w.data[place] = here + step
                slope += error() / (2 * step)
            w.data[place] = here
            differences.append(abs(slope - w.grad[place]))
            sizes.append(abs(slope))
    return float(max(differences) / max(sizes))


def unrolled(run: Run, *, over_layers: str) -> Result:
    """Three runs of an iterative network, and three layers with copies of its weights."""
    network = IterativeNetwork(5, 3, rngs=[run.rng("weights")], width=1.0)
    layers = [Units(5, 5, rngs=[run.rng("weights")], width=1.0) for _ in range(3)]  # the same draws: equal weights
    x, d = run.rng("inputs").normal(size=(1, 7, 5)), run.rng("targets").uniform(size=(1, 7, 5))
    for net in (network, Sequential(*layers)):
        y, backward = net(x)
        backward(summed_error(y, d)[1]())
    of_layers = np.array([layer.W.grad for layer in layers])
    together = of_layers.sum(axis=0) if over_layers == "sum" else of_layers.mean(axis=0)
    iterative = network.units.W.grad
    return Result(
        {
            "difference": np.abs(iterative - together).max() / np.abs(iterative).max(),
            "last_difference": np.abs(iterative - of_layers[-1]).max() / np.abs(iterative).max(),
        }
    )


def triples(run: Run, *, several: str, relatives: str) -> Result:
    """Count them, in both trees; `several: once` counts questions, however many answers they have."""
    in_law = relatives == "all"
    p, r, d = data.questions(in_law=in_law)
    told = {
        (person.argmax(), relation.argmax(), other)
        for person, relation, answers in zip(p, r, d, strict=True)
        for other in np.flatnonzero(answers)
    }
    exchanged = {((a + TREE) % (2 * TREE), relation, (b + TREE) % (2 * TREE)) for a, relation, b in told}
    return Result(
        {
            "triples": len(told) if several == "each" else len(d),
            "several": int((d.sum(axis=1) > 1).sum()),
            "shared": len(told & exchanged) / len(told),
        }
    )
