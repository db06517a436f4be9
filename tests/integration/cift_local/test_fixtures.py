"""The fixtures every integration test stands on."""

import asyncpg
import pytest

from tests.support.kafka import Broker, wants_apache_kafka
from tests.support.records import count_records, create_topic, produce

pytestmark = pytest.mark.integration


class TestDatabase:
    @pytest.mark.parametrize("time", ["first", "second"])
    async def test_is_migrated_and_fresh_each_time(self, database: str, time: str) -> None:
        connection = await asyncpg.connect(database)
        try:
            assert await connection.fetchval("select count(*) from public.cift_migration") > 0
            await connection.execute("create table left_behind (n int)")  # fails if not fresh
        finally:
            await connection.close()


class TestBroker:
    async def test_is_the_kind_that_was_asked_for(self, broker: Broker) -> None:
        assert broker.is_apache_kafka == wants_apache_kafka()
        await create_topic(broker.bootstrap, "fixture-orders", partitions=1)
        await produce(broker.bootstrap, "fixture-orders", 2)
        assert await count_records(broker.bootstrap, "fixture-orders") == 2
