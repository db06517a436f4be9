"""One schedule: play a plan, wait until the cluster is whole again, let what is left be judged."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import httpx

from cift_local.stack import open_api
from tests.chaos.checks.checker import Verdict, check
from tests.chaos.clients.history import History
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.quiescence import Look, Watch
from tests.chaos.evidence.gathering import Places, gather
from tests.chaos.faults import injection
from tests.chaos.schedules import traffic
from tests.chaos.schedules.plan import Plan
from tests.chaos.schedules.traffic import Merchant

RECOVERED_WITHIN_S = 60.0
"""The promise: this long after the last fault everything has ended and every part serves."""
RECOVERED_BESIDE_WITHIN_S = 90.0
"""The same while a process hangs: what a worker has in hand is free when its lease of 60 s ends."""
MERCHANTS = ("m_chaos_a", "m_chaos_b")
LOOK_S = 0.15


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the cluster came to rest after the last fault."""

    seconds: float | None
    """Until the last payment had ended and every part served; None: it did not in time."""
    last: Look | None
    """What was seen at the end of the wait."""
    slowest: frozenset[str]
    """The payments that were the last to end."""


@dataclass(frozen=True, slots=True)
class Played:
    """A schedule that was played and judged."""

    plan: Plan
    payments: int
    recovery: Recovery
    verdict: Verdict
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return self.recovery.seconds is not None and self.verdict.is_sound


@dataclass(frozen=True, slots=True)
class Session:
    """A cluster with its merchants and all that was ever asked in it."""

    cluster: Cluster
    merchants: Sequence[Merchant]
    history: History
    watch: Watch


@contextlib.asynccontextmanager
async def open_session(cluster: Cluster) -> AsyncIterator[Session]:
    """Opens the API of a cluster for each merchant."""
    merchants = [Merchant(name, await open_api(cluster.stack, name)) for name in MERCHANTS]
    watch = Watch(cluster)
    try:
        yield Session(cluster, merchants, History(), watch)
    finally:
        await watch.aclose()


async def play(session: Session, plan: Plan) -> Played:
    """Plays one plan to its end and judges all that was ever done in this cluster."""
    cluster, loop, started = session.cluster, asyncio.get_running_loop(), time.monotonic()
    await _set_three_d_secure(cluster, plan)
    began = loop.time()
    customers = asyncio.create_task(
        traffic.play(plan, cluster.gateway, cluster.twins, session.merchants, session.history)
    )
    try:
        playing = asyncio.gather(*(injection.play(cluster, fault, began) for fault in plan.faults))
        since = await _hung(session, plan, began)
        since = max(since, *await playing)
        await injection.calm(cluster)
        within_s = RECOVERED_WITHIN_S if plan.hang is None else RECOVERED_BESIDE_WITHIN_S
        recovery = await _recovered(session, customers, since, within_s)
        recovery = await _thawed(session, customers, recovery)
        accepted = await customers
    finally:
        customers.cancel()
    verdict = await _judged(session)
    return Played(plan, len(accepted), recovery, verdict, time.monotonic() - started)


async def _hung(session: Session, plan: Plan, began: float) -> float:
    """Lets the process hang that hangs by plan; answers when it began to."""
    if plan.hang is None:
        return began
    session.watch.hangs, at = await injection.hang(session.cluster, plan.hang, began)
    return at


async def _thawed(
    session: Session, customers: "asyncio.Task[list[str]]", recovery: Recovery
) -> Recovery:
    """Lets what hangs go on, once the others have recovered without it, and waits once more.

    Answers the recovery without it, unless there is none with it.
    """
    hung, session.watch.hangs = session.watch.hangs, None
    if hung is None:
        return recovery
    session.watch.go_on()
    session.cluster.resume(hung)
    again = await _recovered(session, customers, asyncio.get_running_loop().time())
    return recovery if again.seconds is not None else again


async def _set_three_d_secure(cluster: Cluster, plan: Plan) -> None:
    """How the twin's bank ends its challenges in this schedule."""
    async with httpx.AsyncClient(base_url=cluster.twin) as http:
        reply = await http.patch("/control/settings", json={"stripe_3ds": plan.three_d_secure})
        reply.raise_for_status()


async def _recovered(
    session: Session,
    customers: "asyncio.Task[list[str]]",
    since: float,
    within_s: float = RECOVERED_WITHIN_S,
) -> Recovery:
    """Waits until nothing is open that can end, nothing travels, and every part serves."""
    cluster, loop = session.cluster, asyncio.get_running_loop()
    ended_at, seen, slowest = None, None, frozenset[str]()
    while loop.time() < since + within_s:
        await asyncio.sleep(LOOK_S)
        seen = await session.watch.look()
        slowest = (seen.ending if seen else None) or slowest
        if seen is None or seen.ending or not customers.done() or not cluster.is_ready():
            ended_at = None
            continue
        ended_at = ended_at or loop.time()
        if not seen.travelling and await session.watch.is_still():
            return Recovery(max(ended_at - since, 0.0), seen, slowest)
    session.watch.go_on()
    return Recovery(None, seen, slowest)


async def _judged(session: Session) -> Verdict:
    cluster = session.cluster
    # the workers are held still, and can't be asked whether they lead
    asked = {name: at for name, at in cluster.addresses().items() if "worker" not in name}
    try:
        evidence = await gather(
            Places(cluster.database_url, cluster.twins, cluster.kafka, asked), session.history
        )
    finally:
        session.watch.go_on()
    return check(evidence)
