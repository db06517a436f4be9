"""Makes the faults of a plan happen, and undoes those that last."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import httpx

from cift_shared.rails.local import local_rails
from tests.chaos.cluster.cluster import SERVICES, Cluster
from tests.chaos.schedules.plan import Fault

SCHEMAS = {
    "gateway": "gateway",
    "ledger": "ledger",
    **{local.worker: rail for rail, local in local_rails().items()},
}
"""A schema of each service, in which its relay leads."""
_LEADER = """
select split_part(process, '/', 3)::int from {schema}.lease where name = 'relay'
"""
_UNDONE_WITHIN_S = 30.0
_TOLD_WITHIN_S = 2.0


async def play(cluster: Cluster, fault: Fault, began: float) -> float:
    """Lets a fault happen at its time; answers when it was over, by the loop's clock."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(began + fault.at_s - loop.time())
    begin, end = _ACTIONS[fault.kind]
    await begin(cluster, fault)
    await asyncio.sleep(fault.lasts_s)
    await end(cluster, fault)
    return loop.time()


async def hang(cluster: Cluster, fault: Fault, began: float) -> tuple[str, float]:
    """Stop a process at its time; answers which, and when, by the loop's clock.

    It hangs until it is resumed; clients are led to another gateway.
    """
    loop = asyncio.get_running_loop()
    await asyncio.sleep(began + fault.at_s - loop.time())
    one, other = cluster.replicas(fault.target)
    leader = await leading(cluster, fault.target)
    standby = other if leader == one else one
    hangs, left = (leader, standby) if fault.detail["who"] == "leader" else (standby, leader)
    if fault.target == "gateway":
        cluster.turn_to(left)
    cluster.stop(hangs)
    return hangs, loop.time()


async def leading(cluster: Cluster, service: str) -> str:
    """The process of a service whose relay leads, the first where nobody can tell just now."""
    pid = await _leader(cluster, service)
    names = cluster.replicas(service)
    return next((name for name in names if cluster.status(name).pid == pid), names[0])


async def _leader(cluster: Cluster, service: str) -> int | None:
    """The pid of the process whose relay leads; None: nobody can tell."""
    try:
        connection = await asyncpg.connect(cluster.database_url, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    try:
        pid: int | None = await connection.fetchval(_LEADER.format(schema=SCHEMAS[service]))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    finally:
        connection.terminate()
    return pid


async def calm(cluster: Cluster) -> None:
    """Ends whatever may still be wrong with the cluster, but for the marks it left."""
    for link in cluster.links.values():
        link.heal()
    for name in SERVICES:
        cluster.disarm(name)
    await _tell_twin(cluster, "DELETE", "/control/faults", within_s=_UNDONE_WITHIN_S)
    await _tell_twin(cluster, "PUT", "/control/outage", {"mode": "off"}, within_s=_UNDONE_WITHIN_S)


async def _tell_twin(
    cluster: Cluster,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    within_s: float = _TOLD_WITHIN_S,
) -> None:
    """Calls the control API until it answers; a twin that is dead or frozen may miss a fault."""
    async with httpx.AsyncClient(base_url=cluster.twin, timeout=1) as http:
        try:
            async with asyncio.timeout(within_s):
                while not await _is_told(http, method, path, body):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            if within_s == _UNDONE_WITHIN_S:
                raise


async def _is_told(
    http: httpx.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None
) -> bool:
    try:
        reply = await http.request(method, path, json=body)
    except httpx.TransportError:
        return False
    reply.raise_for_status()
    return True


async def _nothing(cluster: Cluster, fault: Fault) -> None:
    """What is over at once needs no end."""


async def _kill(cluster: Cluster, fault: Fault) -> None:
    cluster.kill(fault.target)


async def _restart(cluster: Cluster, fault: Fault) -> None:
    cluster.restart(fault.target)


async def _pause(cluster: Cluster, fault: Fault) -> None:
    cluster.stop(fault.target)


async def _resume(cluster: Cluster, fault: Fault) -> None:
    cluster.resume(fault.target)


async def _order_fault(cluster: Cluster, fault: Fault) -> None:
    await _tell_twin(cluster, "POST", "/control/faults", fault.detail)


async def _forget_faults(cluster: Cluster, fault: Fault) -> None:
    await _tell_twin(cluster, "DELETE", "/control/faults", within_s=_UNDONE_WITHIN_S)


async def _begin_outage(cluster: Cluster, fault: Fault) -> None:
    await _tell_twin(cluster, "PUT", "/control/outage", fault.detail)


async def _end_outage(cluster: Cluster, fault: Fault) -> None:
    await _tell_twin(cluster, "PUT", "/control/outage", {"mode": "off"}, within_s=_UNDONE_WITHIN_S)


async def _poison(cluster: Cluster, fault: Fault) -> None:
    cluster.links[fault.target].poison(fault.detail["toxic"])


async def _heal(cluster: Cluster, fault: Fault) -> None:
    cluster.links[fault.target].heal()


async def _skew(cluster: Cluster, fault: Fault) -> None:
    cluster.skew(fault.target, fault.detail["seconds"])
    cluster.restart(fault.target)


async def _set_right(cluster: Cluster, fault: Fault) -> None:
    cluster.skew(fault.target, 0)
    cluster.kill(fault.target)


async def _arm(cluster: Cluster, fault: Fault) -> None:
    cluster.arm(fault.target, fault.detail["point"])


async def _disarm(cluster: Cluster, fault: Fault) -> None:
    cluster.disarm(fault.target)


Action = Callable[[Cluster, Fault], Awaitable[None]]

_ACTIONS: Mapping[str, tuple[Action, Action]] = {
    "kill": (_kill, _nothing),
    "restart": (_restart, _nothing),
    "pause": (_pause, _resume),
    "twin answers": (_order_fault, _forget_faults),
    "twin webhooks": (_order_fault, _forget_faults),
    "provider outage": (_begin_outage, _end_outage),
    "bad network": (_poison, _heal),
    "clock skew": (_skew, _set_right),
    "fail point": (_arm, _disarm),
}
