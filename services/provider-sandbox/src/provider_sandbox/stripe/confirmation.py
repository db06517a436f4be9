"""Confirm a PaymentIntent: 3-D Secure challenge, charge.

Source: docs.stripe.com/payments/paymentintents/lifecycle.
"""

from typing import Any

from provider_sandbox.stripe import challenges, charges, events, payment_methods
from provider_sandbox.stripe.cards import Behaviour, Decline
from provider_sandbox.stripe.errors import StripeError, card_error, doc_url
from provider_sandbox.stripe.intents import (
    check_confirmable,
    check_redirect,
    check_return_url,
    without_method,
)
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext, snapshot

PROCESSED = "stripe.processed"

_AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    None,
    "Your card was declined. This transaction requires authentication.",
)
_FAILED_CHALLENGE = (
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again."
)


def check_return(intent: Record, params: dict[str, Any]) -> None:
    """Refuse a confirmation without a return address, where one is needed.

    Raises:
        StripeError: HTTP 400.
    """
    check_return_url(params)
    off_session = _is_off_session(params)
    check_redirect(intent, params.get("return_url") or None, off_session=off_session)


def confirm(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/payment_intents/{id}/confirm``.

    Raises:
        StripeError: it cannot be confirmed (400), or the card was declined (402).
    """
    check_confirmable(intent)
    check_return(intent, params)
    method = _method(context, intent, params)
    body = intent.body
    for name in ("receipt_email", "setup_future_usage", "shipping"):
        if params.get(name):
            body[name] = params[name]
    body["payment_method"] = method.id
    body["next_action"] = None
    body["last_payment_error"] = None
    rules = payment_methods.behaviour(method)
    off_session = _is_off_session(params)
    options = params.get("payment_method_options") or body["payment_method_options"]
    passed = intent.hidden.pop("passed", None) == method.id
    if passed or not challenges.is_needed(method, rules, off_session=off_session, options=options):
        _pay(context, intent, method, rules, challenged=passed)
    elif off_session:
        _decline(context, intent, method, rules, _AUTHENTICATION)
    elif params.get("error_on_requires_action"):
        raise _refuse_action(context, intent, method)
    else:
        challenges.begin(context, intent, return_url=params.get("return_url") or None)
        context.objects.save(intent)
        events.emit(context, "payment_intent.requires_action", intent)
    return intent


def _is_off_session(params: dict[str, Any]) -> bool:
    return params.get("off_session", False) is not False


def _method(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    if "payment_method_data" in params:
        return payment_methods.create(context, params["payment_method_data"])
    name = params.get("payment_method") or intent.body["payment_method"]
    if name is None:
        raise without_method(intent)
    method = payment_methods.resolve(context, name)
    payment_methods.check_usable(method, intent.body["customer"])
    return method


def _refuse_action(context: RequestContext, intent: Record, method: Record) -> StripeError:
    message = "Your card was declined. This transaction requires authentication."
    _reset_intent(intent, method, {"code": "authentication_required", "message": message})
    context.objects.save(intent)
    events.emit(context, "payment_intent.payment_failed", intent)
    return card_error(
        message,
        "authentication_required",
        decline_code="authentication_required",
        payment_intent=snapshot(intent),
        payment_method=snapshot(method),
    )


def _pay(
    context: RequestContext, intent: Record, method: Record, rules: Behaviour, *, challenged: bool
) -> None:
    if rules.processing_s and intent.status != "processing":
        intent.body["status"] = "processing"
        intent.body["processing"] = {"type": "card", "card": {}}
        context.objects.save(intent)
        events.emit(context, "payment_intent.processing", intent)
        context.later(PROCESSED, intent, after_s=rules.processing_s, challenged=challenged)
        return
    if rules.decline is not None:
        _decline(context, intent, method, rules, rules.decline, challenged=challenged)
        return
    body = charges.build(context, intent, method, rules, challenged=challenged)
    _succeed(context, intent, method, charges.approved(context, body, rules))


def _succeed(context: RequestContext, intent: Record, method: Record, charge: Record) -> None:
    body = intent.body
    body.update(latest_charge=charge.id, processing=None, next_action=None)
    manual = body["capture_method"] == "manual"
    if manual:
        body["status"] = "requires_capture"
        body["amount_capturable"] = body["amount"]
    else:
        later = body["capture_method"] == "automatic_async"
        charges.capture(context, charge, body["amount"], settles_later=later)
        body["status"] = "succeeded"
        body["amount_received"] = body["amount"]
    _attach_method(context, intent, method)
    context.objects.save(intent)
    events.emit(context, "charge.succeeded", charge)
    kind = "amount_capturable_updated" if manual else "succeeded"
    events.emit(context, f"payment_intent.{kind}", intent)


def _attach_method(context: RequestContext, intent: Record, method: Record) -> None:
    """Attach the card to the customer if ``setup_future_usage`` asks for it; else mark it used."""
    customer, usage = intent.body["customer"], intent.body["setup_future_usage"]
    method.hidden["set_up"] = method.hidden["set_up"] or usage == "off_session"
    method.hidden["spent"] = True
    attaches = bool(customer and usage) and method.body["customer"] is None
    if attaches:
        method.body["customer"] = customer
    context.objects.save(method)
    if attaches:
        events.emit(context, "payment_method.attached", method)


def _decline(
    context: RequestContext,
    intent: Record,
    method: Record,
    rules: Behaviour,
    decline: Decline,
    *,
    challenged: bool = False,
) -> None:
    body = charges.build(context, intent, method, rules, challenged=challenged)
    charge = charges.refused(context, body, rules, decline)
    reason = {
        "advice_code": decline.advice_code,
        "charge": charge.id,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
    }
    _reset_intent(
        intent, method, {name: value for name, value in reason.items() if value is not None}
    )
    intent.body["latest_charge"] = charge.id
    context.objects.save(intent)
    events.emit(context, "charge.failed", charge)
    events.emit(context, "payment_intent.payment_failed", intent)
    if context.call is not None:
        shown = snapshot(intent)
        raise payment_methods.declined(decline, charge=charge.id, payment_intent=shown)


def _reset_intent(intent: Record, method: Record, reason: dict[str, Any]) -> None:
    """Return the intent to ``requires_payment_method``, with the reason as its last error."""
    shown = {
        **reason,
        "doc_url": doc_url(reason["code"]),
        "payment_method": snapshot(method),
        "type": reason.get("type", "card_error"),
    }
    intent.body.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        processing=None,
        last_payment_error=shown,
    )


def challenge_ended(context: RequestContext, intent: Record, outcome: str) -> None:
    """The cardholder passed or failed the challenge.

    With ``confirmation_method=manual`` the merchant's server must confirm the intent again.
    """
    method = context.find("payment_method", intent.body["payment_method"], param="payment_method")
    intent.hidden["challenge"] = None
    if outcome != "approve":
        code = "payment_intent_authentication_failure"
        kind = "invalid_request_error"
        _reset_intent(intent, method, {"code": code, "message": _FAILED_CHALLENGE, "type": kind})
        context.objects.save(intent)
        events.emit(context, "payment_intent.payment_failed", intent)
        return
    intent.body["next_action"] = None
    if intent.body["confirmation_method"] == "manual":
        intent.hidden["passed"] = method.id
        intent.body["status"] = "requires_confirmation"
        context.objects.save(intent)
        return
    _pay(context, intent, method, payment_methods.behaviour(method), challenged=True)


def processed(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the bank has answered."""
    intent = context.find("payment_intent", payload["id"], param="intent")
    if intent.status != "processing":
        return  # canceled in the meantime
    method = context.find("payment_method", intent.body["payment_method"], param="payment_method")
    rules = payment_methods.behaviour(method)
    _pay(context, intent, method, rules, challenged=payload["challenged"])
