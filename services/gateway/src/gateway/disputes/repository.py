"""Disputes in the ledger: deposits that the payers' banks took back."""

from collections.abc import Mapping, Sequence

import asyncpg

from cift_shared.database.pool import Pool
from gateway.auth.authenticator import Caller
from gateway.database.queries import Row, fetch_row, fetch_rows, load_statements
from gateway.database.receipts import BY_RECEIPT, by_receipt
from gateway.disputes.requests import DisputesQuery
from gateway.http.cursors import NameCursor
from gateway.http.paging import Window, list_statement

SQL = load_statements("gateway.disputes")

_FILTERS: Mapping[str, str] = {
    "status": "dispute.status = {}",
    "payment_id": "dispute.payment_id = {}",
    "customer_id": "payment.customer_id = {}",
    "provider_reference": f"dispute.payment_id in ({BY_RECEIPT})",
    "cursor": "(dispute.opened_at, dispute.reference) {beyond} ({}, {})",
}


class DisputeRepository:
    """Reads disputes; a caller sees only those of its own merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def one(self, caller: Caller, reference: str) -> Row | None:
        """Read one dispute, by the provider's id of it."""
        return await fetch_row(
            self._pool, SQL["dispute"], reference, caller.merchant_id, caller.livemode
        )

    async def page(
        self, caller: Caller, query: DisputesQuery, requested: Window[NameCursor]
    ) -> Sequence[Row]:
        """Read the disputes of a page, and one more, from the cursor on."""
        given = {
            **dict(query),
            "provider_reference": by_receipt(query.provider_reference),
            "cursor": requested.cursor and requested.cursor.place,
        }
        statement, arguments = list_statement(
            SQL["disputes_page"], requested, _FILTERS, given, first=4
        )
        fixed = (caller.merchant_id, caller.livemode, requested.rows_max)
        return await fetch_rows(self._pool, statement, *fixed, *arguments)
