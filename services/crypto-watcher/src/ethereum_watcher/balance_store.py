"""The balances of our addresses as far as they are explained, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from chain_watch.fence import fenced
from chain_watch.heads import Head
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint
from ethereum_watcher.chain_store import SCHEMA, make_due

ROWS_MAX = 200
"""Addresses that are compared in one turn."""

UNCHECKED = """
select index, address, coalesce(balance_height, since_height, 0) as height, balance_wei as wei
  from ethereum.address
 where payment_id is not null and created_at >= $2
   and coalesce(balance_height, since_height, 0) < $1
 order by coalesce(balance_height, since_height, 0), index
 limit $3
"""
NEW = """
select index, address, since_height as height
  from ethereum.address
 where payment_id is not null and balance_height is null and since_height is not null
 order by index
 limit $1
"""
STORE = """
update ethereum.address set balance_height = $2, balance_wei = $3 where index = $1
"""
EXPLAINED = """
select coalesce((select sum(wei) from ethereum.arrival
                  where address = $1 and height > $2 and height <= $3 and currency = 'ETH'), 0)
     - coalesce((select sum(wei) from ethereum.spending
                  where address = $1 and height > $2 and height <= $3), 0)
"""
STORE_INCREASE = """
insert into ethereum.arrival
    (hash, place, address, wei, block_hash, height, first_seen_at, payment_id)
select $1, index, address, $3, $1, $4, $5, payment_id from ethereum.address where index = $2
    on conflict (hash, place) do update
   set block_hash = excluded.block_hash, height = excluded.height
"""


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of an address after a final block."""

    index: int
    address: str
    height: int
    wei: int


@dataclass(frozen=True, slots=True)
class Change:
    """A difference that no transaction explains."""

    address: str
    wei: int
    """Negative: ether has left."""


class BalanceStore:
    """Reads and writes of the comparison."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def new(self) -> list[Balance]:
        """Addresses without a first balance, which is theirs at the given height; wei is 0."""
        rows = await self._pool.fetch(NEW, ROWS_MAX)
        return [Balance(row["index"], row["address"], row["height"], 0) for row in rows]

    async def unchecked(self, height: int, *, since: datetime) -> list[Balance]:
        """The last known balances of addresses made since then, of before this height."""
        rows = await self._pool.fetch(UNCHECKED, height, since, ROWS_MAX)
        return [
            Balance(row["index"], row["address"], row["height"], int(row["wei"] or 0))
            for row in rows
        ]

    async def begin(self, lease: Lease, balances: Sequence[Balance]) -> None:
        """Store first balances."""
        async with fenced(self._pool, SCHEMA, lease) as connection:
            for one in balances:
                await connection.execute(STORE, one.index, one.height, one.wei)

    async def advance(
        self,
        lease: Lease,
        final: Head,
        found: Sequence[tuple[Balance, int]],
        *,
        at: datetime,
    ) -> list[Change]:
        """Store the balances at a final block; an increase without a transaction is an arrival.

        Args:
            lease: the lease of the reader.
            final: the block.
            found: the balances of before, each with the wei at the block.
            at: now.

        Returns:
            The differences.
        """
        changes = []
        async with fenced(self._pool, SCHEMA, lease) as connection:
            for before, wei in found:
                known = await connection.fetchval(
                    EXPLAINED, before.address, before.height, final.height
                )
                change = wei - before.wei - int(known)
                if change > 0:
                    await _store_increase(connection, before.index, change, final, at)
                if change:
                    changes.append(Change(before.address, change))
                await connection.execute(STORE, before.index, final.height, wei)
            if changes:
                await make_due(connection)
            failpoint("ethereum.before_balance_commit")
        failpoint("ethereum.after_balance_commit")
        return changes


async def _store_increase(
    connection: Connection, index: int, wei: int, final: Head, at: datetime
) -> None:
    await connection.execute(STORE_INCREASE, final.hash, index, wei, final.height, at)
