"""Probes of sequences: how far back the past matters, and whether its order does.

A series is (T,), or (N, T) for N series of one length; pairs of values never cross from one series to the next.
"""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import Data
from firsthand.probes.finding import (
    PERMUTATIONS,
    Finding,
    Form,
    NotApplicable,
    Probe,
    Run,
    Sheet,
    Sketch,
    Strength,
    against,
)

MOST, SHORTEST, FARTHEST = 50_000, 32, 100  # values in all, values in a series, lags
PAST, LONG = 8, 16  # values that the order probe reads; a window from which on memory is long
WINDOWS, GAIN = (1, 2, 4, 8, 16, 32, 64), 0.01


def autocorrelation(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """autocorrelation_k: r_k = Σ (x_t − m)(x_{t+k} − m) / Σ (x_t − m)², m the mean of all values, at lags k up to a
    quarter of the length and at most 100. largest: the largest |r_k − null|, the null's mean at that lag. memory: the
    last lag at which it exceeds the largest of 19 shuffled series at any lag (a test at 5 % over all lags together), 0
    if none. integrated: 1 + 2 Σ r_k up to the first r_k that is not positive. Null: the values of each series in random
    order."""
    x = values(data["series"], sheet)
    lags = np.arange(1, min(FARTHEST, x.shape[1] // 4) + 1)
    measured = _autocorrelations(x, lags)
    draws = np.array([_autocorrelations(rng.permuted(x, axis=1), lags) for _ in range(PERMUTATIONS)])
    strength, memory = by_lag(sheet, "autocorrelation", "correlation", 0.3, lags, measured, draws)
    sheet.put("integrated", _integrated(measured), "steps", [_integrated(draw) for draw in draws])
    largest = sheet.contrast("largest")
    if strength == "none":
        said = f"No lag stands out from shuffled values (largest correlation {largest}): no linear memory to exploit."
    else:
        said = (
            f"Values correlate with those up to {memory} steps before (largest correlation {largest} shuffled): "
            f"{strength} evidence that the past predicts the present, for recurrence, a window or attention."
        )
    return sheet.conclude("largest", strength, said, x=lags, **against(measured, draws))


def memory(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """How far back a linear predictor has to look. r2_p: the share of variance (R²) of the next value that least
    squares on the last p values explains, fitted to the first half of the data and tested on the second. best: the
    largest. window: the smallest p whose R² is within 0.01 of it, 0 if there is nothing to predict. Null: the values of
    each series in random order."""
    x = values(data["series"], sheet)
    sizes = [p for p in WINDOWS if p <= x.shape[1] // 16]
    measured = np.array(_predictions(_windows(x, sizes[-1]), sizes))
    shuffled = (rng.permuted(x, axis=1) for _ in range(PERMUTATIONS))
    draws = np.array([_predictions(_windows(order, sizes[-1]), sizes) for order in shuffled])
    for p, value, null in zip(sizes, measured, draws.T, strict=True):
        sheet.put(f"r2_{p}", value, "share of variance", null)
    sheet.put("best", measured.max(), "share of variance", draws.max(axis=1))
    best = sheet.contrast("best")
    strength = best.strength(0.1, sign=1)
    window = 0 if strength == "none" else sizes[int((measured >= measured.max() - GAIN).argmax())]
    sheet.put("window", window, "steps")
    if strength == "none":
        said = f"The past does not predict the next value (R² {best} shuffled): no memory is worth having."
    elif window >= LONG:
        said = (
            f"A linear predictor gains from looking {window} steps back (R² {best} shuffled): {strength} evidence of a "
            "long memory, for gates or attention."
        )
    else:
        said = (
            f"A linear predictor needs no more than the last {window} values (R² {best} shuffled): {strength} evidence "
            "of a short memory, for which a window or a plain recurrence is enough."
        )
    return sheet.conclude("best", strength, said, x=np.array(sizes), **against(measured, draws))


def order_sensitivity(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """r2: the share of variance of the next value that least squares on the last 8 values explains, fitted to the first
    half of the data and tested on the second. lost: how much of it goes without their order. Null: each time the last 8
    values are put in random order, in both halves, and the predictor fitted again."""
    x = values(data["series"], sheet)
    rows = _windows(x, min(PAST, x.shape[1] // 4))
    (measured,) = _predictions(rows, [rows.shape[1] - 1])
    draws = []
    for _ in range(PERMUTATIONS):
        shuffled = np.column_stack([rows[:, :1], rng.permuted(rows[:, 1:], axis=1)])
        draws += _predictions(shuffled, [rows.shape[1] - 1])
    sheet.put("r2", measured, "share of variance", draws)
    order = sheet.contrast("r2")
    sheet.put("lost", order.effect, "share of variance")
    strength = order.strength(0.05, sign=1)
    if strength == "none":
        said = (
            f"The last values predict as well in any order (R² {order} shuffled): pool them, their order is of no use."
        )
    else:
        said = (
            f"The last values predict better in their order (R² {order} shuffled): {strength} evidence for a model "
            "that knows the order: recurrence, or positions in attention."
        )
    shown = against(np.array([measured]), np.array(draws)[:, None])
    return sheet.conclude("r2", strength, said, x=np.array(["the linear predictor"]), **shown)


def values(series: Array, sheet: Sheet) -> Array:
    """The first values as (N, T)."""
    x = np.atleast_2d(series)
    length = min(x.shape[1], MOST)
    count = min(len(x), max(1, MOST // length))
    if length < SHORTEST:
        raise NotApplicable(f"{sheet.probe} needs series of at least {SHORTEST} values; these have {length}.")
    used = count * length
    sheet.sample = f"all {used:,} values" if used == x.size else f"the first {used:,} of the {x.size:,} values"
    found = x[:count, :length].astype(np.float64)
    if found.min() == found.max():
        raise NotApplicable(f"{sheet.probe} needs values that differ; {sheet.sample} are {found.flat[0]:g}.")
    return found


def by_lag(
    sheet: Sheet, name: str, unit: str, enough: float, lags: Array, measured: Array, draws: Array
) -> tuple[Strength, int]:
    """Write down the values at lags 1 to 12, then at powers of two, the largest effect, and the memory."""
    for lag in [lag for lag in lags if lag <= 12 or lag & (lag - 1) == 0]:
        sheet.put(f"{name}_{lag}", measured[lag - 1], unit, draws[:, lag - 1])
    expected = draws.mean(axis=0)
    largest = np.abs(draws - expected).max(axis=1)
    found = np.abs(measured - expected)
    sheet.put("largest", found.max(), unit, largest)
    beyond = np.flatnonzero(found > largest.max())
    memory = int(lags[beyond[-1]]) if len(beyond) else 0
    sheet.put("memory", memory, "steps")
    return sheet.contrast("largest").strength(enough, sign=1) if memory else "none", memory


def _autocorrelations(x: Array, lags: Array) -> Array:
    x = x - x.mean()
    return np.array([np.vdot(x[:, :-lag], x[:, lag:]) for lag in lags]) / np.vdot(x, x)


def _integrated(r: Array) -> float:
    ends = np.flatnonzero(r <= 0)
    return float(1 + 2 * r[: ends[0] if len(ends) else len(r)].sum())


def _windows(x: Array, past: int) -> Array:
    """Rows of a value and the `past` values before it, the latest first."""
    return np.lib.stride_tricks.sliding_window_view(x, past + 1, axis=1)[:, :, ::-1].reshape(-1, past + 1)


def _predictions(rows: Array, sizes: list[int]) -> list[float]:
    """R² on the second half of the rows of least squares, fitted to the first, of column 0 on the next p columns."""
    half = len(rows) // 2
    mean = rows[:half].mean(axis=0)
    fit, test = rows[:half] - mean, rows[half:] - mean
    gram = fit.T @ fit
    total = ((test[:, 0] - test[:, 0].mean()) ** 2).sum()
    found = []
    for p in sizes:
        weights = np.linalg.lstsq(gram[1 : p + 1, 1 : p + 1], gram[1 : p + 1, 0], rcond=None)[0]
        missed = ((test[:, 0] - test[:, 1 : p + 1] @ weights) ** 2).sum()
        found.append(float(1 - missed / total) if total > 0 else 0.0)
    return found


def _probe(run: Run, title: str, x: str, y: str, form: Form = "curve", null: str = "values in random order") -> Probe:
    return Probe(("sequences",), ("series",), run, Sketch(title, x, y, null, form, log_x=run is memory))


PROBES = {
    "autocorrelation": _probe(autocorrelation, "How alike are values some steps apart?", "lag (steps)", "correlation"),
    "memory": _probe(memory, "How far back must a predictor look?", "past values read", "R² of the next value"),
    "order_sensitivity": _probe(
        order_sensitivity, "Does the order of the past matter?", "", "R² of the next value", "bars", "in random order"
    ),
}
