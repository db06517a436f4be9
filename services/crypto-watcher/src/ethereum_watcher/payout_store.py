"""Withdrawals in PostgreSQL: nonces, planned transactions, signatures, what the chain has of them.

The signer's answers are read from its own schema; nothing here can write them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from chain_watch.fence import fenced
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint
from ethereum_watcher.ether_transfers import Transfer, unsigned_bytes
from ethereum_watcher.hot_account import SCHEMA
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import MakeTransfer, Room, Version

LOCK = """
select chain_nonce, wei from ethereum.hot_account where sender = $1 for update
"""
OPEN = """
select p.nonce, p.contract, p.wei, max(s.gas * s.max_fee) as fee_max
  from ethereum.payout as p join ethereum.spend as s on s.payment_id = p.payment_id
 where p.sender = $1 and p.nonce >= $2
 group by p.payment_id
"""
"""The nonces that no block has, and what their transactions pay, and can cost at most."""
TOKENS = "select contract, amount from ethereum.hot_token where sender = $1"
STORE_PAYOUT = """
insert into ethereum.payout (payment_id, sender, account, wei, is_filler, nonce, contract, index)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
STORE_SPEND = """
insert into ethereum.spend (payment_id, version, unsigned, gas, max_fee, tip)
values ($1, $2, $3, $4, $5, $6)
"""
VERSIONS = """
select s.version, s.unsigned, s.gas, s.max_fee, s.tip, p.nonce, h.chain_nonce, s.sent_at,
       s.sent_height, g.hash, g.raw, r.reason as refusal, t.height, t.block_hash, t.succeeded,
       t.fee, p.contract is null or exists (
           select from ethereum.hot_transfer as m
            where m.hash = t.hash and m.contract = p.contract and m.account = p.account
              and m.amount = p.wei) as has_moved
  from ethereum.spend as s
  join ethereum.payout as p on p.payment_id = s.payment_id
  join ethereum.hot_account as h on h.sender = p.sender
  left join ethereum_signer.signature as g
         on g.payment_id = s.payment_id and g.version = s.version
  left join ethereum_signer.refusal as r on r.payment_id = s.payment_id and r.version = s.version
  left join ethereum.hot_transaction as t on t.hash = g.hash
 where s.payment_id = $1
 order by s.version
"""
OWN_WEI = """
select case when contract is null then wei else 0 end from ethereum.payout where payment_id = $1
"""
IS_OURS = "select true from ethereum.address where script = $1"
MARK_SENT = """
update ethereum.spend set sent_at = coalesce(sent_at, $3), sent_height = coalesce(sent_height, $4)
 where payment_id = $1 and version = $2
"""
MARK_SETTLED = """
update ethereum.payout set settled_hash = $2, has_failed = $3 where payment_id = $1
"""
RELEASE = """
update ethereum.payout as p set nonce = null
 where p.payment_id = any ($1::uuid[]) and p.nonce is not null
   and exists (select from ethereum_signer.refusal as r
                where r.payment_id = p.payment_id and r.version = 1)
   and not exists (select from ethereum_signer.signature as g where g.payment_id = p.payment_id)
"""
"""A refused first version is never signed, and without one no other is: the nonce is free."""
REFUSED = """
select p.payment_id from ethereum.payout as p
  join ethereum_signer.refusal as r on r.payment_id = p.payment_id and r.version = 1
 where p.sender = $1 and p.nonce is not null
"""
HIGHEST_SIGNED = """
select max(p.nonce) from ethereum.payout as p
  join ethereum_signer.signature as g on g.payment_id = p.payment_id
 where p.sender = $1
"""
OPEN_FILLERS = """
select p.payment_id from ethereum.payout as p join ethereum.hot_account as h on h.sender = p.sender
 where p.sender = $1 and p.is_filler and p.nonce >= h.chain_nonce
"""
UNDONE = """
select p.payment_id, p.has_failed, g.hash, g.raw
  from ethereum.payout as p
  join ethereum_signer.signature as g on g.hash = p.settled_hash
 where not exists (select from ethereum.hot_transaction as t
                     join ethereum_signer.signature as v on v.hash = t.hash
                    where v.payment_id = p.payment_id)
"""
"""Ended payouts of which no version is in a block any more."""
HIGHEST_FOREIGN = """
select max(t.nonce) from ethereum.hot_transaction as t
 where t.sender = $1
   and not exists (select from ethereum_signer.signature as g where g.hash = t.hash)
"""
"""Of the transactions that somebody else has signed with our key."""
TELL_FOREIGN = """
update ethereum.hot_transaction as t set is_told = true
 where t.sender = $1 and not t.is_told
   and not exists (select from ethereum_signer.signature as g where g.hash = t.hash)
returning t.hash, t.nonce, t.height
"""
SIGNER_LEADS = """
select true from ethereum_signer.lease where name = 'job:sign' and ends_at > clock_timestamp()
"""


