"""Consume one topic in a service whose main task is another one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.runtime.service import Base, store_rejected_records


@asynccontextmanager
async def consuming(
    base: Base, subscription: Subscription, *, schema: str
) -> AsyncIterator[BatchBroker]:
    """Consume the topic while the block runs; at its end, finish the current batch first.

    Args:
        base: the service's settings, pool and readiness; nothing is consumed before it is ready.
        subscription: the topic, its message, the group and the handler.
        schema: of the outbox that stores rejected records as dead letters.
    """
    group = subscription.group
    broker = BatchBroker(base.settings.brokers)
    broker.subscribe(
        replace(subscription, handler=base.readiness.guarded(subscription.handler)),
        instance=base.settings.group_instance(group),
        store_rejected=store_rejected_records(base, schema, group),
    )
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
