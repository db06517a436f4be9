"""A settlement reads as few rows from large tables as from small ones, although nothing analyzed
them and the session's plans were made when they were empty.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.bench import ledger_load as load
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration

MEASURED, GROWTH, GROWTH_BATCH = 20, 3_000, 500

_TABLES = "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'r'"
_READ = """
select relname, seq_tup_read::bigint + coalesce((
        select sum(idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid), 0)::bigint
       as rows_read
  from pg_stat_user_tables t where schemaname = 'ledger'
"""


@pytest.mark.parametrize("size", [1, 20])
async def test_a_settlement_reads_few_rows(books: Books, books_dsn: str, size: int) -> None:
    for row in await books.admin.fetch(_TABLES):
        await books.admin.execute(
            f"alter table ledger.{row['relname']} set (autovacuum_enabled = false)"
        )
    (ledger,) = await load.open_writers(books_dsn, 1)
    small = await _rows_per_payment(books, ledger, await load.prepare(books_dsn, MEASURED, size))
    await _settle(ledger, await load.prepare(books_dsn, GROWTH // GROWTH_BATCH, GROWTH_BATCH))
    large = await _rows_per_payment(books, ledger, await load.prepare(books_dsn, MEASURED, size))
    await ledger.close()
    assert all(large[table] <= small[table] + 3 for table in large)


async def _rows_per_payment(books: Books, ledger: Any, batches: Sequence[str]) -> dict[str, float]:
    """Rows and index entries that each settlement read, by table."""
    before = await _rows_read(books, ledger)
    settled = await _settle(ledger, batches)
    after = await _rows_read(books, ledger)
    return {table: (after[table] - before[table]) / settled for table in after}


async def _rows_read(books: Books, ledger: Any) -> dict[str, int]:
    await asyncio.sleep(1.1)  # a session reports its counts at the end of a command,
    await ledger.execute("select 1")  # at most once a second
    return {row["relname"]: row["rows_read"] for row in await books.admin.fetch(_READ)}


async def _settle(ledger: Any, batches: Sequence[str]) -> int:
    return sum([await ledger.fetchval(load.APPLY, batch) for batch in batches])
