"""The table of codes: complete, and the same in the document."""

import re
from pathlib import Path

import pytest

from cift_shared.messaging.outcomes import Failure
from vodacom_worker import codes
from vodacom_worker.codes import Meaning

DOCUMENT = Path(__file__).parents[3] / "docs" / "mpesa-tanzania.md"
DOCUMENTED = [
    *(f"INS-{n}" for n in (0, 1, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 26, 28)),
    *(f"INS-{n}" for n in (30, 31, 35, *range(989, 1000), 2001, 2002, 2006, 2051)),
]

# what the customer is told, its category, whether a new payment may succeed: codes
FAILURES = [
    ("canceled_by_payer", "declined", True, "5"),
    ("payment_not_carried_out", "declined", True, "6"),
    ("payer_balance_insufficient", "declined", True, "2006"),
    ("amount_out_of_limits", "limit", False, "15 995"),
    ("customer_limit", "limit", True, "990 991"),
    ("refund_receipt_unknown", "configuration", False, "18"),
    ("phone_invalid", "invalid", False, "2002 2051"),
]
OWN = [
    ("SETUP_WRONG", "provider_setup_wrong", "configuration", False),
    ("PHONE_INVALID", "phone_invalid", "invalid", False),
    ("AMOUNT_NOT_WHOLE", "amount_not_whole", "limit", False),
    ("EXPIRED", "prompt_expired", "declined", True),
    ("NOT_CARRIED_OUT", "payment_not_carried_out", "declined", True),
]
STATUSES = [
    ("STATUS_CANCELED", "Cancelled Canceled"),
    ("STATUS_EXPIRED", "Expired"),
    ("STATUS_FAILED", "Failed Declined"),
    ("STATUS_OPEN", "Pending"),
]


def told(failure: Failure) -> tuple[str, str, bool]:
    return failure.code, str(failure.category), failure.retryable


def test_what_a_customer_is_told_of_each_refusal() -> None:
    assert {code: told(failure) for code, failure in codes.FAILURES.items()} == {
        f"INS-{number}": (code, category, retryable)
        for code, category, retryable, numbers in FAILURES
        for number in numbers.split()
    }


@pytest.mark.parametrize(("name", "code", "category", "retryable"), OWN)
def test_what_we_say_ourselves(name: str, code: str, category: str, retryable: bool) -> None:
    assert told(getattr(codes, name)) == (code, category, retryable)


@pytest.mark.parametrize(("name", "words"), STATUSES)
def test_the_words_of_a_status(name: str, words: str) -> None:
    assert getattr(codes, name) == set(words.split())


def test_every_documented_code_is_listed() -> None:
    assert sorted(codes.MEANINGS) == sorted(DOCUMENTED)


def test_the_document_lists_the_same() -> None:
    rows = re.findall(r"^\| `(INS-\d+)` \| (\w+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert dict(rows) == {code: meaning.value for code, meaning in codes.MEANINGS.items()}


def test_every_refusal_has_a_text_for_the_customer() -> None:
    refusals = {
        code
        for code, meaning in codes.MEANINGS.items()
        if meaning in (Meaning.REFUSED, Meaning.DECLINED)
    }
    assert refusals == set(codes.FAILURES)


@pytest.mark.parametrize("code", ["INS-1", "INS-9", "INS-10", "INS-23"])
def test_what_says_nothing_about_the_money_is_no_refusal(code: str) -> None:
    assert codes.MEANINGS[code] in (Meaning.UNKNOWN, Meaning.DUPLICATE)
