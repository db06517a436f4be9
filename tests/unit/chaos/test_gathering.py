"""Whose payment a movement in a twin's book is, and what it moved."""

from typing import Any

import pytest

from tests.chaos.evidence.gathering import movement

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
