"""Wire the attempt engine, the consumers and the metrics around a processor."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import BaseModel

from cift_shared.attempts.consumers import CommandConsumer, FindAttempts, NoticeConsumer
from cift_shared.attempts.engine import AttemptEngine
from cift_shared.attempts.processor import PaymentProcessor, SavedMethodProvider
from cift_shared.attempts.status_report import StatusReport
from cift_shared.attempts.store import AttemptStore
from cift_shared.ids import AttemptId
from cift_shared.kafka.broker import Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.messages import (
    MethodResult,
    PaymentCommand,
    PaymentResult,
    ProviderNotice,
)
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.observability import metrics
from cift_shared.rails.registry import rails
from cift_shared.runtime.service import Base, Composition, Part

OPEN_COUNT_S = 15.0


class WorkerProcessor(PaymentProcessor, Protocol):
    """A processor that also finds the reference in a notice that came without our callback path."""

    def read_fingerprint(self, body: bytes) -> AttemptId | str | None:
        """The keyed hash of the provider reference in a notice's body; None: the body has none.

        Returns the attempt's id instead if the provider sends it back to us: the id finds the
        attempt even before the provider's reference is stored.
        """
        ...


Beside = Callable[[AttemptStore, Callable[[], None]], Sequence[Part]]
"""Makes a worker's additional loops from its attempt store and the function that wakes polling."""


def compose_worker(
    base: Base,
    processor: WorkerProcessor,
    *,
    schema: str,
    concurrency: int,
    find_attempts: FindAttempts | None = None,
    beside: Beside | None = None,
) -> Composition:
    """Compose ingest, dispatch, notices and poll around a processor, on the worker's schema.

    Args:
        base: the service's settings, pool, relay, clock and readiness.
        processor: the provider.
        schema: the worker's schema.
        concurrency: the maximum number of calls in progress, for each loop.
        find_attempts: finds the attempts of notices in which the processor reads no fingerprint.
        beside: makes additional loops of the worker.
    """
    method = processor.method
    vault = base.settings.vault()
    owner = base.settings.group_instance(f"{method}-worker")
    store = AttemptStore(base.pool, schema=schema, method=method, owner=owner, vault=vault)
    engine = AttemptEngine(
        store, processor, clock=base.clock, published=base.relay.wake, concurrency=concurrency
    )
    commands = CommandConsumer(
        store,
        method=method,
        clock=base.clock,
        ingested=engine.dispatch.wake,
        published=base.relay.wake,
        verified=engine.poll.wake,
    )
    notices = NoticeConsumer(
        store,
        vault=vault,
        read_fingerprint=processor.read_fingerprint,
        noticed=engine.poll.wake,
        find_attempts=find_attempts,
    )
    own = beside(store, engine.poll.wake) if beside else ()
    status = StatusReport(base.pool, processor, base.clock, schema, owner, base.relay.wake)
    publishes: list[tuple[str, type[BaseModel]]] = [
        (topics.RESULTS, PaymentResult),
        (topics.RAIL_STATUSES, RailStatus),
    ]
    if isinstance(processor, SavedMethodProvider):
        publishes.append((topics.METHOD_RESULTS, MethodResult))
    return Composition(
        subscriptions=[
            Subscription(
                topics.commands(method),
                PaymentCommand,
                f"{method}-worker",
                commands.handle,
                topics.ABOUT_COMMANDS,
            ),
            Subscription(
                topics.webhooks(rails()[method].provider),
                ProviderNotice,
                f"{method}-notices",
                notices.handle,
                topics.ABOUT_WEBHOOKS,
            ),
        ],
        publishes=publishes,
        parts=[engine.dispatch, engine.poll, OpenAttempts(store, method), status, *own],
        close=[processor.close],
    )


class OpenAttempts:
    """Sets the metric of open attempts, by state."""

    name = "attempts:count"

    def __init__(self, store: AttemptStore, method: str) -> None:
        self._store = store
        self._method = method

    async def run(self) -> None:
        """Count every `OPEN_COUNT_S` seconds, until cancelled."""
        while True:
            metrics.ATTEMPTS_OPEN.clear()
            for state, count in (await self._store.count_open()).items():
                metrics.ATTEMPTS_OPEN.labels(self._method, state).set(count)
            await asyncio.sleep(OPEN_COUNT_S)
