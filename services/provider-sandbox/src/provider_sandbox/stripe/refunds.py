"""Refunds: a charge may have several, up to its amount; some change their status later.

Source: docs.stripe.com/refunds, docs.stripe.com/api/refunds.
"""

from typing import Any

from provider_sandbox.stripe import balance, events, ledger, money
from provider_sandbox.stripe.errors import StripeError, invalid, missing
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.payment_intents import merged
from provider_sandbox.stripe.request_context import RequestContext

END = "stripe.refund_end"

_FIRST = {"requires_action": "requires_action", "succeeds": "succeeded", "fails_late": "succeeded"}
"""Initial status by course; ``pending`` for the other courses."""
_LAST = {
    "pending": "succeeded",
    "insufficient_funds": "succeeded",
    "fails_late": "failed",
    "pending_fails": "failed",
}
"""Final status by course, where the status changes by itself."""


def create(context: RequestContext, params: dict[str, Any]) -> Record:
    """``POST /v1/refunds``, of a charge or of a PaymentIntent's charge.

    Raises:
        StripeError: there is nothing to refund, the amount exceeds what is left, or the charge was
            charged back.
    """
    charge = _charge(context, params)
    body = charge.body
    left = body["amount_captured"] - body["amount_refunded"]
    _check_charge(charge, left)
    amount = params.get("amount", left)
    money.check_amount(amount, body["currency"], smallest=False)
    if amount > left:
        raise invalid(
            f"Refund amount ({amount} {body['currency']}) is greater than unrefunded amount on "
            f"charge ({left} {body['currency']})",
            param="amount",
            saved=True,
        )
    refund = Record(_new_body(context, charge, amount, params), {"course": charge.hidden["course"]})
    refund.body["balance_transaction"] = balance.add_refund(context, refund).id
    context.objects.add(refund)
    _add_to_charge(context, charge, amount)
    ledger.refunded(context, refund, charge)
    events.emit(context, "refund.created", refund)
    events.emit(context, "charge.refunded", charge)
    if refund.hidden["course"] in _LAST:
        context.later(END, refund, after_s=context.twin.settings.stripe_refund_s)
    return refund


def _charge(context: RequestContext, params: dict[str, Any]) -> Record:
    if params.get("charge"):
        return context.find("charge", params["charge"], param="charge")
    if not params.get("payment_intent"):
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    intent = context.objects.get(params["payment_intent"])
    if intent is None or intent.body["object"] != "payment_intent":
        raise missing("payment_intent", params["payment_intent"], param="payment_intent")
    if intent.status != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            param="payment_intent",
            saved=True,
        )
    return context.find("charge", intent.body["latest_charge"], param="charge")


def _check_charge(charge: Record, left: int) -> None:
    body = charge.body
    if charge.hidden["charged_back"]:
        raise invalid(
            f"Charge {body['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            saved=True,
        )
    if not body["captured"]:
        raise invalid(
            f"Charge {body['id']} has not been captured; cannot issue a refund.",
            code="charge_not_refundable",
            saved=True,
        )
    if left <= 0:
        raise invalid(
            f"Charge {body['id']} has already been refunded.",
            code="charge_already_refunded",
            saved=True,
        )


def _new_body(
    context: RequestContext, charge: Record, amount: int, params: dict[str, Any]
) -> dict[str, Any]:
    course = charge.hidden["course"]
    body = {
        "id": context.ids.make("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "created": context.now(),
        "currency": charge.body["currency"],
        "customer": charge.body["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": params.get("metadata") or {},
        "payment_intent": charge.body["payment_intent"],
        "payment_method": charge.body["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": _FIRST.get(course, "pending"),
        "transfer_reversal": None,
    }
    if body["status"] == "pending":
        funds = course == "insufficient_funds"
        body["pending_reason"] = "insufficient_funds" if funds else "processing"
    return body


def _add_to_charge(context: RequestContext, charge: Record, amount: int) -> None:
    body = charge.body
    body["amount_refunded"] += amount
    body["refunded"] = body["amount_refunded"] == body["amount"]
    context.objects.save(charge)


def update(context: RequestContext, refund: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/refunds/{id}``: metadata only."""
    refund.body["metadata"] = merged(refund.body["metadata"], params)
    return context.objects.save(refund)


def cancel(context: RequestContext, refund: Record, _: dict[str, Any]) -> Record:
    """``POST /v1/refunds/{id}/cancel``: only a refund that waits for the customer.

    Raises:
        StripeError: the refund is in another status.
    """
    if refund.status != "requires_action":
        raise StripeError(
            400,
            f"Refund {refund.id} cannot be canceled: its status is {refund.status}.",
            code="refund_unexpected_state",
            saved=True,
        )
    _return_money(context, refund, status="canceled", reason=None)
    return refund


def end(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: a refund gets its final status."""
    refund = context.find("refund", payload["id"], param="refund")
    finish(context, refund, _LAST[refund.hidden["course"]])


def finish(
    context: RequestContext, refund: Record, status: str, *, reason: str = "declined"
) -> None:
    """Give a refund its final status.

    Raises:
        IllegalTransition: this status may not follow the current one.
    """
    if status == "failed":
        _return_money(context, refund, status="failed", reason=reason)
        return
    refund.body["status"] = status
    refund.body.pop("pending_reason", None)
    refund.body["destination_details"]["card"]["reference_status"] = "available"
    context.objects.save(refund)
    events.emit(context, "refund.updated", refund)
    events.emit(context, "charge.refund.updated", refund)


def _return_money(
    context: RequestContext, refund: Record, *, status: str, reason: str | None
) -> None:
    charge = context.find("charge", refund.body["charge"], param="charge")
    refund.body["status"] = status
    refund.body.pop("pending_reason", None)
    if reason is not None:
        refund.body["failure_reason"] = reason
    made = balance.add_refund_failure(context, refund)
    refund.body["failure_balance_transaction"] = made.id
    context.objects.save(refund)
    _add_to_charge(context, charge, -refund.body["amount"])
    ledger.refund_failed(context, refund, charge)
    events.emit(context, "refund.updated", refund)
    events.emit(context, "charge.refund.updated", refund)
    if status == "failed":
        events.emit(context, "refund.failed", refund)
