"""The monitor on errors that are drawn and not made: what it promises, how often it is wrong, how late it is."""

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .monitor import SILENT, Monitor, cusum, first, opened, track

CHUNK = 100  # streams at a time


def forms(run: Run, *, minimum: str, streams: int, length: int) -> Result:
    """The loop and the arrays, on streams whose rate of errors, drawn from 0 to 0.4, rises by 0.2 at half time."""
    rng = run.rng("errors")
    rate = rng.uniform(0, 0.4, (streams, 1)) + 0.2 * (np.arange(length) >= length // 2)
    errors = rng.random((streams, length)) < rate
    at_once = track(errors, minimum=minimum)
    firsts = np.stack([first(at_once.beyond(level)) for level in (2.0, 3.0)], axis=1)  # (B, 2)
    looped = np.array([_in_a_loop(stream) for stream in errors])
    return Result(
        {
            "same": (firsts == looped).all(axis=1).mean(),
            "silent": np.isinf(looped).all(axis=1).mean(),
            "kept": Monitor.kept(),
        }
    )


def _in_a_loop(errors: Array) -> tuple[float, float]:
    """The first warning (or alarm, if none came before) and the first alarm, examples counted from 1."""
    monitor, warned = Monitor(), np.inf
    for number, error in enumerate(errors, 1):
        state = monitor.add(bool(error))
        if state != "quiet":
            warned = min(warned, number)
        if state == "drift":
            return warned, number
    return warned, np.inf


def quiet(
    run: Run,
    *,
    rate: float,
    falling: float,
    rule: str,
    counts: str,
    level: float,
    warning: float,
    streams: int,
    length: int,
) -> Result:
    """Nothing changes, but that the rate falls from 0.5 within some `falling` examples, if that is not 0."""
    i = np.arange(1, length + 1)
    chance = rate + (0.5 - rate) * np.exp(-(i - 1) / falling) if falling else np.full(length, rate)
    errors = run.rng("errors").random((streams, length)) < chance
    seen = track(errors, counts=counts)
    alarm, warned = seen.beyond(level, rule), seen.beyond(warning, rule)
    at = first(alarm)  # (B,)
    first_error = np.where(errors.any(axis=1), errors.argmax(axis=1) + 1, -1)
    before = np.cumsum(alarm, axis=1) == 0  # looks before the first alarm
    known = seen.p - rate > level * np.sqrt(rate * (1 - rate) / i[SILENT:])
    return Result(
        {
            "alarmed": np.isfinite(at).mean(),
            "last_look": alarm[:, -1].mean(),
            "known_once": known[:, -1].mean(),
            "known_ever": known.any(axis=1).mean(),
            "at_first_error": (at == first_error).mean(),
            "in_warning": (warned & before).sum() / max(1, before.sum()),
            "open": (warned & before)[:, -1].sum() / max(1, before[:, -1].sum()),
        },
        {"examples": i[::20], "share": [(at <= number).mean() for number in i[::20]]},
    )


def delay(
    run: Run,
    *,
    detector: str,
    before: float,
    after: float,
    context: int,
    every: int,
    level: float,
    streams: int,
    watched: int,
) -> Result:
    """The rate rises after `context` examples; one example in `every` has a label, and the others are not seen."""
    length, change = (context + watched) // every, context // every  # labels
    rng = run.rng("errors")
    at, began = np.empty(streams), np.full(streams, np.inf)
    for start in range(0, streams, CHUNK):
        some = slice(start, min(start + CHUNK, streams))
        errors = rng.random((some.stop - start, length)) < np.where(np.arange(length) < change, before, after)
        if detector == "cusum":
            over = cusum(errors, before, after, level)
            at[some] = np.where(over.any(axis=1), over.argmax(axis=1) + 1, np.inf)
        else:
            seen = track(errors)
            at[some] = first(seen.beyond(level))
            began[some] = opened(seen.beyond(2.0), at[some])
    early, never = at <= change, np.isinf(at)
    late = np.where(never, watched, (at - change) * every)[~early]
    raised = ~early & ~never & np.isfinite(began)
    return Result(
        {
            "early": early.mean(),
            "late": np.median(late) if len(late) else watched,
            "missed": never.sum() / max(1, len(late)),
            "open_before": (began <= change)[raised].mean() if raised.any() else 0.0,
        }
    )
