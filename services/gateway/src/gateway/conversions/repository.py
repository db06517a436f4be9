"""Conversions in the ledger."""

from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from gateway.auth.authenticator import Caller
from gateway.database.queries import Row, fetch_row, load_statements

SQL = load_statements("gateway.conversions")


class ConversionRepository:
    """Reads conversions; a caller sees only those of its own merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def one(self, caller: Caller, customer_id: str, conversion_id: UUID) -> Row | None:
        """Read one conversion."""
        return await fetch_row(
            self._pool, SQL["conversion"],
            conversion_id, caller.merchant_id, caller.livemode, customer_id,
        )  # fmt: skip
