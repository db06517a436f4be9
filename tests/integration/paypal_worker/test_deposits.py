"""PayPal deposits through the real engine, PostgreSQL and the PayPal twin.

Business rule: the twin's own book is the judge; a payment is captured once or not at all, and only
the status of its capture credits it.
"""

from datetime import timedelta

import httpx
import pytest

from cift_shared.money.amount import Money
from tests.integration.paypal_worker.world import World
from tests.support import paypal
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


async def test_an_approved_deposit_is_captured_and_its_fee_is_told(world: World) -> None:
    command = paypal.deposit(clock=world.clock, description="Order 7")
    await world.send(command)
    order = await world.approve(command.payment_id)
    result = await world.reach(command.payment_id, "settled")
    assert result.amount == Money(20_00, "USD")
    assert result.provider_fee == Money(1_19, "USD")
    kinds = await world.kinds(command.payment_id)
    assert kinds == ["action_required", "submitted", "settled"]
    assert await world.moved(command.payment_id) == [("capture", "20.00")]
    captures = await world.control("GET", "/paypal/objects/capture")
    assert list(captures) == [result.provider_reference]
    assert await world.orders(command.payment_id) == [order]


async def test_the_payer_approves_on_the_page_and_comes_back_to_the_gateway(world: World) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    told = await world.reach(command.payment_id, "action_required")
    assert told.next_action is not None
    page = VAULT.open(told.next_action["url_sealed"], context="next_action").decode()
    async with httpx.AsyncClient() as browser:
        assert "20.00 USD" in (await browser.get(page)).text
        leaving = await browser.post(page, data={"outcome": "approve"})
    address = httpx.URL(leaving.headers["location"])
    found = paypal.RETURNS.read(address.path.rpartition("/")[2])
    assert found is not None
    assert (found.payment_id, found.canceled) == (command.payment_id, False)
    await world.reach(command.payment_id, "settled")


async def test_a_payer_who_cancels_may_still_come_back(world: World) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    await world.reach(command.payment_id, "action_required")
    (order,) = await world.orders(command.payment_id)
    leaving = await world.control("POST", f"/paypal/orders/{order}", {"outcome": "cancel"})
    found = paypal.RETURNS.read(httpx.URL(leaving["returns_to"]).path.rpartition("/")[2])
    assert found is not None
    assert found.canceled
    await world.rest(command.payment_id)
    assert await world.kinds(command.payment_id) == ["action_required"]
    await world.approve(command.payment_id)
    await world.reach(command.payment_id, "settled")


async def test_an_abandoned_deposit_expires_and_moves_nothing(world: World) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    await world.reach(command.payment_id, "action_required")
    world.clock.advance(timedelta(seconds=9900))
    result = await world.reach(command.payment_id, "expired")
    assert result.failure is not None
    assert result.failure.code == "action_expired"
    # An approval after that is never captured.
    (order,) = await world.orders(command.payment_id)
    await world.control("POST", f"/paypal/orders/{order}", {"outcome": "approve"})
    await world.make_due()
    assert await world.moved(command.payment_id) == []


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("locked@example.com", "payer_refused"),
        ("restricted@example.com", "payer_refused"),
        ("cannot-pay@example.com", "instrument_declined"),
        ("limit@example.com", "payer_limit_exceeded"),
        ("refused@example.com", "payer_refused"),
        ("compliance@example.com", "payer_refused"),
        ("capture-declined@example.com", "capture_declined"),
    ],
)
async def test_a_refused_capture_moves_nothing(world: World, email: str, code: str) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    await world.approve(command.payment_id, email)
    result = await world.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == code
    assert await world.moved(command.payment_id) == []


@pytest.mark.parametrize("email", ["declined-once@example.com", "action@example.com"])
async def test_a_declined_instrument_sends_the_payer_back_and_then_pays(
    world: World, email: str
) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    order = await world.approve(command.payment_id, email)
    await world.reach(command.payment_id, "action_required", count=2)
    decision = {"outcome": "approve", "email": email}
    await world.control("POST", f"/paypal/orders/{order}", decision)
    await world.reach(command.payment_id, "settled")
    assert await world.moved(command.payment_id) == [("capture", "20.00")]


async def test_a_payer_is_sent_back_only_once(world: World) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    order = await world.approve(command.payment_id, "declined@example.com")
    await world.reach(command.payment_id, "action_required", count=2)
    decision = {"outcome": "approve", "email": "declined@example.com"}
    await world.control("POST", f"/paypal/orders/{order}", decision)
    result = await world.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == "instrument_declined"


@pytest.mark.parametrize(
    ("status", "kind", "moved"),
    [("COMPLETED", "settled", [("capture", "20.00")]), ("DECLINED", "declined", [])],
)
async def test_a_pending_capture_pays_only_when_it_completes(
    world: World, status: str, kind: str, moved: object
) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    order = await world.approve(command.payment_id, "unilateral@example.com")
    waiting = await world.reach(command.payment_id, "submitted", count=2)
    details = [step.detail for step in waiting.evidence if step.name == "paypal.capture.pending"]
    assert [detail["reason"] for detail in details] == ["UNILATERAL"]
    shown = await world.control("GET", "/paypal/objects/order")
    assert shown[order]["status"] == "COMPLETED"  # the order says nothing
    await world.rest(command.payment_id)
    assert await world.kinds(command.payment_id) == ["action_required", "submitted", "submitted"]
    await world.control(
        "POST", f"/paypal/captures/{waiting.provider_reference}", {"status": status}
    )
    await world.reach(command.payment_id, kind)
    assert await world.moved(command.payment_id) == moved


async def test_an_order_that_paypal_ended_expires(world: World) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    order = await world.approve(command.payment_id)
    await world.control("POST", f"/paypal/orders/{order}/expire")
    await world.reach(command.payment_id, "expired")
    assert await world.moved(command.payment_id) == []


async def test_a_canceled_deposit_is_never_captured(world: World) -> None:
    command = paypal.deposit(clock=world.clock)
    await world.send(command)
    await world.reach(command.payment_id, "action_required")
    await world.cancel(command.payment_id)
    await world.reach(command.payment_id, "canceled")
    (order,) = await world.orders(command.payment_id)
    await world.control("POST", f"/paypal/orders/{order}", {"outcome": "approve"})
    await world.make_due()
    assert await world.moved(command.payment_id) == []


async def test_a_currency_without_decimals(world: World) -> None:
    command = paypal.deposit(2500_00, "HUF", clock=world.clock)
    await world.send(command)
    await world.approve(command.payment_id)
    result = await world.reach(command.payment_id, "settled")
    assert result.amount == Money(2500_00, "HUF")
    assert await world.moved(command.payment_id) == [("capture", "2500")]


async def test_tokens_that_expired_at_paypal_are_renewed(world: World) -> None:
    first = await world.paid()
    await world.control("POST", "/paypal/tokens/expire")
    second = await world.paid()
    assert first.provider_reference != second.provider_reference
    rows = await world.pool.fetch("select sealed from paypal.access_token")
    assert len(rows) == 1
    assert VAULT.open(rows[0]["sealed"], context="access-token").startswith(b"A21AA")
