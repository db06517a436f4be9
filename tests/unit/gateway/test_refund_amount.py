"""What is left to refund of a deposit."""

from decimal import Decimal
from typing import Any

import pytest

from cift_shared.errors import InvalidCommand
from gateway.payments.commands import refund_amount
from gateway.payments.requests import RefundIn
from gateway.problems.problem import Problem


def deposit(**fields: Any) -> dict[str, Any]:
    return {
        "type": "deposit",
        "status": "completed",
        "method": "card",
        "rail": "card",
        "currency": "USD",
        "minor": Decimal(20_00),
        "refunded_minor": Decimal(0),
        "refund_pending_minor": Decimal(0),
        "reversed_minor": Decimal(0),
        "disputed_minor": Decimal(0),
        **fields,
    }


def test_all_that_is_left() -> None:
    gone = {"refunded_minor": 3_00, "refund_pending_minor": 2_00, "disputed_minor": 5_00}
    assert refund_amount(RefundIn(), deposit()).text == "20.00"
    assert refund_amount(RefundIn(), deposit(**gone)).text == "10.00"
    assert refund_amount(RefundIn(amount="10.00"), deposit(**gone)).text == "10.00"
    with pytest.raises(InvalidCommand) as refused:
        refund_amount(RefundIn(amount="10.01"), deposit(**gone))
    assert refused.value.code == "refund_exceeds_captured"


def test_what_was_reversed_is_not_left() -> None:
    assert refund_amount(RefundIn(), deposit(reversed_minor=5_00)).text == "15.00"
    with pytest.raises(InvalidCommand):
        refund_amount(RefundIn(amount="15.01"), deposit(reversed_minor=5_00))


@pytest.mark.parametrize(
    "fields", [{"type": "withdrawal"}, {"status": "pending"}, {"reversed_minor": 20_00}]
)
def test_only_a_completed_deposit_with_money_left_is_refundable(fields: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        refund_amount(RefundIn(), deposit(**fields))
    assert refused.value.code == "not_refundable"
