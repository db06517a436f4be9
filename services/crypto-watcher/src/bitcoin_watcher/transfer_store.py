"""Transfers between our own addresses in PostgreSQL: sweeps and what the hot wallet holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.spend_store import (
    INPUTS,
    NEXT_CHANGE,
    Draft,
    Owner,
    coins_of,
    store_spend,
)
from cift_shared.database.pool import Connection, Pool

HELD = """
with coin as (
    select o.txid, o.vout, o.satoshi, o.height is not null as is_confirmed
      from bitcoin.output as o join bitcoin.address as a on a.address = o.address
     where a.payment_id is not null and (o.height is not null or o.in_mempool)
     union all
    select p.spend_txid, p.vout, p.satoshi, s.height is not null
      from bitcoin.spend_output as p
      join bitcoin.spend as s on s.txid = p.spend_txid
      left join bitcoin.own_transfer as t on t.transfer_id = s.transfer_id
     where p.is_change
       and (s.height is not null or coalesce(s.sent_at, t.seen_at) is not null
            and not exists (
                select from bitcoin.spend as other
                 where other.payment_id = s.payment_id
                   and (other.height is not null
                        or other.version > s.version and other.sent_at is not null)))
), unspent as (
    select coin.satoshi, coin.is_confirmed,
           exists (select from bitcoin.reserved_coin as held
                    where held.txid = coin.txid and held.vout = coin.vout) as is_reserved
      from coin
     where not exists (
        select from bitcoin.spend_input as i join bitcoin.spend as s on s.txid = i.spend_txid
         where i.txid = coin.txid and i.vout = coin.vout and s.height is not null)
)
select coalesce(sum(satoshi) filter (where is_confirmed), 0)::bigint as confirmed,
       coalesce(sum(satoshi) filter (where not is_confirmed), 0)::bigint as unconfirmed,
       coalesce(sum(satoshi) filter (where is_confirmed and is_reserved), 0)::bigint as reserved
  from unspent
"""
"""The address that all deposits share is not counted: the hot wallet has no key of it."""
IS_HOT = """
select exists (select from bitcoin.address where script = $1 and payment_id is not null)
    or exists (select from bitcoin.spend_output where script = $1 and is_change)
"""
STORE_TRANSFER = """
insert into bitcoin.own_transfer (transfer_id, purpose, psbt, expires_at) values ($1, $2, $3, $4)
"""
_SWEEP = """
select t.transfer_id, s.txid, t.psbt, s.fee, t.expires_at, t.seen_at is not null as is_seen,
       (select sum(p.satoshi)::bigint from bitcoin.spend_output as p
         where p.spend_txid = s.txid and not p.is_change) as satoshi
  from bitcoin.own_transfer as t join bitcoin.spend as s on s.transfer_id = t.transfer_id
 where t.purpose = 'sweep' and t.released_at is null and s.height is null
"""
OPEN_SWEEP = f"{_SWEEP} order by t.created_at limit 1"
EXPIRED = f"{_SWEEP} and t.seen_at is null and t.expires_at <= $1"
RELEASE = """
update bitcoin.own_transfer as t set released_at = $2
  from bitcoin.spend as s
 where s.transfer_id = t.transfer_id and s.txid = $1 and s.height is null
   and t.purpose = 'sweep' and t.released_at is null and t.seen_at is null
returning t.transfer_id
"""
GIVE_BACK = "delete from bitcoin.reserved_coin where transfer_id = $1"
UNCHARGED = """
select t.transfer_id, t.purpose, s.txid, s.fee
  from bitcoin.own_transfer as t join bitcoin.spend as s on s.transfer_id = t.transfer_id
 where t.charged_at is null and s.height <= $1
 order by s.height, s.txid
"""
MARK_CHARGED = """
update bitcoin.own_transfer as t set charged_at = $2
  from bitcoin.spend as s
 where t.transfer_id = $1 and t.charged_at is null
   and s.transfer_id = t.transfer_id and s.height is not null
