"""The test cards: the card of each token and number, and its behaviour.

Source: docs.stripe.com/testing. The numbers are published test data; no real card has them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from provider_sandbox.store import Store

Challenge = Literal["never", "always", "unless_set_up", "on_session"]
RefundCourse = Literal[
    "succeeds", "pending", "fails_late", "pending_fails", "insufficient_funds", "requires_action"
]


@dataclass(frozen=True, slots=True)
class Decline:
    """How a charge is declined."""

    code: str
    decline_code: str | None = None
    advice_code: str | None = None
    message: str = "Your card was declined."


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a card behaves."""

    decline: Decline | None = None
    refuses_attach: bool = False
    """Whether saving the card is also refused, with the same decline."""
    challenge: Challenge = "never"
    """When 3-D Secure is required. ``unless_set_up``: until the card is set up for off-session use;
    ``on_session``: only in on-session payments."""
    dispute: str | None = None
    """Reason of a dispute that follows a charge."""
    inquiry: bool = False
    """Whether the dispute begins as an inquiry, which withdraws no money."""
    refund: RefundCourse = "succeeds"
    available_at_once: bool = False
    processing_s: float = 0
    """Seconds that a confirmed intent stays ``processing``; 0: not at all."""
    cvc_check: str = "pass"
    risk_level: str = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One row of the table."""

    token: str
    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    behaviour: Behaviour = field(default_factory=Behaviour)


def _plain(token: str, number: str, **more: str) -> Card:
    return Card(token=f"pm_card_{token}", number=number, **more)  # type: ignore[arg-type]


def _declined(token: str, number: str, decline: Decline, *, attaches: bool = False) -> Card:
    behaviour = Behaviour(decline=decline, refuses_attach=not attaches)
    return Card(token=f"pm_card_{token}", number=number, behaviour=behaviour)


def _charged(token: str, number: str, **behaviour: Any) -> Card:
    return Card(token=f"pm_card_{token}", number=number, behaviour=Behaviour(**behaviour))


_GENERIC = Decline("card_declined", "generic_decline", "try_again_later")
_FUNDS = Decline(
    "card_declined", "insufficient_funds", "try_again_later", "Your card has insufficient funds."
)
_LOST = Decline("card_declined", "lost_card", "do_not_try_again")
_STOLEN = Decline("card_declined", "stolen_card", "do_not_try_again")
_EXPIRED = Decline("expired_card", None, "confirm_card_data", "Your card has expired.")
_CVC = Decline(
    "incorrect_cvc", None, "confirm_card_data", "Your card's security code is incorrect."
)
_PROCESSING = Decline(
    "processing_error",
    None,
    "try_again_later",
    "An error occurred while processing your card. Try again in a little bit.",
)
_VELOCITY = Decline("card_declined", "card_velocity_exceeded", "do_not_try_again")
_BLOCKED = Decline("card_declined", "fraudulent", "do_not_try_again")

_ROWS = (
    _plain("visa", "4242424242424242"),
    _plain("us", "4242424242424242"),
    _plain("visa_debit", "4000056655665556", funding="debit"),
    _plain("mastercard", "5555555555554444", brand="mastercard"),
    _plain("mastercard_2", "2223003122003222", brand="mastercard"),
    _plain("mastercard_debit", "5200828282828210", brand="mastercard", funding="debit"),
    _plain("mastercard_prepaid", "5105105105105100", brand="mastercard", funding="prepaid"),
    _plain("amex", "378282246310005", brand="amex"),
    _plain("discover", "6011111111111117", brand="discover"),
    _plain("diners", "3056930009020004", brand="diners"),
    _plain("jcb", "3566002020360505", brand="jcb", country="JP"),
    _plain("unionpay", "6200000000000005", brand="unionpay", country="CN"),
    _plain("gb", "4000008260000000", country="GB"),
    _plain("de", "4000002760000016", country="DE"),
    _plain("fr", "4000002500000003", country="FR"),
    _plain("in", "4000003560000008", country="IN"),
    _plain("br", "4000000760000002", country="BR"),
    _plain("ca", "4000001240000000", country="CA"),
    _plain("au", "4000000360000006", country="AU"),
    _plain("jp", "4000003920000003", country="JP"),
    _declined("visa_chargeDeclined", "4000000000000002", _GENERIC),
    _declined("chargeDeclined", "4000000000000002", _GENERIC),
    _declined("visa_chargeDeclinedInsufficientFunds", "4000000000009995", _FUNDS),
    _declined("chargeDeclinedInsufficientFunds", "4000000000009995", _FUNDS),
    _declined("visa_chargeDeclinedLostCard", "4000000000009987", _LOST),
    _declined("visa_chargeDeclinedStolenCard", "4000000000009979", _STOLEN),
    _declined("chargeDeclinedExpiredCard", "4000000000000069", _EXPIRED),
    _declined("chargeDeclinedIncorrectCvc", "4000000000000127", _CVC),
    _declined("chargeDeclinedProcessingError", "4000000000000119", _PROCESSING),
    _declined("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", _VELOCITY),
    _declined("chargeDeclinedFraudulent", "4100000000000019", _BLOCKED),
    _declined("radarBlock", "4100000000000019", _BLOCKED),
    _declined("chargeCustomerFail", "4000000000000341", _GENERIC, attaches=True),
    _charged("cvcCheckFail", "4000000000000101", cvc_check="fail"),
    _charged("riskLevelElevated", "4000000000009235", risk_level="elevated"),
    _charged("authenticationRequiredOnSetup", "4000002500003155", challenge="unless_set_up"),
    _charged("authenticationRequired", "4000002760003184", challenge="always"),
    _charged(
        "authenticationRequiredSetupForOffSession", "4000003800000446", challenge="on_session"
    ),
    _charged(
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        challenge="always",
        decline=_FUNDS,
    ),
    _charged("threeDSecureRequired", "4000000000003063", challenge="always"),
    _charged("threeDSecure2Required", "4000000000003220", challenge="always"),
    _charged(
        "threeDSecureRequiredChargeDeclined",
        "4000008400001629",
        challenge="always",
        decline=_GENERIC,
    ),
    _charged("createDispute", "4000000000000259", dispute="fraudulent"),
    _charged("createDisputeProductNotReceived", "4000000000002685", dispute="product_not_received"),
    _charged("createDisputeInquiry", "4000000000001976", dispute="fraudulent", inquiry=True),
    _charged("pendingRefund", "4000000000007726", refund="pending"),
    _charged("refundFail", "4000000000005126", refund="fails_late"),
    _charged("bypassPending", "4000000000000077", available_at_once=True),
)

TOKENS: Mapping[str, Card] = {row.token: row for row in _ROWS}
NUMBERS: Mapping[str, Card] = {row.number: row for row in reversed(_ROWS)}

UNKNOWN_NUMBER = Decline(
    "card_declined",
    "test_mode_live_card",
    None,
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://docs.stripe.com/testing.",
)
"""A card number outside the table, such as a real card: only test cards are accepted."""


def by_token(store: Store, token: str) -> Card | None:
    """The card of a token: from the table, or defined by a test; None for an unknown token."""
    defined = store.meta(f"stripe.card.{token}")
    if defined is not None:
        return replace(
            TOKENS["pm_card_visa"], token=token, behaviour=behaviour(json.loads(defined))
        )
    return TOKENS.get(token)


def define(store: Store, token: str, wanted: Behaviour) -> None:
    """Define the behaviour of a test's own token; its number is that of ``pm_card_visa``."""
    store.set_meta(f"stripe.card.{token}", json.dumps(asdict(wanted)))


def behaviour(stored: Mapping[str, Any]) -> Behaviour:
    """The behaviour that was stored with a payment method."""
    decline = stored.get("decline")
    return Behaviour(**{**stored, "decline": None if decline is None else Decline(**decline)})


def luhn(number: str) -> bool:
    """True when the check digit of a card number is right. Source: ISO/IEC 7812-1, annex B."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0
