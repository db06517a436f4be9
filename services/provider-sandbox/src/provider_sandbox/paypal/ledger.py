"""The twin's own book of PayPal's movements, and our balance, which only these movements change.

Amounts are decimal text in the currency's unit, as PayPal writes them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from provider_sandbox.book import Movement
from provider_sandbox.paypal import money
from provider_sandbox.paypal.request_context import RequestContext

PROVIDER = "paypal"

Kind = Literal[
    "capture",
    "refund",
    "refund_failed",
    "reversal",
    "payout",
    "payout_returned",
    "dispute_hold",
    "dispute_release",
]

SIGNS: dict[Kind, int] = {
    "capture": 1,
    "refund": -1,
    "refund_failed": 1,
    "reversal": -1,
    "payout": -1,
    "payout_returned": 1,
    "dispute_hold": -1,
    "dispute_release": 1,
}
"""Whether a movement adds to our balance or takes from it; a fee always takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement."""

    receipt: str
    """PayPal's id of the movement, unique."""
    amount: Decimal
    """Positive."""
    currency: str
    """ISO 4217."""
    party: str
    """The e-mail address of payer or receiver."""
    fee: Decimal = Decimal(0)
    """What PayPal takes; negative when it returns a fee."""
    ids: dict[str, str]
    """PayPal's ids."""
    refs: dict[str, Any]
    """Our ids; those that are None are left out."""


def move(context: RequestContext, kind: Kind, entry: Entry) -> None:
    """Book a movement and change our balance, in the caller's transaction."""
    currency, refs = entry.currency, entry.refs
    context.twin.book.append(
        Movement(
            provider=PROVIDER,
            kind=kind,
            msisdn=entry.party,
            amount=money.write(entry.amount, currency),
            currency=currency,
            fee=money.write(entry.fee, currency),
            receipt=entry.receipt,
            provider_ids=entry.ids,
            caller_refs={name: str(value) for name, value in refs.items() if value is not None},
            callback_url=context.twin.settings.paypal_webhook_url,
        )
    )
    changed = balance(context, currency) + SIGNS[kind] * entry.amount - entry.fee
    set_balance(context, currency, changed)


def balance(context: RequestContext, currency: str) -> Decimal:
    """Our balance in a currency."""
    row = context.twin.store.one(
        "SELECT amount FROM paypal_balances WHERE currency = ?", (currency,)
    )
    return Decimal(0) if row is None else Decimal(row["amount"])


def balances(context: RequestContext) -> dict[str, str]:
    """Our balance in every currency."""
    rows = context.twin.store.all("SELECT * FROM paypal_balances ORDER BY currency")
    return {row["currency"]: row["amount"] for row in rows}


def set_balance(context: RequestContext, currency: str, amount: Decimal) -> None:
    """Set our balance in a currency, as a transfer from a bank would."""
    context.twin.store.execute(
        "INSERT OR REPLACE INTO paypal_balances VALUES (?, ?)",
        (currency, money.write(amount, currency)),
    )
