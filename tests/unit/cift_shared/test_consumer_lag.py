"""How far behind a consumer is, and how old the oldest record is that it is handling."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from cift_shared.kafka.consumer_lag import ConsumerLag
from cift_shared.testing.clock import FakeClock

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)
A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)


@dataclass
class Row:
    offset: int
    timestamp: int = NOW_MS


class Consumer:
    def __init__(self, newest: dict[TopicPartition, int | None]) -> None:
        self.newest = newest

    def assignment(self) -> set[TopicPartition]:
        return set(self.newest)

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.newest[partition]


def shown(metric: str, topic: str) -> float | None:
    return REGISTRY.get_sample_value(metric, {"topic": topic, "group": "g"})


def lag(topic: str) -> float | None:
    return shown("cift_kafka_lag_records", topic)


def age(topic: str) -> float | None:
    return shown("cift_kafka_oldest_age_seconds", topic)


def test_records_count_until_they_are_handled() -> None:
    consumer = Consumer({A0: 110, A1: 7, B0: None})
    lags = ConsumerLag(consumer, ["a", "b"], "g", FakeClock(NOW))
    batches = {A0: [Row(100), Row(101)], A1: [Row(5), Row(6)]}
    lags.begin(batches)
    assert (lag("a"), lag("b")) == (10 + 2, 0)
    lags.end(batches)
    assert lag("a") == 8
    del consumer.newest[A0]  # another member has that partition now
    lags.begin({})
    assert lag("a") == 0


def test_the_oldest_record_ages_while_it_is_handled() -> None:
    clock = FakeClock(NOW)
    lags = ConsumerLag(Consumer({A0: 2, A1: 1}), ["a", "b"], "g", clock)
    assert age("a") == 0
    batches = {A0: [Row(0, NOW_MS - 1_000), Row(1)], A1: [Row(0, NOW_MS - 5_000)]}
    lags.begin(batches)
    clock.advance(timedelta(seconds=10))
    assert (age("a"), age("b")) == (15, 0)
    lags.end(batches)
    assert age("a") == 0
