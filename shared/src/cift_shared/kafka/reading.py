"""A consumer for commands of operators, which read beside the services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer

from cift_shared.security.kafka import Brokers

TIMEOUT_MS = 10_000


@asynccontextmanager
async def open_reader(brokers: Brokers) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group: it commits nothing and takes no partition from another one."""
    consumer = AIOKafkaConsumer(
        **brokers.client_options(), enable_auto_commit=False, request_timeout_ms=TIMEOUT_MS
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
