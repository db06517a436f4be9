"""Every line of the decline tables, written down once more.

Hard (False) means never this card again: a code that slips from hard to soft charges a card that
was reported stolen another time. docs/cards.md lists the same for people.
"""

from collections.abc import Mapping, Sequence

import pytest

from card_worker import declines
from cift_shared.messaging.outcomes import Failure, FailureCategory

Row = tuple[str, str, bool, str]
"""What the customer is told, its class, whether to try again, and Stripe's words for it."""

DECLINES: Sequence[Row] = [
    (
        "card_refused",
        "declined",
        False,
        (
            "lost_card stolen_card pickup_card restricted_card fraudulent "
            "merchant_blacklist security_violation stop_payment_order "
            "revocation_of_authorization revocation_of_all_authorizations do_not_try_again "
            "no_action_taken"
        ),
    ),
    (
        "card_not_supported",
        "invalid",
        False,
        (
            "invalid_account new_account_information_available card_not_supported "
            "currency_not_supported transaction_not_allowed service_not_allowed "
            "not_permitted"
        ),
    ),
    ("card_is_a_test_card", "invalid", False, "testmode_decline live_mode_test_card"),
    ("card_expired", "invalid", True, "expired_card"),
    (
        "card_data_wrong",
        "invalid",
        True,
        (
            "incorrect_number invalid_number invalid_expiry_month invalid_expiry_year "
            "incorrect_zip incorrect_address"
        ),
    ),
    ("card_cvc_wrong", "invalid", True, "incorrect_cvc invalid_cvc"),
    (
        "card_pin_wrong",
        "invalid",
        True,
        (
            "incorrect_pin invalid_pin pin_try_exceeded offline_pin_required "
            "online_or_offline_pin_required"
        ),
    ),
    (
        "authentication_required",
        "declined",
        True,
        "authentication_required authentication_not_handled",
    ),
    (
        "authentication_failed",
        "declined",
        True,
        (
            "payment_intent_authentication_failure setup_intent_authentication_failure "
            "mobile_device_authentication_required"
        ),
    ),
    ("card_funds_insufficient", "declined", True, "insufficient_funds"),
    (
        "card_declined",
        "declined",
        True,
        "generic_decline card_declined do_not_honor call_issuer approve_with_id",
    ),
    ("card_limit_reached", "limit", True, "card_velocity_exceeded withdrawal_count_limit_exceeded"),
    (
        "card_try_again",
        "provider_unavailable",
        True,
        "issuer_not_available processing_error reenter_transaction try_again_later",
    ),
    ("duplicate_transaction", "declined", True, "duplicate_transaction"),
    ("amount_refused_by_bank", "limit", True, "invalid_amount"),
]
ADVICE: Sequence[Row] = [
    ("card_refused", "declined", False, "do_not_try_again"),
    ("card_try_later", "declined", True, "try_again_later"),
    ("card_data_wrong", "invalid", True, "confirm_card_data"),
]
REQUEST_ERRORS: Sequence[Row] = [
    (
        "amount_out_of_limits",
        "limit",
        False,
        (
            "amount_too_small amount_too_large invalid_charge_amount "
            "invalid_charge_amount_no_decimal_compatible"
        ),
    ),
    ("card_unknown", "invalid", True, "payment_method_unexpected_state"),
    ("refund_exceeds_payment", "invalid", False, "charge_already_refunded"),
    ("payment_disputed", "invalid", False, "charge_disputed"),
]
BY_NAME = [
    ("ACTION_EXPIRED", "action_expired", "declined", True),
    ("AMOUNT_REFUSED", "amount_out_of_limits", "limit", False),
    ("AUTHENTICATION_FAILED", "authentication_failed", "declined", True),
    ("AUTHENTICATION_REQUIRED", "authentication_required", "declined", True),
    ("CANCELED_AT_PROVIDER", "canceled_at_provider", "declined", True),
    ("CARD_DATA_WRONG", "card_data_wrong", "invalid", True),
    ("CARD_DECLINED", "card_declined", "declined", True),
    ("CARD_REFUSED", "card_refused", "declined", False),
    ("CARD_UNKNOWN", "card_unknown", "invalid", True),
    ("INSTRUMENT_UNREADABLE", "sealed_data_unreadable", "configuration", False),
    ("REFUND_DISPUTED", "payment_disputed", "invalid", False),
    ("REFUND_EXCEEDS", "refund_exceeds_payment", "invalid", False),
    ("REFUND_FAILED", "refund_failed", "declined", False),
    ("REFUND_PAYMENT_UNKNOWN", "refund_payment_unknown", "configuration", False),
    ("REQUEST_REFUSED", "provider_request_refused", "configuration", False),
    ("SETUP_EXPIRED", "setup_expired", "declined", True),
    ("WITHDRAWAL_UNSUPPORTED", "card_withdrawal_unsupported", "invalid", False),
]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (declines.DECLINES, DECLINES),
        (declines.ADVICE, ADVICE),
        (declines.REQUEST_ERRORS, REQUEST_ERRORS),
    ],
)
def test_the_table_is_as_written_here(table: Mapping[str, Failure], rows: Sequence[Row]) -> None:
    expected = {
        word: (code, FailureCategory(category), retryable)
        for code, category, retryable, words in rows
        for word in words.split()
    }
    assert {word: told(failure) for word, failure in table.items()} == expected


@pytest.mark.parametrize(("name", "code", "category", "retryable"), BY_NAME)
def test_what_we_say_ourselves(name: str, code: str, category: str, retryable: bool) -> None:
    failure: Failure = getattr(declines, name)
    assert told(failure) == (code, FailureCategory(category), retryable)


def told(failure: Failure) -> tuple[str, FailureCategory, bool]:
    return failure.code, failure.category, failure.retryable
