"""Every status and reason of MTN, as docs/mtn-momo.md lists them, and what each end is."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from cift_shared.messaging.outcomes import Failure
from momo_worker import codes

DOCUMENT = Path(__file__).parents[3] / "docs" / "mtn-momo.md"
ROW = re.compile(r"^\| ([A-Z_, ]+) \| `(\w+)`[^|]*\| (?:`(\w+)`[^|]*|the same) \|$", re.MULTILINE)

# what the customer is told: its category, whether a new payment may succeed
ENDS = {
    "canceled_by_payer": ("declined", True),
    "prompt_expired": ("declined", True),
    "payer_balance_insufficient": ("declined", True),
    "payer_daily_limit": ("limit", False),
    "recipient_limit": ("limit", False),
    "payer_not_registered": ("invalid", False),
    "recipient_not_registered": ("invalid", False),
    "recipient_not_allowed": ("invalid", False),
    "payment_failed": ("provider_unavailable", True),
    "provider_float_insufficient": ("configuration", True),
    "provider_setup_wrong": ("configuration", False),
}
OURS = "NOT_ALLOWED_TARGET_ENVIRONMENT INVALID_CALLBACK_URL_HOST INVALID_CURRENCY"
SETS = [
    ("OPEN", "PENDING CREATED ONGOING DELAYED"),
    ("ENDED", "FAILED REJECTED EXPIRED TIMEOUT"),
    ("STATUSES", "SUCCESSFUL PENDING CREATED ONGOING DELAYED FAILED REJECTED EXPIRED TIMEOUT"),
    ("OURS", f"{OURS} TRANSFER_TYPE_UNKNOWN"),
    ("UNANSWERED", "EXPIRED TIMEOUT COULD_NOT_PERFORM_TRANSACTION"),
]
REFUSALS = [
    ("PHONE_INVALID", "phone_invalid", "invalid", False),
    ("NO_WALLET", "recipient_not_registered", "invalid", False),
    ("FLOAT_LOW", "provider_float_insufficient", "configuration", True),
    ("SETUP_WRONG", "provider_setup_wrong", "configuration", False),
    ("FAILED", "payment_failed", "provider_unavailable", True),
    ("NOT_REFUNDED", "refund_refused", "configuration", False),
    ("NOT_ANSWERED", "prompt_expired", "declined", True),
]


def told(failure: Failure) -> tuple[str, str, bool]:
    return failure.code, str(failure.category), failure.retryable


def documented(column: int) -> dict[str, tuple[str, str, bool]]:
    """By reason, the end that the document names: column 1 for deposits, 2 for the others."""
    rows = ROW.findall(DOCUMENT.read_text("utf-8"))
    names = {word: row[column] or row[1] for row in rows for word in row[0].split(", ")}
    return {word: (name, *ENDS[name]) for word, name in names.items()}


@pytest.mark.parametrize(
    ("column", "reasons"),
    [(1, codes.COLLECTION_REASONS), (2, codes.PAYOUT_REASONS)],
    ids=["deposits", "payouts and refunds"],
)
def test_the_reasons_are_those_of_the_document(column: int, reasons: Mapping[str, Failure]) -> None:
    assert {reason: told(failure) for reason, failure in reasons.items()} == documented(column)


@pytest.mark.parametrize(("name", "words"), SETS)
def test_the_sets_of_words(name: str, words: str) -> None:
    assert getattr(codes, name) == set(words.split())


@pytest.mark.parametrize(("name", "code", "category", "retryable"), REFUSALS)
def test_what_we_say_ourselves(name: str, code: str, category: str, retryable: bool) -> None:
    assert told(getattr(codes, name)) == (code, category, retryable)


def test_a_conflict_says_that_the_request_arrived() -> None:
    assert codes.ALREADY_THERE == 409
