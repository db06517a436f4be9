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
from tests.support.eventually import eventually
from tests.support.paypal_payouts import DAY, PayoutWorld, config, open_world, withdrawal
from tests.support.paypal_twin import payout_body

SOON = timedelta(seconds=6)
"""From a batch to its processing."""
LATER = timedelta(seconds=61)
"""From a status of a scripted recipient to the next one."""


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[PayoutWorld]:
    async with open_world(database, tmp_path) as opened:
        yield opened


async def submitted(world: PayoutWorld, *args: Any, **more: Any) -> Any:
    """A withdrawal that PayPal has accepted and processed."""
    request = withdrawal(*args, **more)
    await world.send(request)
    await world.reach(request.payment_id, "submitted")
    await world.pass_time(SOON)
    return request


class TestPaid:
    async def test_settles_with_the_items_amount_reference_and_fee(
        self, world: PayoutWorld
    ) -> None:
        request = await submitted(world)
        told = await world.reach(request.payment_id, "settled")
        [item] = (await world.objects("item")).values()
        assert (told.amount, told.provider_fee) == (Money(50_00, "USD"), Money(25, "USD"))
        assert told.provider_reference == item["body"]["transaction_id"]
        assert await world.book() == [("payout", "50.00")]
        assert [step.name for step in told.evidence] == ["paypal.payout.read", "paypal.fee.known"]

    async def test_carries_our_ids_and_one_item(self, world: PayoutWorld) -> None:
        request = await submitted(world)
        attempt = str(attempt_id_of(request.payment_id))
        [batch] = (await world.objects("batch")).values()
        [item] = (await world.objects("item")).values()
        assert batch["body"]["sender_batch_header"]["sender_batch_id"] == attempt
        assert item["body"]["payout_item"]["sender_item_id"] == attempt

    async def test_to_an_account_id(self, world: PayoutWorld) -> None:
        request = await submitted(world, "QX2345ABCDEFG")
        await world.reach(request.payment_id, "settled")
        [item] = (await world.objects("item")).values()
        assert item["body"]["payout_item"]["recipient_type"] == "PAYPAL_ID"

    @pytest.mark.parametrize(
        ("currency", "minor", "text"), [("HUF", 500_00, "500"), ("JPY", 500, "500")]
    )
    async def test_in_a_currency_without_decimals(
        self, world: PayoutWorld, currency: str, minor: int, text: str
    ) -> None:
        await world.set_balance("100000", currency)
        request = await submitted(world, minor=minor, currency=currency)
        told = await world.reach(request.payment_id, "settled")
        assert told.amount == Money(minor, currency)
        assert await world.book() == [("payout", text)]

    @pytest.mark.parametrize("status", ["ONHOLD", "UNCLAIMED"])
    async def test_waits_and_settles_once_the_recipient_has_it(
        self, world: PayoutWorld, status: str
    ) -> None:
        name = "onhold" if status == "ONHOLD" else "claims"
        request = await submitted(world, f"{name}@example.com")
        await seen(world, request.payment_id, status)
        await world.checked(request.payment_id)
        assert await world.kinds(request.payment_id) == ["submitted"]
        await world.pass_time(LATER)
        await world.reach(request.payment_id, "settled")


class TestNotPaid:
    @pytest.mark.parametrize(
        ("receiver", "code"),
        [
            ("fails", "recipient_account_locked"),
            ("blocked", "payout_refused"),
            ("onhold-fails", "payout_refused"),
        ],
    )
    async def test_is_declined(self, world: PayoutWorld, receiver: str, code: str) -> None:
        request = await submitted(world, f"{receiver}@example.com")
        await world.checked(request.payment_id, 1)
        await world.pass_time(LATER)
        told = await world.reach(request.payment_id, "declined")
        assert told.failure.code == code
        assert await world.kinds(request.payment_id) == ["submitted", "declined"]
        assert await world.balance() == "100000.00"

    async def test_a_sealed_text_that_cant_be_read_is_never_sent(self, world: PayoutWorld) -> None:
        request = withdrawal()
        broken = request.instrument.model_copy(update={"sealed": "k1:AAAA"})
        request = request.model_copy(update={"instrument": broken})
        await world.send(request)
        told = await world.reach(request.payment_id, "declined")
        assert told.failure.code == "recipient_invalid"
        assert await world.objects("batch") == {}

    async def test_a_recipient_that_paypal_refuses(self, world: PayoutWorld) -> None:
        request = withdrawal(minor=10_000_000_00)
        await world.send(request)
        told = await world.reach(request.payment_id, "declined")
        assert told.failure.code == "amount_out_of_limits"


