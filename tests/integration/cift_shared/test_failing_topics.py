"""A topic that is missing or refuses a record delays its own messages only, in their order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import NewTopic

from cift_shared.database.pool import open_pool
from cift_shared.ids import SystemIds
from cift_shared.kafka import Producer, create_topics
from cift_shared.kafka.admin import admin_client
from cift_shared.messaging import held_topics, outbox, outbox_queries
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.observability import metrics
from cift_shared.runtime.service import running
from cift_shared.security.kafka import Brokers
from tests.support.gateway import MemoryPublisher
from tests.support.kafka import Broker

pytestmark = pytest.mark.integration

PATIENCE_S = 60
LARGE = "x" * 1_500_000
TABLE = (
    "create schema probe; create table probe.outbox (id bigint generated always as identity "
    "primary key, topic text not null, key text not null, headers jsonb not null, "
    "body bytea not null, created_at timestamptz not null default now());"
)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database, role=None)
    await pool.execute(TABLE)
    lease_table = (files("cift_shared") / "lease_table_1.sql").read_text()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local search_path to probe; " + lease_table)
    yield pool
    await pool.close()


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[Producer]:
    producer = Producer(Brokers(broker.bootstrap), name="test")
    yield producer
    await producer.close()


@pytest.fixture
async def well(broker: Broker) -> str:
    return await new_topic(broker, unused())


def unused() -> str:
    return f"test.{SystemIds().new_id().hex}"


async def new_topic(broker: Broker, name: str) -> str:
    await create_topics(Brokers(broker.bootstrap), [Topic(name, 3, DAY_MS)])
    return name


def messages(topic: str, bodies: Sequence[str], *, key: str = "k") -> list[OutgoingMessage]:
    return [OutgoingMessage(topic, key, body.encode(), {}) for body in bodies]


async def store(pool: asyncpg.Pool, batch: Sequence[OutgoingMessage]) -> None:
    async with pool.acquire() as connection:
        await outbox.store(connection, "probe", batch)


async def left(pool: asyncpg.Pool, *, until: int) -> list[asyncpg.Record]:
    """What is left in the outbox once it has so many rows."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await pool.fetch("select id, topic, key from probe.outbox order by id")
            if len(rows) == until:
                return rows
            await asyncio.sleep(0.02)


