"""What the producer makes of a topic's failure; aiokafka's producer is a fake."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
)

from cift_shared.kafka import producer as producers
from cift_shared.kafka import topic_batches
from cift_shared.kafka.producer import Producer
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.kafka import Brokers

Answer = Callable[[str, list[bytes]], BaseException | None]


class FakeCluster:
    def __init__(self) -> None:
        self.partitions: dict[str, set[int]] = {"well": {0}, "other": {0}, "wide": {0, 1, 2}}
        self.unauthorized_topics: set[str] = set()

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self.partitions.get(topic)


class FakeClient:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.answers = True

    def add_topic(self, topic: str) -> None: ...

    async def force_metadata_update(self) -> bool:
        return self.answers


class FakeBatch:
    """A batch of at most three messages."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append(self, *, value: bytes, **_: Any) -> object | None:
        if len(self.bodies) == 3:
            return None
        self.bodies.append(value)
        return object()


class FakeKafka:
    """Where AIOKafkaProducer stands."""

    def __init__(self) -> None:
        self.client = FakeClient()
        self.answer: Answer = lambda _, __: None
        self.taken: dict[str, list[str]] = {}
        self.made = 0

    def __call__(self, **_: Any) -> "FakeKafka":
        self.made += 1
        return self

    async def start(self) -> None: ...

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(
        self, batch: FakeBatch, topic: str, *, partition: int
    ) -> "asyncio.Future[None]":
        future = asyncio.get_running_loop().create_future()
        error = self.answer(topic, batch.bodies)
        if isinstance(error, TimeoutError):
            return future  # never answered
        if error:
            future.set_exception(error)
        else:
            self.taken.setdefault(topic, []).extend(body.decode() for body in batch.bodies)
            future.set_result(None)
        return future


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    fake = FakeKafka()

    async def end(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(producers, "AIOKafkaProducer", fake)
    monkeypatch.setattr(producers, "end", end)
    monkeypatch.setattr(topic_batches, "METADATA_GAP_S", 0.0)
    return fake


def messages(topic: str, bodies: Sequence[str], key: str = "k") -> list[OutgoingMessage]:
    return [OutgoingMessage(topic, key, body.encode()) for body in bodies]


async def test_a_missing_topic_fails_alone_and_the_producer_is_kept(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    for _ in range(2):
        mixed = [*messages("well", "a"), *messages("none", "b"), *messages("well", "c")]
        assert await producer.publish(mixed) == [True, False, True]
        assert producer.failing == {"none": "UnknownTopicOrPartitionError()"}
    assert kafka.made == 1
    assert await producer.publish(messages("well", "d")) == [True]
    assert not producer.failing


async def test_a_forbidden_topic_fails_alone(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    kafka.client.cluster.unauthorized_topics = {"secret"}
    mixed = [*messages("secret", "a"), *messages("well", "b")]
    assert await producer.publish(mixed) == [False, True]
    assert "TopicAuthorizationFailed" in producer.failing["secret"]


async def test_a_topic_that_may_be_seen_but_not_written_fails_alone(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    kafka.answer = lambda topic, _: (
        TopicAuthorizationFailedError(topic) if topic == "other" else None
    )
    mixed = [*messages("other", "a"), *messages("well", "b")]
    assert await producer.publish(mixed) == [False, True]
    assert list(producer.failing) == ["other"]
    await producer.publish([])
    assert kafka.made == 2  # the refused batch has left a gap in the sequence numbers


async def test_nothing_follows_a_refused_record_in_its_partition(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    kafka.answer = lambda _, bodies: MessageSizeTooLargeError() if b"e" in bodies else None
    batch = [*messages("well", "abcdefghi"), *messages("other", "xyz")]
    assert await producer.publish(batch) == [True] * 3 + [False] * 6 + [True] * 3
    assert kafka.taken == {"well": ["a", "b", "c"], "other": ["x", "y", "z"]}
    assert list(producer.failing) == ["well"]


async def test_a_message_that_is_too_large_is_not_sent(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    large = "x" * (topic_batches.MESSAGE_BYTES_MAX + 1)
    batch = [*messages("well", ["a", large, "c"]), *messages("other", ["b"])]
    assert await producer.publish(batch) == [True, False, False, True]
    assert kafka.taken == {"well": ["a"], "other": ["b"]}
    assert list(producer.failing) == ["well"]


async def test_other_partitions_of_the_topic_go_on(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    kafka.answer = lambda _, bodies: MessageSizeTooLargeError() if b"0" in bodies else None
    batch = [OutgoingMessage("wide", f"key-{n}", str(n).encode()) for n in range(30)]
    flags = await producer.publish(batch)
    assert flags[0] is False
    assert any(flags)


@pytest.mark.parametrize(
    "error", [NotLeaderForPartitionError(), KafkaError("unknown"), TimeoutError()], ids=repr
)
async def test_any_other_error_belongs_to_the_topic_if_another_topic_is_well(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(topic_batches, "ANSWER_S", 0.05)
    producer = Producer(Brokers(""), name="test")
    kafka.answer = lambda topic, _: error if topic == "other" else None
    assert await producer.publish(messages("other", "a")) == [False]
    assert not producer.failing  # nothing shows that the broker is well
    mixed = [*messages("other", "a"), *messages("well", "b")]
    assert await producer.publish(mixed) == [False, True]
    assert list(producer.failing) == ["other"]


async def test_a_broker_that_does_not_answer_is_no_failure_of_a_topic(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")
    kafka.client.answers = False
    mixed = [*messages("none", "a"), *messages("never", "b")]
    assert await producer.publish(mixed) == [False, False]
    assert not producer.failing


async def test_a_topic_that_was_deleted_is_reported_as_missing(kafka: FakeKafka) -> None:
    producer = Producer(Brokers(""), name="test")

    def deleted(topic: str, _: list[bytes]) -> BaseException | None:
        if topic != "other":
            return None
        kafka.client.cluster.partitions.pop("other", None)
        return NotLeaderForPartitionError()

    kafka.answer = deleted
    mixed = [*messages("other", "a"), *messages("well", "b")]
    assert await producer.publish(mixed) == [False, True]
    assert producer.failing == {"other": "UnknownTopicOrPartitionError()"}
