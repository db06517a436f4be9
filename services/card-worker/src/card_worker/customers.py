"""Stripe customers, which own saved cards: one for each merchant, mode and customer of ours.

Each is created once: the idempotency key is derived from these three, and the first id that is
stored wins. A duplicate is still possible (a crash, then a pause of a day); it owns no card and
costs nothing.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import ProviderUnavailable
from cift_shared.failpoints import failpoint

CreateCustomer = Callable[[str], Awaitable[str]]
"""Creates a customer at Stripe under an idempotency key; returns its id."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer of a merchant, in one mode."""

    merchant_id: str
    livemode: bool
    customer_id: str

    @property
    def key(self) -> str:
        """The idempotency key for creating the Stripe customer; always the same for one owner."""
        text = f"{self.merchant_id}\0{self.livemode}\0{self.customer_id}"
        return "customer-" + hashlib.sha256(text.encode()).hexdigest()


class Customers(Protocol):
    """Finds or creates Stripe customers."""

    async def find_or_create(self, owner: Owner, create: CreateCustomer) -> str:
        """The owner's id at Stripe; raises as `create` does."""
        ...


class MemoryCustomers:
    """Keeps Stripe customers in memory, for a processor without a database."""

    def __init__(self) -> None:
        self._known: dict[Owner, str] = {}

    async def find_or_create(self, owner: Owner, create: CreateCustomer) -> str:
        """The owner's id at Stripe; raises as `create` does."""
        if owner not in self._known:
            created = await create(owner.key)
            self._known.setdefault(owner, created)
        return self._known[owner]


class StoredCustomers:
    """Stores Stripe customers in the table `card.customer`."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def find_or_create(self, owner: Owner, create: CreateCustomer) -> str:
        """The owner's id at Stripe; raises as `create` does.

        Raises:
            ProviderUnavailable: the database can't be reached; no payment request was sent.
        """
        try:
            known = await self._read(owner)
            if known is not None:
                return known
            failpoint("card.before_customer")
            created = await create(owner.key)
            failpoint("card.after_customer")
            return await self._store(owner, created)
        except INFRASTRUCTURE_ERRORS as error:
            raise ProviderUnavailable("owners_unreachable", type(error).__name__) from error

    async def _read(self, owner: Owner) -> str | None:
        stripe_id: str | None = await self._pool.fetchval(
            """
            select stripe_id from card.customer
             where merchant_id = $1 and livemode = $2 and customer_id = $3
            """,
            owner.merchant_id,
            owner.livemode,
            owner.customer_id,
        )
        return stripe_id

    async def _store(self, owner: Owner, stripe_id: str) -> str:
        await self._pool.execute(
            """
            insert into card.customer (merchant_id, livemode, customer_id, stripe_id)
            values ($1, $2, $3, $4) on conflict do nothing
            """,
            owner.merchant_id,
            owner.livemode,
            owner.customer_id,
            stripe_id,
        )
        failpoint("card.after_customer_kept")
        return await self._read(owner) or stripe_id
