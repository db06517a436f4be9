"""Convert rows of payments to response bodies; pure."""

from typing import Any

from cift_shared.rails.registry import rails
from cift_shared.security.field_encryption import Vault
from gateway.database.queries import Row
from gateway.http.responses import amount_text
from gateway.payment_methods.next_actions import opened
from gateway.payment_methods.presenters import instrument_out
from gateway.payments.responses import PaymentOut


def payment_out(row: Row, vault: Vault | None = None) -> PaymentOut:
    """A payment as response body; without a vault, its next action has no sealed fields."""
    currency, rail = row["currency"], rails().get(row["rail"])
    return PaymentOut.model_validate(
        {
            "id": row["payment_id"],
            "type": row["type"],
            "method": row["method"],
            "rail": row["rail"],
            "provider": rail.provider if rail else None,
            "provider_name": rail.provider_name if rail else None,
            "status": row["status"],
            "amount": amount_text(row["minor"], currency),
            "requested_amount": _requested(row),
            "currency": currency,
            "customer_id": row["customer_id"],
            "fee": amount_text(row["fee_minor"], currency),
            "net": amount_text(row["net_minor"], currency),
            "payment_method": instrument_out(row["instrument"], row["rail"]),
            "next_action": opened(row["next_action"], vault),
            "provider_reference": row["provider_reference"],
            "failure": row["failure"],
            "estimated_arrival": row["estimated_arrival"],
            "description": row["description"],
            "return_url": row["return_url"],
            "metadata": row["metadata"] or {},
            "refunded": amount_text(row["refunded_minor"], currency),
            "reversed": amount_text(row["reversed_minor"], currency),
            "disputed": amount_text(row["disputed_minor"], currency),
            "parent": row["parent_payment_id"],
            "livemode": row["livemode"],
            "version": row["version"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
        }
    )


def _requested(row: Row) -> str | None:
    minor = row["requested_minor"]
    return None if minor is None else amount_text(minor, row["currency"])


def with_terms(reply: dict[str, Any]) -> dict[str, Any]:
    """A stored reply in its usual order, with the fee and net that the ledger worked out."""
    shown = dict(reply)
    for name in ("fee", "net"):
        minor = shown.pop(f"{name}_minor", None)
        if minor is not None:
            shown[name] = amount_text(minor, shown["currency"])
    # earlier releases stored replies without the fields that were added since
    return {name: shown[name] for name in PaymentOut.model_fields if name in shown}
