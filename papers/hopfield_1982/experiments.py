"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

import math
from statistics import NormalDist

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .model import (
    clipped,
    error_probability,
    one_way,
    period,
    random_patterns,
    settle,
    signs_of,
    states_of,
    store,
    wrong_bits,
)
from .model import energy as energy_of

BINS = (0, 1, 5, 10, 20, 30, 40, 50)  # wrong bits at which a bin of figure 2 begins
DISTANCES = range(1, 16)


def structure(run: Run, *, N: int, n: int, share: float, matrices: int) -> Result:
    """Overlaps of patterns, and the noise in the inputs at a stored pattern (units 0 or 1)."""
    rng, overlaps, noises, ones = run.rng("patterns"), [], [], []
    for _ in range(matrices):
        x = random_patterns(rng, n, N, share)
        overlaps.append((x @ x.T)[np.triu_indices(n, 1)] / N)
        noises.append(x * (states_of(x, "01") @ store(x)) - N / 2)  # x_i h_i, less the signal
        ones.append((x > 0).mean())
    return Result(
        {
            "overlap": _rms(overlaps) * math.sqrt(N),
            "ones": float(np.mean(ones)),
            "noise": _rms(noises) / math.sqrt((n - 1) * N / 2),
        }
    )


def _rms(parts: list[Array]) -> float:
    return float(np.sqrt(np.mean(np.square(parts))))


def _random_couplings(rng: np.random.Generator, N: int, symmetric: bool) -> Array:
    """Integers from -99 to 99, none of a unit to itself."""
    T = rng.integers(-99, 100, (N, N)).astype(float)
    T = np.triu(T, 1)
    T += T.T if symmetric else np.tril(rng.integers(-99, 100, (N, N)), -1)
    return T


def energy(run: Run, *, symmetric: bool, N: int, matrices: int, starts: int) -> Result:
    """Changes of the energy, each the difference of two full sums, along descents and along random changes."""
    rng, rises, random_rises = run.rng("couplings and starts"), [], []
    energies = np.zeros((starts, 0))
    for _ in range(matrices):
        T = _random_couplings(rng, N, symmetric)
        trace: list[Array] = []
        V = states_of(random_patterns(rng, starts, N), "01")
        settle(T, V, rng, "01", sweeps=20, trace=trace)
        states = np.array(trace)  # (draws + 1, starts, N)
        energies = np.array([energy_of(T, V) for V in states]).T
        changed = (states[1:] != states[:-1]).any(axis=-1).T
        rises.append(np.diff(energies, axis=1)[changed].max())
        k = rng.integers(N, size=starts)
        other = V.copy()
        other[np.arange(starts), k] = 1 - V[np.arange(starts), k]
        random_rises.append((energy_of(T, other) - energy_of(T, V)).max())
    return Result(
        {"rise": float(np.max(rises)), "random_rise": float(np.max(random_rises))},
        {"energies": energies[:, ::2], "names": [f"start {k + 1}" for k in range(starts)]},
    )


def synchronous(run: Run, *, symmetric: bool, N: int, matrices: int, starts: int) -> Result:
    """Periods under random couplings when all units change at once."""
    rng, periods = run.rng("couplings and starts"), []
    for _ in range(matrices):
        T = _random_couplings(rng, N, symmetric)
        periods += [period(T, states_of(random_patterns(rng, 1, N), "01"), "01") for _ in range(starts)]
    return Result({"longest": float(max(periods)), "cycling": float(np.mean(np.array(periods) > 1))})


def recall(run: Run, *, coding: str, N: int, n: int, share: float, matrices: int) -> Result:
    """Stored patterns as starts: the bits that are wrong at once, and those that are at rest."""
    patterns, order = run.rng("patterns"), run.rng("order")
    wrong, complement, rest = [], [], []
    for _ in range(matrices):
        x = random_patterns(patterns, n, N, share)
        T = store(x)
        wrong.append(wrong_bits(T, x, coding).sum(axis=1))
        complement.append(wrong_bits(T, -x, coding).sum(axis=1))
        rest.append((signs_of(settle(T, states_of(x, coding), order, coding)) != x).sum(axis=1))
    at_once, other, final = (np.array(counts) for counts in (wrong, complement, rest))  # (matrices, n)
    P, bit = error_probability(N, n), float(at_once.mean() / N)
    edges = [b for b in BINS if b <= N / 2] + [N + 1]
    return Result(
        {
            "wrong": bit,
            "formula": P,
            "stable": float((at_once == 0).mean()),
            "independent": math.exp(-N * P),
            "under_5": float((final < 5).mean()),
            "over_20": float((final > 20).mean()),
            "spread": float((final < 5).mean(axis=1).std()),
            "clumped": float(at_once.var() / (N * bit * (1 - bit))) if bit else 0.0,
            "complement": float((other[at_once == 0] == 0).mean()) if (at_once == 0).any() else 0.0,
        },
        {"edges": edges, "shares": np.histogram(final, edges)[0] / final.size},
    )


