"""Quotes that are kept for a while, so that a payment can name one."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.database import Pool
from gateway.auth import Caller
from gateway.statements import SQL, Row, fetch_row


class Quotes:
    """The quotes of the merchants."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def save(
        self, caller: Caller, row: dict[str, Any], *, now: datetime, expires_at: datetime
    ) -> None:
        """Keep a quote (`pricing.quote_row`) for its merchant."""
        await self._pool.execute(
            SQL["save_quote"], caller.merchant_id, caller.livemode, row, now, expires_at
        )

    async def find(self, caller: Caller, quote_id: UUID) -> Row | None:
        """One quote, expired ones included; None when the merchant has no such quote."""
        return await fetch_row(self._pool, "quote", quote_id, caller.merchant_id, caller.livemode)

    async def forget(self, *, expired_before: datetime) -> None:
        """Delete some of the quotes that expired long ago."""
        await self._pool.execute(SQL["forget_quotes"], expired_before)