async def read_all(broker: Broker, topic: str, count: int) -> list[str]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return [(await consumer.getone()).value.decode() for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.kafka
async def test_a_missing_topic_delays_its_own_messages_only(
    real_kafka: Broker, pool: asyncpg.Pool
) -> None:
    """The embedded broker creates a topic that is missing, Apache Kafka does not."""
    well, missing = await new_topic(real_kafka, unused()), unused()
    producer = Producer(Brokers(real_kafka.bootstrap), name="test")
    relay = outbox.Relay(pool, "probe", producer)
    waiting = metrics.OUTBOX_WAITING.labels("probe", missing)
    batch = [*messages(missing, "abc"), *messages(well, "123"), *messages(missing, "d")]
    await store(pool, batch)
    with structlog.testing.capture_logs() as lines:
        async with running([relay]):
            rows = await left(pool, until=4)
            await store(pool, messages(well, "4"))
            relay.wake()
            await left(pool, until=4)
            await store(pool, messages(missing, "e"))
            async with asyncio.timeout(PATIENCE_S):
                while not waiting._value.get():
                    await asyncio.sleep(0.05)
            await new_topic(real_kafka, missing)
            await left(pool, until=0)
    await producer.close()
    assert {row["topic"] for row in rows} == {missing}
    assert await read_all(real_kafka, well, 4) == list("1234")
    assert await read_all(real_kafka, missing, 5) == list("abcde")
    assert waiting._value.get() == 0
    said = [line for line in lines if str(line["event"]).startswith("outbox.topic")]
    assert [(line["event"], line["topic"]) for line in said] == [
        ("outbox.topic.failed", missing),
        ("outbox.topic.recovered", missing),
    ]
    assert "UnknownTopic" in said[0]["reason"]
    assert metrics.OUTBOX_OLDEST_AGE.labels("probe")._value.get() == 0


async def test_a_message_that_is_too_large_delays_its_topic_only(
    broker: Broker, well: str, producer: Producer, pool: asyncpg.Pool
) -> None:
    other = await new_topic(broker, unused())
    await store(pool, [*messages(other, ["a", LARGE, "b"]), *messages(well, "123")])
    async with running([outbox.Relay(pool, "probe", producer)]):
        rows = await left(pool, until=2)
        assert [row["topic"] for row in rows] == [other, other]
        await pool.execute("delete from probe.outbox where id = $1", rows[0]["id"])
        await left(pool, until=0)
    assert await read_all(broker, well, 3) == list("123")
    assert await read_all(broker, other, 2) == list("ab")


async def test_many_waiting_rows_leave_room_for_others_and_are_not_read_again(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_topics, "HOLD_S_MIN", 300.0)
    monkeypatch.setattr(held_topics, "HOLD_S_MAX", 300.0)
    await pool.execute(
        "insert into probe.outbox (topic, key, headers, body, created_at) "
        "select 'away', n::text, '{}', 'x', now() - interval '1 minute' "
        "from generate_series(1, 20000) as n"
    )
    await store(pool, messages("here", "a"))
    publisher, waiting = OneTopicAway(), metrics.OUTBOX_WAITING.labels("probe", "away")
    relay = outbox.Relay(pool, "probe", publisher)
    async with running([relay]):
        await left(pool, until=20_000)
        assert publisher.read["away"] == outbox.RELAY_ROWS_MAX
        await store(pool, messages("here", "b"))
        relay.wake()
        await left(pool, until=20_000)
        assert waiting._value.get() == outbox.COUNTED_ROWS_MAX
    assert [message.body for message in publisher.published] == [b"a", b"b"]
    assert publisher.read["away"] == outbox.RELAY_ROWS_MAX
    assert relay._settled >= 20_000
    await store(pool, messages("here", "c"))
    assert await passed_over(pool, relay._settled) < 10


async def test_rows_that_may_still_get_an_older_neighbour_are_read_again(
    pool: asyncpg.Pool,
) -> None:
    """A transaction that is still open may have an id below those that are committed."""
    await store(pool, messages("away", "abc"))
    relay = outbox.Relay(pool, "probe", OneTopicAway())
    async with running([relay]):
        async with asyncio.timeout(PATIENCE_S):
            while metrics.OUTBOX_WAITING.labels("probe", "away")._value.get() != 3:
                await asyncio.sleep(0.05)
    assert relay._settled == 0


async def test_a_topic_whose_rows_were_deleted_is_not_reported_any_more(
    pool: asyncpg.Pool,
) -> None:
    oldest = metrics.OUTBOX_OLDEST_AGE.labels("probe")
    waiting = metrics.OUTBOX_WAITING.labels("probe", "away")
    await store(pool, messages("away", "abc"))
    await pool.execute("update probe.outbox set created_at = now() - interval '1 hour'")
    async with running([outbox.Relay(pool, "probe", OneTopicAway())]):
        async with asyncio.timeout(PATIENCE_S):
            while waiting._value.get() != 3 or oldest._value.get() < 3600:
                await asyncio.sleep(0.05)
            await pool.execute("delete from probe.outbox")
            while waiting._value.get() or oldest._value.get():
                await asyncio.sleep(0.05)


class OneTopicAway(MemoryPublisher):
    """Takes everything but the messages of one topic."""

    def __init__(self) -> None:
        super().__init__()
        self.read = {"away": 0, "here": 0}

    async def publish(self, batch: Sequence[OutgoingMessage]) -> list[bool]:
        flags = [message.topic != "away" for message in batch]
        for message in batch:
            self.read[message.topic] += 1
        self.published += [message for message in batch if message.topic != "away"]
        self.failing = {} if all(flags) else {"away": "it is away"}
        return flags


async def passed_over(pool: asyncpg.Pool, settled: int) -> int:
    """How many rows the relay's statement looks at without returning them."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "explain (analyze, costs off) "
            "select id from probe.outbox where id > $1 and topic <> all ($2::text[]) "
            "order by id limit 500",
            settled,
            ["away"],
        )
    assert "id > $7 and topic <> all ($8::text[])" in outbox_queries.READ
    text = "\n".join(row[0] for row in rows)
    assert "Index Cond" in text, text
    _, _, removed = text.partition("Rows Removed by Filter: ")
    return int(removed.split()[0]) if removed else 0


@pytest.mark.kafka
async def test_a_record_that_the_broker_refuses_delays_its_topic_only(
    real_kafka: Broker, pool: asyncpg.Pool
) -> None:
    """The topic's own limit is unknown to the client; the next record of the key must not pass."""
    well, small = await new_topic(real_kafka, unused()), unused()
    async with admin_client(Brokers(real_kafka.bootstrap)) as admin:
        limit = {"max.message.bytes": "20000"}
        await admin.create_topics([NewTopic(small, 1, 1, topic_configs=limit)])
    producer = Producer(Brokers(real_kafka.bootstrap), name="test")
    large = "x" * 50_000
    await store(pool, [*messages(small, [large, "b", "c"]), *messages(well, "123")])
    with structlog.testing.capture_logs() as lines:
        async with running([outbox.Relay(pool, "probe", producer)]):
            rows = await left(pool, until=3)
            await store(pool, messages(well, "4"))
            await left(pool, until=3)
            await asyncio.sleep(2)  # it is tried again meanwhile
            await left(pool, until=3)
            await pool.execute("delete from probe.outbox where id = $1", rows[0]["id"])
            await left(pool, until=0)
    await producer.close()
    assert await read_all(real_kafka, well, 4) == list("1234")
    assert await read_all(real_kafka, small, 2) == list("bc")
    said = [line for line in lines if line["event"] == "outbox.topic.failed"]
    assert [(line["topic"], line["outbox_id"]) for line in said] == [(small, rows[0]["id"])]
    assert "MessageSizeTooLarge" in said[0]["reason"]


@pytest.mark.kafka
async def test_a_topic_that_is_deleted_while_it_is_used_delays_its_own_messages_only(
    real_kafka: Broker, pool: asyncpg.Pool
) -> None:
    well, gone = await new_topic(real_kafka, unused()), await new_topic(real_kafka, unused())
    producer = Producer(Brokers(real_kafka.bootstrap), name="test")
    assert all(await producer.publish([*messages(well, "1"), *messages(gone, "a")]))
    async with admin_client(Brokers(real_kafka.bootstrap)) as admin:
        await admin.delete_topics([gone])
    await store(pool, [*messages(gone, "bc"), *messages(well, "23")])
    relay = outbox.Relay(pool, "probe", producer)
    async with running([relay]):
        await left(pool, until=2)
        await store(pool, messages(well, "4"))
        relay.wake()
        await left(pool, until=2)
        await new_topic(real_kafka, gone)
        await left(pool, until=0)
    await producer.close()
    assert await read_all(real_kafka, well, 4) == list("1234")
    assert await read_all(real_kafka, gone, 2) == list("bc")
