"""A ledger that has the money for every command of a watcher, for tests without a ledger."""

import json
from uuid import UUID

from chain_watch.funds import Held
from cift_shared.database.pool import Connection
from cift_shared.messaging.messages import RequestWithdrawal


class HeldFunds:
    """Accepted is what the watcher was asked for."""

    def __init__(self, schema: str) -> None:
        self._schema = schema

    async def held(self, connection: Connection, payment_id: UUID) -> Held | None:
        stored = await connection.fetchval(
            f"select request from {self._schema}.attempt where payment_id = $1", payment_id
        )
        if stored is None:
            return None
        text = stored if isinstance(stored, str) else json.dumps(stored)
        command = RequestWithdrawal.model_validate_json(text)
        amount = command.amount
        return Held(amount.minor, amount.currency, command.instrument.sealed, is_held=True)
