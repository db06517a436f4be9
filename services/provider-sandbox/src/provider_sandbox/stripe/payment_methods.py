"""Payment methods: created from a test token or an entered card, attached to a customer, detached.

Source: docs.stripe.com/api/payment_methods. A method that paid without a customer, or was detached,
can't be used again.
"""

import hashlib
import hmac
from dataclasses import asdict
from typing import Any

from provider_sandbox.clock import utc_text
from provider_sandbox.stripe import cards, events
from provider_sandbox.stripe.cards import Behaviour, Card, Decline
from provider_sandbox.stripe.errors import StripeError, card_error, invalid, missing
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext

_TOKEN_LIFE_YEARS = 4
_RAW_NUMBER = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you "
    "use test tokens that map to the test card you are using, see "
    "https://docs.stripe.com/testing. To enable testing raw card data APIs, see "
    "https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."
)


def resolve(context: RequestContext, name: str, *, param: str = "payment_method") -> Record:
    """The payment method with this id; a test token creates a new one.

    Raises:
        StripeError: HTTP 404.
    """
    card = cards.by_token(context.twin.store, name)
    if card is not None:
        return _make(context, card, {})
    record = context.objects.get(name)
    if record is None or record.body["object"] != "payment_method":
        raise missing("PaymentMethod", name, param=param)
    return record


def create(context: RequestContext, data: dict[str, Any]) -> Record:
    """A method from ``payment_method_data`` or the body of ``POST /v1/payment_methods``.

    Raises:
        StripeError: it is not a card, card numbers are not accepted here, or the number, date or
            security code is invalid.
    """
    if data.get("type") != "card":
        raise invalid("The twin takes payment methods of type card only.", param="type")
    given = data.get("card") or {}
    if "token" in given:
        name = str(given["token"])
        card = cards.by_token(context.twin.store, name.replace("tok_", "pm_card_", 1))
        if card is None:
            raise missing("token", name, param="card[token]")
        return _make(context, card, data)
    return _from_entered_card(context, given, data)


def _from_entered_card(
    context: RequestContext, given: dict[str, Any], data: dict[str, Any]
) -> Record:
    by_client = context.call is not None and context.call.publishable
    if not (by_client or context.twin.settings.stripe_raw_cards):
        raise StripeError(402, _RAW_NUMBER)
    number = "".join(sign for sign in str(given.get("number", "")) if sign not in " -")
    month, year = _expiry(context, given)
    _check_number(number)
    cvc = str(given.get("cvc") or "")
    if cvc and not (cvc.isdecimal() and len(cvc) in (3, 4)):
        raise _card_input_error("Your card's security code is invalid.", "invalid_cvc", "cvc")
    card = cards.NUMBERS.get(number)
    if card is None:
        unknown = Behaviour(decline=cards.UNKNOWN_NUMBER, refuses_attach=True)
        card = Card(token="unknown", number=number, behaviour=unknown)  # noqa: S106 - no secret
    return _make(context, card, data, expiry=(month, year))


def _check_number(number: str) -> None:
    if not (number.isdecimal() and 12 <= len(number) <= 19 and cards.luhn(number)):
        raise _card_input_error("Your card number is incorrect.", "incorrect_number", "number")


def _expiry(context: RequestContext, given: dict[str, Any]) -> tuple[int, int]:
    month, year = int(given.get("exp_month") or 0), int(given.get("exp_year") or 0)
    year += 2000 if year < 100 else 0
    today = utc_text(context.twin.clock.now())
    if not 1 <= month <= 12:
        raise _card_input_error(
            "Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month"
        )
    if f"{year:04d}-{month:02d}" < today[:7] or year > int(today[:4]) + 50:
        raise _card_input_error(
            "Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year"
        )
    return month, year


def _card_input_error(message: str, code: str, param: str) -> StripeError:
    return card_error(message, code, param=param)


def _make(
    context: RequestContext, card: Card, data: dict[str, Any], expiry: tuple[int, int] | None = None
) -> Record:
    year = int(utc_text(context.twin.clock.now())[:4]) + _TOKEN_LIFE_YEARS
    month, year = expiry or (12, year)
    body = {
        "id": context.ids.make("pm"),
        "object": "payment_method",
        "allow_redisplay": data.get("allow_redisplay", "unspecified"),
        "billing_details": _billing(data.get("billing_details") or {}),
        "card": _card(context, card, month, year),
        "created": context.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": data.get("metadata") or {},
        "type": "card",
    }
    hidden = {"behaviour": asdict(card.behaviour), "set_up": False, "spent": False}
    return context.objects.add(Record(body, hidden))


def _card(context: RequestContext, card: Card, month: int, year: int) -> dict[str, Any]:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked",
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(context, card.number),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _fingerprint(context: RequestContext, number: str) -> str:
    """A keyed hash that identifies a card without revealing its number."""
    secret = context.twin.settings.stripe_secret_key
    key = b"" if secret is None else secret.get_secret_value().encode()
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()[:16]


def _billing(given: dict[str, Any]) -> dict[str, Any]:
    parts = ("city", "country", "line1", "line2", "postal_code", "state")
    address = given.get("address") or {}
    return {
        "address": {part: address.get(part) or None for part in parts},
        **{name: given.get(name) or None for name in ("email", "name", "phone", "tax_id")},
    }


def behaviour(record: Record) -> Behaviour:
    """The behaviour of the method's card."""
    return cards.behaviour(record.hidden["behaviour"])


def check_usable(record: Record, customer: str | None) -> None:
    """Refuse a method that was already used or detached, or that belongs to another customer.

    Raises:
        StripeError: HTTP 400.
    """
    owner = record.body["customer"]
    if record.hidden["spent"] and owner is None:
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            param="payment_method",
            code="payment_method_unexpected_state",
            saved=True,
        )
    if owner is not None and owner != customer:
        raise invalid(
            f"The provided PaymentMethod ({record.id}) belongs to the Customer {owner}. Please "
            "include the Customer in the `customer` parameter.",
            param="payment_method",
            saved=True,
        )


def attach(context: RequestContext, record: Record, customer: str) -> Record:
    """Attach a method to a customer.

    Raises:
        StripeError: it was already used, belongs to another customer, or its bank refuses
            (HTTP 402).
    """
    context.find("customer", customer, param="customer")
    check_usable(record, customer)
    if record.body["customer"] == customer:
        return record
    rules = behaviour(record)
    if rules.decline is not None and rules.refuses_attach:
        raise declined(rules.decline)
    record.body["customer"] = customer
    context.objects.save(record)
    events.emit(context, "payment_method.attached", record)
    return record


def detach(context: RequestContext, record: Record) -> Record:
    """Detach a method from its customer permanently.

    Raises:
        StripeError: it is not attached to a customer.
    """
    owner = record.body["customer"]
    if owner is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param="payment_method",
            code="payment_method_unexpected_state",
            saved=True,
        )
    record.body["customer"] = None
    record.hidden["spent"] = True
    context.objects.save(record)
    events.emit(context, "payment_method.detached", record, {"customer": owner})
    return record


def declined(decline: Decline, **fields: Any) -> StripeError:
    """The error for a decline (HTTP 402)."""
    return card_error(
        decline.message,
        decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        **fields,
    )
