"""Addresses and arrivals of deposits, for the processor: in PostgreSQL, or in memory for tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol
from uuid import UUID

import asyncpg

from chain_watch.context import Tables
from chain_watch.domain import ArrivalType, Derived, Tip
from chain_watch.exchange import Credit
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint

Derive = Callable[[int], Derived]

KNOWN = "select address from {schema}.address where payment_id = $1"
NEXT_INDEX = """
insert into {schema}.address_counter as counter (next_index) values (1)
    on conflict (is_single) do update set next_index = counter.next_index + 1
returning next_index - 1
"""
"""Locks the row until the commit: a second process waits, and gets the next index."""
STORE_ADDRESS = """
insert into {schema}.address (index, address, script, payment_id{column})
     values ($1, $2, $3, $4{value})
"""
IS_WATCHED = "select true from {schema}.address where script = $1"
SCRIPTS_AFTER = "select index, script from {schema}.address where index > $1 order by index"
TIP = "select {tip} from {schema}.chain"
ARRIVALS = """
select {fields}
  from {arrivals} as o
 where o.payment_id = $1 and o.received_as is null
 order by o.first_seen_at, o.{hash}, o.{place}
"""
NAME_PAYMENT = """
update {arrivals}
   set payment_id = $1
 where {hash} = $2 and address = $3 and payment_id is null and received_as is null
   and first_seen_at >= $4
returning {place}
"""
"""Each arrival is for one deposit: the first that names its transaction. A transaction that is
older than the deposit is for another one."""
RELEASE_CLAIMS = "update {arrivals} set deposit_id = null where deposit_id = $1"
CLAIM = """
update {arrivals}
   set deposit_id = $1
 where payment_id = $1 and {hash} = $2 and {place} = $3 and block_hash = $4
   and deposit_id is null and received_as is null
returning true
"""


FORGET_CREDITS = "delete from rates.credit where rail = $1 and payment_id = $2"
STORE_CREDIT = """
insert into rates.credit (rail, hash, place, payment_id, minor, currency)
     values ($1, $2, $3, $4, $5, $6)
