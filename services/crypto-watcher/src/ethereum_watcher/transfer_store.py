"""Transactions that no payment asked for, in PostgreSQL: their fees, and how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Connection, Pool

UNCHARGED = """
select p.payment_id, t.hash, t.fee,
       case when p.is_filler then 'nonce_filler'
            when p.sender = $1 then 'gas'
            else 'consolidation' end as purpose,
       t.succeeded and (p.contract is null or exists (
           select from ethereum.hot_transfer as m
            where m.hash = t.hash and m.contract = p.contract and m.account = p.account
              and m.amount = p.wei)) as has_moved
  from ethereum.payout as p
  join ethereum_signer.signature as g on g.payment_id = p.payment_id
  join ethereum.hot_transaction as t on t.hash = g.hash
 where p.charged_at is null and (p.is_filler or p.index is not null) and t.height <= $2
 order by t.height, t.hash
"""
END = """
update ethereum.payout as p set charged_at = $3, settled_hash = $2, has_failed = $4
 where p.payment_id = $1 and p.charged_at is null
   and exists (select from ethereum.hot_transaction as t where t.hash = $2)
returning true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A transaction in a block whose fee the ledger does not know."""

    payment_id: UUID
    """Its own id: no payment has it."""
    hash: str
    fee: int
    """In wei."""
    purpose: str
    """`nonce_filler`, `consolidation` or `gas`."""
    has_moved: bool
    """False: it only cost its fee."""


class StoredTransfers:
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]", hot: bytes) -> None:
        self.pool = pool
        self._hot = hot

    async def uncharged(self, height_max: int) -> Sequence[Charge]:
        """Transactions in blocks up to a height whose fee was not reported."""
        rows = await self.pool.fetch(UNCHARGED, self._hot, height_max)
        return [Charge(**{**row, "fee": int(row["fee"])}) for row in rows]


async def end(connection: Connection, charge: Charge, at: datetime) -> bool:
    """Note that a fee is reported, in a transaction; False: it was, or its block is undone."""
    return bool(
        await connection.fetchval(END, charge.payment_id, charge.hash, at, not charge.has_moved)
    )
