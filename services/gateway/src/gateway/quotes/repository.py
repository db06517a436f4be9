"""Quotes in the database, stored so that a payment can name one until it expires."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from gateway.auth.authenticator import Caller
from gateway.database.queries import Row, fetch_row, load_statements

SQL = load_statements("gateway.quotes")


class QuoteRepository:
    """Stores, reads and deletes the quotes of merchants."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def save(
        self, caller: Caller, row: dict[str, Any], *, now: datetime, expires_at: datetime
    ) -> None:
        """Store a quote (`pricing.quote_row`) for its merchant."""
        await self._pool.execute(
            SQL["save_quote"], caller.merchant_id, caller.livemode, row, now, expires_at
        )

    async def find(self, caller: Caller, quote_id: UUID) -> Row | None:
        """Read one quote, also an expired one; None when the merchant has no such quote."""
        return await fetch_row(
            self._pool, SQL["quote"], quote_id, caller.merchant_id, caller.livemode
        )

    async def delete_old(self, *, expired_before: datetime) -> None:
        """Delete some of the quotes that expired before a moment."""
        await self._pool.execute(SQL["delete_old_quotes"], expired_before)
