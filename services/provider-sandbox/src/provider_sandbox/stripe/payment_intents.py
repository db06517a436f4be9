"""PaymentIntents: create, update, cancel, capture. ``confirmation`` confirms and charges them.

Source: docs.stripe.com/api/payment_intents.
"""

from typing import Any

from provider_sandbox.stripe import charges, confirmation, events, money, payment_methods
from provider_sandbox.stripe.errors import StripeError, invalid, unexpected
from provider_sandbox.stripe.intents import card_options, check_return_url, methods_allowed
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext

_COPIED = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_CONFIRMING = (
    "error_on_requires_action",
    "mandate_data",
    "off_session",
    "payment_method",
    "payment_method_data",
    "return_url",
)
_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)


def create(context: RequestContext, params: dict[str, Any]) -> Record:
    """``POST /v1/payment_intents``; ``confirm=true`` also confirms the intent.

    Raises:
        StripeError: the request was refused, or the card was declined at confirmation.
    """
    currency = money.check_currency(params["currency"])
    money.check_amount(params["amount"], currency)
    confirming = params.get("confirm", False)
    _check_words(params, confirming=confirming)
    if params.get("customer"):
        context.find("customer", params["customer"], param="customer")
    intent = Record(_new_body(context, params, currency))
    method = _given_method(context, params, intent)
    if method is not None:
        intent.body["payment_method"] = method.id
        intent.body["status"] = "requires_confirmation"
    if confirming:
        confirmation.check_return(intent, params)
    context.objects.add(intent)
    events.emit(context, "payment_intent.created", intent)
    if confirming:
        given = {name: params[name] for name in _CONFIRMING if name in params}
        for name in ("payment_method", "payment_method_data"):
            given.pop(name, None)  # already used above
        confirmation.confirm(context, intent, given)
    return intent


def _check_words(params: dict[str, Any], *, confirming: bool) -> None:
    for name in ("off_session", "error_on_requires_action", "return_url"):
        if params.get(name) and not confirming:
            raise invalid(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless "
                "`confirm` is set to true.",
                param=name,
            )
    check_return_url(params)


def _given_method(context: RequestContext, params: dict[str, Any], intent: Record) -> Record | None:
    if "payment_method_data" in params:
        return payment_methods.create(context, params["payment_method_data"])
    if not params.get("payment_method"):
        return None
    method = payment_methods.resolve(context, params["payment_method"])
    payment_methods.check_usable(method, intent.body["customer"])
    return method


def _new_body(context: RequestContext, params: dict[str, Any], currency: str) -> dict[str, Any]:
    intent = context.ids.make("pi")
    return {
        "id": intent,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        **methods_allowed(params),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": context.ids.client_secret(intent),
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": context.now(),
        "currency": currency,
        "customer": params.get("customer") or None,
        "customer_account": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": params.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": card_options(params, installments=None),
        "processing": None,
        "review": None,
        "shipping": params.get("shipping"),
        "status": "requires_payment_method",
        "transfer_data": None,
        **{name: params.get(name) or None for name in _COPIED},
    }


def update(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/payment_intents/{id}``: nearly all fields before payment, then only texts.

    Raises:
        StripeError: the intent's status no longer allows this change.
    """
    body = intent.body
    late = {"amount", "currency", "customer", "payment_method", "payment_method_data"}
    if body["status"] in ("succeeded", "canceled", "processing", "requires_capture"):
        changed = sorted(late & params.keys())
        if changed:
            raise unexpected(
                f"This PaymentIntent's {changed[0]} could not be updated because it has a status "
                f"of {body['status']}.",
                "payment_intent_unexpected_state",
                objects={"payment_intent": body},
            )
    currency = money.check_currency(params.get("currency", body["currency"]))
    if "amount" in params or "currency" in params:
        money.check_amount(params.get("amount", body["amount"]), currency)
        body["amount"], body["currency"] = params.get("amount", body["amount"]), currency
    if params.get("customer"):
        body["customer"] = context.find("customer", params["customer"], param="customer").id
    body["metadata"] = merged(body["metadata"], params)
    body.update({name: params[name] or None for name in _COPIED if name in params})
    method = _given_method(context, params, intent)
    if method is not None:
        body["payment_method"] = method.id
        body["status"] = "requires_confirmation"
        body["next_action"] = None
    return context.objects.save(intent)


def merged(current: dict[str, str], params: dict[str, Any]) -> dict[str, str]:
    """Metadata after an update: an empty value removes its key, an empty map removes all keys."""
    given = params.get("metadata")
    if given is None:
        return current
    both = current | given if given else {}
    return {name: value for name, value in both.items() if value != ""}


def cancel(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/payment_intents/{id}/cancel``; money that was only early_callbacks is released.

    Raises:
        StripeError: the intent is already paid or canceled.
    """
    body = intent.body
    if body["status"] not in _CANCELABLE:
        raise unexpected(
            f"You cannot cancel this PaymentIntent because it has a status of {body['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELABLE)}.",
            "payment_intent_unexpected_state",
            objects={"payment_intent": body},
        )
    if body["status"] == "requires_capture":
        _release(context, intent)
    body["status"] = "canceled"
    body["canceled_at"] = context.now()
    body["cancellation_reason"] = params.get("cancellation_reason")
    body["next_action"] = None
    body["processing"] = None
    body["amount_capturable"] = 0
    context.objects.save(intent)
    events.emit(context, "payment_intent.canceled", intent)
    return intent


def _release(context: RequestContext, intent: Record) -> None:
    charge = context.find("charge", intent.body["latest_charge"], param="charge")
    charge.body["refunded"] = True
    charge.body["amount_refunded"] = charge.body["amount"]
    context.objects.save(charge)
    events.emit(context, "charge.refunded", charge)


def capture(context: RequestContext, intent: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/payment_intents/{id}/capture``, whole or in part; the rest is released.

    Raises:
        StripeError: no money is early_callbacks, or less than the requested amount.
    """
    body = intent.body
    if body["status"] != "requires_capture":
        raise unexpected(
            f"This PaymentIntent could not be captured because it has a status of "
            f"{body['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
            "payment_intent_unexpected_state",
            objects={"payment_intent": body},
        )
    amount = params.get("amount_to_capture", body["amount_capturable"])
    _check_capture(amount, body)
    body["metadata"] = merged(body["metadata"], params)
    charge = context.find("charge", body["latest_charge"], param="charge")
    charges.capture(context, charge, amount, settles_later=False)
    body.update(status="succeeded", amount_received=amount, amount_capturable=0)
    context.objects.save(intent)
    events.emit(context, "charge.captured", charge)
    events.emit(context, "payment_intent.succeeded", intent)
    return intent


def _check_capture(amount: int, body: dict[str, Any]) -> None:
    if amount < 1:
        raise invalid(
            "Invalid positive integer", param="amount_to_capture", code="parameter_invalid_integer"
        )
    if amount > body["amount_capturable"]:
        raise StripeError(
            400,
            f"The provided amount_to_capture ({amount}) is greater than the amount_capturable "
            f"({body['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
            saved=True,
        )


def settle(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the fee of an asynchronous capture becomes known."""
    charge = context.find("charge", payload["id"], param="charge")
    charges.add_fee(context, charge)
    context.objects.save(charge)
    events.emit(context, "charge.updated", charge, {"balance_transaction": None})
