"""Connections that die without a word: found by a time-out, and one of them is a warning."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest

from cift_shared import database as connections
from cift_shared.database import INFRASTRUCTURE_ERRORS, open_pool
from tests.chaos.proxy import Link

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
