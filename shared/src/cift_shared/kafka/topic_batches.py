"""Send one topic's messages: each partition's in order, batch by batch, up to its first failure.

aiokafka's own `send` goes on after a batch that the broker refuses, so a later message of the same
key could overtake the refused one. Here a partition's next batch is sent once the one before it is
confirmed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import DefaultPartitioner

from cift_shared.messaging.envelope import OutgoingMessage

ANSWER_S = 15.0
"""Longest wait for one topic; aiokafka tries again for ever while replicas are missing."""
METADATA_TRIES = 5
METADATA_GAP_S = 0.1
MESSAGE_BYTES_MAX = 1_000_000

TOPIC_ERRORS = (
    UnknownTopicOrPartitionError,
    TopicAuthorizationFailedError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    PolicyViolationError,
)
"""Errors that concern the topic or a record, whatever other topics do."""

_partition_of = DefaultPartitioner()


@dataclass(slots=True)
class TopicBatches:
    """The messages of one topic in one `publish`, and what became of them."""

    topic: str
    messages: list[tuple[int, OutgoingMessage]] = field(default_factory=list)
    """Each with its place in the whole list."""
    confirmed: set[int] = field(default_factory=set)
    error: BaseException | None = None
    """The first failure."""
    is_spoiled: bool = False
    """The producer was in use when it failed: its sequence numbers may have a gap."""

    async def send(self, producer: AIOKafkaProducer) -> None:
        """Send everything; a failure ends up in `error`, and nothing is raised."""
        try:
            async with asyncio.timeout(ANSWER_S):
                partitions = await _partitions(producer.client, self.topic)
                lanes: dict[int, list[tuple[int, OutgoingMessage]]] = defaultdict(list)
                for place, message in self.messages:
                    key = message.key.encode()
                    lanes[_partition_of(key, partitions, partitions)].append((place, message))
                await asyncio.gather(*(self._lane(producer, *lane) for lane in lanes.items()))
        except TimeoutError:
            self._fail(TimeoutError(f"not confirmed within {ANSWER_S:.0f} s"), spoiled=True)
        except (KafkaError, OSError) as error:
            self._fail(error)
        if self.is_spoiled and producer.client.cluster.partitions_for_topic(self.topic) is None:
            # It was deleted after it had been used: the client reports a lost leader.
            self.error = UnknownTopicOrPartitionError()

    @property
    def is_failing_alone(self) -> bool:
        """The error is about this topic by its nature."""
        return isinstance(self.error, TOPIC_ERRORS)

    async def _lane(
        self,
        producer: AIOKafkaProducer,
        partition: int,
        messages: Sequence[tuple[int, OutgoingMessage]],
    ) -> None:
        try:
            while messages:
                batch = producer.create_batch()
                places = _fill(batch, messages)
                await self._send(producer, batch, partition)
                self.confirmed.update(places)
                messages = messages[len(places) :]
        except (KafkaError, OSError) as error:
            self._fail(error)

    async def _send(self, producer: AIOKafkaProducer, batch: Any, partition: int) -> None:
        try:
            future = await producer.send_batch(batch, self.topic, partition=partition)
            future.add_done_callback(_look_at)
            await future
        except (KafkaError, OSError):
            self.is_spoiled = True
            raise

    def _fail(self, error: BaseException, *, spoiled: bool = False) -> None:
        self.error = self.error or error
        self.is_spoiled = self.is_spoiled or spoiled


async def _partitions(client: Any, topic: str) -> list[int]:
    """The topic's partitions.

    Raises:
        UnknownTopicOrPartitionError: a broker answered that there is no such topic.
        TopicAuthorizationFailedError: we may not see it.
        KafkaConnectionError: no broker answered.
    """
    for _ in range(METADATA_TRIES):
        found = client.cluster.partitions_for_topic(topic)
        if found:
            return sorted(found)
        client.add_topic(topic)
        if not await client.force_metadata_update():
            raise KafkaConnectionError("no broker answered a request for metadata")
        if topic in client.cluster.unauthorized_topics:
            raise TopicAuthorizationFailedError(topic)
        await asyncio.sleep(METADATA_GAP_S)
    raise UnknownTopicOrPartitionError


def _fill(batch: Any, messages: Sequence[tuple[int, OutgoingMessage]]) -> list[int]:
    """Put messages into the batch until it is full; returns their places, at least one.

    Raises:
        MessageSizeTooLargeError: the first message is larger than any broker of ours takes.
    """
    places: list[int] = []
    for place, message in messages:
        key, headers = message.key.encode(), [(n, v.encode()) for n, v in message.headers.items()]
        size = len(key) + len(message.body) + sum(len(n) + len(v) for n, v in headers)
        if size > MESSAGE_BYTES_MAX:
            if places:
                break  # those before it are sent first
            raise MessageSizeTooLargeError(f"{size} bytes, more than {MESSAGE_BYTES_MAX}")
        added = batch.append(timestamp=None, key=key, value=message.body, headers=headers)
        if added is None:
            break
        places.append(place)
    return places


def _look_at(future: "asyncio.Future[Any]") -> None:
    """Nobody awaits a future after a time-out: asyncio would log its error."""
    if not future.cancelled():
        future.exception()
