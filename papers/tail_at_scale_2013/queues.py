r"""Servers with queues, and requests that may be sent to two of them.

Each server works on one copy at a time, first come, first served. A request has two servers that can answer it, and a
service time at each. Times are in ms. What is simulated event by event is also had without events where it can be:
`waits` for one queue, `least_work` for ties that are cut in no time.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from core.layer import Array

CANCEL, ARRIVE, FINISH, TIMER = range(4)  # what happens first if two things happen at once
AWAY, QUEUED, RUNNING, OVER = range(4)  # states of a copy


@dataclass(frozen=True)
class Policy:
    """When a second copy is sent, and when a copy is called off."""

    name: str = "alone"  # alone, hedge, tied, or shorter: one copy, to the shorter of the two queues
    delay: float = 0.0  # of a hedge
    cancel: bool = True  # the first answer (of a tie: the first start) calls off the other copy while it waits
    stop: bool = False  # ... and also once it runs
    message: float = 0.0  # what a message from server to server takes; ties are sent two messages apart
    budget: float = 1.0  # hedges, as a share of the requests so far, that are not exceeded


@dataclass(frozen=True)
class Requests:
    """What comes: arrival times (N,), the two servers of each request (N, 2), and its service time at each (N, 2)."""

    arrivals: Array
    servers: Array
    services: Array


@dataclass(frozen=True)
class Outcome:
    """What came of it: the latency of each request, second copies sent for each request, and work done."""

    latency: Array
    extra: float
    work: float


class Simulation:
    """One run of a policy, event by event."""

    def __init__(self, requests: Requests, policy: Policy) -> None:
        self.policy = policy
        self.arrivals, self.services = requests.arrivals.tolist(), requests.services.tolist()
        self.servers = requests.servers.tolist()
        count = int(requests.servers.max()) + 1
        self.queues: list[deque[tuple[int, int]]] = [deque() for _ in range(count)]
        self.busy = [False] * count
        self.present = [0] * count  # copies at each server, waiting or running
        self.state = [[AWAY, AWAY] for _ in self.arrivals]
        self.answered = [math.inf] * len(self.arrivals)
        self.sent, self.work = 0, 0.0
        self.events: list[tuple[float, int, int, int]] = []  # time, what, request, copy

    def run(self) -> Outcome:
        at = {ARRIVE: self.arrive, FINISH: self.finish, CANCEL: self.call_off, TIMER: self.hedge}
        for i, now in enumerate(self.arrivals):
            while self.events and self.events[0][0] < now:
                time, what, request, copy = heapq.heappop(self.events)
                at[what](time, request, copy)
            self.send(now, i)
        while self.events:
            time, what, request, copy = heapq.heappop(self.events)
            at[what](time, request, copy)
        latency = np.array(self.answered) - np.array(self.arrivals)
        return Outcome(latency, self.sent / len(latency), self.work)

    def later(self, time: float, what: int, i: int, copy: int) -> None:
        heapq.heappush(self.events, (time, what, i, copy))

    def send(self, now: float, i: int) -> None:
        """A request comes."""
        first, second = self.servers[i]
        if self.policy.name == "shorter" and self.present[second] < self.present[first]:
            self.servers[i] = [second, first]
            self.services[i].reverse()
        self.later(now, ARRIVE, i, 0)
        if self.policy.name == "tied":
            self.sent += 1
            self.later(now + 2 * self.policy.message, ARRIVE, i, 1)
        elif self.policy.name == "hedge":
            self.later(now + self.policy.delay, TIMER, i, 1)

    def hedge(self, now: float, i: int, copy: int) -> None:
        """The delay is over."""
        if self.answered[i] == math.inf and self.sent < self.policy.budget * (i + 1):
            self.sent += 1
            self.later(now, ARRIVE, i, copy)

    def arrive(self, now: float, i: int, copy: int) -> None:
        """A copy comes to its server, unless it was called off on the way."""
        if self.state[i][copy] == AWAY:
            server = self.servers[i][copy]
            self.state[i][copy] = QUEUED
            self.present[server] += 1
            self.queues[server].append((i, copy))
            if not self.busy[server]:
                self.start(now, server)

    def start(self, now: float, server: int) -> None:
        """A free server takes the first copy of its queue that was not called off."""
        queue = self.queues[server]
        while queue:
            i, copy = queue.popleft()
            if self.state[i][copy] == QUEUED:
                self.state[i][copy] = RUNNING
                self.busy[server] = True
                self.work += self.services[i][copy]
                self.later(now + self.services[i][copy], FINISH, i, copy)
                if self.policy.name == "tied" and self.policy.cancel:
                    self.later(now + self.policy.message, CANCEL, i, 1 - copy)
                return
        self.busy[server] = False

    def finish(self, now: float, i: int, copy: int) -> None:
        """A service ends, unless it was stopped before."""
        if self.state[i][copy] == RUNNING:
            if self.answered[i] == math.inf:
                self.answered[i] = now
                if self.policy.name == "hedge" and self.policy.cancel:
                    self.later(now + self.policy.message, CANCEL, i, 1 - copy)
            self.leave(now, i, copy)

    def call_off(self, now: float, i: int, copy: int) -> None:
        """The message that a copy is not needed any more reaches its server."""
        state = self.state[i][copy]
        if state == RUNNING and self.policy.stop:
            self.leave(now, i, copy)
        elif state == QUEUED:
            self.present[self.servers[i][copy]] -= 1
        if state in (AWAY, QUEUED):
            self.state[i][copy] = OVER

    def leave(self, now: float, i: int, copy: int) -> None:
        self.state[i][copy] = OVER
        self.present[self.servers[i][copy]] -= 1
        self.start(now, self.servers[i][copy])


def simulate(requests: Requests, policy: Policy) -> Outcome:
    """The latencies of the requests under a policy."""
    return Simulation(requests, policy).run()


def waits(gaps: Array, services: Array) -> Array:
    r"""Waits before service in queues of one server each, (B, N), from the gaps between arrivals and the services.

    Lindley: \(W_{k+1} = \max(0, W_k + S_k - A_{k+1})\), which is \(U_k - \min_{j \le k} U_j\) for the sums U.
    """
    steps = services[:, :-1] - gaps[:, 1:]
    U = np.concatenate([np.zeros((len(gaps), 1)), np.cumsum(steps, axis=1)], axis=1)
    waits: Array = U - np.minimum.accumulate(U, axis=1)
    return waits


def least_work(requests: Requests) -> Array:
    """Waits (N,) if each request goes to that one of its two servers where less work waits; no events."""
    free = [-math.inf] * (int(requests.servers.max()) + 1)  # when each server will have done what it has
    found = []
    for now, pair, times in zip(*(x.tolist() for x in vars(requests).values()), strict=True):
        which = 0 if max(free[pair[0]], now) <= max(free[pair[1]], now) else 1
        start = max(free[pair[which]], now)
        free[pair[which]] = start + times[which]
        found.append(start - now)
    return np.array(found)
