"""`cift dead-letters` on a broker: what is listed, shown and published again."""

from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from cift_shared.clock import SystemClock
from cift_shared.kafka import Producer, Record, RejectedRecord, create_topics
from cift_shared.messaging import dead_letters
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DEAD_LETTER_SUFFIX, Topic
from cift_shared.security.kafka import Brokers
from tests.support.cift import Said, cift
from tests.support.kafka import Broker
from tests.support.records import count_records

pytestmark = pytest.mark.integration

HOUR_MS = 3_600_000
BODY = b'{"kind": "settled", "phone": "254708374149"}'


class Letters:
    """A topic with its dead letters."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.servers, self.topic = broker.bootstrap, topic

    async def publish(self, *messages: OutgoingMessage) -> None:
        producer = Producer(Brokers(self.servers), name="test")
        assert all(await producer.publish(messages))
        await producer.close()

    async def set_aside(self, body: bytes = BODY, key: str = "p-1") -> None:
        """A letter as a subscriber writes it."""
        headers = {"ce_id": "p-1.1", "content-type": "application/json"}
        record = Record(self.topic, 0, 0, key, body, headers, 1)
        refusal = RejectedRecord(record, "handler_failed", "no such thing as 254708374149")
        await self.publish(dead_letters.dead_letter(refusal, group="g", at=SystemClock().now()))

    async def cift(self, *words: str) -> Said:
        return await cift("dead-letters", *words, KAFKA_BOOTSTRAP_SERVERS=self.servers)

    async def listed(self, *words: str) -> list[dict]:
        said = await self.cift("list", "--topic", self.topic, "--json", *words)
        assert said.code == 0, said
        return said.json

    async def records(self) -> list:
        consumer = AIOKafkaConsumer(
            self.topic, bootstrap_servers=self.servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            count = await count_records(self.servers, self.topic)
            return [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()


@pytest.fixture
async def letters(broker: Broker) -> Letters:
    topic = f"test.{uuid4().hex}"
    names = (topic, topic + DEAD_LETTER_SUFFIX)
    await create_topics(Brokers(broker.bootstrap), [Topic(name, 1, HOUR_MS) for name in names])
    return Letters(broker, topic)


async def test_listed_and_shown_with_nothing_personal(letters: Letters) -> None:
    assert await letters.listed() == []
    await letters.set_aside()
    [letter] = await letters.listed()
    assert letter["letter"] == f"{letters.topic}.dead-letter:0:0"
    assert letter["origin"] == f"{letters.topic}:0:0"
    assert (letter["reason"], letter["key"], letter["attempt"]) == ("handler_failed", "p-1", "1")
    assert (letter["body_bytes"], letter["replayed_at"]) == (len(BODY), None)
    plain = await letters.cift("show", letter["letter"])
    assert "ce_id" in plain.out
    assert "settled" not in plain.out
    whole = await letters.cift("show", letter["letter"], "--body")
    assert '"kind": "settled"' in whole.out
    for said in (plain, whole, await letters.cift("list")):
        assert "254708374149" not in said.out


async def test_replayed_once_with_key_and_headers(letters: Letters) -> None:
    await letters.set_aside()
    [letter] = await letters.listed()
    dry = await letters.cift("replay", letter["letter"], "--json")
    assert dry.json["replayed"] is False
    done = await letters.cift("replay", letter["letter"], "--yes", "--json")
    assert done.json["published_at"] == f"{letters.topic}:0:0", done
    [record] = await letters.records()
    headers = dict(record.headers)
    assert (record.key, record.value) == (b"p-1", BODY)
    assert headers.pop("x-replayed-from") == letter["letter"].encode()
    assert set(headers) == {"ce_id", "content-type", "x-attempt", "x-first-failed-at"}
    [after] = await letters.listed()
    assert after["replayed_at"] is not None
    assert await letters.listed("--open") == []
    again = await letters.cift("replay", letter["letter"], "--yes")
    again.is_one_line(3, "was replayed", "--again")
    assert (await letters.cift("replay", letter["letter"], "--yes", "--again")).code == 0
    assert len(await letters.records()) == 2


async def test_a_body_that_was_cut_is_read_where_it_stood(letters: Letters) -> None:
    whole = b"x" * (dead_letters.LETTER_BODY_BYTES_MAX + 1)
    await letters.publish(OutgoingMessage(letters.topic, "p-1", whole, {}))
    await letters.set_aside(whole)
    [letter] = await letters.listed()
    assert (await letters.cift("replay", letter["letter"], "--yes")).code == 0
    assert [record.value for record in await letters.records()] == [whole, whole]


async def test_what_is_no_letter_is_refused(letters: Letters) -> None:
    aside = f"{letters.topic}.dead-letter"
    for place in (
        "nowhere.dead-letter:0:0",
        f"{letters.topic}:0:0",
        f"{aside}:9:0",
        f"{aside}:0:7",
    ):
        (await letters.cift("replay", place, "--yes")).is_one_line(3, "no dead letter")
    assert (await letters.cift("show", "x")).code == 2
    away = await cift("dead-letters", "list", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    away.is_one_line(4, "no Kafka broker answers at 127.0.0.1:9")
