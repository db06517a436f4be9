"""Apache Kafka from Maven's jars: what it acknowledged is there after `kill -9`."""

from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaError

from cift_local.kafka import EVERY_MESSAGE_TO_DISK, Kafka
from tests.support.kafka import Broker, kafka_jars
from tests.support.postgres import throw_away_folder
from tests.support.records import consume, count_records, create_topic, produce, topics

pytestmark = pytest.mark.kafka


@pytest.fixture
def node() -> Iterator[Kafka]:
    jars = kafka_jars()
    with (
        throw_away_folder("kafka") as folder,
        Kafka(folder, jars=jars, settings=EVERY_MESSAGE_TO_DISK) as server,
    ):
        yield server


class TestOneNode:
    async def test_keeps_what_it_acknowledged_over_kill(self, node: Kafka) -> None:
        await create_topic(node.bootstrap, "orders", partitions=3)
        await produce(node.bootstrap, "orders", 60)
        node.kill()
        node.start()
        assert await count_records(node.bootstrap, "orders") == 60
        assert sorted(map(int, await consume(node.bootstrap, "orders", 60))) == list(range(60))


class TestSessionKafka:
    async def test_carries_records(self, real_kafka: Broker) -> None:
        await create_topic(real_kafka.bootstrap, "session-orders", partitions=1)
        await produce(real_kafka.bootstrap, "session-orders", 3)
        assert await consume(real_kafka.bootstrap, "session-orders", 3) == [b"0", b"1", b"2"]

    async def test_makes_no_topic_by_accident(self, real_kafka: Broker) -> None:
        with pytest.raises(KafkaError):
            await produce(real_kafka.bootstrap, "session-never-made", 1)
        assert "session-never-made" not in await topics(real_kafka.bootstrap)
