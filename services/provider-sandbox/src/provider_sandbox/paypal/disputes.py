"""Disputes: opened by scripted payers or the control API, decided by the control API.

Source: developer.paypal.com/docs/api/customer-disputes/v1. PayPal holds the disputed amount from
the opening to the decision; an inquiry holds nothing.
"""

import base64
import binascii
from decimal import Decimal
from typing import Any, Literal

from provider_sandbox.paypal import captures, events, ids, ledger, money
from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.paypal.ledger import Entry
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext, written
from provider_sandbox.paypal.request_ids import DAY_S

Favour = Literal["buyer", "seller"]
_OUTCOMES = {"buyer": "RESOLVED_BUYER_FAVOUR", "seller": "RESOLVED_SELLER_FAVOUR"}
_RESPONSE_S = 10 * DAY_S
_SUMMARY = (
    "dispute_id",
    "create_time",
    "update_time",
    "reason",
    "status",
    "dispute_state",
    "dispute_amount",
    "dispute_life_cycle_stage",
    "dispute_channel",
    "seller_response_due_date",
)


def open_later(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the payer of a capture disputes it."""
    capture = context.objects.get("capture", payload["id"])
    if capture is not None and capture.status == "COMPLETED":
        open_for(context, capture, reason=payload["reason"])


def open_for(
    context: RequestContext,
    capture: Record,
    *,
    reason: str,
    amount: str | None = None,
    inquiry: bool = False,
) -> Record:
    """Open a dispute, in the caller's transaction, and hold its amount unless it is an inquiry."""
    whole = capture.body["amount"]
    disputed = money.of(Decimal(amount or whole["value"]), whole["currency_code"])
    dispute = Record(
        context.ids.dispute(),
        "dispute",
        {
            "create_time": context.time(),
            "update_time": context.time(),
            "disputed_transactions": [_transaction(context, capture)],
            "reason": reason,
            "dispute_amount": disputed,
            "dispute_life_cycle_stage": "INQUIRY" if inquiry else "CHARGEBACK",
            "dispute_channel": "INTERNAL",
            "seller_response_due_date": written(context.twin.clock.now() + _RESPONSE_S),
        },
        {"held": not inquiry},
        parent=capture.id,
        status="WAITING_FOR_SELLER_RESPONSE",
    )
    context.objects.add(dispute)
    if not inquiry:
        _book(context, "dispute_hold", dispute, capture)
        _moved(context, dispute, "DEBIT")
    _report(context, dispute, "CREATED")
    return dispute


def decide(context: RequestContext, dispute: Record, favour: Favour) -> None:
    """Resolve a dispute: the held amount comes back, or the payment is reversed."""
    dispute.status = "RESOLVED"
    dispute.body["update_time"] = context.time()
    dispute.body["dispute_outcome"] = {"outcome_code": _OUTCOMES[favour]}
    if favour == "buyer":
        dispute.body["dispute_outcome"]["amount_refunded"] = dispute.body["dispute_amount"]
    context.objects.save(dispute)
    capture = context.objects.get("capture", str(dispute.parent))
    if capture is not None and favour == "seller" and dispute.hidden["held"]:
        _book(context, "dispute_release", dispute, capture)
        _moved(context, dispute, "CREDIT")
    if capture is not None and favour == "buyer":
        if not dispute.hidden["held"]:
            _book(context, "reversal", dispute, capture)
            _moved(context, dispute, "DEBIT")
        _report_reversal(context, dispute, capture)
    _report(context, dispute, "RESOLVED")


def is_open_for(context: RequestContext, capture: Record) -> bool:
    """True while a dispute of the capture is not resolved."""
    return any(
        row.status != "RESOLVED" for row in context.objects.all("dispute", parent=capture.id)
    )


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """One dispute."""
    return 200, view(context, context.find("dispute", call.path[0], call.operation))


def listed(context: RequestContext, call: Call) -> tuple[int, Any]:
    """A page of disputes, newest first; without ``items`` when there are none, as described."""
    size, first = _page(call)
    wanted = [row for row in reversed(context.objects.all("dispute")) if _fits(call, row)]
    rows = [_summary(context, row) for row in wanted[first : first + size]]
    links = [context.link("self", "/v1/customer/disputes")]
    if first + size < len(wanted):
        token = base64.b64encode(str(first + size).encode()).decode()
        links.append(context.link("next", f"/v1/customer/disputes?next_page_token={token}"))
    return 200, ({"items": rows} if rows else {}) | {"links": links}


def view(context: RequestContext, dispute: Record) -> dict[str, Any]:
    """The dispute as PayPal shows it."""
    links = [context.link("self", f"/v1/customer/disputes/{dispute.id}")]
    return {"dispute_id": dispute.id, "status": dispute.status, **dispute.body, "links": links}


def _summary(context: RequestContext, dispute: Record) -> dict[str, Any]:
    made = view(context, dispute)
    made["dispute_state"] = "RESOLVED" if dispute.status == "RESOLVED" else "REQUIRED_ACTION"
    return {name: made[name] for name in (*_SUMMARY, "links") if name in made}


def _page(call: Call) -> tuple[int, int]:
    """Page size and the first row.

    Raises:
        PayPalError: HTTP 400.
    """
    try:
        size = int(call.query.get("page_size", "10"))
        token = call.query.get("next_page_token")
        first = 0 if token is None else int(base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error) as fault:
        raise PayPalError(400) from fault
    if not 1 <= size <= 50 or first < 0:
        raise PayPalError(400)
    return size, first


def _fits(call: Call, dispute: Record) -> bool:
    asked, body = call.query, dispute.body
    state = "RESOLVED" if dispute.status == "RESOLVED" else "REQUIRED_ACTION"
    return (
        asked.get("disputed_transaction_id", dispute.parent) == dispute.parent
        and state in asked.get("dispute_state", state).split(",")
        and body["create_time"] >= asked.get("start_time", "")
        and body["update_time"] >= asked.get("update_time_after", "")
        and body["update_time"] <= asked.get("update_time_before", "9999")
    )


def _transaction(context: RequestContext, capture: Record) -> dict[str, Any]:
    body = capture.body
    made = {
        "seller_transaction_id": capture.id,
        "create_time": context.time(),
        "transaction_status": capture.status,
        "gross_amount": body["amount"],
        "buyer": {"name": "Test Payer"},
        "seller": {"email": "seller@example.com", "merchant_id": ids.account("seller@example.com")},
    }
    named = {"invoice_number": body.get("invoice_id"), "custom": body.get("custom_id")}
    return made | {name: value for name, value in named.items() if value is not None}


def _book(context: RequestContext, kind: ledger.Kind, dispute: Record, capture: Record) -> None:
    amount = dispute.body["dispute_amount"]
    ledger.move(
        context,
        kind,
        Entry(
            receipt=f"{dispute.id}:{kind}",
            amount=Decimal(amount["value"]),
            currency=amount["currency_code"],
            party=capture.hidden["email"],
            ids={"order": str(capture.parent), "capture": capture.id, "dispute": dispute.id},
            refs=captures.references(capture),
        ),
    )


def _moved(context: RequestContext, dispute: Record, direction: Literal["DEBIT", "CREDIT"]) -> None:
    """Add a movement of our money to the dispute, as PayPal shows it."""
    movement = {
        "affected_party": "SELLER",
        "amount": dispute.body["dispute_amount"],
        "initiated_time": context.time(),
        "type": direction,
        "reason": "DISPUTE_SETTLEMENT",
    }
    dispute.body["money_movements"] = [*dispute.body.get("money_movements", []), movement]
    context.objects.save(dispute)


def _report(context: RequestContext, dispute: Record, word: str) -> None:
    summary = f"A dispute was {word.lower()}, {dispute.id}"
    events.emit(context, f"CUSTOMER.DISPUTE.{word}", "dispute", view(context, dispute), summary)


def _report_reversal(context: RequestContext, dispute: Record, capture: Record) -> None:
    """The debit as PayPal reports it: a refund that we did not ask for, readable as any refund."""
    amount = dispute.body["dispute_amount"]
    name = context.ids.make("reversal")
    body = {"amount": amount, "create_time": context.time(), "update_time": context.time()}
    context.objects.add(Record(name, "refund", body, parent=capture.id, status="COMPLETED"))
    links = [
        context.link("self", f"/v2/payments/refunds/{name}"),
        context.link("up", f"/v2/payments/captures/{capture.id}"),
    ]
    reversal = {"id": name, "status": "COMPLETED", **body, "links": links}
    summary = f"A {amount['value']} {amount['currency_code']} payment was reversed"
    events.emit(context, "PAYMENT.CAPTURE.REVERSED", "refund", reversal, summary)
