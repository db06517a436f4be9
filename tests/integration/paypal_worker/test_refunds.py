"""PayPal refunds through the real engine, PostgreSQL and the PayPal twin."""

import pytest

from cift_shared.money.amount import Money
from tests.integration.paypal_worker.harness import PayPalHarness
from tests.support.deaths import Deaths

pytestmark = pytest.mark.integration


async def refunded(harness: PayPalHarness) -> list[str]:
    """The amounts of every refund in the twin's book."""
    entries = (await harness.control("GET", "/book"))["entries"]
    return [entry["amount"] for entry in entries if entry["kind"] == "refund"]


async def test_several_parts_up_to_the_whole(harness: PayPalHarness) -> None:
    settled = await harness.paid()
    for minor in (5_00, 7_50, 7_50):
        command = harness.refund_of(settled, minor)
        await harness.send(command)
        result = await harness.reach(command.payment_id, "settled")
        assert result.amount == Money(minor, "USD")
    assert await refunded(harness) == ["5.00", "7.50", "7.50"]
    command = harness.refund_of(settled, 1)
    await harness.send(command)
    result = await harness.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == "refund_exceeds_payment"


async def test_a_pending_refund_is_followed(harness: PayPalHarness) -> None:
    settled = await harness.paid("refund-pending@example.com")
    command = harness.refund_of(settled, 5_00)
    await harness.send(command)
    await harness.reach(command.payment_id, "settled")
    assert await harness.kinds(command.payment_id) == ["submitted", "settled"]


async def test_a_refund_that_fails_is_declined(harness: PayPalHarness) -> None:
    settled = await harness.paid("refund-fails@example.com")
    command = harness.refund_of(settled, 5_00)
    await harness.send(command)
    result = await harness.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == "refund_failed"


async def test_a_completed_refund_that_fails_later_is_reversed(harness: PayPalHarness) -> None:
    settled = await harness.paid()
    command = harness.refund_of(settled, 5_00)
    await harness.send(command)
    result = await harness.reach(command.payment_id, "settled")
    name = result.provider_reference
    await harness.control("POST", f"/paypal/refunds/{name}", {"status": "FAILED"})
    reversed_ = await harness.reach(command.payment_id, "reversed")
    assert (reversed_.amount, reversed_.reason) == (Money(5_00, "USD"), "FAILED")
    assert await harness.kinds(command.payment_id) == ["settled", "reversed"]


async def test_a_balance_that_is_too_low_delays_a_refund(harness: PayPalHarness) -> None:
    settled = await harness.paid()
    await harness.control("PUT", "/paypal/balances/USD", {"amount": "1.00"})
    command = harness.refund_of(settled, 5_00)
    await harness.send(command)
    await harness.reach(command.payment_id, "noted")
    assert await refunded(harness) == []
    await harness.control("PUT", "/paypal/balances/USD", {"amount": "100.00"})
    await harness.reach(command.payment_id, "settled")
    assert await refunded(harness) == ["5.00"]


@pytest.mark.parametrize(
    "place", ["worker.before_call", "paypal.before_refund", "paypal.after_refund",
              "worker.after_call"]
)  # fmt: skip
async def test_a_death_at_any_line_refunds_once(
    harness: PayPalHarness, deaths: Deaths, place: str
) -> None:
    settled = await harness.paid()
    deaths.at(place)
    command = harness.refund_of(settled, 5_00)
    await harness.send(command)
    await deaths.have_met(place)
    await harness.restart()
    await harness.reach(command.payment_id, "settled")
    assert await refunded(harness) == ["5.00"]
    assert (await harness.kinds(command.payment_id)).count("settled") == 1


@pytest.mark.parametrize(
    "kind", ["drop_before", "drop_after_effect", "reset_mid_body", "html_502_after_effect",
             "saved_500_after_effect", "html_503", "http_429"]
)  # fmt: skip
async def test_a_lost_answer_refunds_once(harness: PayPalHarness, kind: str) -> None:
    settled = await harness.paid()
    await harness.fault("captures.refund", kind)
    command = harness.refund_of(settled, 5_00)
    await harness.send(command)
    await harness.reach(command.payment_id, "settled")
    assert await refunded(harness) == ["5.00"]
