"""A producer that rebuilds itself: acks from all replicas, idempotent, ordered by key.

After an out-of-order sequence, a fencing or repeated time-outs an idempotent producer can stay
stuck forever (aio-libs/aiokafka issue 1017). So after any send error it is discarded, the next
publish creates a new one, and the caller sends unconfirmed messages again.

Each topic is sent separately (`cift_shared.kafka.topic_batches`): a topic that is missing,
forbidden, or refuses a record does not delay the messages of other topics.
"""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cift_shared.kafka.client_stop import end
from cift_shared.kafka.topic_batches import MESSAGE_BYTES_MAX, TopicBatches
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.security.kafka import Brokers

REQUEST_TIMEOUT_MS = 10_000
CLOSE_S = 5.0

log = get_logger()


class Producer:
    """Publishes batches and reports which messages are confirmed."""

    def __init__(self, brokers: Brokers, *, name: str) -> None:
        self._brokers = brokers
        self._name = name
        self._producer: AIOKafkaProducer | None = None
        self._failing: dict[str, str] = {}

    @property
    def failing(self) -> Mapping[str, str]:
        """Topics that failed alone in the last `publish`, with the reason.

        A topic fails alone if its error concerns only this topic, or if messages of another topic
        were confirmed in the same call.
        """
        return self._failing

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish in the given order; one flag per message, True when every replica has it.

        After a message that is not confirmed, no later message of its key is published. Never
        raises a Kafka error: an unconfirmed message is False and may be sent again.
        """
        self._failing = {}
        try:
            producer = await self._ready()
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard(error)
            return [False] * len(messages)
        batches = _by_topic(messages)
        await asyncio.gather(*(each.send(producer) for each in batches))
        self._failing = _failing_alone(batches)
        errors = [each.error for each in batches if each.error and each.may_have_gap]
        errors += [each.error for each in batches if each.error and not each.is_failing_alone]
        if errors:
            await self._discard(errors[0])
        confirmed = set[int]().union(*(each.confirmed for each in batches))
        return [index in confirmed for index in range(len(messages))]

    async def close(self) -> None:
        """Flush and close; messages that the broker does not confirm in time stay in the outbox."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer, within_s=CLOSE_S)

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                client_id=self._name,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                max_request_size=MESSAGE_BYTES_MAX,
                **self._brokers.client_options(),
            )
            try:
                await producer.start()
            except BaseException:
                await end(producer, within_s=CLOSE_S)
                raise
            self._producer = producer
        return self._producer

    async def _discard(self, error: BaseException) -> None:
        metrics.PRODUCER_REBUILDS.labels(self._name).inc()
        log.warning("kafka.producer.discarded", producer=self._name, error=repr(error))
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer, within_s=REQUEST_TIMEOUT_MS / 1000)


def _by_topic(messages: Sequence[OutgoingMessage]) -> list[TopicBatches]:
    batches: dict[str, TopicBatches] = {}
    for index, message in enumerate(messages):
        topic = message.topic
        batches.setdefault(topic, TopicBatches(topic)).messages.append((index, message))
    return list(batches.values())


def _failing_alone(batches: Sequence[TopicBatches]) -> dict[str, str]:
    """The reason for each topic that failed although the broker works for other topics."""
    working = {each.topic for each in batches if each.confirmed}
    return {
        each.topic: repr(each.error)
        for each in batches
        if each.error and (each.is_failing_alone or working - {each.topic})
    }
