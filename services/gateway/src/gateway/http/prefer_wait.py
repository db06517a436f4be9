"""`Prefer: wait=N` (RFC 7240): delay the response until there is something new, at most 60 s."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from cift_shared.clock import Clock
from gateway.database.notifications import PaymentSignals
from gateway.database.queries import Row
from gateway.http.limits import Slots

WAIT_S_MAX = 60
_WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?')


def preferred_wait_s(headers: Iterable[str]) -> int | None:
    """The wait that the Prefer headers request, 0 to 60 s; None when no header has a valid one."""
    for preference in ",".join(headers).split(","):
        match = _WAIT.fullmatch(preference.partition(";")[0].strip().lower())
        if match:
            return min(int(match.group(1)), WAIT_S_MAX)
    return None


@dataclass(frozen=True, slots=True)
class Watched:
    """The row that a request waits for."""

    row_id: UUID
    read: Callable[[], Awaitable[Row | None]]
    """Reads the row."""
    is_enough: Callable[[Row], bool]
    """True for a row that ends the wait."""


@dataclass(slots=True, eq=False)
class Waiting:
    """Lets requests wait for a change of their row; each uses one slot of its API key."""

    slots: Slots
    signals: PaymentSignals
    clock: Clock

    async def until(self, key_id: str, watched: Watched, wait_s: int) -> Row | None:
        """Read the row until `is_enough` accepts it, the time is over or the server stops.

        Returns:
            The row. None when the row doesn't exist, or when the API key has no slot left: then
            the request does not wait.
        """
        deadline = self.clock.monotonic() + wait_s
        with (
            self.slots.take(key_id) as granted,
            self.signals.watch(str(watched.row_id)) as signal,
        ):
            if not granted:
                return None
            while True:
                row = await watched.read()
                left_s = deadline - self.clock.monotonic()
                if row is None or watched.is_enough(row) or left_s <= 0:
                    return row
                if self.signals.stopping:
                    return row
                await signal.wait(left_s)
