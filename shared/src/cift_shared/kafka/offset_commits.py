"""Commits the offsets of handled records apart from the reads.

    handled -> noted -> committed together, after COMMIT_EVERY_S, before partitions move, at a stop

A commit for each batch would cost as much as the batch. After a crash the records of the last
interval are read again; the handlers' unique keys make the repetition harmless.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger

COMMIT_EVERY_S = 0.5

log = get_logger()


class Committing(Protocol):
    """The part of a consumer that is used."""

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit the offsets of the next records to be read."""
        ...


class OffsetCommits(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The offsets of one consumer that are not committed yet."""

    def __init__(self, consumer: Committing, group: str) -> None:
        self._consumer = consumer
        self._group = group
        self._pending: dict[TopicPartition, int] = {}
        self._due_at = 0.0
        self._moved: set[TopicPartition] = set()
        """Partitions that this member has lost, or has not received again yet."""

    def note(self, handled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """These records have been handled; those of a partition that has moved don't count."""
        if not self._pending:
            self._due_at = asyncio.get_running_loop().time() + COMMIT_EVERY_S
        for place, records in handled.items():
            if place not in self._moved:
                self._pending[place] = records[-1].offset + 1

    def left_s(self) -> float | None:
        """Seconds until the next commit is due; None without anything to commit."""
        if not self._pending:
            return None
        return max(self._due_at - asyncio.get_running_loop().time(), 0.0)

    async def commit_if_due(self) -> None:
        """Commit what has waited long enough.

        Raises:
            KafkaError: the broker did not answer.
        """
        if self.left_s() == 0.0:
            await self.commit()

    async def commit(self) -> None:
        """Commit everything; raises as `commit_if_due`."""
        offsets, self._pending = self._pending, {}
        if not offsets:
            return
        failpoint("subscriber.before_commit")
        if not await self._is_taken(offsets) and len(offsets) > 1:
            # one partition that has moved must not keep the others from being committed
            for place, offset in offsets.items():
                await self._is_taken({place: offset})
        failpoint("subscriber.after_commit")

    async def _is_taken(self, offsets: dict[TopicPartition, int]) -> bool:
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions moved to another member during the work, which reads these records
            # again.
            log.warning("kafka.commit.refused", group=self._group, error=repr(error))
            return False
        return True

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Commit before another member reads on; a batch in progress is read again by it."""
        self._moved |= set(revoked)
        await self.commit()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """These partitions are this member's."""
        self._moved -= set(assigned)
