"""Withdrawals in PostgreSQL: coins, planned transactions, signatures, confirmations.

The signer's answers are read from its own schema; nothing here can write them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.spend_store import (
    INPUTS,
    MATURITY,
    NEXT_CHANGE,
    MakeDraft,
    Owner,
    coins_of,
    store_spend,
)
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint

IS_OURS = """
select true
 where exists (select from bitcoin.address where script = $1)
    or exists (select from bitcoin.spend_output where script = $1 and is_change)
"""
STORE_PAYOUT = """
insert into bitcoin.payout (payment_id, script, satoshi) values ($1, $2, $3) on conflict do nothing
"""
GROUP = "select group_id from bitcoin.payout where payment_id = $1"
VERSIONS = """
select s.txid, s.version, s.unsigned, s.fee, s.weight, s.sent_at, s.sent_height, s.height,
       s.block_hash, g.raw, r.reason as refusal
  from bitcoin.spend as s
  left join bitcoin_signer.signature as g on g.txid = s.txid
  left join bitcoin_signer.refusal as r on r.txid = s.txid
 where s.payment_id = coalesce(
        (select p.group_id from bitcoin.payout as p where p.payment_id = $1), $1)
 order by s.version
"""
MARK_SENT = """
update bitcoin.spend set sent_at = coalesce(sent_at, $2), sent_height = coalesce(sent_height, $3)
 where txid = $1
"""
MARK_SETTLED = "update bitcoin.payout set settled_txid = $2 where payment_id = $1"
RELEASE = """
delete from bitcoin.reserved_coin as held
 where held.payment_id = $1
   and not exists (select from bitcoin_signer.signature as g where g.payment_id = $1)
"""
"""Coins of a payout of which nothing is signed."""
RELEASE_UNUSED = """
delete from bitcoin.reserved_coin as held
 using bitcoin.payout as p join bitcoin.spend as s on s.txid = p.settled_txid
 where held.payment_id = coalesce(p.group_id, p.payment_id) and s.height <= $1
   and not exists (select from bitcoin.spend_input as i
                    where i.spend_txid = p.settled_txid
                      and i.txid = held.txid and i.vout = held.vout)
"""
"""Coins that only a replaced version would have spent, once the settled one is final."""
UNDONE = """
select p.payment_id, g.txid, g.raw
  from bitcoin.payout as p
  join bitcoin_signer.signature as g on g.txid = p.settled_txid
 where not exists (select from bitcoin.spend as s
                    where s.payment_id = coalesce(p.group_id, p.payment_id)
                      and s.height is not null)
"""
"""Settled payouts that are in no block any more."""
SIGNER_LEADS = """
select true from bitcoin_signer.lease where name = 'job:sign' and ends_at > clock_timestamp()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a withdrawal's transaction, as far as it has come."""

    txid: str
    version: int
    unsigned: bytes
    fee: int
    weight: int
    sent_at: datetime | None = None
    sent_height: int | None = None
    height: int | None = None
    block_hash: str | None = None
    raw: bytes | None = field(default=None, repr=False)
    """The signed bytes; None: not signed."""
    refusal: str | None = None
    """Why the signer does not sign it."""


class PayoutStore(Protocol):
    """What withdrawals store."""

    async def versions(self, payment_id: UUID) -> Sequence[Version]:
        """The versions of a withdrawal's transaction, the first one first."""
        ...

    async def plan(
        self, payment_id: UUID, recipient: tuple[bytes, int], *, tip: int, depth: int,
        number: int, make: MakeDraft,
    ) -> bool:  # fmt: skip
        """Store the version of this number, with its coins reserved; False: too few coins.

        If it is stored already, nothing changes. `recipient` is script and satoshi, `depth` how
        many confirmations a deposit must have.
        """
        ...

    async def inputs(self, txid: str) -> Sequence[Coin]:
        """The coins that a version spends."""
        ...

    async def is_ours(self, script: bytes) -> bool:
        """True for the script of a deposit's or change's address."""
        ...

    async def mark_sent(self, txid: str, *, at: datetime, tip: int) -> None:
        """Note that a version is about to be sent; only the first time counts."""
        ...

    async def mark_settled(self, payment_id: UUID, txid: str) -> None:
        """Note which version a withdrawal is settled with."""
        ...

    async def release(self, payment_id: UUID) -> None:
        """Give back the coins of a withdrawal of which nothing is signed."""
        ...

    async def spendable(self, *, tip: int, depth: int) -> Sequence[Coin]:
        """The coins that no withdrawal has reserved, of a deposit so deep or of change."""
        ...

    async def has_signer(self) -> bool:
        """True while a signer is at work."""
        ...


