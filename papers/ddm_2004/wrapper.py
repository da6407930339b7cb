"""The paper's wrapper: predict, take the label, tell the monitor, and begin anew on the buffer when it says so."""

from dataclasses import dataclass, field

import numpy as np

from core.layer import Array
from core.optim import SGD

from .model import Learner, Perceptrons, rosenblatt
from .monitor import Monitor

WINDOW = 200  # examples, for the variant that has no monitor


@dataclass
class Followed:
    """What happened along a stream: which predictions were wrong (T,); alarms, and where their buffers began, as
    numbers of examples from 0."""

    wrong: Array
    alarms: list[int] = field(default_factory=list)
    buffers: list[int] = field(default_factory=list)


def follow(learner: Learner, x: Array, positive: Array, buffer: str) -> Followed:
    """A network along a stream (T, n_in), (T,). Each example is predicted before its label is seen.

    It is fitted further whenever a tenth of its training data, and ten at least, are new to it. After an alarm a new
    one has as training data the `buffer`: what came since the "warning", or "none"; with "everything" nothing is thrown
    away. Without a monitor ("off", "window") there are no alarms; "window" fits on the last 200 examples only.
    """
    length, monitor, found = len(x), Monitor(), Followed(np.zeros(len(x), bool))
    start = begin = now = 0  # the training data are begin ... now - 1
    while now < length:
        until = min(length, now + max(10, (now - begin) // 10))
        wrong = learner.wrong(x[now:until], positive[now:until])
        alarm = None if buffer in ("off", "window") else _alarm(monitor, wrong)
        if alarm is None:
            found.wrong[now:until] = wrong
            now = until
        else:
            found.wrong[now : now + alarm + 1] = wrong[: alarm + 1]
            now += alarm + 1
            since = now - 1 - (monitor.i - monitor.since)
            found.alarms.append(now - 1)
            found.buffers.append(since)
            monitor.reset()
            if buffer != "everything":
                start = since if buffer == "warning" else now
                learner.begin_anew()
        begin = max(start, now - WINDOW) if buffer == "window" else start
        if begin < now:
            learner.fit(x[begin:now], positive[begin:now])
    return found


def _alarm(monitor: Monitor, wrong: Array) -> int | None:
    """Tell the monitor of one error after the other; at which of them it raised an alarm, if it did."""
    return next((place for place, error in enumerate(wrong) if monitor.add(bool(error)) == "drift"), None)


def follow_online(x: Array, t: Array, watched: Array, learns: int) -> tuple[Array, list[list[int]]]:
    """Perceptrons, side by side, along streams (B, T, n_in) with labels 1 and -1 (B, T); those that are `watched` (B,)
    have a monitor. After an alarm a new one goes once through the buffer. If `learns` is not 0, each stops learning
    after so many examples. Returns which predictions were wrong (B, T), and the alarms of each trial."""
    trials, length, n_in = x.shape
    model = Perceptrons(trials, n_in)
    optimiser = SGD(model, 1.0)
    monitors = {trial: Monitor() for trial in np.flatnonzero(watched)}
    wrong = np.zeros((trials, length), bool)
    alarms: list[list[int]] = [[] for _ in range(trials)]
    age = np.zeros(trials, int)
    for now in range(length):
        wrong[:, now] = rosenblatt(model, optimiser, x[:, now], t[:, now], age < (learns or length))
        age += 1
        for trial, monitor in monitors.items():
            if monitor.add(bool(wrong[trial, now])) == "drift":
                alarms[trial].append(now)
                since = now - (monitor.i - monitor.since)
                model.W.data[trial] = _taught(x[trial, since : now + 1], t[trial, since : now + 1])
                age[trial] = now + 1 - since
                monitor.reset()
    return wrong, alarms


def _taught(x: Array, t: Array) -> Array:
    """The weights of a new perceptron that has gone once through examples (N, n_in), (N,)."""
    model = Perceptrons(1, x.shape[1])
    optimiser = SGD(model, 1.0)
    for k in range(len(x)):
        rosenblatt(model, optimiser, x[k : k + 1], t[k : k + 1], np.ones(1))
    weights: Array = model.W.data[0]
    return weights
