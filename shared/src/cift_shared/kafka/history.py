"""Read what topics have had since a moment, and publish records again, at an operator's command."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cift_shared.errors import ServerUnreachable
from cift_shared.kafka.admin import partitions
from cift_shared.kafka.producer import Producer
from cift_shared.kafka.reading import open_reader
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.kafka import Brokers

_POLL_MS = 500
_RECORDS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Past:
    """A record as it was published, and when."""

    message: OutgoingMessage
    at: datetime


async def records_since(
    brokers: Brokers, topics: Sequence[str], since: datetime
) -> AsyncIterator[list[Past]]:
    """The records of these topics since a moment, up to their ends of now, in batches.

    It reads without a group, so it takes no partition from a service and commits nothing.
    """
    chosen = [one for one in await partitions(brokers) if one.topic in topics]
    async with open_reader(brokers) as consumer:
        pending = await _seek(consumer, chosen, since)
        while pending:
            found = await consumer.getmany(*pending, timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
            for partition, records in found.items():
                end = pending[partition]
                if batch := [_past(record) for record in records if record.offset < end]:
                    yield batch
            for partition in list(pending):
                if await consumer.position(partition) >= pending[partition]:
                    del pending[partition]


async def _seek(
    consumer: AIOKafkaConsumer, chosen: Sequence[TopicPartition], since: datetime
) -> dict[TopicPartition, int]:
    """Go to the first record since the moment; the end of each partition that has any."""
    consumer.assign(chosen)
    ends = await consumer.end_offsets(chosen)
    moment = int(since.timestamp() * 1000)
    begins = await consumer.offsets_for_times(dict.fromkeys(chosen, moment))
    pending = {}
    for partition, begin in begins.items():
        if begin is not None and begin.offset < ends[partition]:
            consumer.seek(partition, begin.offset)
            pending[partition] = ends[partition]
    return pending


def _past(record: "ConsumerRecord[bytes, bytes]") -> Past:
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    key = (record.key or b"").decode(errors="replace")
    message = OutgoingMessage(record.topic, key, record.value or b"", headers)
    return Past(message, datetime.fromtimestamp(record.timestamp / 1000, UTC))


async def publish_again(producer: Producer, messages: Sequence[OutgoingMessage]) -> None:
    """Publish records again, in this order for each key.

    Raises:
        ServerUnreachable: the brokers have not confirmed all of them.
    """
    if not all(await producer.publish(messages)):
        raise ServerUnreachable("Kafka has not confirmed every record: run the command again")
