"""How fast payments are accepted, beside a bare endpoint with one INSERT in the same minutes.

Maxima are taken closed loop (as fast as some connections allow), round by round in turn with the
bare one; latencies open loop. Two maxima of ours: with the house at work behind the gateway, and
with it held still (SIGSTOP), which compares endpoint with endpoint.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.arithmetic import paired_ratio, percentile
from tests.bench.bare import PATH, running_bare
from tests.bench.cluster import Cluster, generate
from tests.bench.load import Plan, Result
from tests.bench.orders import Mix
from tests.bench.proc import cpu_ms

CONNECTIONS = 32
CLIENTS = (1, 32, 128)
"""Clients at a time: what arrives together is accepted in one statement."""
BEHIND = ("ledger", "mpesa-worker", "card-worker", "provider-sandbox")


@dataclass
class Rates:
    """Accepted a second, round by round."""

    bare: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    bare_cpu_ms: float = 0.0
    """CPU of the bare server's process for a request, in milliseconds."""

    @property
    def vs_bare(self) -> float:
        """While workers and ledger run."""
        return paired_ratio(self.ours, self.bare)

    @property
    def alone_vs_bare(self) -> float:
        """While workers and ledger are paused."""
        return paired_ratio(self.alone, self.bare)


async def maxima(cluster: Cluster, rounds: int, seconds: float) -> Rates:
    """Measures bare and ours in turn."""
    rates = Rates()
    async with running_bare(cluster.stack.database_url) as (port, pid):
        bare = Plan(port, 0, seconds, Mix(path=PATH), connections=CONNECTIONS)
        for warm_up in (True, *(False,) * rounds):
            before = cpu_ms(pid)
            result = await generate(cluster.folder, bare)
            if warm_up:
                await cluster.load(20, 2)
                continue
            rates.bare_cpu_ms = (cpu_ms(pid) - before) / len(result.accepted)
            rates.bare.append(_rate(result))
            with held_still(cluster):
                rates.alone.append(await _flood(cluster, seconds))
            await cluster.settled()
            rates.ours.append(await _flood(cluster, seconds))
            await cluster.settled()
    return rates


async def by_clients(cluster: Cluster, rounds: int, seconds: float) -> dict[int, list[float]]:
    """Accepted a second, round by round, for each number of clients; the others are paused."""
    rates: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    for _ in range(rounds):
        for clients, found in rates.items():
            with held_still(cluster):
                found.append(await _flood(cluster, seconds, clients))
            await cluster.settled()
    return rates


async def _flood(cluster: Cluster, seconds: float, connections: int = CONNECTIONS) -> float:
    return _rate(await cluster.load(0, seconds, connections=connections))


def _rate(result: Result) -> float:
    return len(result.accepted) / result.wall_s


@contextmanager
def held_still(cluster: Cluster) -> Iterator[None]:
    """Stops everything behind the gateway for a moment; it goes on as if nothing had been."""
    pids = [pid for name, pid in cluster.pids().items() if name in BEHIND]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def quantiles_ms(result: Result) -> tuple[float, float]:
    """Median and 99th percentile of the time to an answer, in milliseconds."""
    latencies = result.latencies
    return percentile(latencies, 0.5) * 1e3, percentile(latencies, 0.99) * 1e3