returning true
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What the hot wallet holds, in satoshi."""

    confirmed: int
    """In blocks, and not spent in one."""
    unconfirmed: int
    """On its way: deposits in the mempool, and change of what was sent."""
    reserved: int
    """The part of `confirmed` that transactions of ours spend which are in no block yet."""

    @property
    def free(self) -> int:
        """The part of `confirmed` that nothing has reserved."""
        return self.confirmed - self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep that is in no block yet."""

    transfer_id: UUID
    txid: str
    psbt: str
    satoshi: int
    """What arrives at the cold address."""
    fee: int
    expires_at: datetime
    is_seen: bool
    """True once a mempool has it: its coins stay reserved."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A confirmed transfer whose fee the ledger does not know."""

    transfer_id: UUID
    purpose: Literal["sweep", "consolidation"]
    txid: str
    fee: int


MakeSweep = Callable[[Sequence[Coin], Held, int], tuple[Draft, str] | None]
"""From coins, what is held and an index of change to a sweep and its PSBT; None: none is made."""


class StoredTransfers:
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self.pool = pool

    async def held(self) -> Held:
        """What the hot wallet holds now."""
        return await _held(self.pool)

    async def is_hot(self, script: bytes) -> bool:
        """True for the script of an address of the hot wallet, as far as one was used."""
        return bool(await self.pool.fetchval(IS_HOT, script))

    async def open_sweep(self) -> Sweep | None:
        """The sweep that is proposed or sent, and in no block yet; None: there is none."""
        return await _sweep(self.pool)

    async def plan_sweep(
        self, transfer_id: UUID, *, tip: int, depth: int, expires_at: datetime, make: MakeSweep
    ) -> Sweep | None:
        """Store a sweep with its coins reserved; the open one if there is one; None: none is made.

        One transaction, behind the lock of the counter: as `PayoutStore.plan`.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            index = await connection.fetchval(NEXT_CHANGE)
            known = await _sweep(connection)
            if known is not None:
                return known
            coins = await coins_of(connection, tip=tip, depth=depth)
            made = make(coins, await _held(connection), index)
            if made is None:
                return None
            draft, psbt = made
            await connection.execute(STORE_TRANSFER, transfer_id, "sweep", psbt, expires_at)
            await store_spend(connection, Owner(transfer_id=transfer_id), 1, draft, index)
            return await _sweep(connection)

    async def inputs(self, txid: str) -> Sequence[Coin]:
        """The coins that a transfer spends; none if there is no such transfer."""
        return [Coin(**row) for row in await self.pool.fetch(INPUTS, txid)]

    async def expired(self, now: datetime) -> Sequence[Sweep]:
        """Sweeps whose time is over, and which no mempool has shown."""
        return [Sweep(**row) for row in await self.pool.fetch(EXPIRED, now)]

    async def uncharged(self, height_max: int) -> Sequence[Charge]:
        """Transfers in blocks up to a height whose fee was not reported."""
        return [Charge(**row) for row in await self.pool.fetch(UNCHARGED, height_max)]


async def release(connection: Connection, txid: str, at: datetime) -> bool:
    """Give back the coins of a sweep, in a transaction; False: it is seen, mined or released."""
    transfer_id = await connection.fetchval(RELEASE, txid, at)
    if transfer_id is None:
        return False
    await connection.execute(GIVE_BACK, transfer_id)
    return True


async def mark_charged(connection: Connection, charge: Charge, at: datetime) -> bool:
    """Note that a fee is reported; False: it was, or the transfer is in no block any more."""
    return bool(await connection.fetchval(MARK_CHARGED, charge.transfer_id, at))


async def _held(session: "Connection | Pool[asyncpg.Record]") -> Held:
    row = await session.fetchrow(HELD)
    if row is None:
        raise AssertionError("a sum has one row")
    return Held(**row)


async def _sweep(session: "Connection | Pool[asyncpg.Record]") -> Sweep | None:
    row = await session.fetchrow(OPEN_SWEEP)
    return None if row is None else Sweep(**row)
