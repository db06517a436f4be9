"""A settlement reads as few rows from large tables as from small ones, although nothing analyzed
them and the session's plans were made when they were empty.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from tests.bench import ledger_load as load

pytestmark = pytest.mark.integration

MEASURED, GROWTH, GROWTH_BATCH = 20, 3_000, 500

_NO_AUTOVACUUM = """
select format('alter table %s set (autovacuum_enabled = false)', relid::regclass)
  from pg_stat_user_tables where schemaname = 'ledger'
"""
_READ = """
select relname, seq_tup_read::bigint + coalesce((
        select sum(idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid), 0)::bigint
       as rows_read
  from pg_stat_user_tables t where schemaname = 'ledger'
"""


@pytest.fixture
async def admin(database: str) -> AsyncIterator[Any]:
    """A connection to a database in which no table is analyzed."""
    connection = await asyncpg.connect(database)
    for row in await connection.fetch(_NO_AUTOVACUUM):
        await connection.execute(row[0])
    yield connection
    await connection.close()


@pytest.mark.parametrize("size", [1, 20])
async def test_a_settlement_reads_few_rows(admin: Any, database: str, size: int) -> None:
    (ledger,) = await load.open_writers(database, 1)
    small = await _rows_per_payment(admin, ledger, await load.prepare(database, MEASURED, size))
    await _settle(ledger, await load.prepare(database, GROWTH // GROWTH_BATCH, GROWTH_BATCH))
    large = await _rows_per_payment(admin, ledger, await load.prepare(database, MEASURED, size))
    await ledger.close()
    assert all(large[table] <= small[table] + 3 for table in large)


async def _rows_per_payment(admin: Any, ledger: Any, batches: Sequence[str]) -> dict[str, float]:
    """Rows and index entries that each settlement read, by table."""
    before = await _rows_read(admin, ledger)
    settled = await _settle(ledger, batches)
    after = await _rows_read(admin, ledger)
    return {table: (after[table] - before[table]) / settled for table in after}


async def _rows_read(admin: Any, ledger: Any) -> dict[str, int]:
    await asyncio.sleep(1.1)  # a session reports its counts at the end of a command,
    await ledger.execute("select 1")  # at most once a second
    return {row["relname"]: row["rows_read"] for row in await admin.fetch(_READ)}


async def _settle(ledger: Any, batches: Sequence[str]) -> int:
    return sum([await ledger.fetchval(load.APPLY, batch) for batch in batches])
