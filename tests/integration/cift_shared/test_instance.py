"""One living process to a name (`CIFT_INSTANCE`), with real processes of the ledger service."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from cift_local.ports import free_port
from cift_shared.database.lease import LENGTH
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Producer, create_topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import RESULTS, all_topics, dead_letter
from cift_shared.runtime.instance import InstanceName
from cift_shared.security.kafka import Brokers
from tests.support.breakable import breakable
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY
from tests.support.kafka import Broker
from tests.support.services import environment, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PATIENCE_S = 60
HOLDER = "select holder from ledger.lease where name = 'instance:ledger-a'"


@dataclass
class Ledger:
    """One process of the ledger service."""

    process: Process
    url: str

    async def is_ready(self) -> bool:
        """Wait until it serves; False when it has ended instead."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(base_url=self.url) as http:
            while self.process.returncode is None:
                try:
                    if (await http.get("/readyz")).status_code == 200:
                        return True
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
        return False

    async def ended(self) -> tuple[int, str]:
        """Wait for its end; the exit code and what it said in plain text."""
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await self.process.communicate()
        lines = [line for line in out.decode().splitlines() if not line.startswith("{")]
        return self.process.returncode or 0, "\n".join(lines)


@pytest.fixture
async def topics(own_broker: Broker) -> None:
    await create_topics(Brokers(own_broker.bootstrap), all_topics())


@asynccontextmanager
async def ledger(
    database: str, broker: Broker, instance: str | None = "a"
) -> AsyncIterator[Ledger]:
    port = free_port()
    env = {
        **os.environ,
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "CIFT_OPS_PORT": str(port),
        "CIFT_DATA_KEYS": DATA_KEYS,
        "CIFT_INDEX_KEY": INDEX_KEY,
        "CIFT_CALLBACK_KEY": CALLBACK_KEY,
        "CIFT_LOG_FORMAT": "json",
        **({} if instance is None else {"CIFT_INSTANCE": instance}),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ledger", env=env, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield Ledger(process, f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize(
    ("instance", "words"),
    [("a", "CIFT_INSTANCE=a is already running"), (None, "set CIFT_INSTANCE to a separate name")],
)
async def test_a_second_process_of_one_name_does_not_start(
    database: str, own_broker: Broker, topics: None, instance: str | None, words: str
) -> None:
    async with ledger(database, own_broker, instance) as first:
        assert await first.is_ready()
        async with ledger(database, own_broker, instance) as second:
            code, said = await second.ended()
        assert code == 1
        assert words in said
        assert len(said.splitlines()) == 1
        assert await first.is_ready()


async def test_the_successor_of_a_killed_process_starts(
    database: str, own_broker: Broker, topics: None
) -> None:
    async with ledger(database, own_broker) as first:
        assert await first.is_ready()
        first.process.kill()
        async with ledger(database, own_broker) as second:
            assert await second.is_ready()


@pytest.mark.parametrize(
    "where", ["own_broker", pytest.param("real_kafka", marks=pytest.mark.kafka)]
)
async def test_a_stopped_process_loses_its_name_and_ends_when_it_goes_on(
    database: str, where: str, request: pytest.FixtureRequest
) -> None:
    kafka: Broker = request.getfixturevalue(where)
    await create_topics(Brokers(kafka.bootstrap), all_topics())
    async with ledger(database, kafka) as first:
        assert await first.is_ready()
        first.process.send_signal(signal.SIGSTOP)
        async with ledger(database, kafka) as second:
            assert await second.is_ready()
            first.process.send_signal(signal.SIGCONT)
            code, said = await first.ended()
            assert code == 1
            assert "another process has started under its name, CIFT_INSTANCE=a" in said
            # for a moment both were the same member of the group; the second one has it to itself
            body = f"not a result, {free_port()}".encode()
            await publish(kafka, OutgoingMessage(RESULTS, "k", body, {}))
            await is_set_aside(kafka, body)
            assert await second.is_ready()


