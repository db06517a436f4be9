"""Balances and entries of customers' accounts in the ledger."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.money.amount import EXPONENTS
from gateway.auth.authenticator import Caller
from gateway.customers.requests import StatementQuery
from gateway.database.queries import Row, fetch_rows, load_statements
from gateway.http.paging import Window

SQL = load_statements("gateway.customers")


class CustomerRepository:
    """Reads accounts; a caller sees only those of its own merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def balances(self, caller: Caller, customer_id: str) -> Sequence[Row]:
        """Read the customer's accounts with their balances; empty for an unknown customer."""
        return await fetch_rows(
            self._pool, SQL["balances"], _tenant(caller), _codes(customer_id, EXPONENTS)
        )

    async def balances_as_of(
        self, caller: Caller, customer_id: str, *, as_of: datetime
    ) -> Sequence[Row]:
        """Read the same as it was at a moment, by the booking time of the entries."""
        codes = _codes(customer_id, EXPONENTS)
        return await fetch_rows(self._pool, SQL["balances_as_of"], _tenant(caller), codes, as_of)

    async def statement(
        self,
        caller: Caller,
        customer_id: str,
        currencies: Iterable[str],
        query: StatementQuery,
        requested: Window[int],
    ) -> Sequence[Row]:
        """Read the customer's entries of a page, and one more, from the cursor on."""
        codes = _codes(customer_id, currencies)
        given = (_tenant(caller), codes, query.as_of, requested.cursor, requested.rows_max)
        if query.payment_id is not None:
            return await self._entries_of(query.payment_id, requested, given)
        name = "statement_before" if requested.backwards else "statement"
        return await fetch_rows(self._pool, SQL[name], *given)

    async def _entries_of(
        self, payment_id: UUID, requested: Window[int], given: tuple[Any, ...]
    ) -> Sequence[Row]:
        statement = SQL["statement_of_payment"].replace("{beyond}", requested.beyond)
        statement = statement.replace("{order}", requested.order)
        return await fetch_rows(self._pool, statement, *given, payment_id)


def _tenant(caller: Caller) -> str:
    return f"{caller.merchant_id}:{'live' if caller.livemode else 'test'}"


def _codes(customer_id: str, currencies: Iterable[str]) -> list[str]:
    return [f"customer:{customer_id}:{currency}" for currency in currencies]
