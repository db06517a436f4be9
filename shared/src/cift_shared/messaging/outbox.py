"""The outbox: a message is stored with the state that caused it; one relay per schema publishes.

    service   insert state + outbox row        one transaction
    relay     read by id -> publish -> delete the rows that every replica confirmed

One relay leads, by a lease (`cift_shared.database.lease`); the others stand by and take over within
`lease.LENGTH` after the leader dies or hangs. Rows of one payment are written under that payment's
row lock, so id order is the order of their commits; a row that commits late is found by the next
read, because the relay deletes rows and keeps no high-water mark.

A message may be published more than once: after a crash between publish and delete, and by a
leader that was paused during a publish and continues after another process has taken over (messages
that its producer already holds can't be recalled). Such a copy has no effect: consumers deduplicate
by the message's id or by its subject. Copies don't change the order in which messages of one
payment arrive for the first time: a relay publishes every older row before a row, and deletes a row
only once the broker has confirmed it.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import asyncpg

from cift_shared.clock import Clock, SystemClock
from cift_shared.database.lease import RENEW_S, Lease
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Connection, Pool
from cift_shared.errors import LeaseLost
from cift_shared.failpoints import failpoint
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.record import Record, RejectedRecord
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.waiting import backoff_s, wait_for_event, was_cancelled

RELAY_ROWS_MAX = 500
IDLE_POLL_S = 2.0
STANDBY_POLL_S = 1.0
STEP_DOWN_S = 3.0
"""Longest wait of a stopping leader for a database that does not answer; the lease then expires."""
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
LETTER_BODY_BYTES_MAX = 800_000
LETTER_HEADERS_MAX = 40
LETTER_HEADER_CHARS_MAX = 1_000
_TRIES_DIGITS_MAX = 9

READ = """
with renewed as (
    update {schema}.lease
       set ends_at = clock_timestamp() + $4::interval
     where name = $1 and holder = $2 and epoch = $3
       and ends_at < clock_timestamp() + $4::interval - $5::interval
    returning ends_at
), led as (
    select ends_at from renewed
     union all
    select ends_at from {schema}.lease
     where name = $1 and holder = $2 and epoch = $3 and not exists (select from renewed)
)
select extract(epoch from led.ends_at - clock_timestamp())::float8 as left_s, pending.*
  from led left join lateral (
    select id, topic, key, headers, body,
           extract(epoch from clock_timestamp() - created_at)::int as age_s
      from {schema}.outbox order by id limit $6
  ) as pending on true
 order by pending.id
"""
"""The oldest rows, for the leader only; its lease is renewed if that is due. No row: another
process leads. One row without an id: the outbox is empty."""

DELETE = """
with led as (
    select from {schema}.lease where name = $1 and holder = $2 and epoch = $3
), gone as (
    delete from {schema}.outbox where id = any ($4::bigint[]) and exists (select from led)
)
select exists (select from led)
"""
"""Delete published rows, as the leader only. If another process takes over while this statement
runs, nothing is lost: the broker has confirmed each of these rows."""

log = get_logger()


class Publisher(Protocol):
    """What the relay needs of a producer."""

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish messages; returns one flag for each: True when the broker has confirmed it."""
        ...


async def store(connection: Connection, schema: str, messages: Sequence[OutgoingMessage]) -> None:
    """Insert messages into the schema's outbox, inside the caller's transaction."""
    if not messages:
        return
    await connection.execute(
        f"""
        insert into {schema}.outbox (topic, key, headers, body)
        select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[])
        """,  # noqa: S608  schema is a constant of the service
        [message.topic for message in messages],
        [message.key for message in messages],
        [dict(message.headers) for message in messages],
        [message.body for message in messages],
    )


def dead_letter(refusal: RejectedRecord, *, group: str, at: datetime) -> OutgoingMessage:
    """The rejected record as a dead letter: reason and original position are added as headers.

    A record that the broker accepted may be too large once our headers are added, and a letter that
    can't be published would block the outbox. So long headers are cut, and so is a body near the
    broker's limit; a header then states the body's full length, and the full body is still at its
    original position.
    """
    record, body = refusal.record, refusal.record.body or b""
    kept = list(record.headers.items())[:LETTER_HEADERS_MAX]
    headers = {
        **{name[:LETTER_HEADER_CHARS_MAX]: text[:LETTER_HEADER_CHARS_MAX] for name, text in kept},
        **({"x-dlq-body-bytes": str(len(body))} if len(body) > LETTER_BODY_BYTES_MAX else {}),
        "x-dlq-reason": refusal.reason,
        "x-dlq-error": refusal.detail.replace("\0", "\ufffd"),
        "x-orig-topic": record.topic,
        "x-orig-partition": str(record.partition),
        "x-orig-offset": str(record.offset),
        "x-orig-timestamp": str(record.timestamp_ms),
        "x-consumer-group": group,
        "x-attempt": str(_times_set_aside(record) + 1),
        "x-first-failed-at": record.headers.get("x-first-failed-at", at.isoformat()),
    }
    return OutgoingMessage(
        topics.dead_letter(record.topic),
        (record.key or "")[:LETTER_HEADER_CHARS_MAX],
        body[:LETTER_BODY_BYTES_MAX],
        headers,
    )


