"""The chain as we have read it, in PostgreSQL: cursor, headers, outputs to our addresses.

Every write checks the lease's epoch in its own transaction (`chain_watch.fence`), and is keyed by
transaction and block, so reading a block twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import asyncpg

from bitcoin_watcher.blocks import Header
from bitcoin_watcher.domain import Output
from bitcoin_watcher.scanner import Hit
from chain_watch.context import Tables
from chain_watch.fence import fenced
from chain_watch.heads import Head
from cift_shared.attempts import queries
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint

SCHEMA = "bitcoin"

TABLES = Tables(
    schema=SCHEMA,
    arrivals="output",
    hash="txid",
    place="vout",
    amount="satoshi",
    fields=tuple(field.name for field in fields(Output)),
    arrival=Output,
    currency="'BTC'",
)
"""Where what every chain has is in Bitcoin's schema."""

CURSOR = "select network, height, hash from bitcoin.chain"
HASH_AT = "select hash from bitcoin.block where height = $1 and is_active"
BLOCK = "select height, hash, prev_hash, bits from bitcoin.block where hash = $1 and is_active"
BEGIN = """
insert into bitcoin.chain (network, height, hash) values ($1, $2, $3) on conflict do nothing
"""
ADVANCE = """
update bitcoin.chain set height = $1, hash = $2 where height = $1 - 1 and hash = $3 returning true
"""
STEP_BACK = """
update bitcoin.chain set height = height - 1, hash = $2, is_settled = false
 where hash = $1 returning true
"""
STORE_BLOCK = """
insert into bitcoin.block (hash, height, prev_hash, bits) values ($1, $2, $3, $4)
    on conflict (hash) do update set is_active = true
"""
FORGET_BLOCK = "update bitcoin.block set is_active = false where hash = $1"
STORE_OUTPUTS = """
insert into bitcoin.output as known
    (txid, vout, address, satoshi, is_coinbase, block_hash, height, in_mempool, first_seen_at,
     payment_id)
select hit.txid, hit.vout, watched.address, hit.satoshi, hit.is_coinbase, $6::text, $7::bigint,
       $6 is null, $8::timestamptz, watched.payment_id
  from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::boolean[])
       as hit (txid, vout, script, satoshi, is_coinbase)
  join bitcoin.address as watched on watched.script = hit.script
 where not exists (select from bitcoin.spend as own
                    where own.txid = hit.txid and own.transfer_id is not null)
    on conflict (txid, vout) do update
   set block_hash = coalesce(excluded.block_hash, known.block_hash),
       height = coalesce(excluded.height, known.height),
       in_mempool = excluded.in_mempool and known.height is null
"""
"""A transaction of the mempool changes nothing about an output that is in a block. A transfer of
ours is no deposit, even to an address that deposits once used."""
UNDO_OUTPUTS = """
update bitcoin.output set block_hash = null, height = null, in_mempool = false
 where block_hash = $1
"""
UNCONFIRMED = "select distinct txid from bitcoin.output where height is null"
IN_MEMPOOL = """
update bitcoin.output set in_mempool = (txid = any ($1::text[]))
 where height is null and in_mempool <> (txid = any ($1::text[]))
returning payment_id
"""
FOLLOWED = """
update bitcoin.chain set is_settled = true, followed_at = greatest(followed_at, $3)
 where height = $1 and hash = $2
"""
OPEN = """
select held.attempt_id
  from bitcoin.attempt as held
 where held.state in ('waiting', 'unknown')
   and (held.operation = 'withdrawal' or held.payment_id in (
       select payment_id from bitcoin.output where deposit_id is null and received_as is null))
"""
CONFIRM_SPENDS = """
update bitcoin.spend set block_hash = $2, height = $3 where txid = any ($1::text[])
"""
KEEP_COINS = """
with mined as (
    update bitcoin.own_transfer as t set released_at = null
      from bitcoin.spend as s
     where s.block_hash = $1 and s.transfer_id = t.transfer_id
    returning t.transfer_id, s.txid
)
insert into bitcoin.reserved_coin (txid, vout, transfer_id)
select i.txid, i.vout, mined.transfer_id
  from mined join bitcoin.spend_input as i on i.spend_txid = mined.txid
    on conflict do nothing
"""
"""A sweep may be mined after its coins were given back: then they are spent."""
SEE_TRANSFERS = """
update bitcoin.own_transfer as t set seen_at = $2
  from bitcoin.spend as s
 where s.txid = any ($1::text[]) and s.transfer_id = t.transfer_id and t.seen_at is null
"""
UNDO_SPENDS = "update bitcoin.spend set block_hash = null, height = null where block_hash = $1"
PAYOUT_SCRIPTS_AFTER = """
select id, script from bitcoin.spend_output where id > $1 order by id
"""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block of our chain."""

    height: int
    hash: str
    prev_hash: str
    bits: int


class ChainStore:
    """Reads and writes of the watcher."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self.pool = pool

    async def cursor(self, network: str) -> Head | None:
        """The block up to which everything is read; None: nothing was read yet.

        Raises:
            InvariantViolated: the database is of another network.
        """
        row = await self.pool.fetchrow(CURSOR)
        if row is None:
            return None
        if row["network"] != network:
            raise InvariantViolated(f"this database has the chain of {row['network']}")
        return Head(row["height"], row["hash"])

    async def hash_at(self, height: int) -> str | None:
        """Our block at a height; None: not stored."""
        found: str | None = await self.pool.fetchval(HASH_AT, height)
        return found

    async def block(self, name: str) -> StoredBlock | None:
        """A block of our chain; None: not stored."""
        row = await self.pool.fetchrow(BLOCK, name)
        return None if row is None else StoredBlock(**row)

    async def begin(self, lease: Lease, network: str, head: Head, header: Header) -> None:
        """Begin to read after this block."""
        async with fenced(self.pool, SCHEMA, lease) as connection:
            await self._store_block(connection, header, head.height)
            await connection.execute(BEGIN, network, head.height, head.hash)

    async def apply_block(
        self, lease: Lease, header: Header, height: int, hits: Sequence[Hit], *, at: datetime
    ) -> None:
        """Move the cursor to the next block and store its outputs, in one transaction.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            InvariantViolated: the cursor is not at the block before.
        """
        async with fenced(self.pool, SCHEMA, lease) as connection:
            if not await connection.fetchval(ADVANCE, height, header.hash, header.prev_hash):
                raise InvariantViolated(f"the cursor is not at the block before {height}")
            await self._store_block(connection, header, height)
            await self._store_hits(connection, hits, header.hash, height, at)
            await connection.execute(
                CONFIRM_SPENDS, [hit.txid for hit in hits], header.hash, height
            )
            await connection.execute(KEEP_COINS, header.hash)
            await self._make_due(connection)
            failpoint("bitcoin.before_block_commit")
        failpoint("bitcoin.after_block_commit")

    async def undo_block(self, lease: Lease, name: str, prev_hash: str) -> None:
        """Move the cursor back from its block; its outputs are in no block again.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            InvariantViolated: the cursor is at another block.
        """
        async with fenced(self.pool, SCHEMA, lease) as connection:
            if not await connection.fetchval(STEP_BACK, name, prev_hash):
                raise InvariantViolated("the cursor is at another block")
            await connection.execute(UNDO_OUTPUTS, name)
            await connection.execute(UNDO_SPENDS, name)
            await connection.execute(FORGET_BLOCK, name)
            failpoint("bitcoin.before_undo_commit")
        failpoint("bitcoin.after_undo_commit")

    async def see(self, lease: Lease, hits: Sequence[Hit], *, at: datetime) -> None:
        """Store outputs of transactions in the mempool."""
        if not hits:
            return
        async with fenced(self.pool, SCHEMA, lease) as connection:
            await self._store_hits(connection, hits, None, None, at)
            await connection.execute(SEE_TRANSFERS, [hit.txid for hit in hits], at)
            await self._make_due(connection)
            failpoint("bitcoin.before_seen_commit")

    async def unconfirmed(self) -> list[str]:
        """The transactions that pay us and are in no block."""
        return [row["txid"] for row in await self.pool.fetch(UNCONFIRMED)]

    async def followed(
        self, lease: Lease, head: Head, in_mempool: Sequence[str], *, since: datetime
    ) -> None:
        """Note that everything up to this tip, and the mempool above it, was read.

        Args:
            lease: the lease of the reader.
            head: the tip.
            in_mempool: the transactions among `unconfirmed` that the mempool has.
            since: when the read began.
        """
        async with fenced(self.pool, SCHEMA, lease) as connection:
            await connection.execute(FOLLOWED, head.height, head.hash, since)
            if await connection.fetch(IN_MEMPOOL, list(in_mempool)):
                await self._make_due(connection)

    async def payout_scripts_after(self, number: int) -> tuple[int, list[bytes]]:
        """The scripts that later transactions of ours pay, and the highest number of an output.

        They are found in blocks as those of deposits are: so our transactions are seen confirmed.
        """
        rows = await self.pool.fetch(PAYOUT_SCRIPTS_AFTER, number)
        return (rows[-1]["id"] if rows else number), [row["script"] for row in rows]

    async def _store_block(self, connection: Connection, header: Header, height: int) -> None:
        await connection.execute(STORE_BLOCK, header.hash, height, header.prev_hash, header.bits)

    async def _store_hits(
        self,
        connection: Connection,
        hits: Sequence[Hit],
        block_hash: str | None,
        height: int | None,
        at: datetime,
    ) -> None:
        if hits:
            await connection.execute(
                STORE_OUTPUTS,
                [hit.txid for hit in hits],
                [hit.vout for hit in hits],
                [hit.script for hit in hits],
                [hit.satoshi for hit in hits],
                [hit.is_coinbase for hit in hits],
                block_hash,
                height,
                at,
            )

    async def _make_due(self, connection: Connection) -> None:
        """Make due what has other confirmations now: deposits with money, and withdrawals."""
        rows = await connection.fetch(OPEN)
        if rows:
            await connection.fetch(
                queries.MAKE_DUE.format(schema=SCHEMA), [row["attempt_id"] for row in rows]
            )
