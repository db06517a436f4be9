"""Tables of decline codes and the message for the cardholder; data only.

The classes are ours; Stripe publishes only the codes. Sources: docs.stripe.com/declines/codes,
docs.stripe.com/error-codes, advice codes in docs.stripe.com/declines/card. The holder of a card
that was reported lost, stolen or used for fraud gets no special message.
"""

from collections.abc import Mapping

from cift_shared.messaging.outcomes import Failure, FailureCategory

_DECLINED = FailureCategory.DECLINED
_LIMIT = FailureCategory.LIMIT
_INVALID = FailureCategory.INVALID
_BUSY = FailureCategory.PROVIDER_UNAVAILABLE
_SETUP = FailureCategory.CONFIGURATION

_OTHER_CARD = "The card was declined. Please use another card."
_ASK_BANK = "The card was declined. Please contact your bank, or use another card."
_NOT_NOW = "This payment can't be processed at the moment because of an error on our side."
_AGAIN = "The card could not be processed. Please try again in a moment."


def _failure(
    code: str, category: FailureCategory, message: str, *, retryable: bool = False
) -> Failure:
    return Failure(code, category, message, retryable)


CARD_REFUSED = _failure("card_refused", _DECLINED, _OTHER_CARD)
"""For every decline that points to fraud, and for the advice never to try again."""
CARD_DECLINED = _failure("card_declined", _DECLINED, _ASK_BANK, retryable=True)
"""A soft decline; also for codes that no table lists."""
AUTHENTICATION_REQUIRED = _failure(
    "authentication_required",
    _DECLINED,
    "The bank wants the cardholder to confirm this payment. Please pay again and confirm it.",
    retryable=True,
)
AUTHENTICATION_FAILED = _failure(
    "authentication_failed",
    _DECLINED,
    "The payment was not confirmed with the bank. Please try again.",
    retryable=True,
)
CARD_DATA_WRONG = _failure(
    "card_data_wrong",
    _INVALID,
    "The card's details are not right. Please check them and try again.",
    retryable=True,
)
_NOT_SUPPORTED = _failure(
    "card_not_supported", _INVALID, "This card can't be used for this payment."
)
_TRY_AGAIN = _failure("card_try_again", _BUSY, _AGAIN, retryable=True)

CARD_UNKNOWN = _failure(
    "card_unknown",
    _INVALID,
    "The card is unknown or was used already. Please enter it again.",
    retryable=True,
)
WITHDRAWAL_UNSUPPORTED = _failure(
    "card_withdrawal_unsupported",
    _INVALID,
    "A card can't be paid out: refund an earlier card deposit, or withdraw by another method.",
)
AMOUNT_REFUSED = _failure("amount_out_of_limits", _LIMIT, "Stripe does not move this amount.")
REQUEST_REFUSED = _failure("provider_request_refused", _SETUP, _NOT_NOW)
INSTRUMENT_UNREADABLE = _failure("sealed_data_unreadable", _SETUP, _NOT_NOW)
ACTION_EXPIRED = _failure(
    "action_expired",
    _DECLINED,
    "The payment was not confirmed in time. Please try again.",
    retryable=True,
)
SETUP_EXPIRED = _failure(
    "setup_expired",
    _DECLINED,
    "The card was not entered in time. Please try again.",
    retryable=True,
)
CANCELED_AT_PROVIDER = _failure(
    "canceled_at_provider", _DECLINED, "The payment was canceled at Stripe.", retryable=True
)
REFUND_FAILED = _failure(
    "refund_failed", _DECLINED, "The card's bank did not accept the refund. No money moved."
)
REFUND_EXCEEDS = _failure(
    "refund_exceeds_payment", _INVALID, "The payment is refunded already, or the rest is smaller."
)
REFUND_DISPUTED = _failure(
    "payment_disputed", _INVALID, "The payer disputes this payment, so it can't be refunded."
)
REFUND_PAYMENT_UNKNOWN = _failure("refund_payment_unknown", _SETUP, _NOT_NOW)

ADVICE: Mapping[str, Failure] = {
    "do_not_try_again": CARD_REFUSED,
    "try_again_later": _failure("card_try_later", _DECLINED, _ASK_BANK, retryable=True),
    "confirm_card_data": CARD_DATA_WRONG,
}
"""By advice code of the card network; it takes precedence over the decline code."""