"""


async def store_credits(
    connection: Connection, rail: str, payment_id: UUID, credits_: Sequence[Credit[ArrivalType]]
) -> None:
    """Store what each arrival of a payment is credited with in another currency.

    It may be repeated as long as the settlement was not stored: the last shares count.
    """
    if not credits_:
        return
    await connection.execute(FORGET_CREDITS, rail, payment_id)
    for one in credits_:
        amount = one.amount
        await connection.execute(
            STORE_CREDIT, rail, *one.arrival.key, payment_id, amount.minor, amount.currency
        )


class DepositStore(Protocol[ArrivalType]):
    """What the processor stores of deposits."""

    async def assign(self, payment_id: UUID, derive: Derive) -> str:
        """The address of a deposit: a new one at first, then always the same."""
        ...

    async def tip(self) -> Tip | None:
        """How far the chain is read; None: nothing was read yet."""
        ...

    async def arrivals(self, payment_id: UUID) -> Sequence[ArrivalType]:
        """What arrived for a deposit, and was not reported as received without one."""
        ...

    async def name_payment(
        self, payment_id: UUID, txid: str, address: str, *, since: datetime
    ) -> int:
        """Note that a transaction is for this deposit; returns how many arrivals became its own."""
        ...

    async def claim(
        self,
        payment_id: UUID,
        arrivals: Sequence[ArrivalType],
        credits_: Sequence[Credit[ArrivalType]] = (),
    ) -> bool:
        """Settle a deposit with exactly these arrivals; False: one of them has changed meanwhile.

        `credits_` are their shares, if the deposit is priced in another currency. It may be
        repeated with others as long as the settlement was not stored.
        """
        ...


class StoredDeposits(Generic[ArrivalType]):
    """In PostgreSQL."""

    def __init__(self, pool: "Pool[asyncpg.Record]", tables: Tables[ArrivalType]) -> None:
        self._pool = pool
        self._tables = tables

    async def assign(self, payment_id: UUID, derive: Derive) -> str:
        """As `DepositStore.assign`: index and address are stored in one transaction."""
        sql = self._tables.sql
        known = await self._pool.fetchval(sql(KNOWN), payment_id)
        if known is not None:
            return str(known)
        async with self._pool.acquire() as connection, connection.transaction():
            index = await connection.fetchval(sql(NEXT_INDEX))
            known = await connection.fetchval(sql(KNOWN), payment_id)
            if known is not None:  # another process was faster; this index remains unused
                return str(known)
            derived = derive(index)
            await connection.execute(
                sql(STORE_ADDRESS), index, derived.address, derived.script, payment_id
            )
            failpoint("chain.before_address_commit")
        failpoint("chain.after_address_commit")
        return derived.address

    async def share(self, derived: Derived) -> None:
        """Watch an address that deposits share."""
        sql = self._tables.sql
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(sql(IS_WATCHED), derived.script):
                index = await connection.fetchval(sql(NEXT_INDEX))
                await connection.execute(
                    f"{sql(STORE_ADDRESS)} on conflict do nothing",
                    index, derived.address, derived.script, None,
                )  # fmt: skip

    async def scripts_after(self, index: int) -> tuple[int, list[bytes]]:
        """The addresses with a higher index as blocks have them, and the highest index."""
        rows = await self._pool.fetch(self._tables.sql(SCRIPTS_AFTER), index)
        return (rows[-1]["index"] if rows else index), [row["script"] for row in rows]

    async def tip(self) -> Tip | None:
        """As `DepositStore.tip`."""
        row = await self._pool.fetchrow(self._tables.sql(TIP))
        return None if row is None else Tip(**row)

    async def arrivals(self, payment_id: UUID) -> Sequence[ArrivalType]:
        """As `DepositStore.arrivals`."""
        rows = await self._pool.fetch(self._tables.sql(ARRIVALS), payment_id)
        return [self._tables.read(row) for row in rows]

    async def name_payment(
        self, payment_id: UUID, txid: str, address: str, *, since: datetime
    ) -> int:
        """As `DepositStore.name_payment`."""
        sql = self._tables.sql(NAME_PAYMENT)
        return len(await self._pool.fetch(sql, payment_id, txid, address, since))

    async def claim(
        self,
        payment_id: UUID,
        arrivals: Sequence[ArrivalType],
        credits_: Sequence[Credit[ArrivalType]] = (),
    ) -> bool:
        """As `DepositStore.claim`: all of them or none."""
        sql = self._tables.sql
        async with self._pool.acquire() as connection:
            change = connection.transaction()
            await change.start()
            await connection.execute(sql(RELEASE_CLAIMS), payment_id)
            for one in sorted(arrivals, key=lambda arrival: arrival.key):
                claimed = (payment_id, *one.key, one.block_hash)
                if not await connection.fetchval(sql(CLAIM), *claimed):
                    await change.rollback()
                    return False
            await store_credits(connection, self._tables.schema, payment_id, credits_)
            failpoint("chain.before_claim_commit")
            await change.commit()
        failpoint("chain.after_claim_commit")
        return True


@dataclass
class MemoryDeposits(Generic[ArrivalType]):
    """In memory: for tests, and for a processor without a database, which receives nothing."""

    tip_read: Tip | None = None
    addresses: dict[UUID, str] = field(default_factory=dict)
    paid: dict[UUID, list[ArrivalType]] = field(default_factory=dict)
    unnamed: dict[str, list[Any]] = field(default_factory=dict)
    """What arrived at the shared address by transaction, for no deposit yet."""
    claims: dict[UUID, list[ArrivalType]] = field(default_factory=dict)

    async def assign(self, payment_id: UUID, derive: Derive) -> str:
        """As `DepositStore.assign`."""
        if payment_id not in self.addresses:
            self.addresses[payment_id] = derive(len(self.addresses)).address
        return self.addresses[payment_id]

    async def tip(self) -> Tip | None:
        """As `DepositStore.tip`."""
        return self.tip_read

    async def arrivals(self, payment_id: UUID) -> Sequence[ArrivalType]:
        """As `DepositStore.arrivals`."""
        return list(self.paid.get(payment_id, ()))

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

    async def claim(
        self,
        payment_id: UUID,
        arrivals: Sequence[ArrivalType],
        credits_: Sequence[Credit[ArrivalType]] = (),  # noqa: ARG002  nothing is taken back
    ) -> bool:
        """As `DepositStore.claim`."""
        if any(one not in self.paid.get(payment_id, ()) for one in arrivals):
            return False
        self.claims[payment_id] = list(arrivals)
        return True