def noise(run: Run, *, variant: str, N: int, n: int, matrices: int) -> Result:
    """Wrong bits under a variant and under the paper's model, each as a signal-to-noise ratio Q^-1(P)."""
    patterns, directions = run.rng("patterns"), run.rng("directions")
    plain, changed = [], []
    for _ in range(matrices):
        x = random_patterns(patterns, n, N)
        T = store(x)
        plain.append(wrong_bits(T, x, "01").mean())
        other = {"clipped": clipped, "one way": lambda T: one_way(T, directions)}.get(variant, np.copy)(T)
        changed.append(wrong_bits(other, x, "pm" if variant == "pm" else "01").mean())
    ratio = _signal_to_noise(float(np.mean(changed))) / _signal_to_noise(float(np.mean(plain)))
    return Result({"power": ratio**2, "wrong": float(np.mean(changed))})


def _signal_to_noise(wrong: float) -> float:
    """The z with Q(z) = wrong."""
    return -NormalDist().inv_cdf(wrong)


def basin(run: Run, *, coding: str, N: int, n: int, matrices: int) -> Result:
    """Starts at distances from 1 to 15 of each pattern, and as many random ones."""
    rng, order = run.rng("patterns and starts"), run.rng("order")
    reached, exactly, assigned = [], [], []
    for _ in range(matrices):
        x = random_patterns(rng, n, N)
        which = np.argsort(rng.random((len(DISTANCES), n, N)), axis=-1)  # a random rank for each bit
        starts = np.where(which < np.array(DISTANCES)[:, None, None], -x, x).reshape(-1, N)
        starts = np.concatenate([starts, random_patterns(rng, len(starts), N)])
        end = signs_of(settle(store(x), states_of(starts, coding), order, coding))
        overlap = end @ np.concatenate([x, -x]).T  # (starts, 2n); N at a pattern itself
        known, free = np.split(overlap, 2)
        own = known.reshape(len(DISTANCES), n, 2 * n)[:, np.arange(n), np.arange(n)]  # (distances, n)
        nearest = np.sort(known, axis=1)[:, -2:].reshape(len(DISTANCES), n, 2)  # the two largest
        reached.append(((own == nearest[..., 1]) & (nearest[..., 0] < nearest[..., 1])).mean(axis=1))
        exactly.append((own == N).mean(axis=1))
        assigned.append((free.max(axis=1) == N).mean())
    near, exact = np.mean(reached, axis=0), np.mean(exactly, axis=0)
    return Result(
        {"reached": float(near[:5].mean()), "exactly": float(exact[:5].mean()), "assigned": float(np.mean(assigned))},
        {"distances": list(DISTANCES), "near": near, "exact": exact},
    )


def _retained(run: Run, coding: str, N: int, n: int, matrices: int = 1) -> float:
    """Share of the patterns (at most 20 for each matrix) that end with fewer than N/20 wrong bits."""
    patterns, order = run.rng(f"patterns {N} {n}"), run.rng(f"order {N} {n}")
    kept = []
    for _ in range(matrices):
        x = random_patterns(patterns, n, N)
        end = settle(store(x), states_of(x[:20], coding), order, coding)
        kept.append(((signs_of(end) != x[:20]).sum(axis=1) < N / 20).mean())
    return float(np.mean(kept))


def large(run: Run, *, coding: str, N: int, n: int) -> Result:
    """Twenty of the patterns as starts."""
    return Result({"retained": _retained(run, coding, N, n)})


def capacity(run: Run, *, sizes: list[int], loads: list[float]) -> Result:
    """What is retained at each load; as many matrices of each size as make up the units of the largest."""
    curves = {}
    for done, (N, coding) in enumerate((N, coding) for N in sizes for coding in ("01", "pm")):
        counts = [max(1, round(load * N)) for load in loads]
        curves[N, coding] = [_retained(run, coding, N, n, max(sizes) // N) for n in counts]
        run.progress(done + 1, 2 * len(sizes))
    half = {coding: _crossing(loads, curves[sizes[-1], coding]) for coding in ("01", "pm")}
    return Result(
        {"half_01": half["01"], "half_pm": half["pm"]},
        {"loads": loads, "names": [f"{N} {coding}" for N, coding in curves], "retained": list(curves.values())},
    )


def _crossing(loads: list[float], retained: list[float]) -> float:
    """The load at which the curve first falls to one half, along a line between two points; or else the last load."""
    for k in range(1, len(loads)):
        if retained[k] <= 0.5 < retained[k - 1]:
            part = (retained[k - 1] - 0.5) / (retained[k - 1] - retained[k])
            return loads[k - 1] + part * (loads[k] - loads[k - 1])
    return loads[-1]
