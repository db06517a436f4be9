"""Every worker is this, around its own processor."""

import asyncio
from typing import Protocol

from pydantic import BaseModel

from cift_shared import metrics, topics
from cift_shared.attempts.engine import AttemptEngine
from cift_shared.attempts.intake import CommandIntake, NoticeIntake
from cift_shared.attempts.store import AttemptStore
from cift_shared.ids import AttemptId
from cift_shared.kafka.broker import Subscription
from cift_shared.messages import MethodResult, PaymentCommand, PaymentResult, ProviderNotice
from cift_shared.methods import METHODS
from cift_shared.processor import InstrumentKeeper, PaymentProcessor
from cift_shared.service import Base, Composition

OPEN_COUNT_S = 15.0


class WorkerProcessor(PaymentProcessor, Protocol):
    """A processor that also knows its own references in notices without a path of ours."""

    def read_fingerprint(self, body: bytes) -> AttemptId | str | None:
        """The keyed hash of the provider reference in a notice's body; None: it has none.

        The attempt's id, where the provider repeats it to us: that finds the attempt even before
        the provider's reference is stored.
        """
        ...


def compose_worker(
    base: Base, processor: WorkerProcessor, *, schema: str, concurrency: int
) -> Composition:
    """The four loops around a processor, over the worker's schema."""
    method = processor.method
    vault = base.settings.vault()
    store = AttemptStore(
        base.pool,
        schema=schema,
        method=method,
        owner=base.settings.group_instance(f"{method}-worker"),
        vault=vault,
    )
    engine = AttemptEngine(
        store, processor, clock=base.clock, published=base.relay.wake, concurrency=concurrency
    )
    commands = CommandIntake(
        store,
        method=method,
        clock=base.clock,
        ingested=engine.dispatch.wake,
        published=base.relay.wake,
    )
    notices = NoticeIntake(
        store,
        vault=vault,
        read_fingerprint=processor.read_fingerprint,
        noticed=engine.poll.wake,
    )
    publishes: list[tuple[str, type[BaseModel]]] = [(topics.RESULTS, PaymentResult)]
    if isinstance(processor, InstrumentKeeper):
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
                topics.webhooks(METHODS[method].provider),
                ProviderNotice,
                f"{method}-notices",
                notices.handle,
                topics.ABOUT_WEBHOOKS,
            ),
        ],
        publishes=publishes,
        parts=[engine.dispatch, engine.poll, OpenAttempts(store, method)],
        close=[processor.close],
    )


class OpenAttempts:
    """Tells how many attempts are open, by state."""

    name = "attempts:count"

    def __init__(self, store: AttemptStore, method: str) -> None:
        self._store = store
        self._method = method

    async def run(self) -> None:
        """Count now and then, until cancelled."""
        while True:
            metrics.ATTEMPTS_OPEN.clear()
            for state, count in (await self._store.count_open()).items():
                metrics.ATTEMPTS_OPEN.labels(self._method, state).set(count)
            await asyncio.sleep(OPEN_COUNT_S)