async def publish(broker: Broker, message: OutgoingMessage) -> None:
    producer = Producer(Brokers(broker.bootstrap), name="probe")
    try:
        assert await producer.publish([message]) == [True]
    finally:
        await producer.close()


async def is_set_aside(broker: Broker, body: bytes) -> None:
    """Wait for the dead letter of a record, which the ledger has read then."""
    consumer = AIOKafkaConsumer(
        dead_letter(RESULTS), bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (await consumer.getone()).value != body:
                pass
    finally:
        await consumer.stop()


async def test_an_outage_of_the_database_takes_no_name_from_a_process_that_lives(
    database: str, own_broker: Broker, topics: None
) -> None:
    async with breakable(database) as (dsn, line), ledger(dsn, own_broker) as only:
        assert await only.is_ready()
        admin = await asyncpg.connect(database)
        holder = await admin.fetchval(HOLDER)
        await line.cut()
        await asyncio.sleep(LENGTH.total_seconds() + 3)
        await line.mend()
        assert await only.is_ready()
        renewed = "select ends_at > clock_timestamp() from ledger.lease where holder = $1"
        async with asyncio.timeout(PATIENCE_S):
            while not await admin.fetchval(renewed, holder):
                await asyncio.sleep(0.1)
        await admin.close()


async def test_a_name_is_released_by_a_clean_stop(
    database: str, own_broker: Broker, topics: None
) -> None:
    async with ledger(database, own_broker) as first:
        assert await first.is_ready()
        first.process.terminate()
        assert await first.ended() == (0, "")
    admin = await asyncpg.connect(database)
    assert await admin.fetchval("select count(*) from ledger.lease where holder is not null") == 0
    await admin.close()


async def test_a_schema_that_is_not_migrated_keeps_nobody_from_starting(database: str) -> None:
    admin = await asyncpg.connect(database)
    await admin.execute("alter table ledger.lease rename to gone")
    pool = await open_pool(database, role="cift_ledger", size_max=1)
    name = InstanceName(pool, "ledger", "ledger-a")
    assert await name.take()
    keeping = asyncio.create_task(name.keep())
    await admin.execute("alter table ledger.gone rename to lease")
    async with asyncio.timeout(PATIENCE_S):
        while await admin.fetchval(HOLDER) is None:
            await asyncio.sleep(0.1)
    keeping.cancel()
    await admin.close()
    await pool.close()


@pytest.fixture
async def namesake(database: str) -> AsyncIterator[str]:
    """A living process of this test that has the name `mpesa-worker-t-mpesa-worker`."""
    pool = await open_pool(database, role="cift_mpesa", size_max=1)
    name = InstanceName(pool, "mpesa", "mpesa-worker-t-mpesa-worker")
    assert await name.take()
    keeping = asyncio.create_task(name.keep())
    yield "mpesa-worker-t-mpesa-worker"
    keeping.cancel()
    await pool.close()


async def test_who_starts_without_database_touches_nothing_of_a_living_namesake(
    database: str, own_broker: Broker, topics: None, namesake: str, tmp_path: Path
) -> None:
    admin = await asyncpg.connect(database)
    owner = f"{namesake}/1"
    await admin.execute(
        "insert into mpesa.attempt (attempt_id, payment_id, operation, state, request, "
        " lease_owner, next_check_at) values (gen_random_uuid(), gen_random_uuid(), 'deposit', "
        " 'sending', '{}', $1, now() + interval '1 hour')",
        owner,
    )
    async with breakable(database) as (dsn, line):
        await line.cut()
        env = environment(
            "mpesa_worker", database=dsn, bootstrap=own_broker.bootstrap, instance="t"
        )
        async with running("mpesa_worker", env, tmp_path) as late:
            await late.wait_for("/readyz", 503)
            await line.mend()
            async with asyncio.timeout(PATIENCE_S):
                assert await late.process.wait() == 1
            said = late.log
    assert await admin.fetchval("select lease_owner from mpesa.attempt") == owner
    assert "CIFT_INSTANCE=t-mpesa-worker is already running" in said
    await admin.close()
