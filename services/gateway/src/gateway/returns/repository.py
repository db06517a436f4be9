"""Read the payment of a returning payer; the token in the address authorizes it."""

from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from gateway.database.queries import Row, fetch_row, load_statements

SQL = load_statements("gateway.returns")


class ReturnRepository:
    """Reads payments of any merchant."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def one(self, payment_id: UUID) -> Row | None:
        """Read one payment."""
        return await fetch_row(self._pool, SQL["returned_payment"], payment_id)
