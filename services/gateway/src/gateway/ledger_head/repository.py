"""The head of the ledger's hash chain, read from the ledger's view."""

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.errors import InvariantViolated
from gateway.database.queries import Row, fetch_row, load_statements

SQL = load_statements("gateway.ledger_head")


class LedgerHead:
    """Reads the head of the hash chain over the journal."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def read(self) -> Row:
        """Read the newest link.

        Raises:
            InvariantViolated: the view returned no row.
        """
        row = await fetch_row(self._pool, SQL["ledger_head"])
        if row is None:
            raise InvariantViolated("the view of the chain's head always has a row")
        return row
