"""PayPal deposits through the real engine, PostgreSQL and the PayPal twin.

Business rule: the twin's own book is the judge; a payment is captured once or not at all, and only
the status of its capture credits it.
"""

from datetime import timedelta

import httpx
import pytest

from cift_shared.money.amount import Money
from tests.integration.paypal_worker.harness import PayPalHarness
from tests.support import paypal
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


async def test_an_approved_deposit_is_captured_and_its_fee_is_told(harness: PayPalHarness) -> None:
    command = paypal.deposit(clock=harness.clock, description="Order 7")
    await harness.send(command)
    order = await harness.approve(command.payment_id)
    result = await harness.reach(command.payment_id, "settled")
    assert result.amount == Money(20_00, "USD")
    assert result.provider_fee == Money(1_19, "USD")
    kinds = await harness.kinds(command.payment_id)
    assert kinds == ["action_required", "submitted", "settled"]
    assert await harness.moved(command.payment_id) == [("capture", "20.00")]
    captures = await harness.control("GET", "/paypal/objects/capture")
    assert list(captures) == [result.provider_reference]
    assert await harness.orders(command.payment_id) == [order]


async def test_the_payer_approves_on_the_page_and_comes_back_to_the_gateway(
    harness: PayPalHarness,
) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    told = await harness.reach(command.payment_id, "action_required")
    assert told.next_action is not None
    page = VAULT.open(told.next_action["url_sealed"], context="next_action").decode()
    async with httpx.AsyncClient() as browser:
        assert "20.00 USD" in (await browser.get(page)).text
        leaving = await browser.post(page, data={"outcome": "approve"})
    address = httpx.URL(leaving.headers["location"])
    found = paypal.RETURNS.read(address.path.rpartition("/")[2])
    assert found is not None
    assert (found.payment_id, found.canceled) == (command.payment_id, False)
    await harness.reach(command.payment_id, "settled")


async def test_a_payer_who_cancels_may_still_come_back(harness: PayPalHarness) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await harness.reach(command.payment_id, "action_required")
    (order,) = await harness.orders(command.payment_id)
    leaving = await harness.control("POST", f"/paypal/orders/{order}", {"outcome": "cancel"})
    found = paypal.RETURNS.read(httpx.URL(leaving["returns_to"]).path.rpartition("/")[2])
    assert found is not None
    assert found.canceled
    await harness.rest(command.payment_id)
    assert await harness.kinds(command.payment_id) == ["action_required"]
    await harness.approve(command.payment_id)
    await harness.reach(command.payment_id, "settled")


async def test_an_abandoned_deposit_expires_and_moves_nothing(harness: PayPalHarness) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await harness.reach(command.payment_id, "action_required")
    harness.clock.advance(timedelta(seconds=9900))
    result = await harness.reach(command.payment_id, "expired")
    assert result.failure is not None
    assert result.failure.code == "action_expired"
    # An approval after that is never captured.
    (order,) = await harness.orders(command.payment_id)
    await harness.control("POST", f"/paypal/orders/{order}", {"outcome": "approve"})
    await harness.make_due()
    assert await harness.moved(command.payment_id) == []


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
async def test_a_refused_capture_moves_nothing(
    harness: PayPalHarness, email: str, code: str
) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await harness.approve(command.payment_id, email)
    result = await harness.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == code
    assert await harness.moved(command.payment_id) == []


@pytest.mark.parametrize("email", ["declined-once@example.com", "action@example.com"])
async def test_a_declined_instrument_sends_the_payer_back_and_then_pays(
    harness: PayPalHarness, email: str
) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    order = await harness.approve(command.payment_id, email)
    await harness.reach(command.payment_id, "action_required", count=2)
    decision = {"outcome": "approve", "email": email}
    await harness.control("POST", f"/paypal/orders/{order}", decision)
    await harness.reach(command.payment_id, "settled")
    assert await harness.moved(command.payment_id) == [("capture", "20.00")]


async def test_a_payer_is_sent_back_only_once(harness: PayPalHarness) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    order = await harness.approve(command.payment_id, "declined@example.com")
    await harness.reach(command.payment_id, "action_required", count=2)
    decision = {"outcome": "approve", "email": "declined@example.com"}
    await harness.control("POST", f"/paypal/orders/{order}", decision)
    result = await harness.reach(command.payment_id, "declined")
    assert result.failure is not None
    assert result.failure.code == "instrument_declined"


@pytest.mark.parametrize(
    ("status", "kind", "moved"),
    [("COMPLETED", "settled", [("capture", "20.00")]), ("DECLINED", "declined", [])],
)
async def test_a_pending_capture_pays_only_when_it_completes(
    harness: PayPalHarness, status: str, kind: str, moved: object
) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    order = await harness.approve(command.payment_id, "unilateral@example.com")
    waiting = await harness.reach(command.payment_id, "submitted", count=2)
    details = [step.detail for step in waiting.evidence if step.name == "paypal.capture.pending"]
    assert [detail["reason"] for detail in details] == ["UNILATERAL"]
    shown = await harness.control("GET", "/paypal/objects/order")
    assert shown[order]["status"] == "COMPLETED"  # the order says nothing
    await harness.rest(command.payment_id)
    assert await harness.kinds(command.payment_id) == ["action_required", "submitted", "submitted"]
    await harness.control(
        "POST", f"/paypal/captures/{waiting.provider_reference}", {"status": status}
    )
    await harness.reach(command.payment_id, kind)
    assert await harness.moved(command.payment_id) == moved


async def test_an_order_that_paypal_ended_expires(harness: PayPalHarness) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    order = await harness.approve(command.payment_id)
    await harness.control("POST", f"/paypal/orders/{order}/expire")
    await harness.reach(command.payment_id, "expired")
    assert await harness.moved(command.payment_id) == []


async def test_a_canceled_deposit_is_never_captured(harness: PayPalHarness) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await harness.reach(command.payment_id, "action_required")
    await harness.cancel(command.payment_id)
    await harness.reach(command.payment_id, "canceled")
    (order,) = await harness.orders(command.payment_id)
    await harness.control("POST", f"/paypal/orders/{order}", {"outcome": "approve"})
    await harness.make_due()
    assert await harness.moved(command.payment_id) == []


async def test_a_currency_without_decimals(harness: PayPalHarness) -> None:
    command = paypal.deposit(2500_00, "HUF", clock=harness.clock)
    await harness.send(command)
    await harness.approve(command.payment_id)
    result = await harness.reach(command.payment_id, "settled")
    assert result.amount == Money(2500_00, "HUF")
    assert await harness.moved(command.payment_id) == [("capture", "2500")]


async def test_tokens_that_expired_at_paypal_are_renewed(harness: PayPalHarness) -> None:
    first = await harness.paid()
    await harness.control("POST", "/paypal/tokens/expire")
    second = await harness.paid()
    assert first.provider_reference != second.provider_reference
    rows = await harness.pool.fetch("select sealed from paypal.access_token")
    assert len(rows) == 1
    assert VAULT.open(rows[0]["sealed"], context="access-token").startswith(b"A21AA")
