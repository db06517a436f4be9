"""Disputes as the books know them: payers who had their bank take a deposit back."""

from collections.abc import Sequence

import asyncpg

from cift_shared.database import Pool
from gateway.auth import Caller
from gateway.cursors import NameCursor
from gateway.replies import DisputeOut
from gateway.schemas import DisputesQuery
from gateway.statements import Row, fetch_row, fetch_rows
from gateway.views import amount_text


class Disputes:
    """Reads disputes; every read is bound to the caller's merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def one(self, caller: Caller, reference: str) -> Row | None:
        """One dispute, by the provider's id of it."""
        return await fetch_row(
            self._pool, "dispute", reference, caller.merchant_id, caller.livemode
        )

    async def page(
        self, caller: Caller, query: DisputesQuery, cursor: NameCursor | None, *, rows_max: int
    ) -> Sequence[Row]:
        """Disputes from the newest to the oldest."""
        return await fetch_rows(
            self._pool, "disputes_page", caller.merchant_id, caller.livemode, query.status,
            query.payment_id, query.customer_id,
            cursor.created_at if cursor else None, cursor.name if cursor else None, rows_max,
        )  # fmt: skip


def dispute_out(row: Row) -> DisputeOut:
    """A dispute."""
    currency, money_currency = row["currency"], row["money_currency"]
    fee_currency = row["fee_currency"] or money_currency
    return DisputeOut(
        id=row["reference"],
        payment_id=row["payment_id"],
        method=row["method"],
        status=row["status"],
        reason=row["reason"],
        amount=amount_text(row["minor"], currency),
        currency=currency,
        withdrawn=amount_text(row["withdrawn_minor"], money_currency),
        reinstated=amount_text(row["reinstated_minor"], money_currency),
        money_currency=money_currency,
        fee=amount_text(row["fee_minor"] - row["fee_reinstated_minor"], fee_currency),
        fee_currency=fee_currency,
        evidence_due_by=row["evidence_due_by"],
        outcome=row["closed"],
        opened_at=row["opened_at"],
        updated_at=row["updated_at"],
    )
