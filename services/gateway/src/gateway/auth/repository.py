"""API keys in the database; the gateway only reads them."""

import asyncpg

from cift_shared.database.pool import Pool
from gateway.database.queries import Row, fetch_row, load_statements

SQL = load_statements("gateway.auth")


class KeyRepository:
    """Reads API keys."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def one(self, key_id: str) -> Row | None:
        """Read one API key, revoked and expired ones included."""
        return await fetch_row(self._pool, SQL["api_key"], key_id)
