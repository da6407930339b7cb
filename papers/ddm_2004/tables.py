"""The learners on the streams of the paper, with and without detection."""

from collections.abc import Sequence

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .data import SINES, STREAMS, stream_of
from .model import Learner
from .wrapper import Followed, follow, follow_online

SOON = 60  # examples within which an alarm counts as the detection of a change
FIRST_FIT = 10  # examples after which a new network is fitted for the first time (see `follow`)
AFTER = 200  # examples after a change, over which the errors of getting over it are counted


def perceptron(run: Run, *, labels: str, learns: int, size: int, trials: int) -> Result:
    """The column of the perceptron: `trials` streams of each kind, each once without and once with a monitor."""
    found = np.array([_perceptrons(run, name, labels, learns, size, trials) for name in STREAMS])  # (8, 2)
    published = np.array([stream.perceptron for stream in STREAMS.values()])
    of_sines = np.array([name in SINES for name in STREAMS])

    def distance(errors: Array | float, there: Array) -> float:
        return float(np.abs(errors - published)[there].max())

    return Result(
        {
            "sine_distance": distance(found, of_sines),
            "sine_distance_coin": distance(0.5, of_sines),
            "other_distance": distance(found, ~of_sines),
            "other_distance_coin": distance(0.5, ~of_sines),
            "difference": np.abs(found[:, 0] - found[:, 1]).max(),
        },
        {"errors": found},
    )


def _perceptrons(run: Run, name: str, labels: str, learns: int, size: int, trials: int) -> tuple[float, float]:
    """Mean errors without and with detection."""
    drawn = [stream_of(run, name, size, trial) for trial in range(trials)]
    x = np.array([x for x, _ in drawn])  # (trials, T, n_in)
    t = np.where([positive for _, positive in drawn], 1.0, -1.0)  # (trials, T)
    if labels == "shuffled":
        t = run.rng(f"shuffled {name}").permuted(t, axis=1)
    watched = np.arange(2 * trials) >= trials
    wrong, _ = follow_online(np.concatenate([x, x]), np.concatenate([t, t]), watched, learns)
    return float(wrong[:trials].mean()), float(wrong[trials:].mean())


def network(
    run: Run, *, sets: list[str], concept: str, buffer: str, size: int, hidden: int, steps: int, batch: int, rate: float
) -> Result:
    """The column of the network: one stream of each kind, once without and once with a monitor (or its variant)."""

    def along(name: str, buffer: str) -> Followed:
        x, positive = stream_of(run, name, size, changes=concept == "changes")
        rng = run.rng(f"network {name}")
        learner = Learner(run, x.shape[1], rng, hidden=hidden, steps=steps, batch=batch, rate=rate)
        return follow(learner, x.astype(np.float32), positive.astype(np.float32), buffer)

    pairs = []
    for done, name in enumerate(sets, 1):
        pairs.append((along(name, "off"), along(name, buffer)))
        run.progress(done, len(sets))
    without, with_ = (np.array([pair[k].wrong.mean() for pair in pairs]) for k in (0, 1))
    abrupt = np.array([STREAMS[name].abrupt for name in sets])
    published = np.array([STREAMS[name].network[1] for name in sets])
    watched = [pair[1] for pair in pairs]
    spells = [spell for followed in watched for spell in _buffers(followed, size)]
    late = [_late(followed, size) for followed in watched]
    left, far, far_without = with_ / without, np.abs(with_ - published), np.abs(without - published)
    caught = sum(np.isfinite(times).sum() for times in late)
    contexts = sum(len(followed.wrong) // size for followed in watched)
    soon = [t <= SOON for times, sudden in zip(late, abrupt, strict=True) if sudden for t in times]
    return Result(
        {
            "detected": _mean(soon),
            "other_alarms": (len(spells) - caught) / contexts,
            "left": left[abrupt].max() if abrupt.any() else 1.0,
            "last_left": left[-1],
            "distance": far[abrupt].max() if abrupt.any() else 1.0,
            "distance_without": far_without[abrupt].max() if abrupt.any() else 1.0,
            "after": _mean([_after(followed, size) for followed in watched]),
            "after_old": _mean([_after(pair[0], size) for pair in pairs]),
            "buffered": _mean([length for length, _ in spells]),
            "old": _mean([old for _, old in spells if old is not None]),
        },
        {
            "errors": np.stack([without, with_], axis=1),  # (sets, 2)
            "late": [max(times) if np.isfinite(max(times)) else -1 for times in late],
            "first_wrong": np.flatnonzero(watched[0].wrong),
            "first_alarms": watched[0].alarms,
        },
    )


def false_alarm(
    run: Run, *, sets: list[str], settled: int, watched: int, hidden: int, steps: int, batch: int, rate: float
) -> Result:
    """What an alarm costs if nothing has changed: a network that has seen `settled` examples of one context, and a new
    one that begins with the last ten of them, both followed for the next `watched`."""
    costs, rates = [], []
    for done, name in enumerate(sets, 1):
        drawn = stream_of(run, name, settled + watched, changes=False)
        x, positive = (a[: settled + watched].astype(np.float32) for a in drawn)
        wrong = []
        for begins in (0, settled - FIRST_FIT):
            learner = Learner(
                run, x.shape[1], run.rng(f"network {name}"), hidden=hidden, steps=steps, batch=batch, rate=rate
            )
            wrong.append(follow(learner, x[begins:], positive[begins:], "off").wrong[settled - begins :])
        kept, new = wrong
        costs.append(float(new.sum()) - float(kept.sum()))
        rates.append(float(kept.mean()))
        run.progress(done, len(sets))
    return Result({"cost": _mean(costs), "kept_rate": _mean(rates)}, {"costs": costs})


def _mean(values: Sequence[float]) -> float:
    """0 if there are none."""
    return float(np.mean(values or [0]))


def _late(followed: Followed, size: int) -> list[float]:
    """For each change, examples from it to the first alarm of its context; infinity if there is none."""
    alarms = np.array(followed.alarms)
    changes = range(size, len(followed.wrong), size)
    return [float(min(alarms[alarms // size == c // size] - c + 1, default=np.inf)) for c in changes]


def _buffers(followed: Followed, size: int) -> list[tuple[int, float | None]]:
    """For each alarm: the examples in its buffer; and for the first after a change, which share of them is older."""
    found: list[tuple[int, float | None]] = []
    seen = {0}  # contexts; nothing is older than the first
    for alarm, since in zip(followed.alarms, followed.buffers, strict=True):
        context, length = alarm // size, alarm + 1 - since
        old = None if context in seen else max(0, context * size - since) / length
        seen.add(context)
        found.append((length, old))
    return found


def _after(followed: Followed, size: int) -> float:
    """Error in the 200 examples after a change, mean over the changes."""
    changes = range(size, len(followed.wrong), size)
    return float(np.mean([followed.wrong[c : c + AFTER].mean() for c in changes]))
