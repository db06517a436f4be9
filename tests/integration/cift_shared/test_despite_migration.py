"""A statement that waits for a migration's locks does its work once the migration is over."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from cift_shared.database.pool import Pool, open_pool
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

TABLES = "create table probe (n integer); create type former as (n integer)"
FUNCTION = """
create or replace function take() returns integer language plpgsql as $$
begin
    insert into probe values (1);
    return (row(7)::{kind}).n;
end
$$
"""
WAITS = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
CALLS = {
    "fetch": lambda pool: pool.fetch("select take()"),
    "fetchrow": lambda pool: pool.fetchrow("select take()"),
    "fetchval": lambda pool: pool.fetchval("select take()"),
    "execute": lambda pool: pool.execute("select take()"),
}


@pytest.fixture
async def pool(empty_database: str) -> AsyncIterator["Pool[asyncpg.Record]"]:
    opened = await open_pool(empty_database, role=None, size_max=4)
    await opened.execute(TABLES)
    await opened.execute(FUNCTION.format(kind="former"))
    yield opened
    opened.terminate()


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_a_type_is_renamed_under_a_waiting_statement(
    pool: "Pool[asyncpg.Record]", name: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table probe in access exclusive mode")
        waiting = asyncio.create_task(CALLS[name](pool))
        await eventually(lambda: pool.fetchval(WAITS), "a statement that waits")
        await connection.execute("alter type former rename to present")
        await connection.execute(FUNCTION.format(kind="present"))
    await waiting
    assert await pool.fetchval("select count(*) from probe") == 1


async def test_an_error_that_no_migration_caused_is_raised(pool: "Pool[asyncpg.Record]") -> None:
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await pool.fetchval("select no_such_function()")
