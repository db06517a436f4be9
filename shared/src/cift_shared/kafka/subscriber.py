"""A batch subscriber that loses no record and never loops without a pause.

    poll -> handle the batch -> store rejected records as dead letters -> note the offsets

Offsets are committed twice a second and at a stop (`offset_commits`). A busy loop leaves a short
gap before it polls again, so that records which arrive meanwhile are one batch.

FastStream's own batch loop is not used: it sleeps a full polling interval after every empty poll,
so a short interval uses CPU when idle and a long one delays the first record; and none of its
acknowledgement policies can reject one record and continue. A subclass of its subscriber would have
to replace its whole loop (measurements: docs/architecture.md).
This loop waits inside one long poll, which returns as soon as there is a record.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from cift_shared.clock import SystemClock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, SCHEMA_CHANGED
from cift_shared.failpoints import failpoint
from cift_shared.kafka.client_stop import end
from cift_shared.kafka.consumer_lag import ConsumerLag
from cift_shared.kafka.consumer_watchdog import ConsumerWatchdog
from cift_shared.kafka.fetch_throttle import throttle_fetches
from cift_shared.kafka.offset_commits import OffsetCommits
from cift_shared.messaging.record import Handler, Record, RejectedRecord
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.security.kafka import Brokers
from cift_shared.waiting import Gap, backoff_s, wait_for_event

BATCH_RECORDS_MAX = 500
POLL_MS = 5_000
BUSY_GAP_S = 0.015
BACKOFF_S_MIN = 0.2
BACKOFF_S_MAX = 10.0
SESSION_TIMEOUT_MS = 6_000
"""A member without a heartbeat for this time loses its partitions to the others. It is the smallest
value that a broker accepts by default (`group.min.session.timeout.ms`); a member that restarts
within this time keeps its partitions."""
STOP_S = 10.0
"""Longest wait for a consumer to stop; its successor has the same member name and fences it."""
HEARTBEAT_MS = 1_000
MAX_POLL_INTERVAL_MS = 600_000
DETAIL_CHARS_MAX = 300
SCHEMA_CHANGED_MAX = 3
"""How often a batch is handled again after an error that a migration may have caused."""

_TEMPORARY: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, *SCHEMA_CHANGED)

log = get_logger()

Result = TypeVar("Result")
StoreRejected = Callable[[Sequence[RejectedRecord]], Awaitable[None]]
"""Stores rejected records durably as dead letters, before their offsets are committed."""
Wait = Callable[[], Coroutine[Any, Any, None]]
"""Returns once a condition holds."""


class BatchSubscriber:
    """Reads topics as one member of a group and passes batches to a handler."""

    def __init__(
        self,
        topics: Sequence[str],
        *,
        group: str,
        instance: str,
        brokers: Brokers,
        handler: Handler,
        store_rejected: StoreRejected,
    ) -> None:
        self.name = f"subscriber:{group}"
        self._topics = tuple(topics)
        self._group = group
        self._instance = instance
        self._brokers = brokers
        self._handler = handler
        self._store_rejected = store_rejected
        self._random = random.Random()  # noqa: S311  jitter, not a secret
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start no new batch; the current one is finished and committed."""
        self._stopping.set()

    async def run(self, *, after: Wait | None = None) -> None:
        """Wait for `after`, then consume until stopped; retries while the broker is unavailable."""
        failures = 0
        if after is not None:
            await self._unless_stopped(after())
        while not self._stopping.is_set():
            consumer = self._new_consumer()
            commits = OffsetCommits(consumer, self._group)
            consumer.subscribe(self._topics, listener=commits)
            try:
                if not await self._unless_stopped(_started(consumer)):
                    return
                throttle_fetches(consumer, max_wait_ms=POLL_MS)
                failures = 0
                await self._consume(consumer, commits)
            except (KafkaError, OSError, TimeoutError) as error:
                failures += 1
                log.warning("kafka.consumer.failed", group=self._group, error=repr(error))
                await self._pause(failures)
            finally:
                await end(consumer, within_s=STOP_S)

    def _new_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            group_id=self._group,
            group_instance_id=self._instance,
            client_id=self._instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            fetch_max_wait_ms=POLL_MS,
            request_timeout_ms=POLL_MS * 4,
            **self._brokers.client_options(),
        )

    async def _consume(self, consumer: AIOKafkaConsumer, commits: OffsetCommits) -> None:
        watchdog = ConsumerWatchdog(consumer)
        lag = ConsumerLag(consumer, self._topics, self._group, SystemClock())
        gap = Gap(BUSY_GAP_S)
        while not self._stopping.is_set():
            await gap.wait()
            fetched = await self._poll(consumer, commits.left_s())
            lag.begin(fetched)
            if fetched:
                records = [_record(raw) for batch in fetched.values() for raw in batch]
                failpoint("subscriber.after_poll")
                if not await self._handle(records):
                    break
                commits.note(fetched)
                lag.end(fetched)
            else:
                watchdog.check(asyncio.get_running_loop().time())
            await commits.commit_if_due()
        await commits.commit()

    async def _poll(
        self, consumer: AIOKafkaConsumer, longest_s: float | None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """One long poll; a stop that interrupts it loses no record, as they are not noted."""
        longest_ms = POLL_MS if longest_s is None else min(math.ceil(longest_s * 1000), POLL_MS)
        fetched: dict[TopicPartition, list[ConsumerRecord]] | None = await self._unless_stopped(
            consumer.getmany(timeout_ms=longest_ms, max_records=BATCH_RECORDS_MAX)
        )
        return fetched or {}

    async def _unless_stopped(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """The result of `work`; None when a stop comes first, which cancels the work."""
        working = asyncio.create_task(work)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((working, stop), return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            for task in (working, stop):
                task.cancel()
            await asyncio.gather(working, stop, return_exceptions=True)

    async def _handle(self, records: Sequence[Record]) -> bool:
        """Handle records and store rejected ones, with retries; False when a stop came first."""
        failures = schema_failures = 0
        while True:
            may_be_new = schema_failures < SCHEMA_CHANGED_MAX
            try:
                with metrics.HANDLE_SECONDS.labels(records[0].topic).time():
                    rejected = await self._bisect(
                        records, temporary=_TEMPORARY if may_be_new else INFRASTRUCTURE_ERRORS
                    )
                if rejected:
                    failpoint("subscriber.before_letters")
                    await self._store_rejected(rejected)
                    failpoint("subscriber.after_letters")
            except _TEMPORARY as error:
                failures += 1
                schema_failures += isinstance(error, SCHEMA_CHANGED)
                metrics.BATCH_RETRIES.labels(records[0].topic).inc()
                log.warning("kafka.batch.retried", group=self._group, error=repr(error))
                await self._pause(failures)
                if self._stopping.is_set():
                    return False
            else:
                _count(records, rejected)
                return True

    async def _bisect(
        self,
        records: Sequence[Record],
        *,
        temporary: tuple[type[BaseException], ...] = INFRASTRUCTURE_ERRORS,
    ) -> list[RejectedRecord]:
        """Handle a batch; after an unexpected exception halve it until one record is left.

        Errors in `temporary` are raised.
        """
        try:
            return list(await self._handler(records))
        except temporary:
            raise
        except Exception as error:
            if len(records) == 1:
                log.exception("kafka.record.refused", **_position(records[0]))
                return [RejectedRecord(records[0], "handler_failed", _detail(error))]
        middle = len(records) // 2
        return [
            *await self._bisect(records[:middle], temporary=temporary),
            *await self._bisect(records[middle:], temporary=temporary),
        ]

    async def _pause(self, failures: int) -> None:
        """Wait with growing, jittered gaps; a stop ends the wait."""
        longest = backoff_s(failures, first_s=BACKOFF_S_MIN, longest_s=BACKOFF_S_MAX)
        delay = longest * (0.5 + self._random.random() / 2)
        await wait_for_event(self._stopping, delay)


async def _started(consumer: AIOKafkaConsumer) -> bool:
    await consumer.start()
    return True


def _record(raw: ConsumerRecord) -> Record:
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=_text(raw.key) if raw.key is not None else None,
        body=raw.value,
        headers={_text(name.encode()): _text(value) for name, value in raw.headers},
        timestamp_ms=raw.timestamp,
    )


def _text(raw: bytes | None) -> str:
    """Untrusted bytes as text that PostgreSQL can store: it accepts no NUL, not even in JSON."""
    return (raw or b"").decode(errors="replace").replace("\0", "\ufffd")


def _count(records: Sequence[Record], rejected: Sequence[RejectedRecord]) -> None:
    for one in rejected:
        metrics.RECORDS_REFUSED.labels(one.record.topic, one.reason).inc()
    for record in records:
        metrics.RECORDS_HANDLED.labels(record.topic).inc()


def _position(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _detail(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:DETAIL_CHARS_MAX]
