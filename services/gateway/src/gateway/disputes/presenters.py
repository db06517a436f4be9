"""Convert rows of disputes to response bodies; pure."""

from gateway.database.queries import Row
from gateway.disputes.responses import DisputeOut
from gateway.http.responses import amount_text


def dispute_out(row: Row) -> DisputeOut:
    """A dispute as response body."""
    currency, money_currency = row["currency"], row["money_currency"]
    fee_currency = row["fee_currency"] or money_currency
    return DisputeOut(
        id=row["reference"],
        payment_id=row["payment_id"],
        method=row["payment_method"],
        rail=row["method"],
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
