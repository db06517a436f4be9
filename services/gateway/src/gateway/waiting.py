"""`Prefer: wait=N` (RFC 7240): hold the answer until there is something new, at most a minute."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from gateway.auth import Caller
from gateway.context import Gateway
from gateway.schemas import FINAL_STATUSES
from gateway.statements import Row

WAIT_S_MAX = 60
# Once it can be entered, used or given up, whoever asked for a card has something to go on with.
ANSWERED_STATES = frozenset({"requires_action", "active", "failed", "detached"})
_WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?')


def preferred_wait_s(headers: Iterable[str]) -> int | None:
    """The wish in the Prefer headers in whole seconds, None without one that can be read."""
    for preference in ",".join(headers).split(","):
        match = _WAIT.fullmatch(preference.partition(";")[0].strip().lower())
        if match:
            return min(int(match.group(1)), WAIT_S_MAX)
    return None


async def wait_until_final(
    gateway: Gateway, caller: Caller, payment_id: UUID, wait_s: int
) -> Row | None:
    """The payment as soon as it is final, or as it is when the time is over.

    None when the key has too many long requests open: then there is no waiting.
    """

    async def look() -> Row | None:
        return await gateway.store.payment(caller, payment_id)

    return await _wait(gateway, caller, Watched(payment_id, look, FINAL_STATUSES), wait_s)


async def wait_until_answered(
    gateway: Gateway, caller: Caller, method_id: UUID, wait_s: int
) -> Row | None:
    """The saved method as soon as its worker has said something, or as it is when time is over.

    None when it is gone, or when the key has too many long requests open.
    """

    async def look() -> Row | None:
        return await gateway.methods.one(caller, method_id)

    return await _wait(gateway, caller, Watched(method_id, look, ANSWERED_STATES, "state"), wait_s)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is waited for."""

    row_id: UUID
    look: Callable[[], Awaitable[Row | None]]
    enough: frozenset[str]
    """What ends the waiting."""
    column: str = "status"
    """Where the row tells it."""


async def _wait(gateway: Gateway, caller: Caller, watched: Watched, wait_s: int) -> Row | None:
    deadline = gateway.clock.monotonic() + wait_s
    with (
        gateway.slots.take(caller.key_id) as granted,
        gateway.signals.watch(str(watched.row_id)) as signal,
    ):
        if not granted:
            return None
        while True:
            row = await watched.look()
            left_s = deadline - gateway.clock.monotonic()
            if row is None or row[watched.column] in watched.enough or left_s <= 0:
                return row
            if gateway.signals.stopping:
                return row
            await signal.wait(left_s)
