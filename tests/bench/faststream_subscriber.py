"""A variant of `BatchSubscriber` on FastStream's batch subscriber, for `measure_subscribers`.

FastStream's registrator creates its own classes only, so this registers by its internal interface
(faststream 0.7). What it takes over: one long poll without a pause after an empty one, retries,
bisecting, dead letters, the commit after the work. docs/architecture.md states what it lacks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream._internal.broker.registrator import Registrator
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.schemas import Topic
from faststream.kafka.subscriber.config import (
    KafkaSubscriberConfig,
    KafkaSubscriberSpecificationConfig,
)
from faststream.kafka.subscriber.specification import KafkaSubscriberSpecification
from faststream.kafka.subscriber.usecase import BatchSubscriber

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.kafka.consumer_watchdog import ConsumerWatchdog
from cift_shared.kafka.fetch_throttle import throttle_fetches
from cift_shared.kafka.subscriber import (
    BATCH_RECORDS_MAX,
    HEARTBEAT_MS,
    MAX_POLL_INTERVAL_MS,
    POLL_MS,
    SESSION_TIMEOUT_MS,
    StoreRejected,
    _detail,
    _record,
)
from cift_shared.messaging.record import Handler, RejectedRecord

Raw = tuple[ConsumerRecord, ...]
PAUSE_S = 0.2


class LongPollSubscriber(BatchSubscriber):
    """Reads with long polls, and settles a batch before it takes the next one."""

    store_rejected: StoreRejected
    _ends: dict[TopicPartition, int]
    _watchdog: ConsumerWatchdog

    async def start(self) -> None:
        """Start to read; unlike ours this raises while the broker is unavailable."""
        await super().start()
        throttle_fetches(self.consumer, max_wait_ms=POLL_MS)
        self._watchdog = ConsumerWatchdog(self.consumer)

    async def get_msg(self, consumer: Any) -> Raw:
        """One long poll; empty when it found nothing."""
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
        if not fetched:
            self._watchdog.check(asyncio.get_running_loop().time())
        self._ends = {place: batch[-1].offset + 1 for place, batch in fetched.items()}
        return tuple(chain(*fetched.values()))

    async def consume_one(self, msg: Raw) -> None:
        """Handle a batch with retries, store rejected records, commit."""
        while self.running:
            try:
                rejected = await self._bisect(msg)
                if rejected:
                    await self.store_rejected(rejected)
            except INFRASTRUCTURE_ERRORS:
                await asyncio.sleep(PAUSE_S)
                continue
            assert self.consumer is not None
            await self.consumer.commit(self._ends)
            return

    async def _bisect(self, msg: Raw) -> list[RejectedRecord]:
        try:
            # `consume` would swallow every exception
            return list((await self.process_message(msg)).body)
        except INFRASTRUCTURE_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  whatever the handler raises
            if len(msg) == 1:
                return [RejectedRecord(_record(msg[0]), "handler_failed", _detail(error))]
        middle = len(msg) // 2
        return [*await self._bisect(msg[:middle]), *await self._bisect(msg[middle:])]


def subscribe(
    broker: KafkaBroker, topic: str, *, group: str, handler: Handler, store_rejected: StoreRejected
) -> LongPollSubscriber:
    """Register a subscriber with the broker, as `KafkaRegistrator.subscriber` does."""
    config: Any = broker.config
    calls: CallsCollection[Any] = CallsCollection()
    subscriber = LongPollSubscriber(
        KafkaSubscriberConfig(
            topics=[Topic.validate(topic)],
            group_id=group,
            connection_args=_connection(group),
            no_reply=True,
            _outer_config=config,
            _ack_policy=AckPolicy.MANUAL,
        ),
        KafkaSubscriberSpecification(
            _outer_config=config,
            calls=calls,
            specification_config=KafkaSubscriberSpecificationConfig(
                topics=[Topic.validate(topic)],
                title_=topic,
                description_=None,
                include_in_schema=True,
            ),
        ),
        calls,
        batch_timeout_ms=POLL_MS,
        max_records=BATCH_RECORDS_MAX,
    )
    subscriber.store_rejected = store_rejected
    Registrator.subscriber(broker, subscriber)
    subscriber.add_call(parser_=None, decoder_=_undecoded, dependencies_=())
    subscriber(_on_records(handler))
    return subscriber


def _connection(group: str) -> dict[str, Any]:
    return {
        "group_instance_id": f"{group}-0",
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": POLL_MS,
        "request_timeout_ms": POLL_MS * 4,
        "session_timeout_ms": SESSION_TIMEOUT_MS,
        "heartbeat_interval_ms": HEARTBEAT_MS,
        "max_poll_interval_ms": MAX_POLL_INTERVAL_MS,
    }


def _on_records(handler: Handler) -> Callable[[Any], Awaitable[Sequence[RejectedRecord]]]:
    async def handle(message: KafkaMessage) -> Sequence[RejectedRecord]:
        return await handler([_record(raw) for raw in message.raw_message])

    return handle


async def _undecoded(message: Any) -> Any:
    """The bodies as bytes: a record that is no JSON is the handler's to reject."""
    return message.body
