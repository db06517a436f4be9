"""Connections that die without a word: found by a time-out, and one of them is a warning."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest

from cift_local.waiting import wait_until
from cift_shared.database import pool as connections
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, open_pool
from cift_shared.messaging.outbox import Relay
from cift_shared.observability import metrics
from tests.chaos.cluster.proxy import Link
from tests.support.gateway import MemoryPublisher

pytestmark = pytest.mark.integration


@pytest.fixture
async def link(database: str):
    link = Link("to postgres")
    link.target = urlsplit(database).port
    await link.start()
    yield link
    await link.stop()


def through(link: Link, database: str) -> str:
    parts = urlsplit(database)
    host = parts.netloc.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{host}:{link.port}"))


async def test_a_client_that_hangs_in_a_transaction_gives_its_row_locks_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connections.IDLE_IN_TRANSACTION_TIMEOUT_MS <= 5_000
    monkeypatch.setattr(connections, "IDLE_IN_TRANSACTION_TIMEOUT_MS", 300)
    pool = await open_pool(database, role=None, size_max=2)
    try:
        await pool.execute("create table probe (n integer); insert into probe values (1)")
        hangs = await pool.acquire()
        await hangs.execute("begin; update probe set n = 2")
        assert await pool.fetchval("update probe set n = n + 10 returning n") == 11
    finally:
        pool.terminate()


async def test_silent_connections_are_given_up_all_at_once(
    database: str, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "COMMAND_TIMEOUT_S", 3.0)
    pool = await open_pool(through(link, database), role=None, size_max=4)
    try:
        await asyncio.gather(*(pool.fetchval("select pg_sleep(0.2)") for _ in range(4)))
        assert pool.get_size() == 4
        link.poison("half_open")
        link.heal()  # new connections are well, the four stay silent for ever
        failed = 0
        while True:
            try:
                assert await pool.fetchval("select 1") == 1
                break
            except INFRASTRUCTURE_ERRORS:
                failed += 1
        assert failed == 1
        assert await asyncio.gather(*(pool.fetchval("select 1") for _ in range(8))) == [1] * 8
    finally:
        pool.terminate()


async def test_a_stop_does_not_wait_for_a_server_that_is_silent(
    database: str, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled work ends although the server never confirms the end of its command."""
    monkeypatch.setattr(connections, "COMMAND_TIMEOUT_S", 60.0)
    monkeypatch.setattr(connections, "RELEASE_TIMEOUT_S", 0.3, raising=False)
    pool = await open_pool(through(link, database), role=None, size_max=1)
    try:
        assert await pool.fetchval("select 1") == 1
        link.poison("blackhole")
        asking = asyncio.create_task(pool.fetchval("select 1"))
        await asyncio.wait({asking}, timeout=0.2)
        asking.cancel()
        ended, _ = await asyncio.wait({asking}, timeout=20)
        assert ended
        assert asking.cancelled()  # an error in its place would let a loop go on
    finally:
        pool.terminate()


async def test_a_leader_under_a_silent_server_ends(
    database: str, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "COMMAND_TIMEOUT_S", 60.0)
    pool = await open_pool(through(link, database), role=None, size_max=1)
    relay = Relay(pool, "ledger", MemoryPublisher())
    leads = metrics.RELAY_LEADER.labels(relay.name)
    try:
        leading = asyncio.create_task(relay.run())
        assert await wait_until(lambda: answered(leads._value.get() == 1), 20)
        link.poison("blackhole")
        relay.wake()  # it asks for rows, and is stopped while nobody answers
        await asyncio.wait({leading}, timeout=0.2)
        leading.cancel()
        ended, _ = await asyncio.wait({leading}, timeout=30)
        assert ended
    finally:
        pool.terminate()


async def answered(found: bool) -> bool:
    return found
