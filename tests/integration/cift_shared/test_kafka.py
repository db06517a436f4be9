"""The Kafka runtime on a real broker: nothing dropped, nothing blocked, nothing twice by itself.

Business rule: a record is either handled or set aside with its reason, and one bad record holds up
nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.resources import files

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from cift_shared.database.pool import open_pool
from cift_shared.ids import SystemIds
from cift_shared.kafka import (
    BatchSubscriber,
    Producer,
    Record,
    RejectedRecord,
    create_topics,
    subscriber,
)
from cift_shared.messaging import dead_letters, outbox
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.runtime.service import running
from cift_shared.security.kafka import Brokers
from tests.support.commands import CLOCK
from tests.support.kafka import Broker

pytestmark = pytest.mark.integration

PATIENCE_S = 60


class Reader:
    """A subscriber under test: what it handled, and how it is told to misbehave."""

    def __init__(self, broker: Broker, topic: str, *, instance: str = "reader-0") -> None:
        self.handled: list[str] = []
        self.refused: list[RejectedRecord] = []
        self.misbehave: Callable[[Sequence[Record]], None] = lambda _: None
        self.subscriber = BatchSubscriber(
            [topic],
            group=f"group-{topic}",
            instance=f"{instance}-{topic}",
            brokers=Brokers(broker.bootstrap),
            handler=self._handle,
            store_rejected=self._store,
        )

    async def _handle(self, records: Sequence[Record]) -> list[RejectedRecord]:
        self.misbehave(records)
        self.handled += [(record.body or b"").decode() for record in records]
        return [RejectedRecord(r, "refused", "asked to") for r in records if r.body == b"refuse me"]

    async def _store(self, refusals: Sequence[RejectedRecord]) -> None:
        self.refused += refusals

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(set(self.handled)) < count:
                await asyncio.sleep(0.02)

    async def stop(self, task: "asyncio.Task[None]") -> None:
        self.subscriber.stop()
        await asyncio.wait_for(task, timeout=PATIENCE_S)


@pytest.fixture
async def topic(broker: Broker) -> str:
    name = f"test.{SystemIds().new_id().hex}"
    await create_topics(Brokers(broker.bootstrap), [Topic(name, 3, DAY_MS)])
    return name


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[Producer]:
    producer = Producer(Brokers(broker.bootstrap), name="test")
    yield producer
    await producer.close()


def messages(topic: str, bodies: Sequence[str], *, key: str = "k") -> list[OutgoingMessage]:
    return [OutgoingMessage(topic, key, body.encode(), {"n": body}) for body in bodies]


async def test_creating_topics_twice_is_harmless(broker: Broker, topic: str) -> None:
    assert await create_topics(Brokers(broker.bootstrap), [Topic(topic, 3, DAY_MS)]) == []


async def test_records_of_one_key_arrive_in_order(broker, topic, producer) -> None:
    bodies = [str(n) for n in range(700)]
    assert all(await producer.publish(messages(topic, bodies)))
    reader = Reader(broker, topic)
    task = asyncio.create_task(reader.subscriber.run())
    await reader.until(700)
    assert reader.handled == bodies
    await reader.stop(task)


async def test_a_restarted_member_goes_on_where_it_was(broker, topic, producer) -> None:
    await producer.publish(messages(topic, ["a", "b"]))
    first = Reader(broker, topic)
    task = asyncio.create_task(first.subscriber.run())
    await first.until(2)
    await first.stop(task)
    await producer.publish(messages(topic, ["c"]))
    second = Reader(broker, topic)
    task = asyncio.create_task(second.subscriber.run())
    await second.until(1)
    assert second.handled == ["c"]
    await second.stop(task)


async def test_a_record_arrives_at_once_after_a_long_silence(broker, topic, producer) -> None:
    reader = Reader(broker, topic)
    task = asyncio.create_task(reader.subscriber.run())
    await producer.publish(messages(topic, ["warm"]))
    await reader.until(1)
    await asyncio.sleep(1)
    before = asyncio.get_running_loop().time()
    await producer.publish(messages(topic, ["now"]))
    await reader.until(2)
    assert asyncio.get_running_loop().time() - before < 1.0
    await reader.stop(task)


async def test_a_poison_record_is_set_aside_alone(broker, topic, producer) -> None:
    reader = Reader(broker, topic)

    def choke(records: Sequence[Record]) -> None:
        if any(record.body == b"poison" for record in records):
            raise ValueError("a bug meets this record")

    reader.misbehave = choke
    bodies = [*map(str, range(20)), "poison", *map(str, range(20, 40)), "refuse me"]
    await producer.publish(messages(topic, bodies))
    task = asyncio.create_task(reader.subscriber.run())
    await reader.until(41)
    await reader.stop(task)
    assert [body for body in reader.handled if body.isdigit()] == [str(n) for n in range(40)]
    reasons = {(refusal.record.body, refusal.reason) for refusal in reader.refused}
    assert reasons == {(b"poison", "handler_failed"), (b"refuse me", "refused")}


async def test_an_error_that_a_migration_caused_delays_and_sets_nothing_aside(
    broker, topic, producer
) -> None:
    """A statement that runs while `cift migrate` replaces what it uses fails once."""
    reader, failures = Reader(broker, topic), iter([asyncpg.UndefinedObjectError("no such type")])

    def fail_once(_: Sequence[Record]) -> None:
        for error in failures:
            raise error

    reader.misbehave = fail_once
    await producer.publish(messages(topic, ["a", "b"]))
    task = asyncio.create_task(reader.subscriber.run())
    await reader.until(2)
    await reader.stop(task)
    assert (reader.handled, reader.refused) == (["a", "b"], [])


async def test_an_error_of_the_schema_that_repeats_sets_its_record_aside(
    broker, topic, producer
) -> None:
    reader = Reader(broker, topic)

    def choke(records: Sequence[Record]) -> None:
        if any(record.body == b"poison" for record in records):
            raise asyncpg.UndefinedFunctionError("no such function")

    reader.misbehave = choke
    await producer.publish(messages(topic, ["a", "poison", "b"]))
    task = asyncio.create_task(reader.subscriber.run())
    await reader.until(2)
    await reader.stop(task)
    assert reader.handled == ["a", "b"]
    refused = [(one.record.body, one.reason) for one in reader.refused]
    assert refused == [(b"poison", "handler_failed")]


async def test_an_infrastructure_error_delays_and_loses_nothing(broker, topic, producer) -> None:
    reader = Reader(broker, topic)
    failures = iter([ConnectionRefusedError(), asyncpg.PostgresConnectionError("gone")])

    def fail(_: Sequence[Record]) -> None:
        for error in failures:
            raise error

    reader.misbehave = fail
    await producer.publish(messages(topic, ["a", "b", "c"]))
    task = asyncio.create_task(reader.subscriber.run())
    await reader.until(3)
    await reader.stop(task)
    assert reader.handled == ["a", "b", "c"]
    assert reader.refused == []


async def test_a_stop_during_an_outage_does_not_commit(broker, topic, producer) -> None:
    broken = Reader(broker, topic)

    def fail(_: Sequence[Record]) -> None:
        raise ConnectionRefusedError

    broken.misbehave = fail
    await producer.publish(messages(topic, ["a"]))
    task = asyncio.create_task(broken.subscriber.run())
    await asyncio.sleep(2)
    await broken.stop(task)
    healthy = Reader(broker, topic)
    task = asyncio.create_task(healthy.subscriber.run())
    await healthy.until(1)
    assert healthy.handled == ["a"]
    await healthy.stop(task)


@pytest.mark.kafka
async def test_partitions_of_another_member_are_read_before_the_long_poll_ends(
    real_kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker answers one request of a connection at a time, and holds an empty fetch."""
    monkeypatch.setattr(subscriber, "POLL_MS", 10 * PATIENCE_S * 1000)
    topic = f"test.{SystemIds().new_id().hex}"
    await create_topics(Brokers(real_kafka.bootstrap), [Topic(topic, 3, DAY_MS)])
    producer = Producer(Brokers(real_kafka.bootstrap), name="test")

    async def spread(name: str) -> None:
        found = [
            message for n in range(20) for message in messages(topic, [name + str(n)], key=str(n))
        ]
        assert all(await producer.publish(found))

    stays, leaves = Reader(real_kafka, topic), Reader(real_kafka, topic, instance="reader-1")
    staying = asyncio.create_task(stays.subscriber.run())
    await spread("alone")
    await stays.until(20)
    leaving = asyncio.create_task(leaves.subscriber.run())
    while not leaves.handled:
        await spread("together")
    await leaves.stop(leaving)
    await spread("alone again")
    async with asyncio.timeout(PATIENCE_S):
        while not {f"alone again{n}" for n in range(20)} <= set(stays.handled):
            await asyncio.sleep(0.02)
    await stays.stop(staying)
    await producer.close()