def _times_set_aside(record: Record) -> int:
    """How often the record was a dead letter before; the header is untrusted, so it is checked."""
    said = record.headers.get("x-attempt", "0")
    return int(said) if said.isdecimal() and len(said) < _TRIES_DIGITS_MAX else 0


def _gap_s(failures: int) -> float:
    return backoff_s(failures, first_s=BACKOFF_S_MIN, longest_s=BACKOFF_S_MAX)


class Relay:
    """Publishes one schema's outbox, in order, while it leads."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        schema: str,
        publisher: Publisher,
        clock: Clock | None = None,
    ) -> None:
        """`clock`: the machine's clock by default; a test passes one that it controls."""
        self.name = f"relay:{schema}"
        self._pool = pool
        self._schema = schema
        self._publisher = publisher
        self._clock = clock or SystemClock()
        self._lease = Lease(schema, "relay", self._clock)
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Signal that a row was committed, so that it is published at once."""
        self._work.set()

    async def run(self) -> None:
        """Lead when possible, and publish while leading; until cancelled."""
        failures = 0
        while True:
            leads = False
            try:
                async with self._pool.acquire() as connection:
                    leads = await self._lease.take(connection)
                    if leads:
                        await self._lead(connection)
                failures = 0
            except INFRASTRUCTURE_ERRORS as error:
                failures += 1
                log.warning("relay.failed", schema=self._schema, error=repr(error))
                if was_cancelled():
                    return
            finally:
                metrics.RELAY_LEADER.labels(self.name).set(0)
            # `wake` must not end this sleep: a relay that does not lead never clears the event, so
            # it would loop without a pause.
            await asyncio.sleep(_gap_s(failures) if leads or failures else STANDBY_POLL_S)

    async def drain(self) -> None:
        """Publish the remaining rows once before the process ends; a standby does nothing."""
        async with self._pool.acquire() as connection:
            if not await self._lease.take(connection):
                return
            try:
                while (await self._publish_some(connection))[1]:
                    pass
            finally:
                await self._step_down(connection)

    async def _lead(self, connection: Any) -> None:
        metrics.RELAY_LEADER.labels(self.name).set(1)
        log.info("relay.leading", schema=self._schema)
        failures = 0
        try:
            while True:
                self._work.clear()
                found, confirmed = await self._publish_some(connection)
                if not self._lease.is_held:
                    log.warning("relay.lead_lost", schema=self._schema)
                    return
                failures = 0 if confirmed or not found else failures + 1
                if failures:
                    await asyncio.sleep(_gap_s(failures))
                elif confirmed == found < RELAY_ROWS_MAX:  # no rows are left
                    self._tell(())
                    await self._wait(IDLE_POLL_S)
        finally:
            await self._step_down(connection)

    async def _step_down(self, connection: Any) -> None:
        """Release the lease, so that another relay leads at once."""
        if not self._lease.is_held:
            return
        # If the pool has already dropped the connection, the lease expires by itself. An error
        # raised here would replace a cancellation, and the relay would never stop.
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
            async with asyncio.timeout(STEP_DOWN_S):
                await self._lease.release(connection)

    async def _publish_some(self, connection: Any) -> tuple[int, int]:
        """Publish the oldest rows; returns how many were read and how many were confirmed."""
        rows = await self._read(connection)
        self._tell(rows)
        if not rows:
            return 0, 0
        failpoint("relay.before_publish")
        # A process that was paused after its read must not publish: another may lead by now.
        if not self._lease.is_sure:
            return len(rows), 0
        flags = await self._publish(
            connection,
            [OutgoingMessage(r["topic"], r["key"], r["body"], r["headers"]) for r in rows],
        )
        failpoint("relay.after_publish")
        done = [row for row, confirmed in zip(rows, flags, strict=True) if confirmed]
        await self._delete(connection, [row["id"] for row in done])
        failpoint("relay.after_delete")
        for row in done:
            metrics.OUTBOX_PUBLISHED.labels(self._schema, row["topic"]).inc()
        return len(rows), len(done)

    async def _read(self, connection: Any) -> list[Any]:
        """The oldest rows; none if another process leads by now."""
        asked_at = self._clock.monotonic()
        rows = await connection.fetch(
            READ.format(schema=self._schema),
            *self._lease.fence,
            self._lease.length,
            timedelta(seconds=RENEW_S),
            RELAY_ROWS_MAX,
        )
        self._lease.note(rows[0]["left_s"] if rows else None, asked_at=asked_at)
        return [row for row in rows if row["id"] is not None]

    async def _publish(self, connection: Any, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish; while the broker has not answered, the lease is renewed."""
        try:
            return await self._lease.keep(connection, self._publisher.publish(messages))
        except LeaseLost:
            return [False] * len(messages)

    async def _delete(self, connection: Any, ids: Sequence[int]) -> None:
        """Delete published rows; a relay that no longer leads leaves them to the leader."""
        if ids and not await connection.fetchval(
            DELETE.format(schema=self._schema), *self._lease.fence, ids
        ):
            self._lease.note(None, asked_at=0.0)

    def _tell(self, pending: Sequence[Any]) -> None:
        metrics.OUTBOX_PENDING.labels(self._schema).set(len(pending))
        metrics.OUTBOX_OLDEST_AGE.labels(self._schema).set(pending[0]["age_s"] if pending else 0)

    async def _wait(self, seconds: float) -> None:
        await wait_for_event(self._work, seconds)
