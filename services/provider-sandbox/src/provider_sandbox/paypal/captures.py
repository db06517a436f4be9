"""Captures: the payments of an order. Source: developer.paypal.com/docs/api/payments/v2."""

from decimal import Decimal
from typing import Any

from provider_sandbox.paypal import events, ledger, money
from provider_sandbox.paypal.errors import refused
from provider_sandbox.paypal.ledger import Entry
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.payers import Payer
from provider_sandbox.paypal.request_context import Call, RequestContext

END, DISPUTE_OPENS = "paypal.capture_ends", "paypal.dispute_opens"

_EVENTS = {
    "COMPLETED": "PAYMENT.CAPTURE.COMPLETED",
    "PENDING": "PAYMENT.CAPTURE.PENDING",
    "DECLINED": "PAYMENT.CAPTURE.DECLINED",
}


def make(context: RequestContext, order: Record, unit: dict[str, Any], payer: Payer) -> Record:
    """Capture one purchase unit, in the status that the payer's behaviour says."""
    given: dict[str, Any] = {
        name: unit[name] for name in ("invoice_id", "custom_id") if name in unit
    }
    amount = {name: unit["amount"][name] for name in ("currency_code", "value")}
    capture = Record(
        context.ids.make("capture"),
        "capture",
        {
            "amount": amount,
            "final_capture": True,
            "disbursement_mode": "INSTANT",
            "seller_protection": {
                "status": "ELIGIBLE",
                "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
            },
            "seller_receivable_breakdown": {"gross_amount": amount},
            **given,
            "create_time": context.time(),
            "update_time": context.time(),
        },
        {
            "unit": unit["reference_id"],
            "email": order.hidden["email"],
            "refund": payer.refund,
            "made_at": context.twin.clock.now(),
            "refunded": "0",
        },
        parent=order.id,
        status=payer.capture,
    )
    if payer.capture == "PENDING" and payer.reason is not None:
        capture.body["status_details"] = {"reason": payer.reason}
    _fill(context, capture)
    context.objects.add(capture)
    _report(context, capture)
    if payer.capture == "PENDING" and payer.then is not None:
        context.later(
            END, capture, after_s=context.twin.settings.paypal_pending_s, status=payer.then
        )
    if payer.dispute is not None:
        after_s = context.twin.settings.paypal_pending_s
        context.later(DISPUTE_OPENS, capture, after_s=after_s, reason=payer.dispute)
    return capture


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """The capture."""
    return 200, whole_view(context, context.find("capture", call.path[0], call.operation))


def end_later(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: a pending capture ends."""
    capture = context.objects.get("capture", payload["id"])
    if capture is not None and capture.status == "PENDING":
        end(context, capture, payload["status"])


def end(context: RequestContext, capture: Record, status: str) -> None:
    """End a pending capture: COMPLETED or DECLINED.

    A denial after PENDING has an event name of its own, ``PAYMENT.CAPTURE.DENIED``.
    """
    capture.status = status
    capture.body.pop("status_details", None)
    capture.body["update_time"] = context.time()
    _fill(context, capture)
    context.objects.save(capture)
    _report(context, capture, "PAYMENT.CAPTURE.DENIED" if status == "DECLINED" else None)


def view(context: RequestContext, capture: Record) -> dict[str, Any]:
    """The capture as PayPal shows it."""
    path = f"/v2/payments/captures/{capture.id}"
    links = [
        context.link("self", path),
        context.link("refund", f"{path}/refund", "POST"),
        context.link("up", f"/v2/checkout/orders/{capture.parent}"),
    ]
    return {"id": capture.id, "status": capture.status, **capture.body, "links": links}


def of_unit(context: RequestContext, order: Record, unit: dict[str, Any]) -> dict[str, Any]:
    """The captures and refunds of a purchase unit; empty when there are none."""
    made = [
        capture
        for capture in context.objects.all("capture", parent=order.id)
        if capture.hidden["unit"] == unit["reference_id"]
    ]
    refunds = [
        refund.body | {"id": refund.id, "status": refund.status}
        for capture in made
        for refund in context.objects.all("refund", parent=capture.id)
    ]
    shown = {"captures": [view(context, capture) for capture in made]} if made else {}
    return shown | ({"refunds": refunds} if refunds else {})


def check_invoices(context: RequestContext, operation: str, units: list[dict[str, Any]]) -> None:
    """Refuse an invoice id that was paid before.

    Raises:
        PayPalError: HTTP 422, DUPLICATE_INVOICE_ID.
    """
    for unit in units:
        if "invoice_id" in unit and context.objects.is_paid(unit["invoice_id"]):
            raise refused(operation, "DUPLICATE_INVOICE_ID")


def references(capture: Record) -> dict[str, Any]:
    """Our ids of a capture, for the book."""
    return {name: capture.body.get(name) for name in ("custom_id", "invoice_id")}


def whole_view(context: RequestContext, capture: Record) -> dict[str, Any]:
    """The capture as Payments and events show it: with the id of its order."""
    related = {"related_ids": {"order_id": capture.parent}}
    return {**view(context, capture), "supplementary_data": related}


def _fill(context: RequestContext, capture: Record) -> None:
    """Add fee and net amount to a completed capture, and book it."""
    if capture.status != "COMPLETED":
        return
    amount, settings = capture.body["amount"], context.twin.settings
    currency, value = amount["currency_code"], Decimal(amount["value"])
    fee = money.fee(value, currency, settings.paypal_fee_percent, settings.paypal_fee_fixed)
    capture.body["seller_receivable_breakdown"] = {
        "gross_amount": amount,
        "paypal_fee": money.of(fee, currency),
        "net_amount": money.of(value - fee, currency),
    }
    ledger.move(
        context,
        "capture",
        Entry(
            receipt=capture.id,
            amount=value,
            currency=currency,
            party=capture.hidden["email"],
            fee=fee,
            ids={"order": str(capture.parent), "capture": capture.id},
            refs=references(capture),
        ),
    )


def _report(context: RequestContext, capture: Record, kind: str | None = None) -> None:
    amount = capture.body["amount"]
    summary = f"Payment {capture.status.lower()} for {amount['value']} {amount['currency_code']}"
    name = kind or _EVENTS[capture.status]
    events.emit(context, name, "capture", whole_view(context, capture), summary)
