"""Our transactions in PostgreSQL: which coins can be spent, what a transaction spends and pays.

Payouts and transfers between our own addresses share this. A plan is made behind the lock of the
change counter's row, so no two plans choose the same coin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from bitcoin_watcher.coin_selection import Coin
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint

COINS_MAX = 2_000
"""So many coins are considered."""

_COINS = """
select coin.txid, coin.vout, coin.satoshi, coin.chain, coin.index, coin.script
  from (
    select o.txid, o.vout, o.satoshi, 0 as chain, a.index, a.script
      from bitcoin.output as o join bitcoin.address as a on a.address = o.address
     where o.height <= $1 and (not o.is_coinbase or o.height <= $2)
     union all
    select p.spend_txid, p.vout, p.satoshi, 1, s.change_index, p.script
      from bitcoin.spend_output as p join bitcoin.spend as s on s.txid = p.spend_txid
     where p.is_change and s.height is not null
  ) as coin
 where not exists (select from bitcoin.reserved_coin as held
                    where held.txid = coin.txid and held.vout = coin.vout)
"""
SPENDABLE = f"{_COINS} order by coin.satoshi desc, coin.txid, coin.vout limit $3"
SMALL = f"""
{_COINS}
   and coin.satoshi <= $4
   and not exists (
        select from bitcoin.spend_input as i
          join bitcoin_signer.signature as g on g.txid = i.spend_txid
         where i.txid = coin.txid and i.vout = coin.vout)
 order by coin.satoshi, coin.txid, coin.vout
 limit $3
"""
"""The signer signs a coin for a transfer only if it has signed it for nothing before."""
NEXT_CHANGE = """
insert into bitcoin.change_counter as counter (next_index) values (1)
    on conflict (is_single) do update set next_index = counter.next_index + 1
returning next_index - 1
"""
"""Locks the row until the commit: plans are made one after the other."""
STORE_SPEND = """
insert into bitcoin.spend
    (txid, payment_id, transfer_id, version, unsigned, fee, weight, change_index)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
STORE_INPUTS = """
insert into bitcoin.spend_input (spend_txid, place, txid, vout, satoshi, chain, index)
select $1, place - 1, txid, vout, satoshi, chain, index
  from unnest($2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[])
       with ordinality as coin (txid, vout, satoshi, chain, index, place)
"""
STORE_OUTPUTS = """
insert into bitcoin.spend_output (spend_txid, vout, script, satoshi, is_change)
select $1, vout - 1, script, satoshi, is_change
  from unnest($2::bytea[], $3::bigint[], $4::boolean[])
       with ordinality as paid (script, satoshi, is_change, vout)
"""
RESERVE = """
insert into bitcoin.reserved_coin (txid, vout, payment_id, transfer_id)
select txid, vout, $3, $4 from unnest($1::text[], $2::bigint[]) as coin (txid, vout)
"""
HELD = "select txid, vout from bitcoin.reserved_coin where payment_id = $1"
"""Of the versions before; a transfer has one version only."""
INPUTS = """
select i.txid, i.vout, i.satoshi, i.chain, i.index, ''::bytea as script
  from bitcoin.spend_input as i where i.spend_txid = $1 order by i.place
"""
MATURITY = 100
"""Confirmations before the reward of a block can be spent (consensus rule)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What a transaction is for: a payout, or a transfer between our own addresses."""

    payment_id: UUID | None = None
    transfer_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A transaction, before it is stored."""

    txid: str
    unsigned: bytes
    fee: int
    weight: int
    coins: Sequence[Coin]
    outputs: Sequence[tuple[bytes, int, bool]]
    """Script, satoshi, and if it is change."""


MakeDraft = Callable[[Sequence[Coin], int], Draft | None]
"""From the coins that can be spent and an index of change to a transaction; None: too few."""


async def coins_of(
    session: "Connection | Pool[asyncpg.Record]", *, tip: int, depth: int
) -> list[Coin]:
    """The largest coins that nothing has reserved: of a deposit so deep, or confirmed change."""
    rows = await session.fetch(SPENDABLE, tip - depth + 1, tip - MATURITY + 1, COINS_MAX)
    return [Coin(**row) for row in rows]


async def small_coins_of(
    connection: Connection, *, tip: int, depth: int, satoshi_max: int
) -> list[Coin]:
    """The smallest coins up to an amount that nothing has reserved or ever spent."""
    heights = tip - depth + 1, tip - MATURITY + 1
    rows = await connection.fetch(SMALL, *heights, COINS_MAX, satoshi_max)
    return [Coin(**row) for row in rows]


async def store_spend(
    connection: Connection, owner: Owner, number: int, draft: Draft, index: int
) -> None:
    """Store a version of a transaction, and reserve those of its coins that its owner has not."""
    has_change = any(is_change for _, _, is_change in draft.outputs)
    await connection.execute(
        STORE_SPEND, draft.txid, owner.payment_id, owner.transfer_id, number, draft.unsigned,
        draft.fee, draft.weight, index if has_change else None,
    )  # fmt: skip
    await connection.execute(
        STORE_INPUTS,
        draft.txid,
        [one.txid for one in draft.coins],
        [one.vout for one in draft.coins],
        [one.satoshi for one in draft.coins],
        [one.chain for one in draft.coins],
        [one.index for one in draft.coins],
    )
    scripts, amounts, changes = zip(*draft.outputs, strict=True)
    await connection.execute(STORE_OUTPUTS, draft.txid, list(scripts), list(amounts), list(changes))
    mine = await connection.fetch(HELD, owner.payment_id)
    held = {(row["txid"], row["vout"]) for row in mine}
    fresh = [one for one in draft.coins if (one.txid, one.vout) not in held]
    await connection.execute(
        RESERVE,
        [one.txid for one in fresh],
        [one.vout for one in fresh],
        owner.payment_id,
        owner.transfer_id,
    )
    failpoint("bitcoin.before_plan_commit")