async def test_a_producer_without_a_broker_says_not_confirmed(topic) -> None:
    lost = Producer(Brokers("127.0.0.1:1"), name="lost")
    assert await lost.publish(messages(topic, ["a"])) == [False]
    await lost.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database, role=None)
    await pool.execute(
        "create schema probe; create table probe.outbox (id bigint generated always as identity "
        "primary key, topic text not null, key text not null, headers jsonb not null, "
        "body bytea not null, created_at timestamptz not null default now());"
    )
    lease_table = (files("cift_shared") / "lease_table_1.sql").read_text()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local search_path to probe; " + lease_table)
    yield pool
    await pool.close()


async def store(pool: asyncpg.Pool, batch: Sequence[OutgoingMessage]) -> None:
    async with pool.acquire() as connection:
        await outbox.store(connection, "probe", batch)


async def rows_left(pool: asyncpg.Pool, *, until: int = 0) -> int:
    async with asyncio.timeout(PATIENCE_S):
        while (left := await pool.fetchval("select count(*) from probe.outbox")) != until:
            await asyncio.sleep(0.02)
    return left


async def read_all(broker: Broker, topic: str, count: int) -> list[tuple[str, str, dict[str, str]]]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[tuple[str, str, dict[str, str]]] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                raw = await consumer.getone()
                headers = {name: value.decode() for name, value in raw.headers}
                found.append((raw.key.decode(), raw.value.decode(), headers))
    finally:
        await consumer.stop()
    return found


