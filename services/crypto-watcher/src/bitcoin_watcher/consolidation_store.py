"""Consolidations of small coins in PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.spend_store import NEXT_CHANGE, Draft, Owner, small_coins_of, store_spend
from bitcoin_watcher.transfer_store import GIVE_BACK, STORE_TRANSFER
from cift_shared.database.pool import Connection

PLANNED_SINCE = """
select exists (select from bitcoin.own_transfer
                where purpose = 'consolidation' and created_at > $1)
"""
OPEN = """
select t.transfer_id, s.txid, s.sent_height, g.raw, r.reason as refusal
  from bitcoin.own_transfer as t
  join bitcoin.spend as s on s.transfer_id = t.transfer_id
  left join bitcoin_signer.signature as g on g.txid = s.txid
  left join bitcoin_signer.refusal as r on r.txid = s.txid
 where t.purpose = 'consolidation' and t.released_at is null and s.height is null
 order by t.created_at
"""
RELEASE = """
update bitcoin.own_transfer as t set released_at = $2
 where t.transfer_id = $1 and t.released_at is null
   and not exists (select from bitcoin_signer.signature as g where g.transfer_id = $1)
returning true
"""

MakeConsolidation = Callable[[Sequence[Coin], int], Draft | None]
"""From small coins and an index of change to a transaction; None: none is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidation:
    """A consolidation that is in no block."""

    transfer_id: UUID
    txid: str
    sent_height: int | None = None
    raw: bytes | None = field(default=None, repr=False)
    """The signed bytes; None: not signed."""
    refusal: str | None = None


async def plan(
    connection: Connection, transfer_id: UUID, make: MakeConsolidation, *, tip: int, depth: int,
    satoshi_max: int,
) -> bool:  # fmt: skip
    """Store a consolidation with its coins reserved, in a transaction; False: none is made."""
    index = await connection.fetchval(NEXT_CHANGE)
    coins = await small_coins_of(connection, tip=tip, depth=depth, satoshi_max=satoshi_max)
    draft = make(coins, index)
    if draft is None:
        return False
    await connection.execute(STORE_TRANSFER, transfer_id, "consolidation", None, None)
    await store_spend(connection, Owner(transfer_id=transfer_id), 1, draft, index)
    return True


async def give_back(connection: Connection, one: Consolidation, at: datetime) -> bool:
    """Give back the coins of a refused consolidation, in a transaction; False: it is signed."""
    if not await connection.fetchval(RELEASE, one.transfer_id, at):
        return False
    await connection.execute(GIVE_BACK, one.transfer_id)
    return True