class TestUnclaimed:
    async def test_the_merchant_cancels_it(self, world: PayoutWorld) -> None:
        request = await submitted(world, "unclaimed@example.com")
        await seen(world, request.payment_id, "UNCLAIMED")
        await world.cancel(request.payment_id)
        told = await world.reach(request.payment_id, "canceled")
        assert told.failure.code == "canceled_at_provider"
        assert await world.balance() == "100000.00"
        await world.pass_time(31 * DAY)
        assert await world.kinds(request.payment_id) == ["submitted", "canceled"]
        assert [kind for kind, _ in await world.book()] == ["payout", "payout_returned"]

    async def test_the_merchants_cancel_works_when_its_answer_is_lost(
        self, world: PayoutWorld
    ) -> None:
        request = await submitted(world, "unclaimed@example.com")
        await seen(world, request.payment_id, "UNCLAIMED")
        await world.fault("paypal.payouts-item.cancel", "drop_after_effect")
        await world.cancel(request.payment_id)
        await world.pass_time(timedelta(seconds=1))
        results = await ended(world, request.payment_id)
        assert await world.control("GET", "/faults") == {"faults": []}  # it did happen
        assert results in (["submitted", "canceled"], ["submitted", "declined"])
        assert await world.balance() == "100000.00"

    async def test_a_cancel_waits_until_paypal_can_cancel(self, world: PayoutWorld) -> None:
        request = withdrawal("unclaimed@example.com")
        await world.send(request)
        await world.reach(request.payment_id, "submitted")
        await world.cancel(request.payment_id)
        await world.checked(request.payment_id)
        assert await world.kinds(request.payment_id) == ["submitted"]
        await world.pass_time(SOON)
        await world.reach(request.payment_id, "canceled")

    async def test_a_cancel_that_comes_too_late_settles(self, world: PayoutWorld) -> None:
        request = withdrawal()
        await world.send(request)
        await world.reach(request.payment_id, "submitted")
        await world.cancel(request.payment_id)
        await world.pass_time(SOON)
        await world.reach(request.payment_id, "settled")
        assert await world.kinds(request.payment_id) == ["submitted", "settled"]

    async def test_we_cancel_it_on_day_29(self, world: PayoutWorld) -> None:
        request = await submitted(world, "unclaimed@example.com")
        await seen(world, request.payment_id, "UNCLAIMED")
        await world.pass_time(28.9 * DAY)
        await world.checked(request.payment_id)
        assert await world.kinds(request.payment_id) == ["submitted"]
        await world.pass_time(0.2 * DAY)
        told = await world.reach(request.payment_id, "declined")
        assert told.failure.code == "payout_unclaimed"
        assert await world.balance() == "100000.00"

    async def test_paypal_returns_it_on_day_30(self, world: PayoutWorld) -> None:
        request = await submitted(world, "unclaimed@example.com")
        await seen(world, request.payment_id, "UNCLAIMED")
        await world.stop()
        await world.pass_time(31 * DAY)
        await world.start()
        told = await world.reach(request.payment_id, "declined")
        assert told.failure.code == "payout_unclaimed"
        assert [kind for kind, _ in await world.book()] == ["payout", "payout_returned"]


class TestGivenBack:
    @pytest.mark.parametrize("status", ["REVERSED", "REFUNDED"])
    async def test_after_success_exactly_once(self, world: PayoutWorld, status: str) -> None:
        request = await submitted(world)
        await world.reach(request.payment_id, "settled")
        await world.move_item(status)
        told = await world.reach(request.payment_id, "reversed")
        assert told.amount == Money(50_00, "USD")
        await world.make_due()
        await world.restart()
        await world.make_due()
        assert await world.kinds(request.payment_id) == ["submitted", "settled", "reversed"]
        assert await world.balance() == "100000.00"

    async def test_without_an_event_within_days(self, world: PayoutWorld) -> None:
        """PayPal posts no event when it reverses a payout, so a paid one is read again."""
        request = await submitted(world)
        await world.reach(request.payment_id, "settled")
        assert (await world.state(request.payment_id))["next_check_at"] is not None
        await world.checked(request.payment_id, 1)
        assert (await world.state(request.payment_id))["next_check_at"] is not None

    async def test_before_we_saw_the_success(self, world: PayoutWorld) -> None:
        request = withdrawal("reversed@example.com")
        await world.send(request)
        await world.reach(request.payment_id, "submitted")
        await world.stop()
        await world.pass_time(SOON)
        await world.pass_time(LATER)
        await world.start()
        await world.reach(request.payment_id, "declined")
        assert await world.kinds(request.payment_id) == ["submitted", "declined"]


