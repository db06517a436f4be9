"""A hundred transfers a call from one hot account: ours beside pgledger's public SQL.

pgledger is https://github.com/pgr0ss/pgledger; its file is handed in, never part of this project.
Both write a balanced transfer with two entries, running balances and account versions; ours has a
unique reference and the journal's guards besides.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

TRANSFERS = 100
ACCOUNTS = 1_000

_OURS = Path(__file__).with_name("ledger_transfers.sql").read_text("utf-8")
_OPEN_OURS = """
select ledger.open_account('bench:test', 'customer:p' || n || ':KES')
from generate_series(1, $1) n order by n
"""
_OPEN_THEIRS = """
select (pgledger_create_account('p' || n, 'KES')).id from generate_series(0, $1) n order by n
"""
_TRANSFER_OURS = "select ledger.bench_transfers($1, $2, $3)"
_TRANSFER_THEIRS = """
select count(*) from pgledger_create_transfers(transfer_requests => array(
    select row($1, t, 1)::transfer_request from unnest($2::text[]) t))
"""

Call = Callable[[Any], Awaitable[object]]
_numbers = itertools.count()


async def ours(dsn: str) -> Call:
    """Makes accounts, answers what to call."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_OURS)
    source = await connection.fetchval(
        "select ledger.open_account('house:test', 'provider:bench:KES')"
    )
    accounts = [row[0] for row in await connection.fetch(_OPEN_OURS, ACCOUNTS)]
    await connection.close()

    async def call(client: Any) -> object:
        refs = [f"t{next(_numbers)}" for _ in range(TRANSFERS)]
        return await client.execute(
            _TRANSFER_OURS, refs, source, random.choices(accounts, k=TRANSFERS)
        )

    return call


async def theirs(dsn: str, sql: str) -> Call:
    """Loads pgledger, makes accounts, answers what to call."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    source, *accounts = [row[0] for row in await connection.fetch(_OPEN_THEIRS, ACCOUNTS)]
    await connection.close()

    async def call(client: Any) -> object:
        return await client.fetchval(
            _TRANSFER_THEIRS, source, random.choices(accounts, k=TRANSFERS)
        )

    return call


async def transfers_per_s(dsn: str, call: Call, *, clients: int, seconds: float) -> float:
    """Transfers a second over some seconds."""
    connections = [await asyncpg.connect(dsn) for _ in range(clients)]
    await asyncio.gather(*(call(connection) for connection in connections))  # plans are made
    calls = 0
    started = time.perf_counter()

    async def client(connection: Any) -> None:
        nonlocal calls
        while time.perf_counter() - started < seconds:
            await call(connection)
            calls += 1

    await asyncio.gather(*(client(connection) for connection in connections))
    taken_s = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return calls * TRANSFERS / taken_s
