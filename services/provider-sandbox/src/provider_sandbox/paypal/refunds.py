"""Refunds of captures. Source: developer.paypal.com/docs/api/payments/v2#captures_refund."""

from decimal import Decimal
from typing import Any

from provider_sandbox.paypal import captures, disputes, events, ledger, money, orders
from provider_sandbox.paypal.errors import refused
from provider_sandbox.paypal.ledger import Entry
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext
from provider_sandbox.paypal.request_ids import DAY_S

END = "paypal.refund_ends"
_OPERATION = "captures.refund"
_LATEST_S = 180 * DAY_S


def create(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Refund a capture in full (no amount: what is left) or in part; HTTP 201."""
    capture = context.find("capture", call.path[0], call.operation)
    left = _left(context, capture)
    amount = _amount(context, call, capture, left)
    course = capture.hidden["refund"]
    refund = _make(context, capture, amount, course)
    refund.body |= {
        name: call.body[name]
        for name in ("invoice_id", "custom_id", "note_to_payer")
        if name in call.body
    }
    _add_breakdown(capture, refund, amount)
    context.objects.add(refund)
    _set_refunded(context, capture, Decimal(capture.hidden["refunded"]) + amount)
    _book(context, "refund", refund, capture)
    _report(context, refund)
    if course != "completes":
        status = "COMPLETED" if course == "pending" else "FAILED"
        context.later(END, refund, after_s=context.twin.settings.paypal_refund_s, status=status)
    call.about = refund.id
    return 201, view(context, refund, whole=call.wants_all)


def repeat(context: RequestContext, call: Call, name: str) -> tuple[int, Any]:
    """The answer to a repeated refund: the refund as it is now; PayPal describes only HTTP 201."""
    return 201, view(context, context.find("refund", name, call.operation), whole=call.wants_all)


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """The refund."""
    return 200, view(context, context.find("refund", call.path[0], call.operation), whole=True)


def end_later(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: a pending refund ends."""
    refund = context.objects.get("refund", payload["id"])
    if refund is not None and refund.status == "PENDING":
        end(context, refund, payload["status"])


def end(context: RequestContext, refund: Record, status: str) -> None:
    """Give a refund its later status; the money of a failed one is back in our balance."""
    refund.status = status
    refund.body.pop("status_details", None)
    refund.body["update_time"] = context.time()
    context.objects.save(refund)
    capture = context.objects.get("capture", str(refund.parent))
    if capture is not None and status in ("FAILED", "CANCELLED"):
        amount = Decimal(refund.body["amount"]["value"])
        _set_refunded(context, capture, Decimal(capture.hidden["refunded"]) - amount)
        _book(context, "refund_failed", refund, capture)
    _report(context, refund)


def view(context: RequestContext, refund: Record, *, whole: bool) -> dict[str, Any]:
    """The refund as PayPal shows it: in full, or the short form of a POST."""
    body = refund.body if whole else {}
    links = [
        context.link("self", f"/v2/payments/refunds/{refund.id}"),
        context.link("up", f"/v2/payments/captures/{refund.parent}"),
    ]
    return {"id": refund.id, "status": refund.status, **body, "links": links}


def _left(context: RequestContext, capture: Record) -> Decimal:
    """What is left to refund.

    Raises:
        PayPalError: HTTP 422, the capture cannot be refunded.
    """
    if capture.status == "PENDING":
        raise refused(_OPERATION, "PENDING_CAPTURE")
    if capture.status == "DECLINED":
        raise refused(_OPERATION, "REFUND_NOT_ALLOWED")
    left = Decimal(capture.body["amount"]["value"]) - Decimal(capture.hidden["refunded"])
    if left <= 0:
        raise refused(_OPERATION, "CAPTURE_FULLY_REFUNDED")
    if context.twin.clock.now() - capture.hidden["made_at"] > _LATEST_S:
        raise refused(_OPERATION, "REFUND_TIME_LIMIT_EXCEEDED")
    if disputes.is_open_for(context, capture):
        raise refused(_OPERATION, "TRANSACTION_DISPUTED")
    return left


def _amount(context: RequestContext, call: Call, capture: Record, left: Decimal) -> Decimal:
    given = call.body.get("amount")
    currency = capture.body["amount"]["currency_code"]
    amount = left
    if given is not None:
        amount = orders.check_amount(_OPERATION, given, "/amount")
        if given["currency_code"] != currency:
            raise refused(_OPERATION, "REFUND_CAPTURE_CURRENCY_MISMATCH")
    if amount > left:
        raise refused(_OPERATION, "REFUND_AMOUNT_EXCEEDED")
    if amount > ledger.balance(context, currency):
        raise refused(_OPERATION, "REFUND_FAILED_INSUFFICIENT_FUNDS")
    return amount


def _make(context: RequestContext, capture: Record, amount: Decimal, course: str) -> Record:
    body: dict[str, Any] = {
        "amount": money.of(amount, capture.body["amount"]["currency_code"]),
        "create_time": context.time(),
        "update_time": context.time(),
    }
    if course != "completes":
        body["status_details"] = {"reason": "ECHECK"}
    status = "COMPLETED" if course == "completes" else "PENDING"
    return Record(context.ids.make("refund"), "refund", body, parent=capture.id, status=status)


def _add_breakdown(capture: Record, refund: Record, amount: Decimal) -> None:
    """PayPal keeps its fee of the capture, so the refund costs us the whole amount."""
    currency = refund.body["amount"]["currency_code"]
    total = Decimal(capture.hidden["refunded"]) + amount
    refund.body["seller_payable_breakdown"] = {
        "gross_amount": refund.body["amount"],
        "paypal_fee": money.of(Decimal(0), currency),
        "net_amount": refund.body["amount"],
        "total_refunded_amount": money.of(total, currency),
    }


def _set_refunded(context: RequestContext, capture: Record, refunded: Decimal) -> None:
    whole = Decimal(capture.body["amount"]["value"])
    capture.hidden["refunded"] = str(refunded)
    if refunded == 0:
        capture.status = "COMPLETED"
    else:
        capture.status = "REFUNDED" if refunded == whole else "PARTIALLY_REFUNDED"
    capture.body["update_time"] = context.time()
    context.objects.save(capture)


def _book(context: RequestContext, kind: ledger.Kind, refund: Record, capture: Record) -> None:
    amount = refund.body["amount"]
    ids = {"order": str(capture.parent), "capture": capture.id, "refund": refund.id}
    refs = captures.references(capture) | {
        f"refund_{name}": refund.body.get(name) for name in ("custom_id", "invoice_id")
    }
    ledger.move(
        context,
        kind,
        Entry(
            receipt=refund.id if kind == "refund" else f"{refund.id}:failed",
            amount=Decimal(amount["value"]),
            currency=amount["currency_code"],
            party=capture.hidden["email"],
            ids=ids,
            refs=refs,
        ),
    )


_EVENTS = {
    "COMPLETED": "PAYMENT.CAPTURE.REFUNDED",
    "PENDING": "PAYMENT.REFUND.PENDING",
    "FAILED": "PAYMENT.REFUND.FAILED",
}


def _report(context: RequestContext, refund: Record) -> None:
    amount = refund.body["amount"]
    kind = _EVENTS.get(refund.status)
    if kind is not None:
        summary = f"A {amount['value']} {amount['currency_code']} refund: {refund.status.lower()}"
        events.emit(context, kind, "refund", view(context, refund, whole=True), summary)
