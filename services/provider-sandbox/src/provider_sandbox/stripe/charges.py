"""Charges: one for each try to charge the card, captured at once, later, or never."""

from typing import Any

from provider_sandbox.stripe import balance, ledger
from provider_sandbox.stripe.cards import Behaviour, Decline
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext


def build(
    context: RequestContext, intent: Record, method: Record, rules: Behaviour, *, challenged: bool
) -> dict[str, Any]:
    """The fields of a charge before its result is known."""
    wanted = intent.body
    charge = context.ids.make("ch")
    return {
        "id": charge,
        "object": "charge",
        "amount": wanted["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method.body["billing_details"],
        "calculated_statement_descriptor": "CIFT TWIN",
        "captured": False,
        "created": context.now(),
        "currency": wanted["currency"],
        "customer": wanted["customer"],
        "description": wanted["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": wanted["metadata"],
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent.id,
        "payment_method": method.id,
        "payment_method_details": _details(wanted, method, rules, challenged=challenged),
        "radar_options": {},
        "receipt_email": wanted["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": wanted["shipping"],
        "source_transfer": None,
        "statement_descriptor": wanted["statement_descriptor"],
        "statement_descriptor_suffix": wanted["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": wanted["transfer_group"],
    }


def _details(
    wanted: dict[str, Any], method: Record, rules: Behaviour, *, challenged: bool
) -> dict[str, Any]:
    card = method.body["card"]
    secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    copied = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    inner = {
        **{name: card[name] for name in copied},
        "amount_authorized": wanted["amount"],
        "authorization_code": None,
        "checks": card["checks"] | {"cvc_check": rules.cvc_check},
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {
            "maximum_amount_capturable": wanted["amount"],
            "status": "unavailable",
        },
        "regulated_status": "unregulated",
        "three_d_secure": secure if challenged else None,
        "transaction_link_id": None,
        "wallet": None,
    }
    return {"card": inner, "type": "card"}


def approved(context: RequestContext, body: dict[str, Any], rules: Behaviour) -> Record:
    """Store a charge that the bank approved; it is not captured yet."""
    body["status"] = "succeeded"
    body["paid"] = True
    body["outcome"] = _outcome("approved_by_network", "authorized", rules, "Payment complete.")
    hidden = {
        "course": rules.refund,
        "at_once": rules.available_at_once,
        "dispute": rules.dispute,
        "inquiry": rules.inquiry,
        "charged_back": False,
    }
    return context.objects.add(Record(body, hidden))


def refused(
    context: RequestContext, body: dict[str, Any], rules: Behaviour, decline: Decline
) -> Record:
    """Store a charge that the bank declined, or that Stripe blocked."""
    body["status"] = "failed"
    body["failure_code"] = decline.code
    body["failure_message"] = decline.message
    blocked = decline.decline_code == "fraudulent"
    text = "Stripe blocked this payment as too risky." if blocked else "The bank declined it."
    status = "not_sent_to_network" if blocked else "declined_by_network"
    body["outcome"] = _outcome(status, "blocked" if blocked else "issuer_declined", rules, text) | {
        "reason": decline.decline_code or decline.code,
        "advice_code": decline.advice_code,
    }
    return context.objects.add(Record(body))


def _outcome(status: str, kind: str, rules: Behaviour, text: str) -> dict[str, Any]:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": status,
        "reason": None,
        "risk_level": rules.risk_level,
        "risk_score": 32,
        "seller_message": text,
        "type": kind,
    }


def capture(context: RequestContext, charge: Record, amount: int, *, settles_later: bool) -> None:
    """Capture the charge; the fee is known at once or, with ``settles_later``, a moment later."""
    charge.body["captured"] = True
    charge.body["amount_captured"] = amount
    if settles_later:
        context.later("stripe.settle", charge, after_s=context.twin.settings.stripe_settle_s)
    else:
        add_fee(context, charge)
    context.objects.save(charge)
    ledger.charged(context, charge)
    if charge.hidden["dispute"] is not None:
        more = {"reason": charge.hidden["dispute"], "inquiry": charge.hidden["inquiry"]}
        context.later(
            "stripe.dispute", charge, after_s=context.twin.settings.stripe_dispute_s, **more
        )


def add_fee(context: RequestContext, charge: Record) -> None:
    """Write the balance transaction of a captured charge."""
    made = balance.add_charge(context, charge, at_once=charge.hidden["at_once"])
    charge.body["balance_transaction"] = made.id
