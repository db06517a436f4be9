"""What the gateway reads of a customer's accounts; every read is bound to merchant and mode."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from cift_shared.database import Pool
from cift_shared.money import EXPONENTS
from gateway.auth import Caller
from gateway.statements import Row, fetch_row, fetch_rows


class CustomerBooks:
    """Balances, statements and conversions of the merchants' customers."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def balances(self, caller: Caller, customer_id: str) -> Sequence[Row]:
        """The customer's accounts with their balances; none when we never saw the customer."""
        return await fetch_rows(
            self._pool, "balances", _tenant(caller), _codes(customer_id, EXPONENTS)
        )

    async def balances_as_of(
        self, caller: Caller, customer_id: str, *, as_of: datetime
    ) -> Sequence[Row]:
        """The same as it was at a moment, by the time things were booked."""
        codes = _codes(customer_id, EXPONENTS)
        return await fetch_rows(self._pool, "balances_as_of", _tenant(caller), codes, as_of)

    async def statement(
        self,
        caller: Caller,
        customer_id: str,
        currencies: Iterable[str],
        *,
        as_of: datetime | None,
        before: int | None,
        rows_max: int,
    ) -> Sequence[Row]:
        """Entries of the customer's accounts from the newest to the oldest.

        Args:
            caller: whose customer.
            customer_id: which customer.
            currencies: of which accounts.
            as_of: nothing booked later; None for all there is.
            before: the last entry of the page before; None for the first page.
            rows_max: length of a page.
        """
        codes = _codes(customer_id, currencies)
        return await fetch_rows(
            self._pool, "statement", _tenant(caller), codes, as_of, before, rows_max
        )

    async def conversion(self, caller: Caller, customer_id: str, conversion_id: UUID) -> Row | None:
        """One conversion."""
        return await fetch_row(
            self._pool, "conversion",
            conversion_id, caller.merchant_id, caller.livemode, customer_id,
        )  # fmt: skip


def _tenant(caller: Caller) -> str:
    return f"{caller.merchant_id}:{'live' if caller.livemode else 'test'}"


def _codes(customer_id: str, currencies: Iterable[str]) -> list[str]:
    return [f"customer:{customer_id}:{currency}" for currency in currencies]
