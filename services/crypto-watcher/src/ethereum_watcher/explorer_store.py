"""What the explorer was asked, and what it says, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from chain_watch.fence import fenced
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Pool
from ethereum_watcher.chain_store import SCHEMA, make_due
from ethereum_watcher.explorer_rules import CONTRADICTIONS, Claim, Doubt

ROWS_MAX = 20
"""Arrivals that the explorer is asked for in one turn."""

DUE = """
select o.hash, o.place, o.block_hash, o.height, watched.script, o.wei, token.contract
  from ethereum.arrival as o
  join ethereum.address as watched using (address)
  join unnest($2::text[], $3::numeric[], $4::bytea[]) as token (currency, dust, contract)
    on token.currency = o.currency
 where o.height <= $1 and o.wei >= token.dust and (o.place = -1 or o.currency <> 'ETH')
   and o.explorer_block is distinct from o.block_hash
   and (o.is_reversed or (o.deposit_id is null and o.received_as is null))
   and (o.explorer_asked_at is null or o.explorer_asked_at <= $5)
 order by o.explorer_asked_at nulls first, o.height, o.hash, o.place
 limit $6
"""
"""Ether of contracts is named by no transaction, so the explorer is not asked for it."""
SAVE = """
update ethereum.arrival as now
   set explorer_block = case when $4::text is null then $3 else now.explorer_block end,
       explorer_doubt = case when $6 then coalesce(now.explorer_doubt, $4) else $4 end,
       explorer_asked_at = $5
  from ethereum.arrival as before
 where now.hash = $1 and now.place = $2 and now.block_hash = $3
   and before.hash = now.hash and before.place = now.place
returning before.explorer_doubt is distinct from now.explorer_doubt or $4::text is null
"""
"""A reorganisation may have moved it meanwhile: then nothing is stored, and it is asked for again.
An explorer that does not answer (`$6`) takes nothing back of what it has said. True if the answer
is another one than the last."""
CONTRADICTED = """
select count(*)
  from ethereum.arrival
 where explorer_doubt = any ($1::text[]) and explorer_block is distinct from block_hash
   and (is_reversed or (deposit_id is null and received_as is null))
"""


class ExplorerStore:
    """Reads and writes of the explorer's check."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        dusts: Mapping[str, int],
        contracts: Mapping[str, bytes],
    ) -> None:
        """What arrives, by currency: how little is not credited, and the tokens' contracts."""
        self._pool = pool
        self._columns = (
            list(dusts),
            list(dusts.values()),
            [contracts.get(currency) for currency in dusts],
        )

    async def due(self, height: int, *, before: datetime) -> list[Claim]:
        """Arrivals up to a height to ask for, that were not asked for since `before`."""
        rows = await self._pool.fetch(DUE, height, *self._columns, before, ROWS_MAX)
        return [
            Claim(
                row["hash"],
                row["place"],
                row["block_hash"],
                row["height"],
                row["script"],
                int(row["wei"]),
                row["contract"],
            )
            for row in rows
        ]

    async def save(
        self, lease: Lease, claims: Sequence[Claim], doubt: Doubt | None, *, at: datetime
    ) -> list[Claim]:
        """Store the same answer for arrivals; returns those for which it is another than before.

        Raises:
            LeaseLost: another process leads; nothing was changed.
        """
        word, keeps = None if doubt is None else doubt.value, doubt is Doubt.UNAVAILABLE
        async with fenced(self._pool, SCHEMA, lease) as connection:
            changed = [
                one
                for one in claims
                if await connection.fetchval(SAVE, *one.key, one.block_hash, word, at, keeps)
            ]
            if changed:
                await make_due(connection)
        return changed

    async def contradicted(self) -> int:
        """How many arrivals wait because the explorer says something else."""
        return int(await self._pool.fetchval(CONTRADICTED, list(CONTRADICTIONS)))
