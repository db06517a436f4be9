"""From rows to what the API shows: pure, and the only place that turns one into the other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cift_shared.money import Money
from cift_shared.vault import Vault
from gateway.next_actions import opened
from gateway.replies import (
    BalanceOut,
    CardOut,
    EntryOut,
    PaymentOut,
    PhoneOut,
    TimelineItemOut,
    TimelineOut,
)

Row = Mapping[str, Any]
POSTINGS: Mapping[str, str] = {
    "reversal": "The provider undid the payment after it was completed.",
    "dispute_withdrawn": "The payer's bank took the amount back until the dispute is decided.",
    "dispute_fee": "The provider charged a fee for the dispute.",
    "dispute_reinstated": "The dispute was decided for us: the provider gave the amount back.",
    "dispute_lost": "The dispute was lost: the customer's balance pays what was held of it.",
}
"""Postings after a payment was completed, in words."""
DISPUTE_HOLD = "What the payer wants back can't be spent until the dispute is decided."


def amount_text(minor: Any, currency: str) -> str:
    """Minor units from the database as decimal text."""
    return Money(int(minor), currency).text


def payment_out(row: Row, vault: Vault | None = None) -> PaymentOut:
    """A payment; what is sealed in its next action is shown with the vault only."""
    currency, instrument = row["currency"], row["instrument"]
    return PaymentOut.model_validate(
        {
            "id": row["payment_id"],
            "type": row["type"],
            "method": row["method"],
            "status": row["status"],
            "amount": amount_text(row["minor"], currency),
            "currency": currency,
            "customer_id": row["customer_id"],
            "fee": amount_text(row["fee_minor"], currency),
            "net": amount_text(row["net_minor"], currency),
            "payment_method": instrument_out(instrument),
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


def instrument_out(instrument: Row) -> PhoneOut | CardOut:
    """What may be shown of a payment's instrument."""
    if instrument["kind"] == "card":
        return CardOut(kind="card", **card_fields(instrument.get("card")))
    return PhoneOut(kind="phone", phone=instrument["display"], country=instrument["country"])


def card_fields(card: Row | None) -> dict[str, Any]:
    """What may be shown of a card, nulls for what is not known."""
    return {name: (card or {}).get(name) for name in ("brand", "last4", "exp_month", "exp_year")}


def with_terms(reply: dict[str, Any]) -> dict[str, Any]:
    """A stored reply in its usual order, with the fee and net that the ledger worked out."""
    shown = dict(reply)
    for name in ("fee", "net"):
        minor = shown.pop(f"{name}_minor", None)
        if minor is not None:
            shown[name] = amount_text(minor, shown["currency"])
    return {name: shown.get(name) for name in PaymentOut.model_fields}


def balance_out(row: Row) -> BalanceOut:
    """A customer's balance; the books count what we owe a customer as credit, below zero."""
    posted, held, currency = -int(row["posted"]), int(row["held"]), row["currency"]
    return BalanceOut(
        currency=currency,
        posted=amount_text(posted, currency),
        held=amount_text(held, currency),
        available=amount_text(posted - held, currency),
    )


def entry_out(row: Row) -> EntryOut:
    """A line of a statement, turned into the customer's view."""
    return EntryOut(
        id=row["entry_id"],
        transaction_id=str(row["tx_id"]),
        payment_id=row["payment_id"],
        kind=row["kind"],
        currency=row["currency"],
        amount=amount_text(-row["amount"], row["currency"]),
        balance_after=amount_text(-row["balance_after"], row["currency"]),
        booked_at=row["created_at"],
    )


def timeline_out(
    payment: Row, events: Iterable[Row], entries: Sequence[Row], holds: Iterable[Row]
) -> TimelineOut:
    """A payment's life in order: what happened, the evidence for it, and where money went."""
    items = [item for event in events for item in _event_items(event)]
    if payment["pricing"]:
        items.append(_pricing_item(payment))
    items += _posting_items(entries)
    items += [_hold_item(hold) for hold in holds]
    items.sort(key=lambda item: item.at)
    return TimelineOut(
        payment_id=payment["payment_id"],
        status=payment["status"],
        next_check_at=payment["next_check_at"],
        items=items,
    )


def _pricing_item(payment: Row) -> TimelineItemOut:
    pricing = payment["pricing"]
    return TimelineItemOut(
        at=payment["created_at"], kind="pricing", name=pricing["rule"], detail=pricing
    )


def _event_items(event: Row) -> list[TimelineItemOut]:
    detail = dict(event["detail"] or {})
    evidence = detail.pop("evidence", None) or []
    told = {
        "version": event["version"],
        "from_status": event["from_status"],
        "to_status": event["to_status"],
        "disposition": event["disposition"],
        **detail,
    }
    steps = [
        TimelineItemOut(
            at=step["at"], kind="evidence", name=step["name"], detail=step.get("detail") or {}
        )
        for step in evidence
    ]
    step = TimelineItemOut(at=event["occurred_at"], kind="event", name=event["kind"], detail=told)
    return [*steps, step]


def _posting_items(entries: Sequence[Row]) -> list[TimelineItemOut]:
    transactions: dict[Any, list[Row]] = {}
    for entry in entries:
        transactions.setdefault(entry["tx_id"], []).append(entry)
    return [
        TimelineItemOut(
            at=lines[0]["created_at"],
            kind="posting",
            name=lines[0]["kind"],
            detail={
                **({"told": POSTINGS[kind]} if (kind := lines[0]["kind"]) in POSTINGS else {}),
                "transaction_id": str(tx_id),
                "entries": [
                    {
                        "account": line["code"],
                        "amount": amount_text(line["amount"], line["currency"]),
                        "currency": line["currency"],
                    }
                    for line in lines
                ],
            },
        )
        for tx_id, lines in transactions.items()
    ]


def _hold_item(hold: Row) -> TimelineItemOut:
    return TimelineItemOut(
        at=hold["created_at"],
        kind="hold",
        name=f"hold.{hold['state']}",
        detail={
            **({"told": DISPUTE_HOLD} if hold["disputed"] else {}),
            "amount": amount_text(hold["amount"], hold["currency"]),
            "currency": hold["currency"],
        },
    )
