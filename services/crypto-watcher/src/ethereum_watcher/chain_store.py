"""The chain as we have read it, in PostgreSQL: cursor, blocks, money of our addresses.

Every write checks the lease's epoch in its own transaction (`chain_watch.fence`), and is keyed by
transaction and block, so reading a block twice changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import asyncpg

from chain_watch.context import Tables
from chain_watch.fence import fenced
from chain_watch.heads import Head
from cift_shared.attempts import queries
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from ethereum_watcher import hot_account
from ethereum_watcher.domain import BY_TRANSACTION, Arrival, free_place
from ethereum_watcher.hot_account import HotTransaction
from ethereum_watcher.scanner import Payment, Spending
from ethereum_watcher.wire import Header

SCHEMA = "ethereum"

CURSOR = "select chain_id, height, hash from ethereum.chain"
HASH_AT = "select hash from ethereum.block where height = $1 and is_active"
BRANCH = """
select hash, height from ethereum.block where is_active and height >= $1 order by height desc
"""
FINAL = "select final_height from ethereum.chain"
BEGIN = """
insert into ethereum.chain (chain_id, height, hash) values ($1, $2, $3) on conflict do nothing
"""
ADVANCE = """
update ethereum.chain set height = $1, hash = $2 where height = $1 - 1 and hash = $3 returning true
"""
STEP_BACK = """
update ethereum.chain
   set height = height - 1, hash = $2, is_settled = false,
       final_height = least(final_height, height - 1)
 where hash = $1
returning height
"""
STORE_BLOCK = """
insert into ethereum.block (hash, height, prev_hash) values ($1, $2, $3)
    on conflict (hash) do update set is_active = true
"""
FORGET_BLOCK = "update ethereum.block set is_active = false where hash = $1"
STORE_PAYMENTS = """
insert into ethereum.arrival
    (hash, place, address, wei, currency, block_hash, height, first_seen_at, payment_id)
select paid.hash, paid.place, watched.address, paid.wei, paid.currency, $6::text, $7::bigint,
       $8::timestamptz, watched.payment_id
  from unnest($1::text[], $2::bytea[], $3::numeric[], $4::bigint[], $5::text[])
       as paid (hash, script, wei, place, currency)
  join ethereum.address as watched on watched.script = paid.script
    on conflict (hash, place) do update
   set block_hash = excluded.block_hash, height = excluded.height
"""
KNOWN_TRANSFERS = """
select known.hash, known.place, watched.script, known.wei, known.currency
  from ethereum.arrival as known
  join ethereum.address as watched using (address)
 where known.hash = any ($1::text[])
"""
STORE_SPENDINGS = """
insert into ethereum.spending (hash, address, wei, block_hash, height)
select spent.hash, watched.address, spent.wei, $4::text, $5::bigint
  from unnest($1::text[], $2::bytea[], $3::numeric[]) as spent (hash, script, wei)
  join ethereum.address as watched on watched.script = spent.script
    on conflict (hash) do nothing
"""
UNDO_ARRIVALS = "update ethereum.arrival set block_hash = null, height = null where block_hash = $1"
UNDO_SPENDINGS = "delete from ethereum.spending where block_hash = $1"
UNDO_BALANCES = """
update ethereum.address set balance_height = null, balance_wei = null where balance_height > $1
"""
FOLLOWED = """
update ethereum.chain as now
   set is_settled = true, followed_at = greatest(now.followed_at, $3),
       final_height = greatest(now.final_height, $4::bigint)
  from ethereum.chain as before
 where now.height = $1 and now.hash = $2
returning now.final_height is distinct from before.final_height or not before.is_settled
"""
"""True if what is final has changed, or the chain was being undone."""
OPEN = """
select held.attempt_id
  from ethereum.attempt as held
 where held.state in ('waiting', 'unknown')
   and (held.operation = 'withdrawal' or held.payment_id in (
       select payment_id from ethereum.arrival where deposit_id is null and received_as is null))
"""


def _arrival(**columns: Any) -> Arrival:
    return Arrival(**{**columns, "wei": int(columns["wei"])})


TABLES = Tables(
    schema=SCHEMA,
    arrivals="arrival",
    hash="hash",
    place="place",
    amount="wei",
    fields=tuple(field.name for field in fields(Arrival)),
    arrival=_arrival,
    tip=("height", "is_settled", "followed_at", "final_height"),
    currency="o.currency",
    address_also=(", since_height", ", (select final_height from ethereum.chain)"),
)
"""Where what every chain has is in Ethereum's schema."""


