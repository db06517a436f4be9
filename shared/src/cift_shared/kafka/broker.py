"""FastStream's broker with our subscribers instead of its own.

FastStream runs the process (ASGI application, signals, ordered shutdown) and documents the topics
(AsyncAPI); the loop that reads them is `BatchSubscriber`, for the reasons given there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from faststream.kafka import KafkaBroker
from pydantic import BaseModel

from cift_shared.kafka.subscriber import BatchSubscriber, StoreRejected, Wait
from cift_shared.messaging.record import Handler
from cift_shared.security.kafka import Brokers

STOP_GRACE_S = 25.0


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic, its message type and its handler."""

    topic: str
    message: Any
    """The pydantic type of the body, for the AsyncAPI document."""
    group: str
    handler: Handler
    about: str
    """One sentence for the AsyncAPI document."""


class BatchBroker(KafkaBroker):
    """A Kafka broker object whose subscribers are ours."""

    def __init__(self, brokers: Brokers) -> None:
        super().__init__(brokers.servers, allow_auto_create_topics=False)
        self._brokers = brokers
        self._batch_subscribers: dict[BatchSubscriber, Wait | None] = {}
        """Each subscriber, with the function that must return before it starts."""
        self._tasks: list[asyncio.Task[None]] = []

    def subscribe(
        self,
        subscription: Subscription,
        *,
        instance: str,
        store_rejected: StoreRejected,
        after: Wait | None = None,
    ) -> None:
        """Consume a topic in batches once the application has started and `after` has returned."""
        self.document(subscription)
        subscriber = BatchSubscriber(
            [subscription.topic],
            group=subscription.group,
            instance=instance,
            brokers=self._brokers,
            handler=subscription.handler,
            store_rejected=store_rejected,
        )
        self._batch_subscribers[subscriber] = after

    def document_publishers(self, topics: Sequence[tuple[str, type[BaseModel]]]) -> None:
        """Describe the topics of the service's outbox in the AsyncAPI document."""
        for topic, message in topics:
            self.publisher(topic, schema=message, title=topic)

    async def start(self) -> None:
        """Start the subscribers; if the broker is unavailable they wait for it."""
        self._tasks = [
            asyncio.create_task(subscriber.run(after=after), name=subscriber.name)
            for subscriber, after in self._batch_subscribers.items()
        ]

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,  # noqa: ARG002
        exc_val: BaseException | None = None,  # noqa: ARG002
        exc_tb: TracebackType | None = None,  # noqa: ARG002
    ) -> None:
        """Let every subscriber finish its current batch, within `STOP_GRACE_S`."""
        for subscriber in self._batch_subscribers:
            subscriber.stop()
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=STOP_GRACE_S)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def dead_tasks(self) -> list[str]:
        """Names of subscribers whose task has ended; empty in a healthy process."""
        return [task.get_name() for task in self._tasks if task.done()]

    def document(self, subscription: Subscription) -> None:
        """Describe a topic in the AsyncAPI document."""

        async def handle(message: Any) -> None:
            """Never called: FastStream reads the signature for the AsyncAPI document."""

        handle.__annotations__["message"] = subscription.message
        describe = self.subscriber(
            subscription.topic,
            group_id=subscription.group,
            title=subscription.topic,
            description=subscription.about,
        )
        describe(handle)