class StoredPayouts:
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def versions(self, payment_id: UUID) -> Sequence[Version]:
        """As `PayoutStore.versions`."""
        return [Version(**row) for row in await self._pool.fetch(VERSIONS, payment_id)]

    async def plan(
        self, payment_id: UUID, recipient: tuple[bytes, int], *, tip: int, depth: int,
        number: int, make: MakeDraft,
    ) -> bool:  # fmt: skip
        """As `PayoutStore.plan`: one transaction, behind the lock of the counter."""
        async with self._pool.acquire() as connection, connection.transaction():
            index = await connection.fetchval(NEXT_CHANGE)
            known = await connection.fetch(VERSIONS, payment_id)
            if any(row["version"] == number for row in known):
                return True
            coins = await coins_of(connection, tip=tip, depth=depth)
            draft = make(coins, index)
            if draft is None:
                return False
            await connection.execute(STORE_PAYOUT, payment_id, *recipient)
            owner = Owner(payment_id=await _group_of(connection, payment_id))
            await store_spend(connection, owner, number, draft, index)
        failpoint("bitcoin.after_plan_commit")
        return True

    async def inputs(self, txid: str) -> Sequence[Coin]:
        """As `PayoutStore.inputs`."""
        return [Coin(**row) for row in await self._pool.fetch(INPUTS, txid)]

    async def is_ours(self, script: bytes) -> bool:
        """As `PayoutStore.is_ours`."""
        return bool(await self._pool.fetchval(IS_OURS, script))

    async def mark_sent(self, txid: str, *, at: datetime, tip: int) -> None:
        """As `PayoutStore.mark_sent`."""
        await self._pool.execute(MARK_SENT, txid, at, tip)
        failpoint("bitcoin.after_mark_sent")

    async def mark_settled(self, payment_id: UUID, txid: str) -> None:
        """As `PayoutStore.mark_settled`."""
        failpoint("bitcoin.before_settled_mark")
        await self._pool.execute(MARK_SETTLED, payment_id, txid)
        failpoint("bitcoin.after_settled_mark")

    async def release(self, payment_id: UUID) -> None:
        """As `PayoutStore.release`."""
        await self._pool.execute(RELEASE, payment_id)

    async def release_unused(self, *, tip: int) -> None:
        """Give back coins that only a replaced version would have spent."""
        await self._pool.execute(RELEASE_UNUSED, tip - MATURITY)

    async def spendable(self, *, tip: int, depth: int) -> Sequence[Coin]:
        """As `PayoutStore.spendable`."""
        return await coins_of(self._pool, tip=tip, depth=depth)

    async def has_signer(self) -> bool:
        """As `PayoutStore.has_signer`."""
        return bool(await self._pool.fetchval(SIGNER_LEADS))

    async def undone(self) -> Sequence[tuple[UUID, str, bytes]]:
        """Settled payouts that are in no block: payment, transaction, signed bytes."""
        return [tuple(row) for row in await self._pool.fetch(UNDONE)]


async def _group_of(connection: Connection, payment_id: UUID) -> UUID:
    """The name under which a payout's transactions are stored: its group's, or its own."""
    group: UUID | None = await connection.fetchval(GROUP, payment_id)
    return group or payment_id
