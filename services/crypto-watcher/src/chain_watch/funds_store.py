"""What the ledger has set aside for withdrawals: in its schema, by a view of it."""

from uuid import UUID

from chain_watch.funds import Held
from cift_shared.database.pool import Connection

HELD = """
select minor, currency, sealed, is_held from ledger.held_withdrawal
 where payment_id = $1 and rail = $2
"""


class LedgerFunds:
    """In PostgreSQL."""

    def __init__(self, rail: str) -> None:
        self._rail = rail

    async def held(self, connection: Connection, payment_id: UUID) -> Held | None:
        """As `Funds.held`."""
        row = await connection.fetchrow(HELD, payment_id, self._rail)
        if row is None:
            return None
        return Held(int(row["minor"]), row["currency"], row["sealed"] or "", row["is_held"])