class TestLostAnswers:
    @pytest.mark.parametrize(
        "kind",
        ["drop_after_effect", "html_502_after_effect", "reset_mid_body", "drop_before", "html_503"],
    )
    async def test_one_payout_whatever_became_of_the_answer(
        self, world: PayoutWorld, kind: str
    ) -> None:
        await world.fault("paypal.payouts.post", kind)
        request = withdrawal()
        await world.send(request)
        await world.reach(request.payment_id, "submitted")
        await world.pass_time(SOON)
        await world.reach(request.payment_id, "settled")
        assert await world.book() == [("payout", "50.00")]
        assert await world.control("GET", "/faults") == {"faults": []}  # it did happen

    async def test_a_batch_that_has_our_id_is_adopted(self, world: PayoutWorld) -> None:
        """Another process of ours sent it, and PayPal refuses the second one with a link."""
        request = withdrawal()
        await pay_beside(world, request)
        await world.send(request)
        await world.step(request.payment_id, "paypal.payout.duplicate")
        await world.pass_time(SOON)
        await world.reach(request.payment_id, "settled")
        assert await world.book() == [("payout", "50.00")]

    async def test_a_strangers_batch_with_our_id_is_not_adopted(self, world: PayoutWorld) -> None:
        request = withdrawal()
        await pay_beside(world, request, sender_item_id="another")
        await world.send(request)
        await world.reach(request.payment_id, "conflicting")
        await world.pass_time(SOON)
        assert "settled" not in await world.kinds(request.payment_id)


class TestForgottenIds:
    async def test_after_30_days_nothing_is_sent_again(self, world: PayoutWorld) -> None:
        await world.fault("paypal.payouts.post", "drop_after_effect")
        request = withdrawal()
        await world.send(request)
        await unknown(world, request.payment_id)
        await world.stop()
        await world.pass_time(31 * DAY)
        await world.start()
        await world.reach(request.payment_id, "conflicting")
        await world.send(request)
        await world.make_due()
        await world.pass_time(SOON)
        assert (await world.state(request.payment_id))["state"] == "review"
        assert await world.book() == [("payout", "50.00")]

    async def test_shortly_before_it_is_sent_again(self, world: PayoutWorld) -> None:
        await world.fault("paypal.payouts.post", "drop_after_effect")
        request = withdrawal()
        await world.send(request)
        await unknown(world, request.payment_id)
        await world.stop()
        await world.pass_time(19 * DAY)
        await world.start()
        await world.reach(request.payment_id, "settled")
        assert await world.book() == [("payout", "50.00")]

    async def test_a_repeated_command_pays_once(self, world: PayoutWorld) -> None:
        request = await submitted(world)
        await world.reach(request.payment_id, "settled")
        await world.pass_time(31 * DAY)
        await world.send(request)
        await world.checked(request.payment_id, 1)
        await world.pass_time(SOON)
        assert await world.book() == [("payout", "50.00")]
        assert await world.kinds(request.payment_id) == ["submitted", "settled"]


