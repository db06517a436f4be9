"""The attempt tables in a schema of their own, for tests of the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

import asyncpg

from cift_shared.database.pool import open_pool


@asynccontextmanager
async def probe_pool(
    database: str, *, size_max: int = 10, generic_plans: bool = True
) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a database with the tables of a worker in schema `probe`."""
    pool = await open_pool(database, role=None, size_max=size_max, generic_plans=generic_plans)
    tables = (files("cift_shared.attempts") / "attempt_tables_1.sql").read_text()
    tables += (files("cift_shared") / "lease_table_1.sql").read_text()
    await pool.execute(
        "create schema probe; create table probe.outbox (id bigint generated always as identity "
        "primary key, topic text not null, key text not null, headers jsonb not null, "
        "body bytea not null, created_at timestamptz not null default now());"
    )
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local search_path to probe; " + tables)
    yield pool
    await pool.close()
