"""Disputes, chargebacks and reversals of a settled deposit: what PayPal took is told once."""

from typing import Any
from uuid import UUID

import pytest

from cift_shared.messaging.messages import DisputeUpdate
from cift_shared.money.amount import Money
from tests.integration.paypal_worker.notices_harness import NoticesHarness

pytestmark = pytest.mark.integration


async def opened(harness: NoticesHarness, payment: UUID, **told: Any) -> str:
    """The id of a new dispute, whose event was taken."""
    capture = await harness.memory(payment, "capture")
    dispute = await harness.twin.control("POST", f"/paypal/captures/{capture}/disputes", told)
    await harness.hear_all()
    return str(dispute["dispute_id"])


async def decided(harness: NoticesHarness, dispute: str, favour: str) -> None:
    await harness.twin.control("POST", f"/paypal/disputes/{dispute}", {"favour": favour})
    await harness.hear_all()


async def disputed(harness: NoticesHarness, payment: UUID, count: int) -> DisputeUpdate:
    found = (await harness.told(payment, "disputed", count=count)).dispute
    assert found is not None
    return found


def usd(minor: int) -> Money:
    return Money(minor, "USD")


async def test_a_chargeback_that_we_win(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    name = await opened(notices, payment)
    told = await disputed(notices, payment, 1)
    assert (told.reference, told.amount, told.withdrawn) == (name, usd(50_00), usd(50_00))
    assert (told.closed, told.reinstated) == (None, None)
    assert told.evidence_due_by is not None
    await decided(notices, name, "seller")
    told = await disputed(notices, payment, 2)
    assert (told.closed, told.withdrawn, told.reinstated) == ("won", usd(50_00), usd(50_00))
    await notices.idle()
    assert await notices.kinds(payment) == ["action_required", "settled", "disputed", "disputed"]


async def test_a_chargeback_that_we_lose_is_no_reversal_as_well(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    name = await opened(notices, payment, amount="20.00")
    await disputed(notices, payment, 1)
    await decided(notices, name, "buyer")
    told = await disputed(notices, payment, 2)
    assert (told.closed, told.withdrawn, told.reinstated) == ("lost", usd(20_00), None)
    await notices.make_due()
    await notices.idle()
    assert "reversed" not in await notices.kinds(payment)
    assert await notices.twin.book() == [("capture", "50.00"), ("dispute_hold", "20.00")]


async def test_an_inquiry_that_we_lose_takes_the_money_at_its_end(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    name = await opened(notices, payment, inquiry=True)
    assert (await disputed(notices, payment, 1)).withdrawn is None
    await decided(notices, name, "buyer")
    told = await disputed(notices, payment, 2)
    assert (told.closed, told.withdrawn) == ("lost", usd(50_00))
    await notices.idle()
    assert "reversed" not in await notices.kinds(payment)


async def test_repeated_and_reordered_events_tell_nothing_twice(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    capture = await notices.memory(payment, "capture")
    dispute = await notices.twin.control("POST", f"/paypal/captures/{capture}/disputes", {})
    await notices.twin.control(
        "POST", f"/paypal/disputes/{dispute['dispute_id']}", {"favour": "buyer"}
    )
    await notices.twin.settle()
    posts = list(notices.twin.posts)
    for post in [*reversed(posts), *posts]:
        await notices.hear(post)
    told = await disputed(notices, payment, 1)
    assert (told.closed, told.withdrawn) == ("lost", usd(50_00))
    await notices.make_due()
    await notices.idle()
    assert (await notices.kinds(payment)).count("disputed") == 1


async def test_a_lost_event_is_found_by_our_own_reading(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    await notices.idle()
    capture = await notices.memory(payment, "capture")
    await notices.twin.control("POST", f"/paypal/captures/{capture}/disputes", {})
    await notices.make_due()
    assert (await disputed(notices, payment, 1)).withdrawn == usd(50_00)


async def test_a_refund_made_at_paypal_is_a_reversal_in_part(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    capture = await notices.memory(payment, "capture")
    answer = await notices.twin.refund(capture, "12.00")
    assert answer.status_code == 201
    await notices.hear_all()
    told = await notices.told(payment, "reversed")
    name = answer.json()["id"]
    assert (told.amount, told.provider_reference, told.reversal_reference) == (
        usd(12_00),
        name,
        name,
    )
    # PayPal could not complete it after all: the money is ours again
    await notices.twin.control("POST", f"/paypal/refunds/{name}", {"status": "FAILED"})
    await notices.hear_all()
    back = await notices.told(payment, "reinstated")
    assert (back.amount, back.reversal_reference) == (usd(12_00), name)
    await notices.make_due()
    await notices.idle()
    assert (await notices.kinds(payment))[2:] == ["reversed", "reinstated"]


async def test_a_refund_of_ours_is_no_reversal(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    capture = await notices.memory(payment, "capture")
    body = {
        "amount": {"currency_code": "USD", "value": "12.00"},
        "custom_id": "0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a99",
    }
    path = f"/v2/payments/captures/{capture}/refund"
    assert (await notices.twin.call("POST", path, body)).status_code == 201
    await notices.hear_all()
    await notices.make_due()
    await notices.idle()
    assert await notices.kinds(payment) == ["action_required", "settled"]
