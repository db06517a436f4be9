"""The twin's own book of Stripe's movements, for comparison with our ledger.

Amounts are in the smallest unit, as Stripe counts them. The entry of a dispute includes its fee.
"""

from collections.abc import Mapping
from typing import Any

from provider_sandbox.book import Movement
from provider_sandbox.stripe import balance
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext

PROVIDER = "stripe"


def charged(context: RequestContext, charge: Record) -> None:
    """Book a captured charge and Stripe's fee."""
    body = charge.body
    _append(
        context,
        "charge",
        charge,
        fee=balance.charge_fee(context, body["amount_captured"], body["currency"]),
    )


def refunded(context: RequestContext, refund: Record, charge: Record) -> None:
    """Book a refund to the card."""
    _append(context, "refund", charge, refund)


def refund_failed(context: RequestContext, refund: Record, charge: Record) -> None:
    """Book a failed refund: its money is back in our balance."""
    _append(context, "refund_failed", charge, refund)


def withdrawn(
    context: RequestContext, dispute: Record, charge: Record, transaction: Record
) -> None:
    """Book the withdrawal of a dispute's amount and its fee."""
    _append(context, "dispute", charge, dispute, fee=_fee(transaction))


def reinstated(
    context: RequestContext, dispute: Record, charge: Record, transaction: Record
) -> None:
    """Book the reinstatement of a won dispute; a negative fee means that the fee is returned."""
    _append(context, "dispute_reinstated", charge, dispute, fee=_fee(transaction))


def _fee(transaction: Record) -> tuple[int, str]:
    return transaction.body["fee"], transaction.body["currency"]


def _append(
    context: RequestContext,
    kind: str,
    charge: Record,
    about: Record | None = None,
    *,
    fee: tuple[int, str] | None = None,
) -> None:
    body = charge.body
    card = body["payment_method_details"]["card"]
    ids = {"payment_intent": body["payment_intent"], "charge": charge.id}
    refs = dict(body["metadata"])
    if about is not None:
        ids[about.body["object"]] = about.id
        refs |= about.body["metadata"] or {}
    if fee is not None:
        ids["fee_currency"] = fee[1].upper()
    context.twin.book.append(
        Movement(
            provider=PROVIDER,
            kind=kind,
            msisdn=f"{card['brand']} {card['last4']}",
            amount=str(body["amount_captured"] if about is None else about.body["amount"]),
            currency=body["currency"].upper(),
            fee=str(fee[0] if fee else 0),
            receipt=(charge if about is None else about).id + _SUFFIXES.get(kind, ""),
            provider_ids=ids,
            caller_refs=refs,
            callback_url=context.twin.settings.stripe_webhook_url,
        )
    )


_SUFFIXES = {"refund_failed": ":failed", "dispute_reinstated": ":reinstated"}
"""Suffixes that make the receipt of the second entry about an object unique."""

_SIGNS: Mapping[str, tuple[str, int]] = {
    "charge": ("charged", 1),
    "refund": ("refunded", 1),
    "refund_failed": ("refunded", -1),
    "dispute": ("disputed", 1),
    "dispute_reinstated": ("disputed", -1),
}


def by_intent(context: RequestContext) -> dict[str, dict[str, Any]]:
    """The sums of the book: the movements of each PaymentIntent, and its fees by currency."""
    sums: dict[str, dict[str, Any]] = {}
    for entry in context.twin.book.entries(since=0, limit=-1):
        if entry["provider"] != PROVIDER:
            continue
        row = sums.setdefault(
            entry["provider_ids"]["payment_intent"],
            {"currency": entry["currency"], "charged": 0, "refunded": 0, "disputed": 0, "fees": {}},
        )
        name, sign = _SIGNS[entry["kind"]]
        row[name] += sign * int(entry["amount"])
        currency = entry["provider_ids"].get("fee_currency")
        if currency is not None and int(entry["fee"]):
            row["fees"][currency] = row["fees"].get(currency, 0) + int(entry["fee"])
    return sums
