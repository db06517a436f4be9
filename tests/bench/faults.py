"""Recovery after a fault under load: the database was away, or a process died."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.arithmetic import backlog, per_second
from tests.bench.cluster import PROVIDER_S, SERVICES, Cluster
from tests.bench.load import Result
from tests.bench.settle import posted_at

BEFORE_S = 5.0
"""Load before the outage."""
SETTLING_S = 5.0
GENERATOR_START_S = 1.0
READ_EVERY_S = 0.25
KILLS = (*SERVICES, "postgres", "kafka")
KILL_LOAD_S = 4.0
KILL_AFTER_S = 1.5
AROUND_S = 1.0
"""Payments that were sent so long before and after a kill are those it may have hit."""
PATIENCE_S = 90.0
SERVER_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Drain:
    """A backlog and how it went; moments are seconds from the start of the load."""

    rate: float
    gone_at: float
    back_at: float
    drained_at: float
    backlog: int
    """Due and not final when the database was back."""
    settled_per_s: float
    """From then until the backlog was gone, or the load ended."""
    first_settled_s: float
    """From the database's return to the first payment settled."""
    arrived: list[float]
    settled: list[float]

    @property
    def vs_arrival(self) -> float:
        """Above 1: it catches up."""
        return self.settled_per_s / self.rate


async def outage(cluster: Cluster, rate: float, outage_s: float) -> Drain:
    """Stops PostgreSQL for a while; clients go on and repeat what is turned away.

    Load goes on afterwards for as long as the outage lasted: the backlog has to go beside it.
    """
    seconds = BEFORE_S + 2 * outage_s + SETTLING_S
    load = asyncio.create_task(cluster.load(rate, seconds, insist_s=seconds + PATIENCE_S))
    await asyncio.sleep(GENERATOR_START_S + BEFORE_S)
    gone = time.time()
    await cluster.postgres.stop()
    await asyncio.sleep(outage_s)
    await cluster.postgres.start()
    back = time.time()
    result = await load
    await cluster.settled(300)
    posted = await posted_at(cluster, result)
    return drained(result, rate, (gone, back), posted.values())


def drained(
    result: Result, rate: float, away: tuple[float, float], posted: Iterable[float]
) -> Drain:
    """What became of the backlog; `away` and `posted` are wall clock."""
    start = result.started_at
    settled = sorted(at - start for at in posted)
    gone_at, back_at = (at - start for at in away)
    usual = rate * (PROVIDER_S + 1.0)
    end, gone_again = result.due[-1], back_at
    while gone_again < end and backlog(result.due, settled, gone_again) > usual:
        gone_again += READ_EVERY_S
    gone_again = max(gone_again, back_at + 1.0)
    return Drain(
        rate=rate,
        gone_at=gone_at,
        back_at=back_at,
        drained_at=gone_again,
        backlog=backlog(result.due, settled, back_at),
        settled_per_s=per_second(settled, back_at, gone_again),
        first_settled_s=min((at for at in settled if at > back_at), default=end) - back_at,
        arrived=result.due,
        settled=settled,
    )


@dataclass(frozen=True, slots=True)
class Kill:
    """A `kill -9` under load."""

    name: str
    recovery_s: float
    """The longest that a payment sent around the kill had to wait, less the provider's time."""
    unsettled: int
    """Payments that were not final when patience ended."""
    never_known: int
    """Payments that nobody can decide; see `Cluster.never_known`."""


async def kills(cluster: Cluster, rate: float, rounds: int) -> list[Kill]:
    """Kills every process in turn, each several times."""
    done = []
    for name in KILLS * rounds:
        done.append(await _kill(cluster, name, rate))
        print(f"[kill -9 of {name}: {done[-1].recovery_s:.1f} s]", flush=True)
    return done


async def _kill(cluster: Cluster, name: str, rate: float) -> Kill:
    keeper = {"postgres": cluster.postgres, "kafka": cluster.kafka}.get(name)
    load = asyncio.create_task(cluster.load(rate, KILL_LOAD_S, insist_s=PATIENCE_S))
    await asyncio.sleep(GENERATOR_START_S + KILL_AFTER_S)
    at = time.time()
    (keeper or cluster.stack).kill(name)
    result = await load
    await (keeper or cluster.stack).wait_ready(name, SERVER_START_S)
    left = 0
    try:
        await cluster.settled(PATIENCE_S)
    except TimeoutError:
        left = await cluster.open_payments()
    lost, posted = await cluster.never_known(), await posted_at(cluster, result)
    told = posted | dict.fromkeys(lost, at)
    return Kill(name, recovery_s(result, at, told), left, len(lost & set(result.ids)))


def recovery_s(result: Result, killed_at: float, posted: dict[str, float]) -> float:
    """How long payments sent around a kill waited from the kill, or from being sent if later.

    The provider's time is taken off. A payment that was never posted counts as `PATIENCE_S`.
    """
    waits = []
    for n, due in enumerate(result.due):
        sent = result.started_at + due
        if abs(sent - killed_at) <= AROUND_S:
            ended = posted.get(result.ids[n], killed_at + PATIENCE_S)
            waits.append(ended - max(sent, killed_at) - PROVIDER_S)
    return max(waits, default=0.0)
