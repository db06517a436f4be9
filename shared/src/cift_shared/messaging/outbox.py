"""The outbox: a message is stored with the state that caused it; one relay per schema publishes.

    service   insert state + outbox row        one transaction
    relay     read by id -> publish -> delete the rows that every replica confirmed

One relay leads, by a lease (`cift_shared.database.lease`). If the leader crashes or hangs, another
relay takes over within `lease.LENGTH`. Rows of one payment are written under that payment's row
lock, so id order is the order of their commits. A row that commits after a higher id is found by
the next read, because the relay deletes rows and keeps no high-water mark.

A message may be published more than once: after a crash between publish and delete, and by a
leader that was paused during a publish and continues after another process has taken over (messages
that its producer already holds can't be recalled). Such a copy has no effect: consumers deduplicate
by the message's id or by its subject. Copies don't change the order in which messages of one
payment arrive for the first time: a relay publishes every older row before a row, and deletes a row
only once the broker has confirmed it.

A topic that fails alone (it is missing, forbidden, or refuses a record) does not delay other
topics: only its rows wait (`cift_shared.messaging.held_topics`).
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import asyncpg

from cift_shared.clock import Clock, SystemClock
from cift_shared.database.lease import RENEW_S, Lease
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Connection, Pool
from cift_shared.errors import LeaseLost
from cift_shared.failpoints import failpoint
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.held_topics import HeldTopics
from cift_shared.messaging.outbox_queries import DELETE, READ, STUCK
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.waiting import Gap, backoff_s, wait_for_event, was_cancelled

RELAY_ROWS_MAX = 500
IDLE_POLL_S = 2.0
STANDBY_POLL_S = 1.0
STEP_DOWN_S = 3.0
"""Longest wait of a stopping leader for a database that does not answer; the lease then expires."""
SURVEY_S = 10.0
"""Seconds between two counts of the rows of failing topics."""
SETTLED_S = 30.0
"""Longer than a transaction lives: a statement ends after 10 s, an idle transaction after 5 s."""
COUNTED_ROWS_MAX = 10_000
BUSY_GAP_S = 0.015
"""A busy relay publishes what was committed within this time as one batch."""
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0

log = get_logger()


class Publisher(Protocol):
    """The part of a producer that the relay uses."""

    @property
    def failing(self) -> Mapping[str, str]:
        """Topics that failed alone in the last `publish`, with the reason.

        Empty while the broker as a whole does not answer.
        """
        ...

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish messages; returns one flag for each: True when the broker has confirmed it.

        After a message that is not confirmed, no later message of its key is published.
        """
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one batch."""

    found: int = 0
    confirmed: int = 0
    failing: bool = False
    """A topic failed alone: it is excluded from the next batch."""

    @property
    def made_progress(self) -> bool:
        """True if the next batch differs from this one."""
        return self.confirmed > 0 or self.failing


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
        """`clock` is the machine's clock by default."""
        self.name = f"relay:{schema}"
        self._pool = pool
        self._schema = schema
        self._publisher = publisher
        self._clock = clock or SystemClock()
        self._lease = Lease(schema, "relay", self._clock)
        self._work = asyncio.Event()
        self._held = HeldTopics(schema, self._clock)
        self._excluded: list[str] = []
        self._settled = 0
        """Every row up to this id is of a topic in `_excluded`; 0: not known."""
        self._surveyed_at = 0.0

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
                while (await self._publish_some(connection)).made_progress:
                    pass
            finally:
                await self._step_down(connection)

    async def _lead(self, connection: Any) -> None:
        metrics.RELAY_LEADER.labels(self.name).set(1)
        log.info("relay.leading", schema=self._schema)
        failures, gap = 0, Gap(BUSY_GAP_S)
        try:
            while True:
                await gap.wait()
                self._work.clear()
                done = await self._publish_some(connection)
                if not self._lease.is_held:
                    log.warning("relay.lead_lost", schema=self._schema)
                    return
                failures = 0 if done.made_progress or not done.found else failures + 1
                if failures:
                    await asyncio.sleep(_gap_s(failures))
                elif not done.failing and done.confirmed == done.found < RELAY_ROWS_MAX:
                    self._set_metrics(())  # the only remaining rows are those of failing topics
                    await self._survey(connection)
                    await self._wait(IDLE_POLL_S)
        finally:
            self._held.keep(())  # the next leader counts the rows that wait
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

    async def _publish_some(self, connection: Any) -> Round:
        """Publish the oldest rows."""
        rows = await self._read(connection)
        self._set_metrics(rows)
        if not rows:
            return Round()
        failpoint("relay.before_publish")
        # A process that was paused after its read must not publish: another may lead by now.
        if not self._lease.is_sure:
            return Round(len(rows))
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
        failing = self._publisher.failing
        self._held.note(rows, flags, failing)
        return Round(len(rows), len(done), bool(failing))

    async def _read(self, connection: Any) -> list[Any]:
        """The oldest rows of topics that do not fail; none if another process leads by now."""
        excluded, self._excluded = self._excluded, self._held.names
        if not set(excluded) <= set(self._excluded):
            self._settled = 0  # a topic is tried again, from its oldest row on
        await self._survey(connection)
        sent_at = self._clock.monotonic()
        rows = await connection.fetch(
            READ.format(schema=self._schema),
            *self._lease.fence,
            self._lease.length,
            timedelta(seconds=RENEW_S),
            RELAY_ROWS_MAX,
            self._settled,
            self._excluded,
        )
        self._lease.set_time_left(rows[0]["left_s"] if rows else None, sent_at=sent_at)
        rows = [row for row in rows if row["id"] is not None]
        if len(rows) < RELAY_ROWS_MAX:  # these are all: no other row waits for a topic
            self._held.keep({*self._excluded, *(row["topic"] for row in rows)})
        return rows

    async def _survey(self, connection: Any) -> None:
        """Count the rows of failing topics, and note which rows need not be read for now."""
        now = self._clock.monotonic()
        if not self._excluded or now - self._surveyed_at < SURVEY_S:
            return
        self._surveyed_at = now
        found = await connection.fetch(
            STUCK.format(schema=self._schema),
            self._excluded,
            self._settled,
            timedelta(seconds=SETTLED_S),
            COUNTED_ROWS_MAX,
        )
        self._settled = found[0]["settled"]
        waiting = {row["topic"]: row["waiting"] for row in found if row["topic"]}
        self._held.count(dict.fromkeys(self._excluded, 0) | waiting)

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
            self._lease.set_time_left(None, sent_at=0.0)

    def _set_metrics(self, pending: Sequence[Any]) -> None:
        age_s = pending[0]["age_s"] if pending else 0
        metrics.OUTBOX_PENDING.labels(self._schema).set(len(pending) + self._held.waiting)
        metrics.OUTBOX_OLDEST_AGE.labels(self._schema).set(max(age_s, self._held.oldest_age_s))

    async def _wait(self, seconds: float) -> None:
        await wait_for_event(self._work, seconds)
