"""The tables of PayPal's words, against PayPal's descriptions."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cift_shared.messaging.outcomes import Failure, FailureCategory
from paypal_worker import issues

SPECS = Path(__file__).parents[2] / "contract" / "specs"
NEWER = {"ORDER_EXPIRED", "ORDER_VOIDED", "TOKEN_ID_NOT_FOUND", "DECIMALS_NOT_SUPPORTED",
         "CURRENCY_MISMATCH"}  # fmt: skip
"""Words of PayPal's documents that the descriptions of February 2024 lack for an operation."""
NAMES = {"NOT_AUTHORIZED"}
"""Names of whole errors; the others are reasons."""


def described(name: str) -> set[str]:
    """Every issue that a description names."""
    text = gzip.decompress((SPECS / f"{name}.json.gz").read_bytes()).decode()
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "issue" and isinstance(inner, dict):
                    found.update(inner.get("enum", []))
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(json.loads(text))
    return found


def test_every_word_of_deposits_is_paypals() -> None:
    known = described("paypal_checkout_orders_v2") | NEWER | NAMES
    ours = set(issues.DEPOSITS) | issues.SENDS_BACK | issues.ORDER_EXPIRED | issues.OUR_ACCOUNT
    assert sorted(ours - known) == []


def test_every_word_of_refunds_is_paypals() -> None:
    known = described("paypal_payments_payment_v2") | NEWER | NAMES
    assert sorted({*issues.REFUNDS, issues.NO_BALANCE} - known) == []


def test_every_reason_of_a_pending_capture_is_listed() -> None:
    text = gzip.decompress((SPECS / "paypal_payments_payment_v2.json.gz").read_bytes())
    document = json.loads(text)["components"]["schemas"]
    (schema,) = (
        part["properties"]["reason"]["enum"]
        for name, part in document.items()
        if name == "capture_status_details"
    )
    assert set(schema) == issues.PENDING_REASONS
    assert issues.NEEDS_OPERATOR < issues.PENDING_REASONS


FAILURES = {
    name: value for name, value in sorted(vars(issues).items()) if isinstance(value, Failure)
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_for_the_customer(name: str) -> None:
    failure = FAILURES[name]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", failure.code)
    assert re.fullmatch(r"[A-Z].*\.", failure.message)


def test_codes_are_unique() -> None:
    codes = [failure.code for failure in FAILURES.values()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("name", "category", "retryable"),
    [
        ("ACTION_EXPIRED", "declined", True),
        ("INSTRUMENT_DECLINED", "declined", True),
        ("CAPTURE_DECLINED", "declined", True),
        ("PAYER_REFUSED", "declined", False),
        ("PAYER_LIMIT", "limit", True),
        ("AMOUNT_REFUSED", "limit", False),
        ("RECEIVING_REFUSED", "configuration", False),
        ("REQUEST_REFUSED", "configuration", False),
        ("REFUND_PAYMENT_UNKNOWN", "invalid", False),
        ("REFUND_EXCEEDS", "invalid", False),
        ("REFUND_TOO_LATE", "limit", False),
        ("REFUND_REFUSED", "declined", False),
        ("REFUND_DISPUTED", "declined", False),
        ("REFUND_FAILED", "declined", False),
    ],
)
def test_what_a_client_may_do(name: str, category: str, retryable: bool) -> None:
    failure = FAILURES[name]
    assert (failure.category, failure.retryable) == (FailureCategory(category), retryable)


@pytest.mark.parametrize("word", sorted(issues.OUR_ACCOUNT))
def test_a_refusal_of_our_account_is_no_fault_of_the_payer(word: str) -> None:
    assert issues.DEPOSITS[word] == issues.RECEIVING_REFUSED
