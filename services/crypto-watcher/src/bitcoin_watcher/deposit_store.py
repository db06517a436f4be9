"""Addresses and outputs of deposits, for the processor: in PostgreSQL, or in memory for tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from bitcoin_watcher.addresses import Derived
from bitcoin_watcher.domain import Output, Tip
from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint

Derive = Callable[[int], Derived]

KNOWN = "select address from bitcoin.address where payment_id = $1"
NEXT_INDEX = """
insert into bitcoin.address_counter as counter (next_index) values (1)
    on conflict (is_single) do update set next_index = counter.next_index + 1
returning next_index - 1
"""
"""Locks the row until the commit: a second process waits, and gets the next index."""
STORE_ADDRESS = """
insert into bitcoin.address (index, address, script, payment_id) values ($1, $2, $3, $4)
"""
TIP = "select height, is_settled, followed_at from bitcoin.chain"
OUTPUTS = """
select txid, vout, satoshi, is_coinbase, block_hash, height, in_mempool, first_seen_at
  from bitcoin.output
 where payment_id = $1 and received_as is null
 order by first_seen_at, txid, vout
"""
NAME_PAYMENT = """
update bitcoin.output
   set payment_id = $1
 where txid = $2 and address = $3 and payment_id is null and received_as is null
   and first_seen_at >= $4
returning vout
"""
"""Each output is for one deposit: the first that names its transaction. A transaction that is older
than the deposit is for another one."""
RELEASE_CLAIMS = "update bitcoin.output set deposit_id = null where deposit_id = $1"
CLAIM = """
update bitcoin.output
   set deposit_id = $1
 where payment_id = $1 and txid = $2 and vout = $3 and block_hash = $4
   and deposit_id is null and received_as is null
returning true
"""


class DepositStore(Protocol):
    """What the processor stores of deposits."""

    async def assign(self, payment_id: UUID, derive: Derive) -> str:
        """The address of a deposit: a new one at first, then always the same."""
        ...

    async def tip(self) -> Tip | None:
        """How far the chain is read; None: nothing was read yet."""
        ...

    async def outputs(self, payment_id: UUID) -> Sequence[Output]:
        """The outputs that are for a deposit, and were not reported as received without one."""
        ...

    async def name_payment(
        self, payment_id: UUID, txid: str, address: str, *, since: datetime
    ) -> int:
        """Note that a transaction is for this deposit; returns how many outputs became its own."""
        ...

    async def claim(self, payment_id: UUID, outputs: Sequence[Output]) -> bool:
        """Settle a deposit with exactly these outputs; False: one of them has changed meanwhile.

        It may be repeated with other outputs as long as the settlement was not stored.
        """
        ...


class StoredDeposits:
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def assign(self, payment_id: UUID, derive: Derive) -> str:
        """As `DepositStore.assign`: index and address are stored in one transaction."""
        known = await self._pool.fetchval(KNOWN, payment_id)
        if known is not None:
            return str(known)
        async with self._pool.acquire() as connection, connection.transaction():
            index = await connection.fetchval(NEXT_INDEX)
            known = await connection.fetchval(KNOWN, payment_id)
            if known is not None:  # another process was faster; this index remains unused
                return str(known)
            derived = derive(index)
            await connection.execute(
                STORE_ADDRESS, index, derived.address, derived.script, payment_id
            )
            failpoint("bitcoin.before_address_commit")
        failpoint("bitcoin.after_address_commit")
        return derived.address

    async def tip(self) -> Tip | None:
        """As `DepositStore.tip`."""
        row = await self._pool.fetchrow(TIP)
        return None if row is None else Tip(**row)

    async def outputs(self, payment_id: UUID) -> Sequence[Output]:
        """As `DepositStore.outputs`."""
        return [Output(**row) for row in await self._pool.fetch(OUTPUTS, payment_id)]

    async def name_payment(
        self, payment_id: UUID, txid: str, address: str, *, since: datetime
    ) -> int:
        """As `DepositStore.name_payment`."""
        return len(await self._pool.fetch(NAME_PAYMENT, payment_id, txid, address, since))

    async def claim(self, payment_id: UUID, outputs: Sequence[Output]) -> bool:
        """As `DepositStore.claim`: all of them or none."""
        async with self._pool.acquire() as connection:
            change = connection.transaction()
            await change.start()
            await connection.execute(RELEASE_CLAIMS, payment_id)
            for one in sorted(outputs, key=lambda output: output.reference):
                if not await connection.fetchval(
                    CLAIM, payment_id, one.txid, one.vout, one.block_hash
                ):
                    await change.rollback()
                    return False
            failpoint("bitcoin.before_claim_commit")
            await change.commit()
        failpoint("bitcoin.after_claim_commit")
        return True


@dataclass
class MemoryDeposits:
    """In memory: for tests, and for a processor without a database, which receives nothing."""

    tip_read: Tip | None = None
    addresses: dict[UUID, str] = field(default_factory=dict)
    paid: dict[UUID, list[Output]] = field(default_factory=dict)
    unnamed: dict[str, list[Output]] = field(default_factory=dict)
    """Outputs of the shared address by transaction, for no deposit yet."""
    claims: dict[UUID, list[Output]] = field(default_factory=dict)

    async def assign(self, payment_id: UUID, derive: Derive) -> str:
        """As `DepositStore.assign`."""
        if payment_id not in self.addresses:
            self.addresses[payment_id] = derive(len(self.addresses)).address
        return self.addresses[payment_id]

    async def tip(self) -> Tip | None:
        """As `DepositStore.tip`."""
        return self.tip_read

    async def outputs(self, payment_id: UUID) -> Sequence[Output]:
        """As `DepositStore.outputs`."""
        return [replace(one) for one in self.paid.get(payment_id, ())]

    async def name_payment(
        self,
        payment_id: UUID,
        txid: str,
        address: str,  # noqa: ARG002  there is one
        *,
        since: datetime,
    ) -> int:
        """As `DepositStore.name_payment`."""
        found = [one for one in self.unnamed.get(txid, ()) if one.first_seen_at >= since]
        self.unnamed[txid] = [one for one in self.unnamed.get(txid, ()) if one not in found]
        self.paid.setdefault(payment_id, []).extend(found)
        return len(found)

    async def claim(self, payment_id: UUID, outputs: Sequence[Output]) -> bool:
        """As `DepositStore.claim`."""
        if any(one not in self.paid.get(payment_id, ()) for one in outputs):
            return False
        self.claims[payment_id] = list(outputs)
        return True
