"""Build the timeline of a payment from its rows; pure."""

from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cift_shared.rails.registry import rails
from gateway.database.queries import Row
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.responses import amount_text
from gateway.payments.responses import TimelineItemOut, TimelineOut

POSTINGS: Mapping[str, str] = {
    "reversal": "The provider undid the payment, or a part of it, after it was completed.",
    "reinstatement": "The provider took a reversal back: the money counts again.",
    "dispute_withdrawn": "The payer's bank took the amount back until the dispute is decided.",
    "dispute_reinstated": "The dispute was decided for us: the provider gave the amount back.",
    "dispute_lost": "The dispute was lost: the held amount is debited from the customer's balance.",
}
"""Explanations of the postings that can follow a completed payment."""
_COST_ACCOUNTS = ("provider-costs:", "network:")
_COST_STEPS = frozenset(step for rail in rails().values() for step in rail.cost_steps)
_COST_FIELDS = frozenset({"fee"})
"""Fields of the evidence, like the steps above, that show what a provider charged us."""
DISPUTE_HOLD = "What the payer wants back can't be spent until the dispute is decided."


def timeline_out(
    payment: Row,
    events: Iterable[Row],
    entries: Sequence[Row],
    holds: Iterable[Row],
    ids: OpaqueIds,
) -> TimelineOut:
    """The events of a payment, their evidence and its movements of money, in the order of time.

    What the provider charges us is left out: postings of its fees, and evidence that shows them.
    """
    items = [item for event in events for item in _event_items(event)]
    if payment["pricing"]:
        items.append(_pricing_item(payment))
    items += _posting_items(entries, ids)
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
    if "amount" in detail and "currency" in detail:
        detail["amount"] = amount_text(Decimal(detail["amount"]), detail["currency"])
    shown = {
        "version": event["version"],
        "from_status": event["from_status"],
        "to_status": event["to_status"],
        "disposition": event["disposition"],
        **detail,
    }
    steps = [
        TimelineItemOut(
            at=step["at"],
            kind="evidence",
            name=step["name"],
            detail=_without(step.get("detail") or {}, _COST_FIELDS),
        )
        for step in evidence
        if step["name"] not in _COST_STEPS
    ]
    step = TimelineItemOut(at=event["occurred_at"], kind="event", name=event["kind"], detail=shown)
    return [*steps, step]


def _without(detail: Row, names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if name not in names}


def _is_cost(lines: Iterable[Row]) -> bool:
    """True for a posting to a cost account; its other entries would show the cost, too."""
    return any(line["code"].startswith(_COST_ACCOUNTS) for line in lines)


def _posting_items(entries: Sequence[Row], ids: OpaqueIds) -> list[TimelineItemOut]:
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
                "transaction_id": ids.of("transaction", tx_id),
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
        if not _is_cost(lines)
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
