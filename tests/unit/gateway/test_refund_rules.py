"""What is refused of a refund before the payment's status is looked at."""

import pytest

from cift_shared.errors import InvalidCommand
from cift_shared.rails.registry import rails
from gateway.payments.commands import check_refund_amount
from gateway.payments.requests import RefundIn

OFFERED = [rail for rail in rails().values() if "refund" not in rail.refusals]
NOT_OFFERED = [rail for rail in rails().values() if "refund" in rail.refusals]


@pytest.mark.parametrize("amount", [None, "1.00", "0.00000001", "nonsense"])
@pytest.mark.parametrize("rail", NOT_OFFERED, ids=lambda rail: rail.name)
def test_a_rail_without_refunds_refuses_each_with_its_own_problem(rail, amount: str | None) -> None:
    for currency in sorted(rail.currencies):
        with pytest.raises(InvalidCommand) as refused:
            check_refund_amount(RefundIn(amount=amount), {"rail": rail.name, "currency": currency})
        assert refused.value.code == rail.refusal_code("refund")
        assert str(refused.value) == rail.refusals["refund"].advice


@pytest.mark.parametrize("rail", OFFERED, ids=lambda rail: rail.name)
def test_a_rail_with_refunds_has_limits_for_them_in_every_currency(rail) -> None:
    for currency in sorted(rail.currencies):
        parent = {"rail": rail.name, "currency": currency}
        check_refund_amount(RefundIn(), parent)
        with pytest.raises(InvalidCommand) as refused:
            check_refund_amount(RefundIn(amount="999999999999"), parent)
        assert refused.value.code == "amount_out_of_limits"
