"""Send one topic's messages: each partition's in order, batch by batch, up to its first failure.

aiokafka's `send` continues after a batch that the broker refuses, so a later message of the same
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
"""Longest wait for one topic; aiokafka retries without a limit while replicas are missing."""
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
"""Errors that concern only one topic or one record."""

_partition_of = DefaultPartitioner()


@dataclass(slots=True)
class TopicBatches:
    """The messages of one topic in one `publish`, and the result for each."""

    topic: str
    messages: list[tuple[int, OutgoingMessage]] = field(default_factory=list)
    """Each with its index in the list given to `publish`."""
    confirmed: set[int] = field(default_factory=set)
    error: BaseException | None = None
    """The first failure."""
    may_have_gap: bool = False
    """The producer failed during a send, so its sequence numbers may have a gap: discard it."""

    async def send(self, producer: AIOKafkaProducer) -> None:
        """Send all messages; the first failure is stored in `error`, nothing is raised."""
        try:
            async with asyncio.timeout(ANSWER_S):
                partitions = await _partitions(producer.client, self.topic)
                by_partition: dict[int, list[tuple[int, OutgoingMessage]]] = defaultdict(list)
                for index, message in self.messages:
                    key = message.key.encode()
                    by_partition[_partition_of(key, partitions, partitions)].append(
                        (index, message)
                    )
                await asyncio.gather(
                    *(self._send_partition(producer, *lane) for lane in by_partition.items())
                )
        except TimeoutError:
            self._fail(TimeoutError(f"not confirmed within {ANSWER_S:.0f} s"), may_have_gap=True)
        except (KafkaError, OSError) as error:
            self._fail(error)
        if self.may_have_gap and producer.client.cluster.partitions_for_topic(self.topic) is None:
            # The topic was deleted after its first use: the client reports a lost leader instead.
            self.error = UnknownTopicOrPartitionError()

    @property
    def is_failing_alone(self) -> bool:
        """True if the error concerns only this topic."""
        return isinstance(self.error, TOPIC_ERRORS)

    async def _send_partition(
        self,
        producer: AIOKafkaProducer,
        partition: int,
        messages: Sequence[tuple[int, OutgoingMessage]],
    ) -> None:
        try:
            while messages:
                batch = producer.create_batch()
                indexes = _fill(batch, messages)
                await self._send(producer, batch, partition)
                self.confirmed.update(indexes)
                messages = messages[len(indexes) :]
        except (KafkaError, OSError) as error:
            self._fail(error)

    async def _send(self, producer: AIOKafkaProducer, batch: Any, partition: int) -> None:
        try:
            future = await producer.send_batch(batch, self.topic, partition=partition)
            future.add_done_callback(_retrieve_exception)
            await future
        except (KafkaError, OSError):
            self.may_have_gap = True
            raise

    def _fail(self, error: BaseException, *, may_have_gap: bool = False) -> None:
        self.error = self.error or error
        self.may_have_gap = self.may_have_gap or may_have_gap


async def _partitions(client: Any, topic: str) -> list[int]:
    """The topic's partitions.

    Raises:
        UnknownTopicOrPartitionError: a broker answered that there is no such topic.
        TopicAuthorizationFailedError: this client may not read it.
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
    """Add messages to the batch until it is full; returns their indexes, at least one.

    Raises:
        MessageSizeTooLargeError: the first message is larger than `MESSAGE_BYTES_MAX`.
    """
    indexes: list[int] = []
    for index, message in messages:
        key, headers = message.key.encode(), [(n, v.encode()) for n, v in message.headers.items()]
        size = len(key) + len(message.body) + sum(len(n) + len(v) for n, v in headers)
        if size > MESSAGE_BYTES_MAX:
            if indexes:
                break  # the messages before it are sent first
            raise MessageSizeTooLargeError(f"{size} bytes, more than {MESSAGE_BYTES_MAX}")
        added = batch.append(timestamp=None, key=key, value=message.body, headers=headers)
        if added is None:
            break
        indexes.append(index)
    return indexes


def _retrieve_exception(future: "asyncio.Future[Any]") -> None:
    """Mark the exception as retrieved, so that asyncio does not log it.

    After a time-out no code awaits the future.
    """
    if not future.cancelled():
        future.exception()
