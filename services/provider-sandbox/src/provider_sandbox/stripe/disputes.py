"""Disputes: opened after a charge, answered with evidence, won or lost.

Source: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/api/disputes. Money moves only
with ``funds_withdrawn`` and ``funds_reinstated``; an inquiry moves no money until it is escalated.
"""

from typing import Any

from provider_sandbox.stripe import balance, events, ledger
from provider_sandbox.stripe.errors import StripeError
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.payment_intents import merged
from provider_sandbox.stripe.request_context import RequestContext
from provider_sandbox.stripe.transitions import IllegalTransition

OPEN = "stripe.dispute"

_ANSWER_WITHIN_S = 9 * 86_400
_NAMES = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation "
    "duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy "
    "refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
)
_TEXTS = _NAMES.split()


def from_schedule(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the cardholder disputes the charge."""
    charge = context.find("charge", payload["id"], param="charge")
    open_for(context, charge, reason=payload["reason"], inquiry=payload["inquiry"])


def open_for(
    context: RequestContext,
    charge: Record,
    *,
    reason: str,
    inquiry: bool = False,
    amount: int | None = None,
) -> Record | None:
    """Open a dispute; None when it is already disputed or nothing is left to dispute."""
    body = charge.body
    left = body["amount_captured"] - body["amount_refunded"]
    if left <= 0 or body["disputed"]:
        return None
    dispute = Record(_new_body(context, charge, reason, min(amount or left, left), inquiry=inquiry))
    body["disputed"] = True
    charge.hidden["charged_back"] = not inquiry
    context.objects.save(charge)
    context.objects.add(dispute)
    events.emit(context, "charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(context, dispute, charge)
    return dispute


def _new_body(
    context: RequestContext, charge: Record, reason: str, amount: int, *, inquiry: bool
) -> dict[str, Any]:
    card = charge.body["payment_method_details"]["card"]
    return {
        "id": context.ids.make("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge.id,
        "created": context.now(),
        "currency": charge.body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_TEXTS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": context.now() + _ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge.body["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": card["network"],
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def _withdraw(context: RequestContext, dispute: Record, charge: Record) -> None:
    made = balance.add_withdrawal(context, dispute)
    dispute.body["balance_transactions"].append(made.body)
    context.objects.save(dispute)
    ledger.withdrawn(context, dispute, charge, made)
    events.emit(context, "charge.dispute.funds_withdrawn", dispute)


def update(context: RequestContext, dispute: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/disputes/{id}``: evidence, submitted unless ``submit=false``.

    Raises:
        StripeError: the dispute is closed.
    """
    body = dispute.body
    _check_open(dispute)
    body["metadata"] = merged(body["metadata"], params)
    evidence = params.get("evidence") or {}
    body["evidence"].update({name: evidence[name] or None for name in _TEXTS if name in evidence})
    details = body["evidence_details"]
    details["has_evidence"] = any(body["evidence"][name] for name in _TEXTS)
    if evidence and params.get("submit", True):
        details["submission_count"] += 1
        warning = body["status"].startswith("warning_")
        body["status"] = "warning_under_review" if warning else "under_review"
    context.objects.save(dispute)
    events.emit(context, "charge.dispute.updated", dispute)
    return dispute


def close(context: RequestContext, dispute: Record, _: dict[str, Any]) -> Record:
    """``POST /v1/disputes/{id}/close``: the merchant accepts the dispute as lost.

    Raises:
        StripeError: its status no longer allows this.
    """
    if dispute.status != "needs_response":
        raise _closed(dispute)
    return _end(context, dispute, "lost")


def decide(
    context: RequestContext, dispute: Record, verdict: str, *, fee_returned: bool = False
) -> Record:
    """Apply the bank's decision, given by the control API.

    Args:
        context: shared parts.
        dispute: an open dispute.
        verdict: ``won``, ``lost``, ``warning_closed`` or ``escalated`` (an inquiry becomes a
            dispute).
        fee_returned: whether the fee of a won dispute is returned.

    Raises:
        IllegalTransition: the dispute's status does not allow this verdict.
    """
    status = "needs_response" if verdict == "escalated" else verdict
    if status == dispute.status:
        raise IllegalTransition(f"the dispute is {status} already")
    if verdict != "escalated":
        return _end(context, dispute, verdict, fee_returned=fee_returned)
    charge = context.find("charge", dispute.body["charge"], param="charge")
    left = charge.body["amount_captured"] - charge.body["amount_refunded"]
    if left <= 0:
        raise IllegalTransition("nothing of the charge is left to withdraw")
    dispute.body["amount"] = min(dispute.body["amount"], left)
    charge.hidden["charged_back"] = True
    context.objects.save(charge)
    dispute.body["status"] = "needs_response"
    dispute.body["is_charge_refundable"] = False
    dispute.body["payment_method_details"]["card"]["case_type"] = "chargeback"
    context.objects.save(dispute)
    events.emit(context, "charge.dispute.updated", dispute)
    _withdraw(context, dispute, charge)
    return dispute


def _end(
    context: RequestContext, dispute: Record, status: str, *, fee_returned: bool = False
) -> Record:
    charge = context.find("charge", dispute.body["charge"], param="charge")
    dispute.body["status"] = status
    context.objects.save(dispute)
    charge.body["disputed"] = status != "warning_closed"
    charge.hidden["charged_back"] = status == "lost"
    context.objects.save(charge)
    if status == "won":
        made = balance.add_reinstatement(context, dispute, fee_returned=fee_returned)
        dispute.body["balance_transactions"].append(made.body)
        context.objects.save(dispute)
        ledger.reinstated(context, dispute, charge, made)
    events.emit(context, "charge.dispute.closed", dispute)
    if status == "won":
        events.emit(context, "charge.dispute.funds_reinstated", dispute)
    return dispute


def _check_open(dispute: Record) -> None:
    if dispute.status in ("won", "lost", "warning_closed"):
        raise _closed(dispute)


def _closed(dispute: Record) -> StripeError:
    return StripeError(
        400,
        f"This dispute has the status {dispute.status} and can no longer be changed.",
        code="dispute_unexpected_state",
        saved=True,
    )
