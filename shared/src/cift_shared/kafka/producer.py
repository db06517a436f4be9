"""A producer that rebuilds itself: acks from all replicas, idempotent, ordered by key.

After an out-of-order sequence, a fencing or repeated time-outs an idempotent producer can stay
stuck forever (aio-libs/aiokafka issue 1017). So after any send error it is discarded, the next
publish creates a new one, and the caller sends unconfirmed messages again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cift_shared.kafka.client_stop import end
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger

REQUEST_TIMEOUT_MS = 10_000
MAX_REQUEST_BYTES = 1_000_000
CLOSE_S = 5.0

log = get_logger()


class Producer:
    """Publishes batches and reports which messages are confirmed."""

    def __init__(self, bootstrap_servers: str, *, name: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._name = name
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish in the given order; one flag per message, True when every replica has it.

        Never raises a Kafka error: an unconfirmed message is False and may be sent again.
        """
        try:
            producer = await self._ready()
            futures = [await self._send(producer, message) for message in messages]
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard(error)
            return [False] * len(messages)
        answers = await asyncio.gather(*futures, return_exceptions=True)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures:
            await self._discard(failures[0])
        return [not isinstance(answer, BaseException) for answer in answers]

    async def close(self) -> None:
        """Flush and close; messages that the broker does not confirm in time stay in the outbox."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer, within_s=CLOSE_S)

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers,
                client_id=self._name,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                max_request_size=MAX_REQUEST_BYTES,
            )
            try:
                await producer.start()
            except BaseException:
                await end(producer, within_s=CLOSE_S)
                raise
            self._producer = producer
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, message: OutgoingMessage) -> Any:
        headers = [(name, value.encode()) for name, value in message.headers.items()]
        return await producer.send(
            message.topic, value=message.body, key=message.key.encode(), headers=headers
        )

    async def _discard(self, error: BaseException) -> None:
        metrics.PRODUCER_REBUILDS.labels(self._name).inc()
        log.warning("kafka.producer.discarded", producer=self._name, error=repr(error))
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer, within_s=REQUEST_TIMEOUT_MS / 1000)
