"""The outbox: messages rest beside the state that caused them and leave by one relay a schema.

    service   insert state + outbox row        one transaction
    relay     read by id -> publish -> delete what every replica confirmed

A crash between publish and delete sends a message again; consumers dedupe by its id. One relay
leads (session advisory lock); the others stand by. Rows of one payment are written under that
payment's row lock, so id order is the order of their commits; a row that commits late is simply
found by the next read, because the relay deletes rows and keeps no high-water mark.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import asyncpg

from cift_shared import metrics, topics
from cift_shared.database import INFRASTRUCTURE_ERRORS, Connection, Pool
from cift_shared.envelope import OutgoingMessage
from cift_shared.failpoints import failpoint
from cift_shared.kafka.record import Record, Refusal
from cift_shared.log import get_logger
from cift_shared.waiting import backoff_s, wait_for_event

RELAY_ROWS_MAX = 500
IDLE_POLL_S = 2.0
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
LETTER_BODY_BYTES_MAX = 800_000
LETTER_HEADERS_MAX = 40
LETTER_HEADER_CHARS_MAX = 1_000
_TRIES_DIGITS_MAX = 9

log = get_logger()


class Publisher(Protocol):
    """What the relay needs of a producer."""

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """One flag a message: True when it is confirmed."""
        ...


async def store(connection: Connection, schema: str, messages: Sequence[OutgoingMessage]) -> None:
    """Put messages into the schema's outbox, inside the caller's transaction."""
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


def dead_letter(refusal: Refusal, *, group: str, at: datetime) -> OutgoingMessage:
    """The refused record as it came, with the reason and its original position as headers.

    What the broker took as it was may be too large with our headers added, and a letter that can't
    leave would hold up the outbox: long headers are cut, and so is a body near the broker's limit;
    its length is told, and the whole of it still stands at its original position.
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
    """How often the record was a dead letter before; anyone may have written that header."""
    said = record.headers.get("x-attempt", "0")
    return int(said) if said.isdecimal() and len(said) < _TRIES_DIGITS_MAX else 0


def _gap_s(failures: int) -> float:
    return backoff_s(failures, first_s=BACKOFF_S_MIN, longest_s=BACKOFF_S_MAX)


class Relay:
    """Publishes one schema's outbox, in order, as long as it leads."""

    def __init__(self, pool: "Pool[asyncpg.Record]", schema: str, publisher: Publisher) -> None:
        self.name = f"relay:{schema}"
        self._pool = pool
        self._schema = schema
        self._publisher = publisher
        self._work = asyncio.Event()
        self._lock_id = int.from_bytes(
            hashlib.sha256(f"outbox:{schema}".encode()).digest()[:8], "big", signed=True
        )

    def wake(self) -> None:
        """Say that a row was committed, so that it leaves at once."""
        self._work.set()

    async def run(self) -> None:
        """Lead when possible, and publish while leading; until cancelled."""
        failures = 0
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._lead(connection)
                failures = 0
            except INFRASTRUCTURE_ERRORS as error:
                failures += 1
                log.warning("relay.failed", schema=self._schema, error=repr(error))
            finally:
                metrics.RELAY_LEADER.labels(self.name).set(0)
            # Not cut short by `wake`: who does not lead never takes that in, and would spin.
            await asyncio.sleep(_gap_s(failures))

    async def drain(self) -> None:
        """Publish what is left, once, before the process ends; a standby has nothing to do."""
        async with self._pool.acquire() as connection:
            if await self._take_lead(connection):
                while (await self._publish_some(connection))[1]:
                    pass

    async def _lead(self, connection: Any) -> None:
        if not await self._take_lead(connection):
            await asyncio.sleep(IDLE_POLL_S)
            return
        metrics.RELAY_LEADER.labels(self.name).set(1)
        log.info("relay.leading", schema=self._schema)
        failures = 0
        try:
            while True:
                self._work.clear()
                found, confirmed = await self._publish_some(connection)
                failures = 0 if confirmed or not found else failures + 1
                if failures:
                    await asyncio.sleep(_gap_s(failures))
                elif confirmed == found < RELAY_ROWS_MAX:  # that was all
                    self._tell(())
                    await self._wait(IDLE_POLL_S)
        finally:
            await self._give_up_lead(connection)

    async def _take_lead(self, connection: Any) -> bool:
        return bool(await connection.fetchval("select pg_try_advisory_lock($1)", self._lock_id))

    async def _give_up_lead(self, connection: Any) -> None:
        """Unlock; where that can't be said any more, end the session and the lock with it."""
        try:
            await connection.execute("select pg_advisory_unlock($1)", self._lock_id)
        except INFRASTRUCTURE_ERRORS:
            # A connection that the pool has given up already is gone, and the lock with it. An
            # error here would take the place of a cancellation, and the relay would never stop.
            with contextlib.suppress(asyncpg.InterfaceError):
                connection.terminate()

    async def _publish_some(self, connection: Any) -> tuple[int, int]:
        """Publish the oldest rows; how many there were, and how many of them were confirmed."""
        rows = await connection.fetch(
            f"select id, topic, key, headers, body, "  # noqa: S608  schema is a constant
            f"extract(epoch from clock_timestamp() - created_at)::int as age_s "
            f"from {self._schema}.outbox order by id limit {RELAY_ROWS_MAX}"
        )
        self._tell(rows)
        if not rows:
            return 0, 0
        failpoint("relay.before_publish")
        flags = await self._publisher.publish(
            [OutgoingMessage(r["topic"], r["key"], r["body"], r["headers"]) for r in rows]
        )
        failpoint("relay.after_publish")
        done = [row for row, confirmed in zip(rows, flags, strict=True) if confirmed]
        await connection.execute(
            f"delete from {self._schema}.outbox where id = any($1)",  # noqa: S608
            [row["id"] for row in done],
        )
        failpoint("relay.after_delete")
        for row in done:
            metrics.OUTBOX_PUBLISHED.labels(self._schema, row["topic"]).inc()
        return len(rows), len(done)

    def _tell(self, pending: Sequence[Any]) -> None:
        metrics.OUTBOX_PENDING.labels(self._schema).set(len(pending))
        metrics.OUTBOX_OLDEST_AGE.labels(self._schema).set(pending[0]["age_s"] if pending else 0)

    async def _wait(self, seconds: float) -> None:
        await wait_for_event(self._work, seconds)
