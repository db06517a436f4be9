"""Every line of Daraja's code tables, written down once more; docs/mpesa.md lists them too."""

import pytest

from cift_shared.messaging.outcomes import Failure, FailureCategory
from mpesa_worker import codes

# what the customer is told, its class, whether to try again, whether nobody answered: codes
STK_ENDS = [
    ("payer_balance_insufficient", "declined", True, False, "1"),
    ("amount_too_small", "limit", False, False, "2"),
    ("amount_too_large", "limit", False, False, "3"),
    ("payer_daily_limit", "limit", False, False, "4"),
    ("receiver_balance_limit", "configuration", False, False, "8"),
    ("account_state_invalid", "configuration", False, False, "11"),
    ("account_invalid", "invalid", False, False, "12 13 14"),
    ("repeated_too_soon", "declined", True, False, "17"),
    ("provider_credentials_refused", "configuration", False, False, "20 21 22"),
    ("provider_busy", "provider_unavailable", True, False, "26"),
    ("payer_busy", "declined", True, False, "1001"),
    ("prompt_expired", "declined", True, True, "1019"),
    ("prompt_not_delivered", "provider_unavailable", True, False, "1025 9999"),
    ("canceled_by_payer", "declined", True, False, "1032"),
    ("phone_unreachable", "declined", True, True, "1036 1037"),
    ("pin_wrong", "declined", True, False, "2001"),
    ("account_not_active", "invalid", False, False, "2006"),
    ("session_expired", "declined", True, True, "2026"),
    ("provider_setup_wrong", "configuration", False, False, "2028 SFC_IC0003"),
    ("pin_locked", "declined", False, False, "8006"),
]
RESULT_ENDS = [
    ("provider_float_insufficient", "configuration", True, "1"),
    ("amount_too_small", "limit", False, "2"),
    ("amount_too_large", "limit", False, "3"),
    ("recipient_daily_limit", "limit", False, "4"),
    ("recipient_balance_limit", "limit", False, "8"),
    ("account_state_invalid", "configuration", False, "11"),
    ("payout_failed", "provider_unavailable", True, "17"),
    ("provider_credentials_refused", "configuration", False, "18 20 21 22 2001 8006"),
    ("provider_setup_wrong", "configuration", False, "24 25 2028"),
    ("provider_busy", "provider_unavailable", True, "26 100000001 100000002 100000004"),
    ("account_not_active", "invalid", False, "2006"),
    ("recipient_not_registered", "invalid", False, "2040"),
    ("refund_receipt_unknown", "configuration", False, "R000002"),
    ("recipient_unknown", "invalid", False, "SFC_IC0003"),
]
SETS = [
    ("STK_OPEN", "4999 15 2029"),
    ("STK_UNANSWERED", "1036 1037"),
    ("RESULT_OPEN", "15 29 100000000"),
    ("INITIATOR_REFUSED", "18 20 21 22 2001 8006"),
    ("STATUS_FAILED", "Failed Declined Cancelled Canceled Expired"),
    ("STATUS_OPEN", "Pending Submitted Authorized Initiated Processing"),
]
WORDS = [
    ("SUCCESS", "0"),
    ("IN_FLIGHT", "4999"),
    ("ALREADY_REVERSED", "R000001"),
    ("NO_SUCH_TRANSACTION", "25"),
    ("COMPLETED", "Completed"),
]
REFUSALS = [
    ("PAYER_BUSY", "payer_busy", "declined", True),
    ("PHONE_INVALID", "phone_invalid", "invalid", False),
    ("REFUND_TOO_SMALL", "refund_below_minimum", "limit", False),
    ("PAYOUT_FAILED", "payout_failed", "provider_unavailable", True),
]


def told(failure: Failure) -> tuple[str, str, bool]:
    return failure.code, str(failure.category), failure.retryable


def test_the_ends_of_a_push() -> None:
    expected = {
        word: (code, category, retryable, expired)
        for code, category, retryable, expired, words in STK_ENDS
        for word in words.split()
    }
    assert {
        word: (*told(end.failure), end.expired) for word, end in codes.STK_ENDS.items()
    } == expected


def test_the_ends_of_a_payout_or_reversal() -> None:
    expected = {
        word: (code, category, retryable)
        for code, category, retryable, words in RESULT_ENDS
        for word in words.split()
    }
    assert {word: told(failure) for word, failure in codes.RESULT_ENDS.items()} == expected


@pytest.mark.parametrize(("name", "words"), SETS)
def test_the_sets_of_codes(name: str, words: str) -> None:
    assert getattr(codes, name) == set(words.split())


@pytest.mark.parametrize(("name", "word"), WORDS)
def test_the_codes_with_names(name: str, word: str) -> None:
    assert getattr(codes, name) == word


@pytest.mark.parametrize(("name", "code", "category", "retryable"), REFUSALS)
def test_what_we_say_ourselves(name: str, code: str, category: str, retryable: bool) -> None:
    failure: Failure = getattr(codes, name)
    assert told(failure) == (code, str(FailureCategory(category)), retryable)