class ChainStore:
    """Reads and writes of the watcher."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self.pool = pool

    async def cursor(self, chain_id: int) -> Head | None:
        """The block up to which everything is read; None: nothing was read yet.

        Raises:
            InvariantViolated: the database is of another chain.
        """
        row = await self.pool.fetchrow(CURSOR)
        if row is None:
            return None
        if row["chain_id"] != chain_id:
            raise InvariantViolated(f"this database has the chain {row['chain_id']}")
        return Head(row["height"], row["hash"])

    async def hash_at(self, height: int) -> str | None:
        """Our block at a height; None: not stored."""
        found: str | None = await self.pool.fetchval(HASH_AT, height)
        return found

    async def down_to(self, height: int) -> list[Head]:
        """Our blocks from the highest down to this height."""
        rows = await self.pool.fetch(BRANCH, height)
        return [Head(row["height"], row["hash"]) for row in rows]

    async def final_height(self) -> int | None:
        """The highest block that the nodes have called final."""
        found: int | None = await self.pool.fetchval(FINAL)
        return found

    async def begin(self, lease: Lease, chain_id: int, header: Header) -> None:
        """Begin to read after this block."""
        async with fenced(self.pool, SCHEMA, lease) as connection:
            await connection.execute(STORE_BLOCK, header.hash, header.height, header.prev_hash)
            await connection.execute(BEGIN, chain_id, header.height, header.hash)

    async def apply_block(
        self,
        lease: Lease,
        header: Header,
        paid: Sequence[Payment],
        spent: Sequence[Spending],
        *,
        at: datetime,
        own: Sequence[HotTransaction] = (),
    ) -> None:
        """Move the cursor to the next block and store what it did, in one transaction.

        `own` are the transactions of the account that pays withdrawals.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            InvariantViolated: the cursor is not at the block before.
        """
        name, height = header.hash, header.height
        async with fenced(self.pool, SCHEMA, lease) as connection:
            if not await connection.fetchval(ADVANCE, height, name, header.prev_hash):
                raise InvariantViolated(f"the cursor is not at the block before {height}")
            await connection.execute(STORE_BLOCK, name, height, header.prev_hash)
            if paid:
                await _store_payments(connection, paid, name, height, at)
            if spent:
                await connection.execute(STORE_SPENDINGS, *_columns(spent), name, height)
            await hot_account.store(connection, own, name, height)
            await make_due(connection)
            failpoint("ethereum.before_block_commit")
        failpoint("ethereum.after_block_commit")

    async def undo_block(self, lease: Lease, name: str, prev_hash: str) -> None:
        """Move the cursor back from its block; its ether is in no block again.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            InvariantViolated: the cursor is at another block.
        """
        async with fenced(self.pool, SCHEMA, lease) as connection:
            height = await connection.fetchval(STEP_BACK, name, prev_hash)
            if height is None:
                raise InvariantViolated("the cursor is at another block")
            await connection.execute(UNDO_ARRIVALS, name)
            await connection.execute(UNDO_SPENDINGS, name)
            await hot_account.undo(connection, name)
            await connection.execute(UNDO_BALANCES, height)
            await connection.execute(FORGET_BLOCK, name)
            failpoint("ethereum.before_undo_commit")
        failpoint("ethereum.after_undo_commit")

    async def followed(
        self, lease: Lease, head: Head, final_height: int | None, *, since: datetime
    ) -> None:
        """Note that everything up to this tip was read, and what of it is final.

        Args:
            lease: the lease of the reader.
            head: the tip.
            final_height: the highest block that can't be undone; None: not known.
            since: when the read began.
        """
        async with fenced(self.pool, SCHEMA, lease) as connection:
            has_changed = await connection.fetchval(
                FOLLOWED, head.height, head.hash, since, final_height
            )
            if has_changed:
                await make_due(connection)


async def make_due(connection: Connection) -> None:
    """Make open deposits due whose ether was seen: their confirmations have changed."""
    rows = await connection.fetch(OPEN)
    if rows:
        await connection.fetch(
            queries.MAKE_DUE.format(schema=SCHEMA), [row["attempt_id"] for row in rows]
        )


async def _store_payments(
    connection: Connection, paid: Sequence[Payment], name: str, height: int, at: datetime
) -> None:
    rows = await connection.fetch(KNOWN_TRANSFERS, [one.hash for one in paid])
    known = {
        (row["hash"], row["place"]): (row["script"], int(row["wei"]), row["currency"])
        for row in rows
    }
    placed = [replace(one, place=_place(one, known)) for one in paid]
    places, currencies = [one.place for one in placed], [one.currency for one in placed]
    moved = (*_columns(placed), places, currencies)
    await connection.execute(STORE_PAYMENTS, *moved, name, height, at)


def _place(one: Payment, known: Mapping[tuple[str, int], tuple[bytes, int, str]]) -> int:
    """Its place; what a transaction of ether pays to whom is in its hash."""
    if one.place == BY_TRANSACTION:
        return one.place
    same = (one.account, one.wei, one.currency)
    return free_place(one.place, lambda place: known.get((one.hash, place), same) == same)


def _columns(moved: Sequence[Payment] | Sequence[Spending]) -> tuple[list[Any], ...]:
    return (
        [one.hash for one in moved],
        [one.account for one in moved],
        [one.wei for one in moved],
    )
