"""Several payouts in one transaction, in PostgreSQL: which wait, which are paid together.

A transaction's versions and coins belong to the group's id; of a payout that is paid alone, to the
payment's id. Plans are made behind the lock of the change counter's row, as everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.payout_store import GROUP, STORE_PAYOUT, VERSIONS
from bitcoin_watcher.spend_store import NEXT_CHANGE, Draft, Owner, coins_of, store_spend
from cift_shared.database.pool import Pool
from cift_shared.ids import IdFactory

MEMBERS = """
select p.payment_id, p.script, p.satoshi
  from bitcoin.payout as p
 where coalesce(p.group_id, p.payment_id) = (
        select coalesce(mine.group_id, mine.payment_id)
          from bitcoin.payout as mine where mine.payment_id = $1)
 order by p.payment_id
"""
WAITING = """
select p.payment_id, p.script, p.satoshi
  from bitcoin.payout as p
 where p.group_id is null
   and not exists (select from bitcoin.spend as s where s.payment_id = p.payment_id)
   and (p.payment_id = $1 or not p.is_alone and not exists (
            select from bitcoin.payout as mine where mine.payment_id = $1 and mine.is_alone))
 order by p.payment_id <> $1, p.created_at, p.payment_id
 limit $2
"""
"""Payouts that no transaction pays yet, the given one first."""
JOIN = "update bitcoin.payout set group_id = $2 where payment_id = any ($1::uuid[])"
DISSOLVE = """
update bitcoin.payout as p set group_id = null, is_alone = true
 where p.group_id = $1
   and not exists (select from bitcoin_signer.signature as g where g.payment_id = $1)
"""
GIVE_BACK = "delete from bitcoin.reserved_coin where payment_id = $1"


@dataclass(frozen=True, slots=True)
class Member:
    """A payout, and what it pays."""

    payment_id: UUID
    script: bytes
    satoshi: int


MakeGroup = Callable[[Sequence[Member], Sequence[Coin], int], Draft | None]
"""From payouts, coins and an index of change to one transaction for all; None: too few coins."""


class PayoutGroups:
    """Payouts that wait, and those of one transaction."""

    def __init__(self, pool: "Pool[asyncpg.Record]", ids: IdFactory) -> None:
        self._pool = pool
        self._ids = ids

    async def enqueue(self, payment_id: UUID, recipient: tuple[bytes, int]) -> None:
        """Store a withdrawal that waits for a transaction, maybe with others."""
        await self._pool.execute(STORE_PAYOUT, payment_id, *recipient)

    async def plan_group(
        self, payment_id: UUID, make: MakeGroup, *, tip: int, depth: int, members_max: int
    ) -> bool:
        """Store the first version of a transaction for a waiting withdrawal and others that wait.

        If they do not fit together, it is paid alone. False: too few coins even for that.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            index = await connection.fetchval(NEXT_CHANGE)
            if await connection.fetch(VERSIONS, payment_id):
                return True
            rows = await connection.fetch(WAITING, payment_id, members_max)
            members = [Member(**row) for row in rows]
            coins = await coins_of(connection, tip=tip, depth=depth)
            draft = make(members, coins, index)
            if draft is None and len(members) > 1:
                members = members[:1]
                draft = make(members, coins, index)
            if draft is None:
                return False
            group = self._ids.new_id() if len(members) > 1 else payment_id
            if group != payment_id:
                await connection.execute(JOIN, [one.payment_id for one in members], group)
            await store_spend(connection, Owner(payment_id=group), 1, draft, index)
        return True

    async def members(self, payment_id: UUID) -> Sequence[Member]:
        """The withdrawals of the same transaction, itself included, in the order of their ids."""
        return [Member(**row) for row in await self._pool.fetch(MEMBERS, payment_id)]

    async def dissolve(self, payment_id: UUID) -> bool:
        """Take a refused group apart: each is paid alone from now on; False: it is no group."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.fetchval(NEXT_CHANGE)  # the lock of plans
            group = await connection.fetchval(GROUP, payment_id)
            if group is None:
                return False
            await connection.execute(DISSOLVE, group)
            if await connection.fetchval(GROUP, payment_id) is None:
                await connection.execute(GIVE_BACK, group)
            return True
