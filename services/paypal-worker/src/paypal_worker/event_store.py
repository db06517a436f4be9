"""The worker's tables of PayPal's events: seen events, unverified transmissions, coverage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.errors import SealBroken
from cift_shared.ids import AttemptId
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault
from paypal_method.events import Event

UNVERIFIED_MAX = 1000
"""More transmissions are not kept: a stranger must not fill the table. The list of events has the
genuine ones."""
KEPT_FOR = timedelta(days=60)
"""How long a seen event is remembered; PayPal lists events for 30 days."""
_NOTICE = "notice"
_FEW = 50

_MATCH = """
select attempt_id from paypal.attempt where fingerprint = any ($1::text[])
union
select attempt_id from paypal.attempt where memory ->> 'capture' = any ($2::text[])
union
select attempt_id from paypal.attempt where memory ->> 'batch' = any ($2::text[])
"""
_SEE = """
with fresh as (
    insert into paypal.event (event_id, notice_id) values ($1, $2)
        on conflict (event_id) do nothing
    returning notice_id
)
select notice_id from fresh union all select notice_id from paypal.event where event_id = $1
"""
_KEEP = """
insert into paypal.unverified_notice (notice_id, sealed_body, received_at, next_try_at)
select $1, $2, $3, $4
 where (select count(*) from paypal.unverified_notice) < $5
    on conflict (notice_id) do nothing
"""
_POSTPONE = """
update paypal.unverified_notice set tries = tries + 1, next_try_at = $2 where notice_id = $1
"""
_DUE = """
select notice_id, sealed_body, received_at, tries from paypal.unverified_notice
 where next_try_at <= $1 order by next_try_at limit $2
"""
_COVER = """
insert into paypal.event_coverage (webhook_id, covered_until) values ($1, $2)
    on conflict (webhook_id) do update
   set covered_until = greatest(event_coverage.covered_until, excluded.covered_until)
"""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Unverified:
    """A transmission that could not be verified yet."""

    notice_id: str
    body: bytes
    received_at: datetime
    tries: int


class EventStore:
    """Reads and writes these tables."""

    def __init__(
        self, pool: "Pool[asyncpg.Record]", vault: Vault, fingerprint: Callable[[str], str]
    ) -> None:
        """`fingerprint` is the keyed hash of a PayPal id, as attempts store it."""
        self._pool = pool
        self._vault = vault
        self._fingerprint = fingerprint

    async def attempts_of(self, event: Event) -> Sequence[AttemptId]:
        """The attempts that an event names, else those that remember one of its ids."""
        references = event.references
        if references.attempts:
            return [AttemptId(found) for found in references.attempts]
        ids = list(references.provider)
        rows = await self._pool.fetch(_MATCH, [self._fingerprint(name) for name in ids], ids)
        return sorted(AttemptId(row["attempt_id"]) for row in rows)

    async def first_notice(self, event: Event, notice_id: str) -> str:
        """The first notice of an event; this one, unless another one came before."""
        found: str | None = await self._pool.fetchval(_SEE, event.event_id, notice_id)
        return found or notice_id  # deleted in the meantime: it is as good as the first

    async def is_seen(self, event: Event) -> bool:
        """True when a notice of the event came before."""
        query = "select true from paypal.event where event_id = $1"
        return bool(await self._pool.fetchval(query, event.event_id))

    async def keep_unverified(
        self, notice_id: str, body: bytes, received_at: datetime, next_try_at: datetime
    ) -> None:
        """Keep a transmission for a later try, unless too many wait."""
        sealed = self._vault.seal(body, context=_NOTICE)
        await self._pool.execute(_KEEP, notice_id, sealed, received_at, next_try_at, UNVERIFIED_MAX)

    async def due(self, now: datetime) -> list[Unverified]:
        """Some transmissions that are to be tried again."""
        found = []
        for row in await self._pool.fetch(_DUE, now, _FEW):
            try:
                body = self._vault.open(row["sealed_body"], context=_NOTICE)
            except SealBroken:
                log.warning("paypal.notice.unreadable", notice_id=row["notice_id"])
                await self.forget(row["notice_id"])
                continue
            found.append(Unverified(row["notice_id"], body, row["received_at"], row["tries"]))
        return found

    async def postpone(self, notice_id: str, next_try_at: datetime) -> None:
        """Try a transmission again later."""
        await self._pool.execute(_POSTPONE, notice_id, next_try_at)

    async def forget(self, notice_id: str) -> None:
        """Delete a transmission that was proven or refused."""
        await self._pool.execute(
            "delete from paypal.unverified_notice where notice_id = $1", notice_id
        )

    async def covered_until(self, webhook_id: str) -> datetime | None:
        """The time up to which the list of events was read; None: never."""
        query = "select covered_until from paypal.event_coverage where webhook_id = $1"
        found: datetime | None = await self._pool.fetchval(query, webhook_id)
        return found

    async def cover(self, webhook_id: str, until: datetime) -> None:
        """Store up to when the list was read, and delete events that it no longer has."""
        await self._pool.execute(_COVER, webhook_id, until)
        await self._pool.execute("delete from paypal.event where seen_at < $1", until - KEPT_FOR)
