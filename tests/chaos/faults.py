"""Makes the faults of a plan happen, and undoes those that last."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import httpx

from tests.chaos.plan import Fault
from tests.chaos.world import SERVICES, World

SCHEMAS = {"gateway": "gateway", "ledger": "ledger", "mpesa-worker": "mpesa", "card-worker": "card"}
_LEADER = """
select split_part(process, '/', 3)::int from {schema}.lease where name = 'relay'
"""
_UNDONE_WITHIN_S = 30.0
_TOLD_WITHIN_S = 2.0


async def play(world: World, fault: Fault, began: float) -> float:
    """Lets a fault happen at its time; answers when it was over, by the loop's clock."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(began + fault.at_s - loop.time())
    begin, end = _HANDS[fault.kind]
    await begin(world, fault)
    await asyncio.sleep(fault.lasts_s)
    await end(world, fault)
    return loop.time()


async def hang(world: World, fault: Fault, began: float) -> tuple[str, float]:
    """Stop a process at its time; answers which, and when, by the loop's clock.

    It hangs until it is resumed; clients are led to another gateway.
    """
    loop = asyncio.get_running_loop()
    await asyncio.sleep(began + fault.at_s - loop.time())
    one, other = world.replicas(fault.target)
    leader = await leading(world, fault.target)
    standby = other if leader == one else one
    hangs, left = (leader, standby) if fault.detail["who"] == "leader" else (standby, leader)
    if fault.target == "gateway":
        world.turn_to(left)
    world.stop(hangs)
    return hangs, loop.time()


async def leading(world: World, service: str) -> str:
    """The process of a service whose relay leads, the first where nobody can tell just now."""
    pid = await _leader(world, service)
    names = world.replicas(service)
    return next((name for name in names if world.status(name).pid == pid), names[0])


async def _leader(world: World, service: str) -> int | None:
    """The pid of the process whose relay leads; None: nobody can tell."""
    try:
        connection = await asyncpg.connect(world.database_url, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    try:
        pid: int | None = await connection.fetchval(_LEADER.format(schema=SCHEMAS[service]))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    finally:
        connection.terminate()
    return pid


async def calm(world: World) -> None:
    """Ends whatever may still be wrong with the world, but for the marks it left."""
    for link in world.links.values():
        link.heal()
    for name in SERVICES:
        world.disarm(name)
    await _tell_twin(world, "DELETE", "/control/faults", within_s=_UNDONE_WITHIN_S)
    await _tell_twin(world, "PUT", "/control/outage", {"mode": "off"}, within_s=_UNDONE_WITHIN_S)


async def _tell_twin(
    world: World,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    within_s: float = _TOLD_WITHIN_S,
) -> None:
    """Calls the control API until it answers; a twin that is dead or frozen may miss a fault."""
    async with httpx.AsyncClient(base_url=world.twin, timeout=1) as http:
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


async def _nothing(world: World, fault: Fault) -> None:
    """What is over at once needs no end."""


async def _kill(world: World, fault: Fault) -> None:
    world.kill(fault.target)


async def _restart(world: World, fault: Fault) -> None:
    world.restart(fault.target)


async def _pause(world: World, fault: Fault) -> None:
    world.stop(fault.target)


async def _resume(world: World, fault: Fault) -> None:
    world.resume(fault.target)


async def _order_fault(world: World, fault: Fault) -> None:
    await _tell_twin(world, "POST", "/control/faults", fault.detail)


async def _forget_faults(world: World, fault: Fault) -> None:
    await _tell_twin(world, "DELETE", "/control/faults", within_s=_UNDONE_WITHIN_S)


async def _begin_outage(world: World, fault: Fault) -> None:
    await _tell_twin(world, "PUT", "/control/outage", fault.detail)


async def _end_outage(world: World, fault: Fault) -> None:
    await _tell_twin(world, "PUT", "/control/outage", {"mode": "off"}, within_s=_UNDONE_WITHIN_S)


async def _poison(world: World, fault: Fault) -> None:
    world.links[fault.target].poison(fault.detail["toxic"])


async def _heal(world: World, fault: Fault) -> None:
    world.links[fault.target].heal()


async def _skew(world: World, fault: Fault) -> None:
    world.skew(fault.target, fault.detail["seconds"])
    world.restart(fault.target)


async def _set_right(world: World, fault: Fault) -> None:
    world.skew(fault.target, 0)
    world.kill(fault.target)


async def _arm(world: World, fault: Fault) -> None:
    world.arm(fault.target, fault.detail["point"])


async def _disarm(world: World, fault: Fault) -> None:
    world.disarm(fault.target)


Hand = Callable[[World, Fault], Awaitable[None]]

_HANDS: Mapping[str, tuple[Hand, Hand]] = {
    "kill": (_kill, _nothing),
    "restart": (_restart, _nothing),
    "pause": (_pause, _resume),
    "twin answers": (_order_fault, _forget_faults),
    "twin webhooks": (_order_fault, _forget_faults),
    "provider outage": (_begin_outage, _end_outage),
    "bad road": (_poison, _heal),
    "clock skew": (_skew, _set_right),
    "fail point": (_arm, _disarm),
}
