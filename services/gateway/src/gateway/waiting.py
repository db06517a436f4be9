"""`Prefer: wait=N` (RFC 7240): hold the answer until the payment is final, at most a minute."""

import re
from collections.abc import Iterable
from uuid import UUID

from gateway.auth import Caller
from gateway.context import Gateway
from gateway.schemas import (
    FINAL_STATUSES,
)
from gateway.store import Row

WAIT_S_MAX = 60
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
    deadline = gateway.clock.monotonic() + wait_s
    with (
        gateway.slots.take(caller.key_id) as granted,
        gateway.signals.watch(str(payment_id)) as signal,
    ):
        if not granted:
            return None
        while True:
            row = await gateway.store.payment(caller, payment_id)
            left_s = deadline - gateway.clock.monotonic()
            if row is None or row["status"] in FINAL_STATUSES or left_s <= 0:
                return row
            if gateway.signals.stopping:
                return row
            await signal.wait(left_s)
