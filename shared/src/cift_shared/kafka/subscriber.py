"""A batch subscriber that drops nothing and never loops hot.

    poll -> handle the batch -> store refusals as dead letters -> commit offsets

Why not FastStream's own batch loop: it sleeps a full polling interval after every empty poll, so
a short interval burns CPU when idle and a long one delays the first record; and none of its
acknowledgement policies can set one record aside and go on (see docs/architecture.md, measured).
This loop waits inside one long poll, which returns the moment a record is there.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from cift_shared import metrics
from cift_shared.database import INFRASTRUCTURE_ERRORS
from cift_shared.failpoints import failpoint
from cift_shared.kafka.patience import hold_empty_fetches
from cift_shared.kafka.pulse import Pulse
from cift_shared.kafka.record import Handler, Record, Refusal
from cift_shared.log import get_logger
from cift_shared.waiting import backoff_s, wait_for_event

BATCH_RECORDS_MAX = 500
POLL_MS = 5_000
BACKOFF_S_MIN = 0.2
BACKOFF_S_MAX = 10.0
SESSION_TIMEOUT_MS = 10_000
STOP_S = 10.0
"""What the end of a consumer may take."""
HEARTBEAT_MS = 3_000
MAX_POLL_INTERVAL_MS = 600_000
DETAIL_CHARS_MAX = 300

log = get_logger()

StoreRefusals = Callable[[Sequence[Refusal]], Awaitable[None]]
"""Stores refused records as dead letters, durably, before their offsets move."""


class BatchSubscriber:
    """Reads topics as one member of a group and hands batches to a handler."""

    def __init__(
        self,
        topics: Sequence[str],
        *,
        group: str,
        instance: str,
        bootstrap_servers: str,
        handler: Handler,
        store_refusals: StoreRefusals,
    ) -> None:
        self.name = f"subscriber:{group}"
        self._topics = tuple(topics)
        self._group = group
        self._instance = instance
        self._bootstrap_servers = bootstrap_servers
        self._handler = handler
        self._store_refusals = store_refusals
        self._random = random.Random()  # noqa: S311  jitter, not a secret
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no new batch; the one in hand is finished and committed."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped; survives a broker that is away."""
        failures = 0
        while not self._stopping.is_set():
            consumer = self._new_consumer()
            try:
                await consumer.start()
                hold_empty_fetches(consumer, max_wait_ms=POLL_MS)
                failures = 0
                await self._consume(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                failures += 1
                log.warning("kafka.consumer.failed", group=self._group, error=repr(error))
                await self._pause(failures)
            finally:
                await _end(consumer)

    def _new_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *self._topics,
            bootstrap_servers=self._bootstrap_servers,
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
        )

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        pulse = Pulse(consumer)
        while not self._stopping.is_set():
            fetched = await self._poll(consumer)
            if not fetched:
                pulse.check(asyncio.get_running_loop().time())
                continue
            records = [_record(raw) for batch in fetched.values() for raw in batch]
            failpoint("subscriber.after_poll")
            if not await self._handle(records):
                return
            failpoint("subscriber.before_commit")
            await self._commit(
                consumer, {place: batch[-1].offset + 1 for place, batch in fetched.items()}
            )
            failpoint("subscriber.after_commit")

    async def _poll(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord]]:
        """One long poll that a stop can interrupt without losing a record: nothing is committed."""
        poll = asyncio.create_task(
            consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
        )
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((poll, stop), return_when=asyncio.FIRST_COMPLETED)
            if not poll.done():
                return {}
            fetched: dict[TopicPartition, list[ConsumerRecord]] = poll.result()
            return fetched
        finally:
            for task in (poll, stop):
                task.cancel()
            await asyncio.gather(poll, stop, return_exceptions=True)

    async def _handle(self, records: Sequence[Record]) -> bool:
        """Handle and set aside until both are done; False when a stop came first."""
        failures = 0
        while True:
            try:
                with metrics.HANDLE_SECONDS.labels(records[0].topic).time():
                    refusals = await self._bisect(records)
                if refusals:
                    failpoint("subscriber.before_letters")
                    await self._store_refusals(refusals)
                    failpoint("subscriber.after_letters")
            except INFRASTRUCTURE_ERRORS as error:
                failures += 1
                metrics.BATCH_RETRIES.labels(records[0].topic).inc()
                log.warning("kafka.batch.retried", group=self._group, error=repr(error))
                await self._pause(failures)
                if self._stopping.is_set():
                    return False
            else:
                _count(records, refusals)
                return True

    async def _bisect(self, records: Sequence[Record]) -> list[Refusal]:
        """Handle a batch; halve it around an unexpected exception until one record is left."""
        try:
            return list(await self._handler(records))
        except INFRASTRUCTURE_ERRORS:
            raise
        except Exception as error:
            if len(records) == 1:
                log.exception("kafka.record.refused", **_position(records[0]))
                return [Refusal(records[0], "handler_failed", _detail(error))]
        middle = len(records) // 2
        return [*await self._bisect(records[:middle]), *await self._bisect(records[middle:])]

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
        try:
            await consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions moved to another member while we worked: it will see these records
            # again, and the handler's own keys absorb the repeat.
            log.warning("kafka.commit.refused", group=self._group, error=repr(error))

    async def _pause(self, failures: int) -> None:
        """Wait with growing, jittered gaps, but not past a stop."""
        longest = backoff_s(failures, first_s=BACKOFF_S_MIN, longest_s=BACKOFF_S_MAX)
        delay = longest * (0.5 + self._random.random() / 2)
        await wait_for_event(self._stopping, delay)


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
    """Bytes of a stranger as text that PostgreSQL can hold: it takes no NUL, even in JSON."""
    return (raw or b"").decode(errors="replace").replace("\0", "\ufffd")


def _count(records: Sequence[Record], refusals: Sequence[Refusal]) -> None:
    for refusal in refusals:
        metrics.RECORDS_REFUSED.labels(refusal.record.topic, refusal.reason).inc()
    for record in records:
        metrics.RECORDS_HANDLED.labels(record.topic).inc()


async def _end(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer; one that has come to rest by itself may never end, and is left behind.

    The next one has the same member name and fences it.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await consumer.stop()


def _position(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _detail(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:DETAIL_CHARS_MAX]
