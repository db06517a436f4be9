"""Whose payment a movement in a twin's book is, and what it moved."""

from fractions import Fraction
from typing import Any

import pytest

from tests.chaos.evidence.gathering import movement, payment

DEPOSIT = "00000001-0000-5000-8000-000000000000"
REFUND = "00000002-0000-5000-8000-000000000000"
PAYOUT = "00000003-0000-5000-8000-000000000000"


def entry(kind: str, refs: dict[str, str]) -> dict[str, Any]:
    """What PayPal's twin writes of a movement."""
    return {
        "seq": 1, "provider": "paypal", "kind": kind, "amount": "20.00", "currency": "USD",
        "fee": "1.19", "receipt": "R1", "provider_ids": {"order": "O1", "capture": "C1"},
        "caller_refs": refs, "callback_url": "http://127.0.0.1:1/api/v1/webhooks/paypal",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "refs", "attempt", "operations", "is_incoming"),
    [
        ("capture", {"custom_id": DEPOSIT}, DEPOSIT, {"deposit"}, True),
        (
            "refund",
            {"custom_id": DEPOSIT, "refund_custom_id": REFUND},
            REFUND,
            {"refund"},
            False,
        ),
        ("reversal", {"custom_id": DEPOSIT}, DEPOSIT, set(), False),
        ("payout", {"sender_item_id": PAYOUT}, PAYOUT, {"withdrawal"}, False),
        ("payout_returned", {"sender_item_id": PAYOUT}, PAYOUT, set(), True),
    ],
)
def test_a_movement_of_paypals_belongs_to_the_attempt_that_it_names(
    kind: str, refs: dict[str, str], attempt: str, operations: set[str], is_incoming: bool
) -> None:
    moved = movement(entry(kind, refs))
    assert (moved.attempt_id, set(moved.operations)) == (attempt, operations)
    assert moved.is_incoming is is_incoming
    assert (moved.amount, moved.fee) == (2000, 119)


def row(**more: Any) -> dict[str, Any]:
    """A row of a payment as it is read, of a deposit that is paid in its own currency."""
    return {
        "payment_id": DEPOSIT, "merchant": "m_shop", "livemode": False, "customer": "c1",
        "type": "deposit", "method": "bitcoin", "rail": "bitcoin", "status": "completed",
        "minor": 2_500, "currency": "USD", "fee": 50, "net": 2_450,
        "to_pay": None, "paid_in": None, "rate": None, "quoted": 2_500, **more,
    }  # fmt: skip


def test_a_payment_in_its_own_currency_has_no_price() -> None:
    assert payment(row()).price is None


def test_a_price_is_in_minor_units_of_both_currencies() -> None:
    found = payment(row(to_pay="0.00052632", paid_in="BTC", rate="95000.5", quoted=5_000)).price
    assert found is not None
    assert (found.minor, found.currency) == (52_632, "BTC")
    assert (found.quoted, found.quoted_currency) == (5_000, "USD")
    assert found.worth(52_632) == Fraction(52_632 * 950_005, 10 * 10**6)


def test_what_the_rail_demands_comes_with_the_payment() -> None:
    found = payment(row(currency="BTC"))
    assert found.depth > 1
    assert found.cap is not None
    assert not found.cancels_after_submit
