"""Rows put into tables directly: a test of one statement needs only those that it reads.

What a row has to have, and a test does not say, is a default. Foreign keys are not checked.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.pool import open_pool

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_WAITING = """
select count(*) from pg_stat_activity
 where datname = current_database() and wait_event_type = 'Lock'
"""

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "bitcoin.output": {
        "satoshi": 1_000, "is_coinbase": False, "in_mempool": False, "first_seen_at": AT, "vout": 0,
    },
    "bitcoin.payout": {"script": b"\x51", "satoshi": 1_000},
    "bitcoin.spend": {"version": 1, "unsigned": b"u", "fee": 10, "weight": 400},
    "bitcoin.spend_input": {"place": 0, "vout": 0, "satoshi": 1_000, "chain": 0, "index": 0},
    "bitcoin.spend_output": {"vout": 0, "script": b"\x52", "satoshi": 1_000, "is_change": True},
    "bitcoin_signer.signature": {
        "version": 1, "script": b"\x51", "satoshi": 1_000, "fee": 10, "inputs": [], "raw": b"r",
    },
    "bitcoin_signer.paid": {"script": b"\x51", "satoshi": 1_000},
    "bitcoin_signer.refusal": {"reason": "because"},
    "ethereum.payout": {"account": b"\xaa" * 20, "wei": 1_000, "is_filler": False},
    "ethereum.spend": {"version": 1, "unsigned": b"u", "gas": 21_000, "max_fee": 10, "tip": 1},
    "ethereum.hot_account": {"height": 100, "chain_nonce": 0, "wei": 10**6},
    "ethereum.hot_transaction": {"block_hash": "b", "height": 100, "succeeded": True, "fee": 7},
    "ethereum.hot_transfer": {"place": 0},
    "ethereum.arrival": {"place": -1, "wei": 1_000, "first_seen_at": AT},
    "ethereum_signer.signature": {
        "version": 1, "account": b"\xaa" * 20, "wei": 1_000, "fee_max": 100, "raw": b"r",
    },
    "ethereum_signer.refusal": {"version": 1, "reason": "because"},
}  # fmt: skip


class Rows:
    """Puts rows into tables, reads and changes them."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection

    async def put(self, table: str, **columns: Any) -> None:
        """Insert a row; columns that are not named have their default."""
        values = {**_DEFAULTS.get(table, {}), **columns}
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.connection.execute(
            f"insert into {table} ({', '.join(values)}) values ({places})", *values.values()
        )

    async def attempt(self, schema: str, payment_id: UUID | None = None, **columns: Any) -> UUID:
        """Insert an attempt, by default of an open withdrawal; its payment."""
        payment_id = payment_id or uuid4()
        known = {"state": "waiting", "operation": "withdrawal", "request": '{"a": 1}', **columns}
        await self.put(
            f"{schema}.attempt", attempt_id=attempt_id_of(payment_id), payment_id=payment_id,
            next_check_at=AT, **known,
        )  # fmt: skip
        return payment_id

    async def run(self, statement: str, *values: Any) -> None:
        await self.connection.execute(statement, *values)

    async def waiting(self) -> int:
        """How many sessions wait for a lock now; ask outside of a transaction."""
        return int(await self.connection.fetchval(_WAITING))

    async def somebody_waits(self) -> bool:
        """True while a session waits for a lock; ask outside of a transaction."""
        return await self.waiting() > 0

    async def all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return [tuple(row) for row in await self.connection.fetch(query, *values)]


@asynccontextmanager
async def open_rows(database: str) -> AsyncIterator[Rows]:
    """As a superuser, to whom foreign keys do not matter."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("set session_replication_role = replica")
        yield Rows(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def open_role(database: str, role: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """A pool with the rights of a service."""
    pool = await open_pool(database, role=role)
    try:
        yield pool
    finally:
        await pool.close()
