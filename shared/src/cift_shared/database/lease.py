"""A lease: one holder at a time, for a limited time, with an epoch that fences a paused holder.

A session lock is held as long as its connection lives, so a process that hangs (SIGSTOP, swap, a
stuck disk) keeps it forever. A lease expires by itself, and the next holder has a higher epoch.
Three rules make it safe:

- All times are those of the database's clock, in one row of the schema's table `lease`.
- A statement that only the holder may run compares holder and epoch in its own `where` clause. A
  process that was paused and continues too late changes nothing with it, and detects that it has
  lost the lease.
- Before an effect outside the database the holder checks its own monotonic clock (`is_sure`): it
  counts from before the last renewal was sent, so it expires before the lease in the database does.

A renewal also succeeds after the expiry, as long as no other process has taken the lease: an outage
of the database takes no lease from a running process.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from cift_shared.clock import Clock
from cift_shared.database.process_mark import is_dead, own_mark
from cift_shared.errors import LeaseLost

T = TypeVar("T")

LENGTH = timedelta(seconds=6)
"""How long a holder that does not renew keeps a lease."""
RENEW_S = 2.0
"""Seconds between two renewals: two may fail before the lease ends."""

HOLDER = """
select holder, epoch, process, ends_at > clock_timestamp() as holds
  from {schema}.lease
 where name = $1 and holder is not null
"""

TAKE = """
insert into {schema}.lease as held (name, holder, epoch, ends_at, process)
values ($1, $2, 1, clock_timestamp() + $3::interval, $4)
    on conflict (name) do update
   set holder = excluded.holder, epoch = held.epoch + 1, process = excluded.process,
       ends_at = clock_timestamp() + $3::interval
 where held.holder is null or held.holder = excluded.holder or held.ends_at <= clock_timestamp()
returning epoch
"""

RENEW = """
update {schema}.lease
   set ends_at = clock_timestamp() + $4::interval
 where name = $1 and holder = $2 and epoch = $3
returning true
"""

RELEASE = """
update {schema}.lease
   set holder = null, ends_at = clock_timestamp()
 where name = $1 and holder = $2 and epoch = $3
"""


class Session(Protocol):
    """The methods of a connection or a pool that a lease uses."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first value of the first row; None: no row."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row; None: no row."""
        ...

    async def execute(self, query: str, *args: Any) -> Any:
        """Run a statement."""
        ...


class Lease:
    """One process's view of one lease."""

    def __init__(
        self,
        schema: str,
        name: str,
        clock: Clock,
        *,
        length: timedelta = LENGTH,
    ) -> None:
        """Sends no query before `take`."""
        self.name = name
        self.length = length
        self._schema = schema
        self._clock = clock
        self._process = own_mark()
        self._holder = secrets.token_hex(8)
        self._epoch: int | None = None
        self._sure_until = 0.0

    @property
    def is_held(self) -> bool:
        """True until a statement finds that another process has it, or this process releases it."""
        return self._epoch is not None

    @property
    def is_sure(self) -> bool:
        """True while no other process can have taken it, by this process's own clock."""
        return self.is_held and self._clock.monotonic() < self._sure_until

    @property
    def fence(self) -> tuple[str, str, int]:
        """Name, holder and epoch, which a statement of the holder compares; no row has epoch 0."""
        return self.name, self._holder, self._epoch or 0

    async def take(self, session: Session) -> bool:
        """Take it if no other process holds it, or the holder is a dead process of this machine.

        While another process holds it, this is one read.
        """
        self._epoch = None
        held = await session.fetchrow(HOLDER.format(schema=self._schema), self.name)
        if held is not None and held["holds"] and held["holder"] != self._holder:
            if not is_dead(held["process"]):
                return False
            await self._end(session, (self.name, held["holder"], held["epoch"]))
        sent_at = self._clock.monotonic()
        self._epoch = await session.fetchval(
            TAKE.format(schema=self._schema), self.name, self._holder, self.length, self._process
        )
        self._sure_until = sent_at + self.length.total_seconds()
        return self.is_held

    async def renew(self, session: Session) -> bool:
        """Extend it to `length` from now; False: another process has taken it."""
        sent_at = self._clock.monotonic()
        renewed = await session.fetchval(
            RENEW.format(schema=self._schema), *self.fence, self.length
        )
        self.set_time_left(self.length.total_seconds() if renewed else None, sent_at=sent_at)
        return self.is_held

    def set_time_left(self, left_s: float | None, *, sent_at: float) -> None:
        """Set the seconds left, from a statement sent at `sent_at`; None: the lease is lost."""
        if left_s is None:
            self._epoch = None
        else:
            self._sure_until = sent_at + left_s

    async def keep(self, session: Session, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` and return its result; renew the lease while it runs.

        The time since the last renewal counts over several calls: short pieces of work one after
        the other do not let the lease expire.

        Raises:
            LeaseLost: another process has taken it; the work is cancelled.
        """
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=self._renewal_due_s()))[0]:
                if not await self.renew(session):
                    raise LeaseLost(self.name)
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _renewal_due_s(self) -> float:
        """Seconds until the next renewal; 0: it is due."""
        renewed_at = self._sure_until - self.length.total_seconds()
        return max(0.0, renewed_at + RENEW_S - self._clock.monotonic())

    async def release(self, session: Session) -> None:
        """Release it, so that the next holder does not wait for its expiry."""
        fence, self._epoch = self.fence, None
        await self._end(session, fence)

    async def _end(self, session: Session, fence: tuple[str, str, int]) -> None:
        await session.execute(RELEASE.format(schema=self._schema), *fence)