class StoredPayouts:
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]", sender: bytes) -> None:
        self._pool = pool
        self._sender = sender

    def of(self, sender: bytes) -> "StoredPayouts":
        """The transactions of another account."""
        return StoredPayouts(self._pool, sender)

    async def versions(self, payment_id: UUID) -> Sequence[Version]:
        """The versions of a withdrawal's transaction, the first one first."""
        return [_version(row) for row in await self._pool.fetch(VERSIONS, payment_id)]

    async def plan_first(self, payment_id: UUID, make: MakeTransfer) -> bool:
        """Reserve a nonce and store the first version; False: too little.

        If it is stored already, nothing changes.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            is_planned = await self.plan_in(connection, payment_id, make)
        _after_plan()
        return is_planned

    async def plan_filler(self, lease: Lease, payment_id: UUID, make: MakeTransfer) -> bool:
        """The same for a transaction that only uses a nonce up, by the process that leads.

        Raises:
            LeaseLost: another process leads; nothing was stored.
        """
        async with fenced(self._pool, SCHEMA, lease) as connection:
            return await self.plan_in(connection, payment_id, make, is_filler=True)

    async def plan_next(self, payment_id: UUID, number: int, make: MakeTransfer) -> bool:
        """Store a version that replaces the one before; False: too little.

        `make` gets the ether without what the versions before can cost.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            room = await self._room(connection)
            known = [_version(row) for row in await connection.fetch(VERSIONS, payment_id)]
            if any(one.version == number for one in known):
                return True
            if room is None or known[-1].is_passed:
                return False
            own = await connection.fetchval(OWN_WEI, payment_id)
            freed = int(own) + max(one.gas * one.offer.max_fee for one in known)
            made = make(replace(room, wei=room.wei + freed))
            if made is None:
                return False
            await _store_spend(connection, payment_id, number, made)
        _after_plan()
        return True

    async def room(self) -> Room | None:
        """What a new transaction could use now; None: the account was never read."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._room(connection)

    async def is_ours(self, account: bytes) -> bool:
        """True for the address of a deposit, and for the account itself."""
        return account == self._sender or bool(await self._pool.fetchval(IS_OURS, account))

    async def mark_sent(self, payment_id: UUID, version: int, *, at: datetime, tip: int) -> None:
        """Note that a version is about to be sent; only the first time counts."""
        await self._pool.execute(MARK_SENT, payment_id, version, at, tip)
        failpoint("ethereum.after_mark_sent")

    async def mark_settled(self, payment_id: UUID, name: str, *, has_failed: bool) -> None:
        """Note which version a withdrawal has ended with, and whether that moved nothing."""
        failpoint("ethereum.before_settled_mark")
        await self._pool.execute(MARK_SETTLED, payment_id, name, has_failed)
        failpoint("ethereum.after_settled_mark")

    async def release(self, payment_id: UUID) -> None:
        """Give back the nonce of a withdrawal that the signer has refused."""
        await self._pool.execute(RELEASE, [payment_id])

    async def release_refused(self, lease: Lease) -> None:
        """Give back the nonces of all of them, also of those that nobody asks about any more."""
        refused = [row["payment_id"] for row in await self._pool.fetch(REFUSED, self._sender)]
        if refused:
            async with fenced(self._pool, SCHEMA, lease) as connection:
                await connection.execute(RELEASE, refused)

    async def highest_signed(self) -> int | None:
        """The highest nonce of a signed transaction; None: there is none."""
        found: int | None = await self._pool.fetchval(HIGHEST_SIGNED, self._sender)
        return found

    async def open_fillers(self) -> Sequence[UUID]:
        """The transactions that use up a nonce, and are in no block."""
        rows = await self._pool.fetch(OPEN_FILLERS, self._sender)
        return [row["payment_id"] for row in rows]

    async def undone(self) -> Sequence[asyncpg.Record]:
        """Ended payouts of which no version is in a block."""
        return list(await self._pool.fetch(UNDONE))

    async def tell_foreign(self, lease: Lease) -> Sequence[asyncpg.Record]:
        """Transactions of the account that are not ours; each is returned once."""
        async with fenced(self._pool, SCHEMA, lease) as connection:
            return list(await connection.fetch(TELL_FOREIGN, self._sender))

    async def highest_foreign(self) -> int | None:
        """The highest nonce of a transaction that is not ours; None: there is none."""
        found: int | None = await self._pool.fetchval(HIGHEST_FOREIGN, self._sender)
        return found

    async def has_signer(self) -> bool:
        """True while a signer is at work."""
        return bool(await self._pool.fetchval(SIGNER_LEADS))

    async def plan_in(
        self,
        connection: Connection,
        payment_id: UUID,
        make: MakeTransfer,
        *,
        is_filler: bool = False,
        index: int | None = None,
    ) -> bool:
        """As `plan_first`, in a transaction; `index`: of the address of a transfer of our own."""
        room = await self._room(connection)
        if await connection.fetch(VERSIONS, payment_id):
            return True
        made = make(room) if room else None
        if made is None:
            return False
        await connection.execute(
            STORE_PAYOUT, payment_id, self._sender, made.account, made.wei, is_filler, made.nonce,
            made.contract, index,
        )  # fmt: skip
        await _store_spend(connection, payment_id, 1, made)
        return True

    async def _room(self, connection: Connection) -> Room | None:
        """What there is, behind the lock of the account."""
        account = await connection.fetchrow(LOCK, self._sender)
        if account is None:
            return None
        taken = await connection.fetch(OPEN, self._sender, account["chain_nonce"])
        nonces = {row["nonce"] for row in taken}
        first = range(account["chain_nonce"], account["chain_nonce"] + len(nonces) + 1)
        free = next(one for one in first if one not in nonces)
        rows = await connection.fetch(TOKENS, self._sender)
        wei, tokens = int(account["wei"]), {row["contract"]: int(row["amount"]) for row in rows}
        for row in taken:
            contract, paid = row["contract"], int(row["wei"])
            wei -= int(row["fee_max"]) + (paid if contract is None else 0)
            if contract in tokens:
                tokens[contract] -= paid
        return Room(free, wei, len(nonces), tokens)


async def _store_spend(
    connection: Connection, payment_id: UUID, number: int, made: Transfer
) -> None:
    await connection.execute(
        STORE_SPEND, payment_id, number, unsigned_bytes(made), made.gas, made.max_fee, made.tip
    )
    failpoint("ethereum.before_plan_commit")


def _after_plan() -> None:
    failpoint("ethereum.after_plan_commit")


def _version(row: asyncpg.Record) -> Version:
    fields = dict(row)
    offer = Fee(int(fields.pop("max_fee")), int(fields.pop("tip")))
    fee = fields.pop("fee")
    return Version(**fields, offer=offer, fee=None if fee is None else int(fee))
