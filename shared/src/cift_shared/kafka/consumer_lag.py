"""The lag of one consumer: records that it has not handled yet, and the age of the oldest of them.

Both are this member's own view, of its own partitions; the sum over the members of a group is the
group's lag. A member that the broker does not answer keeps its last figures.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from aiokafka import TopicPartition

from cift_shared.clock import Clock
from cift_shared.observability import metrics


class Positions(Protocol):
    """What is read of a consumer."""

    def assignment(self) -> Any:
        """Its partitions."""
        ...

    def highwater(self, partition: Any) -> int | None:
        """The offset after the newest record, as of the last fetch."""
        ...


class ConsumerLag:
    """Keeps the metrics of one consumer up to date, by topic."""

    def __init__(
        self, consumer: Positions, topics: Sequence[str], group: str, clock: Clock
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._group = group
        self._clock = clock
        self._next: dict[TopicPartition, int] = {}
        self._oldest_ms: dict[str, int] = {}
        for topic in topics:
            age = metrics.CONSUMER_OLDEST_AGE.labels(topic, group)
            age.set_function(partial(self._age_s, topic))

    def begin(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """These records were read and are now being handled."""
        self._oldest_ms = {}
        for place, records in batches.items():
            self._next[place] = records[0].offset
            oldest = min(record.timestamp for record in records)
            self._oldest_ms[place.topic] = min(oldest, self._oldest_ms.get(place.topic, oldest))
        self._show()

    def end(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """These records have been handled."""
        self._oldest_ms = {}
        self._next |= {place: records[-1].offset + 1 for place, records in batches.items()}
        self._show()

    def _show(self) -> None:
        lag = dict.fromkeys(self._topics, 0)
        for place in self._consumer.assignment():
            highwater, following = self._consumer.highwater(place), self._next.get(place)
            if highwater is not None and following is not None:
                lag[place.topic] += max(highwater - following, 0)
        for topic, records in lag.items():
            metrics.CONSUMER_LAG.labels(topic, self._group).set(records)

    def _age_s(self, topic: str) -> float:
        oldest_ms = self._oldest_ms.get(topic)
        if oldest_ms is None:
            return 0.0
        return max(self._clock.now().timestamp() - oldest_ms / 1_000, 0.0)