DECLINES: Mapping[str, Failure] = {
    # hard: never try this card again
    **dict.fromkeys(
        (
            "lost_card",
            "stolen_card",
            "pickup_card",
            "restricted_card",
            "fraudulent",
            "merchant_blacklist",
            "security_violation",
            "stop_payment_order",
            "revocation_of_authorization",
            "revocation_of_all_authorizations",
            "do_not_try_again",
            "no_action_taken",
        ),
        CARD_REFUSED,
    ),
    **dict.fromkeys(
        (
            "invalid_account",
            "new_account_information_available",
            "card_not_supported",
            "currency_not_supported",
            "transaction_not_allowed",
            "service_not_allowed",
            "not_permitted",
        ),
        _NOT_SUPPORTED,
    ),
    "testmode_decline": _failure(
        "card_is_a_test_card", _INVALID, "This is a test card: no real payment can be made with it."
    ),
    "live_mode_test_card": _failure(
        "card_is_a_test_card", _INVALID, "This is a test card: no real payment can be made with it."
    ),
    # the customer can correct the input
    "expired_card": _failure(
        "card_expired", _INVALID, "The card has expired. Please use another card.", retryable=True
    ),
    **dict.fromkeys(("incorrect_number", "invalid_number"), CARD_DATA_WRONG),
    **dict.fromkeys(
        ("incorrect_cvc", "invalid_cvc"),
        _failure(
            "card_cvc_wrong",
            _INVALID,
            "The card's security code is wrong. Please check it and try again.",
            retryable=True,
        ),
    ),
    **dict.fromkeys(
        ("invalid_expiry_month", "invalid_expiry_year", "incorrect_zip", "incorrect_address"),
        CARD_DATA_WRONG,
    ),
    **dict.fromkeys(
        (
            "incorrect_pin",
            "invalid_pin",
            "pin_try_exceeded",
            "offline_pin_required",
            "online_or_offline_pin_required",
        ),
        _failure("card_pin_wrong", _INVALID, "The card's PIN is wrong.", retryable=True),
    ),
    # the bank requires the cardholder's confirmation
    "authentication_required": AUTHENTICATION_REQUIRED,
    "authentication_not_handled": AUTHENTICATION_REQUIRED,
    **dict.fromkeys(
        (
            "payment_intent_authentication_failure",
            "setup_intent_authentication_failure",
            "mobile_device_authentication_required",
        ),
        AUTHENTICATION_FAILED,
    ),
    # soft: may work later or with another card
    "insufficient_funds": _failure(
        "card_funds_insufficient",
        _DECLINED,
        "The card's balance is too low for this payment.",
        retryable=True,
    ),
    **dict.fromkeys(
        ("generic_decline", "card_declined", "do_not_honor", "call_issuer", "approve_with_id"),
        CARD_DECLINED,
    ),
    **dict.fromkeys(
        ("card_velocity_exceeded", "withdrawal_count_limit_exceeded"),
        _failure(
            "card_limit_reached",
            _LIMIT,
            "The card's limit is reached. Please contact your bank, or use another card.",
            retryable=True,
        ),
    ),
    **dict.fromkeys(
        ("issuer_not_available", "processing_error", "reenter_transaction", "try_again_later"),
        _TRY_AGAIN,
    ),
    "duplicate_transaction": _failure(
        "duplicate_transaction",
        _DECLINED,
        "The bank saw the same payment moments ago. Please check your statement first.",
        retryable=True,
    ),
    "invalid_amount": _failure("amount_refused_by_bank", _LIMIT, _ASK_BANK, retryable=True),
}
"""By `decline_code`, or by the error's `code` where there is no decline code."""

REQUEST_ERRORS: Mapping[str, Failure] = {
    "amount_too_small": AMOUNT_REFUSED,
    "amount_too_large": AMOUNT_REFUSED,
    "invalid_charge_amount": AMOUNT_REFUSED,
    "invalid_charge_amount_no_decimal_compatible": AMOUNT_REFUSED,
    "payment_method_unexpected_state": CARD_UNKNOWN,
    "charge_already_refunded": REFUND_EXCEEDS,
    "charge_disputed": REFUND_DISPUTED,
}
"""Error codes of requests that Stripe refused for a reason the customer can act on."""