async def test_the_relay_publishes_in_order_and_deletes(broker, topic, producer, pool) -> None:
    relay = outbox.Relay(pool, "probe", producer)
    await store(pool, messages(topic, [str(n) for n in range(1200)], key="one"))
    async with running([relay]):
        await rows_left(pool)
        await store(pool, messages(topic, ["last"], key="one"))
        relay.wake()
        await rows_left(pool)
    found = await read_all(broker, topic, 1201)
    assert [body for _, body, _ in found] == [*map(str, range(1200)), "last"]
    assert found[0][0] == "one"
    assert found[0][2] == {"n": "0"}


async def test_only_one_relay_leads_and_the_other_takes_over(broker, topic, producer, pool) -> None:
    first = outbox.Relay(pool, "probe", producer)
    second = outbox.Relay(pool, "probe", producer)
    async with running([second]):
        async with running([first]):
            await store(pool, messages(topic, ["a", "b"]))
            first.wake()
            second.wake()
            await rows_left(pool)
        await store(pool, messages(topic, ["c"]))
        second.wake()
        await rows_left(pool)
    assert [body for _, body, _ in await read_all(broker, topic, 3)] == ["a", "b", "c"]


class Flaky:
    """A publisher that confirms only every second message at first."""

    def __init__(self, publisher: Producer) -> None:
        self._publisher = publisher
        self._calls = 0
        self.failing: dict[str, str] = {}

    async def publish(self, batch: Sequence[OutgoingMessage]) -> list[bool]:
        self._calls += 1
        if self._calls == 1:
            return [False] * len(batch)
        if self._calls == 2:
            return (await self._publisher.publish(batch[:3])) + [False] * (len(batch) - 3)
        return await self._publisher.publish(batch)


async def test_what_was_not_confirmed_is_sent_again(broker, topic, producer, pool) -> None:
    relay = outbox.Relay(pool, "probe", Flaky(producer))
    await store(pool, messages(topic, [str(n) for n in range(10)]))
    async with running([relay]):
        await rows_left(pool)
    assert [body for _, body, _ in await read_all(broker, topic, 10)] == [*map(str, range(10))]


async def test_a_dead_letter_keeps_the_record_and_says_where_it_was(
    broker, topic, producer
) -> None:
    await create_topics(Brokers(broker.bootstrap), [Topic(topic + ".dead-letter", 3, DAY_MS)])
    record = Record(topic, 2, 41, "key-1", b"\xff not json", {"ce_id": "7"}, 1234)
    letter = dead_letters.dead_letter(
        RejectedRecord(record, "undecodable", "bad"), group="g", at=CLOCK.now()
    )
    assert await producer.publish([letter]) == [True]
    assert letter.topic == topic + ".dead-letter"
    assert letter.body == b"\xff not json"
    assert letter.headers["x-dlq-reason"] == "undecodable"
    assert (letter.headers["x-orig-partition"], letter.headers["x-orig-offset"]) == ("2", "41")
    assert letter.headers["ce_id"] == "7"
