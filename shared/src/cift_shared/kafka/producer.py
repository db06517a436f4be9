"""A producer that rebuilds itself: acks from all replicas, idempotent, ordered by key.

After an out-of-order sequence, a fencing or repeated time-outs an idempotent producer can stay
stuck for ever (aio-libs/aiokafka issue 1017); so on any send error it is thrown away, the next
publish builds a fresh one, and whoever called sends again what was not confirmed.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cift_shared import metrics
from cift_shared.envelope import OutgoingMessage
from cift_shared.log import get_logger

REQUEST_TIMEOUT_MS = 10_000
MAX_REQUEST_BYTES = 1_000_000

log = get_logger()


class Producer:
    """Publishes batches and says which messages are confirmed."""

    def __init__(self, bootstrap_servers: str, *, name: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._name = name
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish in the given order; one flag a message, True when every replica has it.

        Never raises for Kafka's sake: what is not confirmed is False and may be sent again.
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
        """Flush and close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

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
                await producer.stop()
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
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError) as stop_error:
                log.warning("kafka.producer.stop_failed", error=repr(stop_error))
