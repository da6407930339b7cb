"""Probes of tables and text: how much of a table there really is, and how uneven the words are."""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import KINDS, Data
from firsthand.probes.finding import PERMUTATIONS, Finding, NotApplicable, Probe, Sheet, Sketch, Strength, against

MOST, WIDEST = 1_000, 512  # rows and columns of a table
RANKS, RAREST, FEWEST = 1_000, 10, 10  # words that are fitted: at most so many, each so often, at least so many


def sparsity(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """zeros: the share of numbers that are zero. Its null: a continuous distribution, which gives none. column_spread:
    over the columns, the standard deviation of the share of rows that are not zero there; large where some columns are
    common and others rare. Its null: the numbers permuted over the whole table. The figure shows these shares."""
    rows, _, sheet.sample = data.sample(rng, MOST, WIDEST)
    there = rows != 0
    measured = there.mean(axis=0)
    draws = np.array([rng.permutation(there.ravel()).reshape(there.shape).mean(axis=0) for _ in range(PERMUTATIONS)])
    sheet.put("zeros", 1 - there.mean(), "share of numbers", np.zeros(PERMUTATIONS))
    sheet.put("column_spread", measured.std(), "share of rows", draws.std(axis=1))
    zeros, uneven = sheet.contrast("zeros"), sheet.contrast("column_spread")
    strength = zeros.strength(0.5, sign=1)
    if strength == "none":
        said = "No number is zero: there is nothing to save by storing only some of them."
    else:
        said = (
            f"{zeros.measured:.0%} of the numbers are zero: {strength} evidence for storing only the others, and for "
            f"looking up rows of weights instead of multiplying; {_columns(str(uneven), uneven.strength(0.1, sign=1))}."
        )
    order = np.sort(measured)[::-1], np.sort(draws, axis=1)[:, ::-1]
    return sheet.conclude("zeros", strength, said, x=np.arange(1, len(measured) + 1), **against(*order))


def _columns(spread: str, uneven: Strength) -> str:
    return {
        "none": f"no column is commoner than chance makes it (spread {spread})",
        "weak": f"columns are a little unevenly used (spread {spread})",
        "strong": f"columns are unevenly used (spread {spread}), so that the rare need steps of their own size",
    }[uneven]


def effective_rank(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """effective_rank: exp(−Σ p log p), p the shares of the variance along the principal axes (after Roy and Vetterli,
    2007, who take shares of the singular values): r if r axes share the variance equally and the others have none.
    rank_90: the number of axes that hold 90 % of the variance. Null: the values of each column permuted among the rows,
    so that the columns are independent."""
    rows, _, sheet.sample = data.sample(rng, MOST, WIDEST)
    if len(rows) < 3:
        raise NotApplicable(f"effective_rank needs at least three examples; there are {len(rows)}.")
    if not np.ptp(rows, axis=0).any():
        raise NotApplicable("effective_rank needs examples that differ; these are all the same.")
    measured = _shares(rows)
    draws = np.array([_shares(rng.permuted(rows, axis=0)) for _ in range(PERMUTATIONS)])
    sheet.put("effective_rank", _effective(measured), "axes", [_effective(draw) for draw in draws])
    sheet.put("rank_90", _axes_for(measured, 0.9), "axes", [_axes_for(draw, 0.9) for draw in draws])
    sheet.put("columns", rows.shape[1], "columns")
    rank = sheet.contrast("effective_rank")
    strength = rank.strength(0.5 * rank.mean, sign=-1)
    if strength == "none":
        said = f"The columns vary as independent ones would (effective rank {rank}): a narrow linear layer loses much."
    else:
        said = (
            f"Fewer axes hold the variance than of independent columns (effective rank {rank}; "
            f"{sheet.measurements['rank_90']:.0f} of {rows.shape[1]} hold 90 %): {strength} evidence for a narrow "
            "first layer, or one of low rank."
        )
    curves = np.cumsum(measured), np.cumsum(draws, axis=1)
    return sheet.conclude("effective_rank", strength, said, x=np.arange(1, len(measured) + 1), **against(*curves))


def zipf(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """slope: the s for which frequencies proportional to rank to the power −s make the counts of the commonest words
    most likely (those that occur at least 10 times, at most 1,000); near 1 for running text (Zipf, 1949). rare: the
    share of different words that occur once. Null: as many words, all of the vocabulary equally frequent."""
    found = data["tokens"] if data.has("tokens") else data["counts"].sum(axis=0)
    counts = np.unique(found, return_counts=True)[1] if data.has("tokens") else found[found > 0].astype(np.int64)
    counts = np.sort(counts)[::-1]
    ranks = min(RANKS, int((counts >= RAREST).sum()))
    if ranks < FEWEST:
        raise NotApplicable(f"zipf needs {FEWEST} words that occur {RAREST} times; there are {ranks}.")
    sheet.sample = f"all {counts.sum():,} words, {len(counts):,} of them different"
    equal = np.full(len(counts), 1 / len(counts))
    draws = np.sort(rng.multinomial(counts.sum(), equal, PERMUTATIONS), axis=1)[:, ::-1][:, :ranks]
    sheet.put("slope", _exponent(counts[:ranks]), "", [_exponent(draw) for draw in draws])
    sheet.put("rare", (counts == 1).mean(), "share of different words")
    slope = sheet.contrast("slope")
    strength = slope.strength(0.5, sign=1)
    if strength == "none":
        said = f"Words are about equally frequent (slope {slope}): no word needs to be treated apart."
    else:
        said = (
            f"Words are less evenly frequent than by chance (slope {slope}): {strength} evidence for parts of words, a "
            "softmax that samples, and steps of each row's own size in an embedding."
        )
    shares = counts[:ranks] / counts.sum(), draws / counts.sum()
    return sheet.conclude("slope", strength, said, x=np.arange(1, ranks + 1), **against(*shares))


def _shares(rows: Array) -> Array:
    """The shares of the variance along the principal axes, the largest first."""
    x = rows - rows.mean(axis=0)
    gram = x.T @ x if x.shape[1] <= len(x) else x @ x.T
    values = np.maximum(np.linalg.eigvalsh(gram)[::-1], 0)
    return np.asarray(values / values.sum())


def _effective(shares: Array) -> float:
    return float(np.exp(-(shares * np.log(np.where(shares > 0, shares, 1))).sum()))


def _axes_for(shares: Array, part: float) -> int:
    return int(np.searchsorted(np.cumsum(shares), part) + 1)


def _exponent(counts: Array) -> float:
    """The s at which the expected log rank under r^−s is that of the counts, by bisection."""
    logs = np.log(np.arange(1, len(counts) + 1))
    wanted = counts @ logs / counts.sum()
    low, high = -1.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        weights = np.exp(-middle * logs)
        low, high = (middle, high) if weights @ logs / weights.sum() > wanted else (low, middle)
    return low


PROBES = {
    "sparsity": Probe(
        ("table", "text", "graphs"),
        ("examples",),
        sparsity,
        Sketch("How full is the table?", "column, the fullest first", "share of rows not zero", "numbers permuted"),
    ),
    "effective_rank": Probe(
        KINDS,
        ("examples",),
        effective_rank,
        Sketch("How many axes hold the variance?", "axes", "share of the variance", "columns permuted", log_x=True),
    ),
    "zipf": Probe(
        ("text",),
        (),
        zipf,
        Sketch("How uneven are the words?", "rank", "share of the text", "equal words", log_x=True, log_y=True),
    ),
}
