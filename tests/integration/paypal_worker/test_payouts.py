"""Withdrawals by PayPal: the worker's engine over PostgreSQL, the twin behind a real socket."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cift_shared.attempts.store import attempt_id_of
from cift_shared.messaging.messages import RequestWithdrawal
from cift_shared.money.amount import Money
from paypal_worker.payout_pause import PAYOUTS_PAUSED
from tests.integration.paypal_worker.payouts_harness import (
    DAY,
    PayoutsHarness,
    config,
    open_harness,
)
from tests.support.eventually import eventually
from tests.support.paypal import withdrawal
from tests.support.paypal_twin import payout_body

SOON = timedelta(seconds=6)
"""From a batch to its processing."""
LATER = timedelta(seconds=61)
"""From a status of a scripted recipient to the next one."""


@pytest.fixture
async def harness(database: str, tmp_path: Path) -> AsyncIterator[PayoutsHarness]:
    async with open_harness(database, tmp_path) as opened:
        yield opened


async def submitted(harness: PayoutsHarness, *args: Any, **more: Any) -> Any:
    """A withdrawal that PayPal has accepted and processed."""
    request = withdrawal(*args, **more)
    await harness.send(request)
    await harness.reach(request.payment_id, "submitted")
    await harness.pass_time(SOON)
    return request


class TestPaid:
    async def test_settles_with_the_items_amount_reference_and_fee(
        self, harness: PayoutsHarness
    ) -> None:
        request = await submitted(harness)
        told = await harness.reach(request.payment_id, "settled")
        [item] = (await harness.objects("item")).values()
        assert (told.amount, told.provider_fee) == (Money(50_00, "USD"), Money(25, "USD"))
        assert told.provider_reference == item["body"]["transaction_id"]
        assert await harness.book() == [("payout", "50.00")]
        assert [step.name for step in told.evidence] == ["paypal.payout.read", "paypal.fee.known"]

    async def test_carries_our_ids_and_one_item(self, harness: PayoutsHarness) -> None:
        request = await submitted(harness)
        attempt = str(attempt_id_of(request.payment_id))
        [batch] = (await harness.objects("batch")).values()
        [item] = (await harness.objects("item")).values()
        assert batch["body"]["sender_batch_header"]["sender_batch_id"] == attempt
        assert item["body"]["payout_item"]["sender_item_id"] == attempt

    async def test_to_an_account_id(self, harness: PayoutsHarness) -> None:
        request = await submitted(harness, "QX2345ABCDEFG")
        await harness.reach(request.payment_id, "settled")
        [item] = (await harness.objects("item")).values()
        assert item["body"]["payout_item"]["recipient_type"] == "PAYPAL_ID"

    @pytest.mark.parametrize(
        ("currency", "minor", "text"), [("HUF", 500_00, "500"), ("JPY", 500, "500")]
    )
    async def test_in_a_currency_without_decimals(
        self, harness: PayoutsHarness, currency: str, minor: int, text: str
    ) -> None:
        await harness.set_balance("100000", currency)
        request = await submitted(harness, minor=minor, currency=currency)
        told = await harness.reach(request.payment_id, "settled")
        assert told.amount == Money(minor, currency)
        assert await harness.book() == [("payout", text)]

    @pytest.mark.parametrize("status", ["ONHOLD", "UNCLAIMED"])
    async def test_waits_and_settles_once_the_recipient_has_it(
        self, harness: PayoutsHarness, status: str
    ) -> None:
        name = "onhold" if status == "ONHOLD" else "claims"
        request = await submitted(harness, f"{name}@example.com")
        await seen(harness, request.payment_id, status)
        await harness.checked(request.payment_id)
        assert await harness.kinds(request.payment_id) == ["submitted"]
        await harness.pass_time(LATER)
        await harness.reach(request.payment_id, "settled")


class TestNotPaid:
    @pytest.mark.parametrize(
        ("receiver", "code"),
        [
            ("fails", "recipient_account_locked"),
            ("blocked", "payout_refused"),
            ("onhold-fails", "payout_refused"),
        ],
    )
    async def test_is_declined(self, harness: PayoutsHarness, receiver: str, code: str) -> None:
        request = await submitted(harness, f"{receiver}@example.com")
        await harness.pass_time(LATER)
        told = await harness.reach(request.payment_id, "declined")
        assert told.failure.code == code
        assert await harness.kinds(request.payment_id) == ["submitted", "declined"]
        assert await harness.balance() == "100000.00"

    async def test_a_sealed_text_that_cant_be_read_is_never_sent(
        self, harness: PayoutsHarness
    ) -> None:
        request = withdrawal()
        broken = request.instrument.model_copy(update={"sealed": "k1:AAAA"})
        request = request.model_copy(update={"instrument": broken})
        await harness.send(request)
        told = await harness.reach(request.payment_id, "declined")
        assert told.failure.code == "recipient_invalid"
        assert await harness.objects("batch") == {}

    async def test_a_recipient_that_paypal_refuses(self, harness: PayoutsHarness) -> None:
        request = withdrawal(minor=10_000_000_00)
        await harness.send(request)
        told = await harness.reach(request.payment_id, "declined")
        assert told.failure.code == "amount_out_of_limits"


class TestUnclaimed:
    async def test_the_merchant_cancels_it(self, harness: PayoutsHarness) -> None:
        request = await submitted(harness, "unclaimed@example.com")
        await seen(harness, request.payment_id, "UNCLAIMED")
        await harness.cancel(request.payment_id)
        told = await harness.reach(request.payment_id, "canceled")
        assert told.failure.code == "canceled_at_provider"
        assert await harness.balance() == "100000.00"
        await harness.pass_time(31 * DAY)
        assert await harness.kinds(request.payment_id) == ["submitted", "canceled"]
        assert [kind for kind, _ in await harness.book()] == ["payout", "payout_returned"]

    async def test_the_merchants_cancel_works_when_its_answer_is_lost(
        self, harness: PayoutsHarness
    ) -> None:
        request = await submitted(harness, "unclaimed@example.com")
        await seen(harness, request.payment_id, "UNCLAIMED")
        await harness.fault("paypal.payouts-item.cancel", "drop_after_effect")
        await harness.cancel(request.payment_id)
        await harness.pass_time(timedelta(seconds=1))
        results = await ended(harness, request.payment_id)
        assert await harness.control("GET", "/faults") == {"faults": []}  # it did happen
        assert results in (["submitted", "canceled"], ["submitted", "declined"])
        assert await harness.balance() == "100000.00"

    async def test_a_cancel_waits_until_paypal_can_cancel(self, harness: PayoutsHarness) -> None:
        request = withdrawal("unclaimed@example.com")
        await harness.send(request)
        await harness.reach(request.payment_id, "submitted")
        await harness.cancel(request.payment_id)
        await harness.checked(request.payment_id)
        assert await harness.kinds(request.payment_id) == ["submitted"]
        await harness.pass_time(SOON)
        await harness.reach(request.payment_id, "canceled")

    async def test_a_cancel_that_comes_too_late_settles(self, harness: PayoutsHarness) -> None:
        request = withdrawal()
        await harness.send(request)
        await harness.reach(request.payment_id, "submitted")
        await harness.cancel(request.payment_id)
        await harness.pass_time(SOON)
        await harness.reach(request.payment_id, "settled")
        assert await harness.kinds(request.payment_id) == ["submitted", "settled"]

    async def test_we_cancel_it_on_day_29(self, harness: PayoutsHarness) -> None:
        request = await submitted(harness, "unclaimed@example.com")
        await seen(harness, request.payment_id, "UNCLAIMED")
        await harness.pass_time(28.9 * DAY)
        await harness.checked(request.payment_id)
        assert await harness.kinds(request.payment_id) == ["submitted"]
        await harness.pass_time(0.2 * DAY)
        told = await harness.reach(request.payment_id, "declined")
        assert told.failure.code == "payout_unclaimed"
        assert await harness.balance() == "100000.00"

    async def test_paypal_returns_it_on_day_30(self, harness: PayoutsHarness) -> None:
        request = await submitted(harness, "unclaimed@example.com")
        await seen(harness, request.payment_id, "UNCLAIMED")
        await harness.stop()
        await harness.pass_time(31 * DAY)
        await harness.start()
        told = await harness.reach(request.payment_id, "declined")
        assert told.failure.code == "payout_unclaimed"
        assert [kind for kind, _ in await harness.book()] == ["payout", "payout_returned"]


class TestGivenBack:
    @pytest.mark.parametrize("status", ["REVERSED", "REFUNDED"])
    async def test_after_success_exactly_once(self, harness: PayoutsHarness, status: str) -> None:
        request = await submitted(harness)
        await harness.reach(request.payment_id, "settled")
        await harness.move_item(status)
        told = await harness.reach(request.payment_id, "reversed")
        assert told.amount == Money(50_00, "USD")
        await harness.make_due()
        await harness.restart()
        await harness.make_due()
        assert await harness.kinds(request.payment_id) == ["submitted", "settled", "reversed"]
        assert await harness.balance() == "100000.00"

    async def test_without_an_event_within_days(self, harness: PayoutsHarness) -> None:
        """PayPal posts no event when it reverses a payout, so a paid one is read again."""
        request = await submitted(harness)
        await harness.reach(request.payment_id, "settled")
        assert (await harness.state(request.payment_id))["next_check_at"] is not None
        await harness.checked(request.payment_id, 1)
        assert (await harness.state(request.payment_id))["next_check_at"] is not None

    async def test_before_we_saw_the_success(self, harness: PayoutsHarness) -> None:
        request = withdrawal("reversed@example.com")
        await harness.send(request)
        await harness.reach(request.payment_id, "submitted")
        await harness.stop()
        await harness.pass_time(SOON)
        await harness.pass_time(LATER)
        await harness.start()
        await harness.reach(request.payment_id, "declined")
        assert await harness.kinds(request.payment_id) == ["submitted", "declined"]


class TestLostAnswers:
    @pytest.mark.parametrize(
        "kind",
        ["drop_after_effect", "html_502_after_effect", "reset_mid_body", "drop_before", "html_503"],
    )
    async def test_one_payout_whatever_became_of_the_answer(
        self, harness: PayoutsHarness, kind: str
    ) -> None:
        await harness.fault("paypal.payouts.post", kind)
        request = withdrawal()
        await harness.send(request)
        await harness.reach(request.payment_id, "submitted")
        await harness.pass_time(SOON)
        await harness.reach(request.payment_id, "settled")
        assert await harness.book() == [("payout", "50.00")]
        assert await harness.control("GET", "/faults") == {"faults": []}  # it did happen

    async def test_a_batch_that_has_our_id_is_adopted(self, harness: PayoutsHarness) -> None:
        """Another process of ours sent it, and PayPal refuses the second one with a link."""
        request = withdrawal()
        await pay_beside(harness, request)
        await harness.send(request)
        await harness.step(request.payment_id, "paypal.payout.duplicate")
        await harness.pass_time(SOON)
        await harness.reach(request.payment_id, "settled")
        assert await harness.book() == [("payout", "50.00")]

    async def test_a_strangers_batch_with_our_id_is_not_adopted(
        self, harness: PayoutsHarness
    ) -> None:
        request = withdrawal()
        await pay_beside(harness, request, sender_item_id="another")
        await harness.send(request)
        await harness.reach(request.payment_id, "conflicting")
        await harness.pass_time(SOON)
        assert "settled" not in await harness.kinds(request.payment_id)


class TestForgottenIds:
    async def test_after_30_days_nothing_is_sent_again(self, harness: PayoutsHarness) -> None:
        await harness.fault("paypal.payouts.post", "drop_after_effect")
        request = withdrawal()
        await harness.send(request)
        await unknown(harness, request.payment_id)
        await harness.stop()
        await harness.pass_time(31 * DAY)
        await harness.start()
        await harness.reach(request.payment_id, "conflicting")
        await harness.send(request)
        await harness.make_due()
        await harness.pass_time(SOON)
        assert (await harness.state(request.payment_id))["state"] == "review"
        assert await harness.book() == [("payout", "50.00")]

    async def test_shortly_before_it_is_sent_again(self, harness: PayoutsHarness) -> None:
        await harness.fault("paypal.payouts.post", "drop_after_effect")
        request = withdrawal()
        await harness.send(request)
        await unknown(harness, request.payment_id)
        await harness.stop()
        await harness.pass_time(19 * DAY)
        await harness.start()
        await harness.reach(request.payment_id, "settled")
        assert await harness.book() == [("payout", "50.00")]

    async def test_a_repeated_command_pays_once(self, harness: PayoutsHarness) -> None:
        request = await submitted(harness)
        await harness.reach(request.payment_id, "settled")
        await harness.pass_time(31 * DAY)
        await harness.send(request)
        await harness.checked(request.payment_id, 1)
        await harness.pass_time(SOON)
        assert await harness.book() == [("payout", "50.00")]
        assert await harness.kinds(request.payment_id) == ["submitted", "settled"]


class TestTooLittleMoney:
    async def test_pauses_the_currency_and_resumes(self, harness: PayoutsHarness) -> None:
        await harness.set_balance("40.00")
        await harness.set_balance("1000.00", "EUR")
        short, other = withdrawal(), withdrawal(minor=30_00)
        euros = withdrawal(currency="EUR")
        await harness.send(short)
        await refused(harness, short.payment_id)
        assert paused("USD") == 1
        await harness.send(other, euros)
        await harness.reach(euros.payment_id, "submitted")
        await refused(harness, other.payment_id)
        assert len(await harness.objects("batch")) == 1  # nothing was tried in dollars
        await harness.set_balance("100000.00")
        await harness.pass_time(timedelta(seconds=61))
        for request in (short, other):
            await harness.reach(request.payment_id, "submitted")
        await harness.pass_time(SOON)
        for request in (short, other, euros):
            await harness.reach(request.payment_id, "settled")
        assert paused("USD") == 0

    async def test_a_balance_that_is_back_ends_the_pause(self, harness: PayoutsHarness) -> None:
        await harness.set_balance("40.00")
        request = withdrawal()
        await harness.send(request)
        await refused(harness, request.payment_id)
        await harness.set_balance("51.00")
        assert Money(51_00, "USD") in await harness.processor.get_float()
        assert paused("USD") == 0
        await harness.reach(request.payment_id, "submitted")

    async def test_a_held_withdrawal_can_be_canceled(self, harness: PayoutsHarness) -> None:
        await harness.set_balance("40.00")
        request = withdrawal()
        await harness.send(request)
        await refused(harness, request.payment_id)
        await harness.cancel(request.payment_id)
        told = await harness.reach(request.payment_id, "canceled")
        assert told.failure.code == "canceled"
        assert await harness.objects("batch") == {}

    async def test_a_denied_batch_is_sent_again_under_a_new_id(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_harness(database, tmp_path, paypal_short_balance="denied") as harness:
            await harness.set_balance("40.00")
            request = await submitted(harness)
            await harness.step(request.payment_id, "paypal.payout.denied")
            await harness.set_balance("100000.00")
            await harness.pass_time(timedelta(seconds=121))
            await accepted(harness, batches=2)
            await harness.pass_time(SOON)
            await harness.reach(request.payment_id, "settled")
            assert await harness.book() == [("payout", "50.00")]

    async def test_a_batch_that_stays_denied_is_declined_after_a_day(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_harness(database, tmp_path, paypal_short_balance="denied") as harness:
            await harness.set_balance("40.00")
            request = await submitted(harness)
            await harness.step(request.payment_id, "paypal.payout.denied")
            await harness.pass_time(DAY)
            await accepted(harness, batches=2)
            await harness.pass_time(SOON)
            told = await harness.reach(request.payment_id, "declined")
            assert told.failure.code == "payout_balance_insufficient"
            assert await harness.book() == []

    async def test_a_canceled_payout_is_not_sent_again_after_it_was_denied(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_harness(database, tmp_path, paypal_short_balance="denied") as harness:
            await harness.set_balance("40.00")
            request = withdrawal()
            await harness.send(request)
            await harness.reach(request.payment_id, "submitted")
            await harness.stop()
            await harness.pass_time(SOON)
            await harness.start()
            await harness.cancel(request.payment_id)
            results = await ended(harness, request.payment_id)
            assert results == ["submitted", "canceled"]
            assert await harness.book() == []

    async def test_a_denied_payout_that_waits_to_be_sent_again_can_be_canceled(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_harness(database, tmp_path, paypal_short_balance="denied") as harness:
            await harness.set_balance("40.00")
            request = await submitted(harness)
            await harness.step(request.payment_id, "paypal.payout.denied")
            await harness.cancel(request.payment_id)
            results = await ended(harness, request.payment_id)
            assert results == ["submitted", "canceled"]
            await harness.set_balance("1000.00")
            await harness.pass_time(DAY)
            await harness.notice(request.payment_id)
            await harness.restart()
            assert await harness.book() == []
            assert len(await harness.objects("batch")) == 1


class TestFloat:
    async def test_is_what_can_be_paid_out(self, harness: PayoutsHarness) -> None:
        await harness.set_balance("12.34", "EUR")
        await harness.set_balance("500", "JPY")
        found = await harness.processor.get_float()
        assert set(found) == {
            Money(100_000_00, "USD"), Money(12_34, "EUR"), Money(500, "JPY"),
        }  # fmt: skip

    def test_the_minimum_is_a_setting(self) -> None:
        assert config(float_minimum_text="USD:500.00").float_minimum == {
            "USD": Money(500_00, "USD")
        }

    @pytest.mark.parametrize("text", ["USD", "USD:1,EUR", "KES:5.00", "USD:-1.00"])
    def test_a_wrong_minimum_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"amounts such as|does not move"):
            config(float_minimum_text=text)


async def ended(harness: PayoutsHarness, payment_id: UUID) -> list[str]:
    """What was told of a payment, once it has ended."""

    async def found() -> Any:
        await harness.make_due()
        kinds = await harness.kinds(payment_id)
        return kinds if kinds and kinds[-1] in ("canceled", "declined", "settled") else None

    kinds: list[str] = await eventually(found, f"the end of {payment_id}")
    return kinds


async def seen(harness: PayoutsHarness, payment_id: UUID, status: str) -> None:
    """Wait until the worker has read this status at PayPal."""

    async def found() -> bool:
        await harness.make_due()
        steps = [step for one in await harness.results(payment_id) for step in one.evidence]
        return any(step.detail.get("status") == status for step in steps)

    await eventually(found, status)


async def unknown(harness: PayoutsHarness, payment_id: UUID) -> None:
    """Wait until the answer to the first request was lost."""

    async def found() -> bool:
        return (await harness.state(payment_id))["state"] == "unknown"

    await eventually(found, "the lost answer")


async def refused(harness: PayoutsHarness, payment_id: UUID) -> None:
    """Wait until a withdrawal is held because payouts are paused."""

    async def found() -> bool:
        state = await harness.state(payment_id)
        return state["state"] == "ready" and state["lease_owner"] is None and state["submits"] > 0

    await eventually(found, "a withdrawal that is held")


async def accepted(harness: PayoutsHarness, *, batches: int) -> None:
    """Wait until PayPal has so many batches."""

    async def found() -> bool:
        await harness.make_due()
        return len(await harness.objects("batch")) == batches

    await eventually(found, f"{batches} batches")


async def pay_beside(harness: PayoutsHarness, request: RequestWithdrawal, **more: str) -> None:
    """A payout with the id of our withdrawal, under another request id."""
    key = str(attempt_id_of(request.payment_id))
    body = payout_body(
        "receives@example.com", **{"sender_batch_id": key, "sender_item_id": key, **more}
    )
    headers = {**await harness.sign_in(), "PayPal-Request-Id": "beside"}
    answer = await harness.http.post("/v1/payments/payouts", json=body, headers=headers)
    assert answer.status_code == 201


def paused(currency: str) -> float:
    """The metric of a currency."""
    return PAYOUTS_PAUSED.labels(currency)._value.get()
