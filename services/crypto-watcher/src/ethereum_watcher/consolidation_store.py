"""Addresses of deposits that are emptied, in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from chain_watch.fence import fenced
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.money.amount import Money
from ethereum_watcher.chain_store import HASH_AT
from ethereum_watcher.hot_account import FOLLOW, SCHEMA
from ethereum_watcher.payout_plans import MakeTransfer
from ethereum_watcher.payout_store import StoredPayouts

OPEN = """
select p.payment_id, p.index, p.sender, p.contract, a.address
  from ethereum.payout as p join ethereum.address as a on a.index = p.index
 where p.index is not null and p.nonce is not null and p.settled_hash is null
 order by p.created_at
"""
HOLDING = """
with arrived as (
    select address, sum(wei) as amount
      from ethereum.arrival
     where currency = $5 and height <= $1 and not is_reversed
       and (deposit_id is not null or received_as is not null)
     group by address having sum(wei) >= $2
)
select a.index, a.address, a.script
  from arrived join ethereum.address as a using (address)
 cross join lateral (
    select coalesce(sum(s.wei), 0) as amount from ethereum.spending as s
     where s.address = a.address and $6::bytea is null) as spent
 cross join lateral (
    select coalesce(sum(m.amount), 0) as amount
      from ethereum.hot_transaction as t join ethereum.hot_transfer as m on m.hash = t.hash
     where t.sender = a.script and m.contract = $6) as moved
 where a.payment_id is not null and a.index <> all ($3::bigint[])
   and arrived.amount - spent.amount - moved.amount >= $2
   and not exists (select from ethereum.payout as p
                    where p.index = a.index
                      and (p.nonce is not null and p.settled_hash is null
                           or (p.nonce is null or p.has_failed)
                           and p.created_at > now() - interval '1 day'))
 order by arrived.amount - spent.amount - moved.amount desc, a.index
 limit $4
"""
"""Addresses with so much of a currency, final and credited; where something has failed, not on the
same day."""
RELEASE = """
update ethereum.payout as p set nonce = null
  from ethereum_signer.refusal as r
 where r.payment_id = p.payment_id and r.version = 1 and p.index is not null
   and p.nonce is not null
   and not exists (select from ethereum_signer.signature as g where g.payment_id = p.payment_id)
returning p.index, r.reason
"""
END_PASSED = """
update ethereum.payout as p set settled_hash = t.hash, has_failed = true
  from ethereum.hot_transaction as t
 where p.index is not null and p.nonce is not null and p.settled_hash is null
   and t.sender = p.sender and t.nonce = p.nonce and t.height <= $1
   and not exists (select from ethereum_signer.signature as g
                    where g.hash = t.hash and g.payment_id = p.payment_id)
returning p.index, t.hash
"""
"""Somebody else has used the nonce, for good."""


@dataclass(frozen=True, slots=True)
class Place:
    """The address of a deposit."""

    index: int
    address: str
    script: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTransfer:
    """A transfer of our own that has not ended."""

    payment_id: UUID
    """Its own id: no payment has it."""
    index: int
    address: str
    """Of the deposit."""
    sender: bytes
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account in the chain after one of our blocks."""

    height: int
    nonce: int
    wei: int


class StoredConsolidations:
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]", payouts: StoredPayouts) -> None:
        self._pool = pool
        self._payouts = payouts

    async def hash_at(self, height: int) -> str | None:
        """Our block at a height; None: not stored."""
        found: str | None = await self._pool.fetchval(HASH_AT, height)
        return found

    async def open_transfers(self) -> Sequence[OpenTransfer]:
        """Those that have not ended, the oldest first."""
        return [OpenTransfer(**row) for row in await self._pool.fetch(OPEN)]

    async def holding(
        self,
        least: Money,
        contract: bytes | None = None,
        *,
        final_height: int,
        but: Collection[int],
        limit: int,
    ) -> Sequence[Place]:
        """Addresses that have so much for good and nothing under way, the most first.

        Args:
            least: of ether or a token.
            contract: of the token; None: ether.
            final_height: of the highest block that can't be undone.
            but: indices of addresses that are left alone.
            limit: the most addresses.
        """
        rows = await self._pool.fetch(
            HOLDING, final_height, least.minor, list(but), limit, least.currency, contract
        )
        return [Place(**row) for row in rows]

    async def follow(self, lease: Lease, sender: bytes, account: Account) -> None:
        """Note what an address of a deposit has.

        Raises:
            LeaseLost: another process leads; nothing was stored.
        """
        async with fenced(self._pool, SCHEMA, lease) as connection:
            await connection.execute(FOLLOW, sender, account.height, account.nonce, account.wei)

    async def plan(
        self, lease: Lease, payment_id: UUID, place: Place, account: Account, make: MakeTransfer
    ) -> bool:
        """Store a transfer from an address; False: none is made; raises as `follow`."""
        await self.follow(lease, place.script, account)
        payouts = self._payouts.of(place.script)
        return await self._plan(lease, payment_id, place, payouts, make)

    async def plan_gas(
        self, lease: Lease, payment_id: UUID, place: Place, make: MakeTransfer
    ) -> bool:
        """The same for ether to an address from the account that pays."""
        return await self._plan(lease, payment_id, place, self._payouts, make)

    async def _plan(
        self,
        lease: Lease,
        payment_id: UUID,
        place: Place,
        payouts: StoredPayouts,
        make: MakeTransfer,
    ) -> bool:
        async with fenced(self._pool, SCHEMA, lease) as connection:
            if not await payouts.plan_in(connection, payment_id, make, index=place.index):
                return False
            failpoint("ethereum.before_consolidation_commit")
        failpoint("ethereum.after_consolidation_commit")
        return True

    async def release_refused(self, lease: Lease) -> Sequence[asyncpg.Record]:
        """Give back the nonces of what the signer has refused; raises as `follow`."""
        async with fenced(self._pool, SCHEMA, lease) as connection:
            return list(await connection.fetch(RELEASE))

    async def end_passed(self, lease: Lease, final_height: int) -> Sequence[asyncpg.Record]:
        """End those whose nonce somebody else has used for good; raises as `follow`."""
        async with fenced(self._pool, SCHEMA, lease) as connection:
            return list(await connection.fetch(END_PASSED, final_height))
