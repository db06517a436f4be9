"""SetupIntents: save a card for later, checked by its bank, without a payment.

Source: docs.stripe.com/api/setup_intents.
"""

from typing import Any

from provider_sandbox.stripe import challenges, events, payment_methods
from provider_sandbox.stripe.cards import Decline
from provider_sandbox.stripe.errors import doc_url, invalid, unexpected
from provider_sandbox.stripe.intents import (
    card_options,
    check_confirmable,
    check_redirect,
    check_return_url,
    methods_allowed,
    without_method,
)
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.payment_intents import merged
from provider_sandbox.stripe.request_context import RequestContext, snapshot

_CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(context: RequestContext, params: dict[str, Any]) -> Record:
    """``POST /v1/setup_intents``; ``confirm=true`` also confirms the intent.

    Raises:
        StripeError: the request was refused, or the card was declined at confirmation.
    """
    confirming = params.get("confirm", False)
    if params.get("return_url") and not confirming:
        raise invalid(
            "The parameter `return_url` cannot be passed when creating a SetupIntent unless "
            "`confirm` is set to true.",
            param="return_url",
        )
    if params.get("customer"):
        context.find("customer", params["customer"], param="customer")
    intent = Record(_new_body(context, params))
    method = _given_method(context, intent, params)
    if method is not None:
        intent.body.update(payment_method=method.id, status="requires_confirmation")
    if confirming:
        _check_return(intent, params)
    context.objects.add(intent)
    events.emit(context, "setup_intent.created", intent)
    if confirming:
        given = {name: params[name] for name in ("return_url",) if name in params}
        confirm(context, intent, given)
    return intent


def _new_body(context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
    intent = context.ids.make("seti")
    return {
        "id": intent,
        "object": "setup_intent",
        "application": None,
        **methods_allowed(params),
        "cancellation_reason": None,
        "client_secret": context.ids.client_secret(intent),
        "created": context.now(),
        "customer": params.get("customer") or None,
        "customer_account": None,
        "description": params.get("description") or None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": params.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": card_options(params),
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }


def _given_method(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record | None:
    if "payment_method_data" in params:
        return payment_methods.create(context, params["payment_method_data"])
    if not params.get("payment_method"):
        return None
    method = payment_methods.resolve(context, params["payment_method"])
    payment_methods.check_usable(method, intent.body["customer"])
    return method


def _check_return(intent: Record, params: dict[str, Any]) -> None:
    check_return_url(params)
    check_redirect(intent, params.get("return_url") or None, off_session=False)


def update(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/setup_intents/{id}``."""
    body = intent.body
    body["metadata"] = merged(body["metadata"] or {}, params)
    if "description" in params:
        body["description"] = params["description"] or None
    if params.get("customer"):
        body["customer"] = context.find("customer", params["customer"], param="customer").id
    method = _given_method(context, intent, params)
    if method is not None:
        body.update(payment_method=method.id, status="requires_confirmation", next_action=None)
    return context.objects.save(intent)


def confirm(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/setup_intents/{id}/confirm``.

    Raises:
        StripeError: it cannot be confirmed (400), or the card was declined (402).
    """
    check_confirmable(intent)
    _check_return(intent, params)
    method = _given_method(context, intent, params)
    if method is None:
        if intent.body["payment_method"] is None:
            raise without_method(intent)
        method = payment_methods.resolve(context, intent.body["payment_method"])
    body = intent.body
    body.update(payment_method=method.id, next_action=None, last_setup_error=None)
    rules = payment_methods.behaviour(method)
    options = params.get("payment_method_options") or body["payment_method_options"]
    if rules.decline is not None and rules.refuses_attach:
        _decline(context, intent, method, rules.decline)
    elif _needs_challenge(method, rules.challenge) or challenges.is_needed(
        method, rules, off_session=False, options=options
    ):
        challenges.begin(context, intent, return_url=params.get("return_url") or None)
        context.objects.save(intent)
        events.emit(context, "setup_intent.requires_action", intent)
    else:
        _succeed(context, intent, method)
    return intent


def _needs_challenge(method: Record, challenge: str) -> bool:
    """True for a card that needs 3-D Secure until it is set up, and is not set up yet."""
    return challenge == "unless_set_up" and not method.hidden["set_up"]


def _decline(context: RequestContext, intent: Record, method: Record, decline: Decline) -> None:
    reason = {
        "advice_code": decline.advice_code,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "type": "card_error",
    }
    _fail(context, intent, method, reason)
    if context.call is not None:
        raise payment_methods.declined(
            decline, setup_intent=snapshot(intent), payment_method=snapshot(method)
        )


def _fail(context: RequestContext, intent: Record, method: Record, reason: dict[str, Any]) -> None:
    shown = {
        **{name: value for name, value in reason.items() if value is not None},
        "doc_url": doc_url(reason["code"]),
        "payment_method": snapshot(method),
    }
    _attempt(context, intent, method, "failed", shown)
    intent.body.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=shown,
    )
    context.objects.save(intent)
    events.emit(context, "setup_intent.setup_failed", intent)


def _succeed(context: RequestContext, intent: Record, method: Record) -> None:
    body = intent.body
    _attempt(context, intent, method, "succeeded", None)
    body.update(status="succeeded", next_action=None)
    method.hidden["set_up"] = method.hidden["set_up"] or body["usage"] == "off_session"
    attaches = body["customer"] is not None and method.body["customer"] is None
    if attaches:
        method.body["customer"] = body["customer"]
    context.objects.save(method)
    context.objects.save(intent)
    if attaches:
        events.emit(context, "payment_method.attached", method)
    events.emit(context, "setup_intent.succeeded", intent)


def _attempt(
    context: RequestContext,
    intent: Record,
    method: Record,
    status: str,
    error: dict[str, Any] | None,
) -> None:
    card = method.body["card"]
    copied = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    details = {
        **{name: card[name] for name in copied},
        "checks": card["checks"],
        "network": card["brand"],
        "three_d_secure": None,
        "wallet": None,
    }
    attempt = {
        "id": context.ids.make("setatt"),
        "object": "setup_attempt",
        "application": None,
        "created": context.now(),
        "customer": intent.body["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": method.id,
        "payment_method_details": {"card": details, "type": "card"},
        "setup_error": error,
        "setup_intent": intent.id,
        "status": status,
        "usage": intent.body["usage"],
    }
    context.objects.add(Record(attempt))
    intent.body["latest_attempt"] = attempt["id"]


def challenge_ended(context: RequestContext, intent: Record, outcome: str) -> None:
    """The cardholder passed or failed the challenge."""
    method = context.find("payment_method", intent.body["payment_method"], param="payment_method")
    intent.hidden["challenge"] = None
    if outcome == "approve":
        _succeed(context, intent, method)
        return
    reason = {
        "code": "setup_intent_authentication_failure",
        "message": "We are unable to authenticate your payment method. Please choose a different "
        "payment method and try again.",
        "type": "invalid_request_error",
    }
    _fail(context, intent, method, reason)


def cancel(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/setup_intents/{id}/cancel``.

    Raises:
        StripeError: the intent has already ended.
    """
    if intent.status not in _CANCELABLE:
        raise unexpected(
            f"You cannot cancel this SetupIntent because it has a status of {intent.status}. Only "
            "a SetupIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELABLE)}.",
            "setup_intent_unexpected_state",
            objects={"setup_intent": intent.body},
        )
    reason = params.get("cancellation_reason")
    intent.body.update(status="canceled", cancellation_reason=reason, next_action=None)
    context.objects.save(intent)
    events.emit(context, "setup_intent.canceled", intent)
    return intent