class TestTooLittleMoney:
    async def test_pauses_the_currency_and_resumes(self, world: PayoutWorld) -> None:
        await world.set_balance("40.00")
        await world.set_balance("1000.00", "EUR")
        short, other = withdrawal(), withdrawal(minor=30_00)
        euros = withdrawal(currency="EUR")
        await world.send(short)
        await refused(world, short.payment_id)
        assert paused("USD") == 1
        await world.send(other, euros)
        await world.reach(euros.payment_id, "submitted")
        await refused(world, other.payment_id)
        assert len(await world.objects("batch")) == 1  # nothing was tried in dollars
        await world.set_balance("100000.00")
        await world.pass_time(timedelta(seconds=61))
        for request in (short, other):
            await world.reach(request.payment_id, "submitted")
        await world.pass_time(SOON)
        for request in (short, other, euros):
            await world.reach(request.payment_id, "settled")
        assert paused("USD") == 0

    async def test_a_balance_that_is_back_ends_the_pause(self, world: PayoutWorld) -> None:
        await world.set_balance("40.00")
        request = withdrawal()
        await world.send(request)
        await refused(world, request.payment_id)
        await world.set_balance("51.00")
        assert Money(51_00, "USD") in await world.processor.get_float()
        assert paused("USD") == 0
        await world.reach(request.payment_id, "submitted")

    async def test_a_held_withdrawal_can_be_canceled(self, world: PayoutWorld) -> None:
        await world.set_balance("40.00")
        request = withdrawal()
        await world.send(request)
        await refused(world, request.payment_id)
        await world.cancel(request.payment_id)
        told = await world.reach(request.payment_id, "canceled")
        assert told.failure.code == "canceled"
        assert await world.objects("batch") == {}

    async def test_a_denied_batch_is_sent_again_under_a_new_id(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_world(database, tmp_path, paypal_short_balance="denied") as world:
            await world.set_balance("40.00")
            request = await submitted(world)
            await world.step(request.payment_id, "paypal.payout.denied")
            await world.set_balance("100000.00")
            await world.pass_time(timedelta(seconds=121))
            await accepted(world, batches=2)
            await world.pass_time(SOON)
            await world.reach(request.payment_id, "settled")
            assert await world.book() == [("payout", "50.00")]

    async def test_a_batch_that_stays_denied_is_declined_after_a_day(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_world(database, tmp_path, paypal_short_balance="denied") as world:
            await world.set_balance("40.00")
            request = await submitted(world)
            await world.step(request.payment_id, "paypal.payout.denied")
            await world.pass_time(DAY)
            await accepted(world, batches=2)
            await world.pass_time(SOON)
            told = await world.reach(request.payment_id, "declined")
            assert told.failure.code == "payout_balance_insufficient"
            assert await world.book() == []

    async def test_a_canceled_payout_is_not_sent_again_after_it_was_denied(
        self, database: str, tmp_path: Path
    ) -> None:
        async with open_world(database, tmp_path, paypal_short_balance="denied") as world:
            await world.set_balance("40.00")
            request = withdrawal()
            await world.send(request)
            await world.reach(request.payment_id, "submitted")
            await world.stop()
            await world.pass_time(SOON)
            await world.start()
            await world.cancel(request.payment_id)
            results = await ended(world, request.payment_id)
            assert results == ["submitted", "canceled"]
            assert await world.book() == []


class TestFloat:
    async def test_is_what_can_be_paid_out(self, world: PayoutWorld) -> None:
        await world.set_balance("12.34", "EUR")
        await world.set_balance("500", "JPY")
        found = await world.processor.get_float()
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


async def ended(world: PayoutWorld, payment_id: UUID) -> list[str]:
    """What was told of a payment, once it has ended."""

    async def found() -> Any:
        await world.make_due()
        kinds = await world.kinds(payment_id)
        return kinds if kinds and kinds[-1] in ("canceled", "declined", "settled") else None

    kinds: list[str] = await eventually(found, f"the end of {payment_id}")
    return kinds


async def seen(world: PayoutWorld, payment_id: UUID, status: str) -> None:
    """Wait until the worker has read this status at PayPal."""

    async def found() -> bool:
        await world.make_due()
        steps = [step for one in await world.results(payment_id) for step in one.evidence]
        return any(step.detail.get("status") == status for step in steps)

    await eventually(found, status)


async def unknown(world: PayoutWorld, payment_id: UUID) -> None:
    """Wait until the answer to the first request was lost."""

    async def found() -> bool:
        return (await world.state(payment_id))["state"] == "unknown"

    await eventually(found, "the lost answer")


async def refused(world: PayoutWorld, payment_id: UUID) -> None:
    """Wait until a withdrawal is held because payouts are paused."""

    async def found() -> bool:
        state = await world.state(payment_id)
        return state["state"] == "ready" and state["lease_owner"] is None and state["submits"] > 0

    await eventually(found, "a withdrawal that is held")


async def accepted(world: PayoutWorld, *, batches: int) -> None:
    """Wait until PayPal has so many batches."""

    async def found() -> bool:
        await world.make_due()
        return len(await world.objects("batch")) == batches

    await eventually(found, f"{batches} batches")


async def pay_beside(world: PayoutWorld, request: RequestWithdrawal, **more: str) -> None:
    """A payout with the id of our withdrawal, under another request id."""
    key = str(attempt_id_of(request.payment_id))
    body = payout_body(
        "receives@example.com", **{"sender_batch_id": key, "sender_item_id": key, **more}
    )
    headers = {**await world.sign_in(), "PayPal-Request-Id": "beside"}
    answer = await world.http.post("/v1/payments/payouts", json=body, headers=headers)
    assert answer.status_code == 201


def paused(currency: str) -> float:
    """The metric of a currency."""
    return PAYOUTS_PAUSED.labels(currency)._value.get()
