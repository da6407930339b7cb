"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from core.layer import Array
from firsthand import Result, Run

from .model import Tail, hedged, leaf_quantile, slowest, time_of, unfinished, with_hedge
from .queues import Outcome, Policy, Requests, simulate

BLOCK = 1_000_000  # latencies that are drawn at a time
TABLE_1 = {"one": (1.0, 5.0, 10.0), "most": (12.0, 32.0, 70.0), "all": (40.0, 87.0, 140.0)}  # ms
LEVELS = (0.5, 0.95, 0.99)  # of the columns of table 1
ONE_IN = (100, 1000, 10000)  # the curves of the paper's figure


def blocks(total: int, width: int = 1) -> Iterator[int]:
    """`total` rows of `width` in blocks of at most BLOCK numbers."""
    rows = max(1, BLOCK // width)
    return (min(rows, total - done) for done in range(0, total, rows))


def slow(run: Run, *, one_in: int, servers: int, requests: int) -> Result:
    """Requests that meet a slow server. Which server is the first slow one is drawn: all of them would take long."""
    grid = np.unique(np.geomspace(1, 2000, 24).round().astype(int))
    first = {p: run.rng(f"first {p}").geometric(1 / p, requests) for p in {one_in, *ONE_IN}}
    return Result(
        {
            "share": float((first[one_in] <= servers).mean()),
            "formula": slowest(1 / one_in, servers),
            "one_server": 1 / one_in,
        },
        {
            "servers": grid,
            "simulated": [[float((first[p] <= n).mean()) for n in grid] for p in ONE_IN],
            "formulas": [[slowest(1 / p, int(n)) for n in grid] for p in ONE_IN],
            "names": [f"one answer in {p:,} is slow" for p in ONE_IN],
        },
    )


def quantile(run: Run, *, servers: int, quantile: float, shared: float, sigma: float, fan_outs: int) -> Result:
    """Fan-outs slower than the time that one server's distribution gives. `shared`: one latency for all servers."""
    tail, rng = Tail("lognormal", 0.0, sigma), run.rng("latencies")
    watched = leaf_quantile(quantile, servers)
    longest = np.concatenate([tail.draw(rng, (n, servers)).max(axis=1) for n in blocks(fan_outs, servers)])
    together = run.rng("together").random(fan_outs) < shared
    longest = np.where(together, tail.draw(run.rng("one for all"), fan_outs), longest)
    derived, own = tail.time(1 - watched), tail.time(1 - quantile)
    return Result(
        {
            "share_above": float((longest > derived).mean()),
            "share_above_own": float((longest > own).mean()),
            "watched": watched,
            "factor": derived / own,
        }
    )


def hedge(run: Run, *, sigma: float, delay_at: float, shared: float, formula: str, requests: int) -> Result:
    """One server and its replica: slow answers with and without a hedge, and what the algebra says of them."""
    tail, rng = Tail("lognormal", 0.0, sigma), run.rng("latencies")
    delay = tail.time(1 - delay_at)
    parts = [(first, *with_hedge(tail, rng, first, delay, shared)) for first in _firsts(tail, rng, requests)]
    first, answers = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    says = hedged(tail.survival, 0.0 if formula == "at once" else delay, shared)
    true = hedged(tail.survival, delay, shared)
    levels = [time_of(true, f) for f in (1 / 100, 1 / 300, 1 / 1000)]
    counted = [float((answers > t).mean()) for t in levels]
    rare = tail.time(0.005)
    costs = np.geomspace(0.002, 1.0, 25)  # second copies, as a share
    times = np.geomspace(delay / 20, 100 * delay, 60)
    return Result(
        {
            "error": max(abs(c / says(t) - 1) for c, t in zip(counted, levels, strict=True)),
            "error_alone": max(abs(c / tail.survival(t) - 1) for c, t in zip(counted, levels, strict=True)),
            "extra": sum(part[2] * len(part[0]) for part in parts) / requests,
            "gain": float((first > rare).mean() / max((answers > rare).mean(), 1 / requests)),
        },
        {
            "times": times / delay,
            "alone": [tail.survival(t) for t in times],
            "hedged": [true(t) for t in times],
            "counted": [float((answers > t).mean()) for t in times[::4]],
            "costs": costs,
            "p999": [time_of(hedged(tail.survival, _delay(tail, c), shared), 0.001) / tail.time(0.001) for c in costs],
        },
    )


def _firsts(tail: Tail, rng: np.random.Generator, total: int) -> Iterator[Array]:
    return (tail.draw(rng, n) for n in blocks(total))


def _delay(tail: Tail, cost: float) -> float:
    """The delay that a share `cost` of the requests outlasts."""
    return tail.time(cost) if cost < 1 else 0.0


def table(run: Run, *, source: str, leaves: int, requests: int) -> Result:
    """Unfinished leaves that the row of 95 % of the leaves implies, over those that the row of one leaf allows.

    At a time t after a quantile of the row of one leaf, at most 1 - level of the leaves are unfinished.
    """
    one, most = TABLE_1["one"], TABLE_1["most"]
    if source == "simulated":
        mood = run.rng("requests").normal(0, 0.7, (requests, 1))
        times = np.exp(mood + run.rng("leaves").normal(0, 0.7, (requests, leaves)))
        one = tuple(np.quantile(times, LEVELS).tolist())
        most = tuple(np.quantile(np.sort(times, axis=1)[:, int(np.ceil(0.95 * leaves)) - 1], LEVELS).tolist())
    ratios = [
        unfinished(0.95, 1 - late) / (1 - level)
        for t, late in zip(most, LEVELS, strict=True)
        for quantile, level in zip(one, LEVELS, strict=True)
        if quantile <= t
    ]
    return Result({"excess": max(ratios), "margin": 1.0}, {"one": one, "most": most})


def bigtable(run: Run, *, tail: str, shared: float, fan_outs: int) -> Result:
    """100 servers: 2 % of a server's answers come after 10 ms, and the 99.9th percentile of the slowest is 1,800 ms."""
    latency = Tail.through(tail, (10.0, 0.02), (1800.0, 1 - leaf_quantile(0.999, 100)))
    rng, alone, hedges, extra = run.rng("latencies"), [], [], 0.0
    for rows in blocks(fan_outs, 100):
        first = latency.draw(rng, (rows, 100))
        answers, share = with_hedge(latency, rng, first, 10.0, shared)
        alone.append(first.max(axis=1))
        hedges.append(answers.max(axis=1))
        extra += share * rows / fan_outs
    before, after = (float(np.quantile(np.concatenate(times), 0.999)) for times in (alone, hedges))
    return Result({"hedged": after, "alone": before, "extra": extra})


def requests_for(run: Run, service: str, mean: float, servers: int, load: float, shared: bool, count: int) -> Requests:
    """Requests at random times, each with two different servers; `shared`: the same service time at both."""
    rng, shape = run.rng("services"), (count, 2)
    if service == "stalls":
        times = rng.exponential(mean, shape) + 20 * mean * (rng.random(shape) < 0.02)
        occupied = 1.4 * mean
    else:
        times = rng.gamma(6.0, mean / 6, shape) if service == "gamma" else rng.exponential(mean, shape)
        occupied = mean
    if shared:
        times[:, 1] = times[:, 0]
    arrivals = np.cumsum(run.rng("arrivals").exponential(occupied / (load * servers), count))
    first = run.rng("first").integers(0, servers, count)
    second = (first + run.rng("second").integers(1, servers, count)) % servers
    return Requests(arrivals, np.stack([first, second], axis=1), times)


def twins(run: Run, *, tied: bool, load: float, requests: int) -> Result:
    """Two servers, exponential services of mean 1."""
    given = requests_for(run, "exponential", 1.0, 2, load, True, requests)  # one service time, so that waits can be had
    outcome = simulate(given, Policy("tied" if tied else "alone"))
    erlang = load**2 / (1 - load**2)
    wait = float((outcome.latency - given.services[:, 0]).mean())
    return Result(
        {
            "wait": wait / erlang,
            "two_queues": load / (1 - load) / erlang,
            "work": outcome.work / float(given.services[:, 0].sum()),
        }
    )


def _ratio(outcome: Outcome, alone: Outcome, level: float) -> float:
    return float(np.quantile(outcome.latency, level) / np.quantile(alone.latency, level))


def cluster(
    run: Run,
    *,
    service: str,
    mean: float,
    servers: int,
    load: float,
    policy: str,
    delay: float,
    cancel: bool,
    budget: float,
    message: float,
    shared: bool,
    requests: int,
) -> Result:
    """The same requests once alone and once under a policy."""
    given = requests_for(run, service, mean, servers, load, shared, requests)
    alone = simulate(given, Policy())
    rule = Policy(policy, delay=delay, cancel=cancel, budget=budget, message=message)
    outcome = simulate(given, rule)
    return Result(
        {
            "p99_ratio": _ratio(outcome, alone, 0.99),
            "p50_ratio": _ratio(outcome, alone, 0.5),
            "same": 1.0,
            "p99": float(np.quantile(outcome.latency, 0.99)),
            "p95_alone": float(np.quantile(alone.latency, 0.95)),
            "extra": outcome.extra,
            "work": outcome.work / alone.work,
        },
        {"percentiles": np.quantile([alone.latency, outcome.latency], [0.5, 0.9, 0.99, 0.999], axis=1).T},
    )


def loads(run: Run, *, loads: list[float], requests: int) -> Result:
    """The 99th percentile at each load under each policy, with the services of the experiment cluster."""
    never = Policy("hedge", delay=13.0, cancel=False)
    policies = {
        "one copy": Policy(),
        "hedged, never called off": never,
        "hedged within a budget of 5 %": replace(never, budget=0.05),
        "hedged, called off": Policy("hedge", delay=13.0, message=0.05),
        "tied": Policy("tied", message=0.05),
    }
    p99: dict[str, list[Any]] = {name: [] for name in policies}
    for done, load in enumerate(loads):
        given = requests_for(run, "stalls", 1.0, 20, load, False, requests)
        for name, policy in policies.items():
            p99[name].append(float(np.quantile(simulate(given, policy).latency, 0.99)))
        run.progress(done + 1, len(loads))
    one = dict(zip(loads, p99["one copy"], strict=True))
    return Result({"growth": one[0.8] / one[0.2]}, {"names": list(policies), "p99": list(p99.values()), "loads": loads})
