"""PayPal refunds through the real engine, PostgreSQL and the PayPal twin."""

import pytest

from cift_shared.money.amount import Money
from tests.integration.paypal_worker.world import Deaths, World

pytestmark = pytest.mark.integration


async def refunded(world: World) -> list[str]:
    """The amounts of every refund in the twin's book."""
    entries = (await world.control("GET", "/book"))["entries"]
    return [entry["amount"] for entry in entries if entry["kind"] == "refund"]


async def test_several_parts_up_to_the_whole(world: World) -> None:
    settled = await world.paid()
    for minor in (5_00, 7_50, 7_50):
        command = world.refund_of(settled, minor)
        await world.send(command)
        result = await world.reach(command.payment_id, "settled")
        assert result.amount == Money(minor, "USD")
    assert await refunded(world) == ["5.00", "7.50", "7.50"]
    command = world.refund_of(settled, 1)
    await world.send(command)
    result = await world.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == "refund_exceeds_payment"


async def test_a_pending_refund_is_followed(world: World) -> None:
    settled = await world.paid("refund-pending@example.com")
    command = world.refund_of(settled, 5_00)
    await world.send(command)
    await world.reach(command.payment_id, "settled")
    assert await world.kinds(command.payment_id) == ["submitted", "settled"]


async def test_a_refund_that_fails_is_declined(world: World) -> None:
    settled = await world.paid("refund-fails@example.com")
    command = world.refund_of(settled, 5_00)
    await world.send(command)
    result = await world.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == "refund_failed"


async def test_a_completed_refund_that_fails_later_is_reversed(world: World) -> None:
    settled = await world.paid()
    command = world.refund_of(settled, 5_00)
    await world.send(command)
    result = await world.reach(command.payment_id, "settled")
    name = result.provider_reference
    await world.control("POST", f"/paypal/refunds/{name}", {"status": "FAILED"})
    reversed_ = await world.reach(command.payment_id, "reversed")
    assert (reversed_.amount, reversed_.reason) == (Money(5_00, "USD"), "FAILED")
    assert await world.kinds(command.payment_id) == ["settled", "reversed"]


async def test_a_balance_that_is_too_low_delays_a_refund(world: World) -> None:
    settled = await world.paid()
    await world.control("PUT", "/paypal/balances/USD", {"amount": "1.00"})
    command = world.refund_of(settled, 5_00)
    await world.send(command)
    await world.reach(command.payment_id, "noted")
    assert await refunded(world) == []
    await world.control("PUT", "/paypal/balances/USD", {"amount": "100.00"})
    await world.reach(command.payment_id, "settled")
    assert await refunded(world) == ["5.00"]


@pytest.mark.parametrize(
    "place", ["worker.before_call", "paypal.before_refund", "paypal.after_refund",
              "worker.after_call"]
)  # fmt: skip
async def test_a_death_at_any_line_refunds_once(world: World, deaths: Deaths, place: str) -> None:
    settled = await world.paid()
    deaths.at(place)
    command = world.refund_of(settled, 5_00)
    await world.send(command)
    await deaths.have_met(place)
    await world.restart()
    await world.reach(command.payment_id, "settled")
    assert await refunded(world) == ["5.00"]
    assert (await world.kinds(command.payment_id)).count("settled") == 1


@pytest.mark.parametrize(
    "kind", ["drop_before", "drop_after_effect", "reset_mid_body", "html_502_after_effect",
             "saved_500_after_effect", "html_503", "http_429"]
)  # fmt: skip
async def test_a_lost_answer_refunds_once(world: World, kind: str) -> None:
    settled = await world.paid()
    await world.fault("captures.refund", kind)
    command = world.refund_of(settled, 5_00)
    await world.send(command)
    await world.reach(command.payment_id, "settled")
    assert await refunded(world) == ["5.00"]
