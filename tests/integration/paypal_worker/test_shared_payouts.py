"""Several withdrawals in one batch: the worker over PostgreSQL, the twin behind a real socket."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cift_shared.attempts.store import attempt_id_of
from cift_shared.messaging.messages import RequestWithdrawal
from paypal_method.events import event_of
from paypal_worker.event_store import EventStore
from paypal_worker.payout_places import MemoryPlaces, StoredPlaces
from tests.integration.paypal_worker.payouts_harness import DAY, PayoutsHarness, open_harness
from tests.support.commands import VAULT
from tests.support.deaths import Deaths
from tests.support.eventually import eventually
from tests.support.paypal import withdrawal

pytestmark = pytest.mark.integration

SOON = timedelta(seconds=6)
"""From a batch to its processing."""
LATER = timedelta(seconds=61)
"""From a status of a scripted recipient to the next one; also the end of a pause."""
TOO_MUCH = 10_000_000_00
"""An amount for which PayPal refuses the whole batch."""

Open = Callable[..., AbstractAsyncContextManager[PayoutsHarness]]


@pytest.fixture
def opened(database: str, tmp_path: Path) -> Open:
    return lambda **over: open_harness(database, tmp_path, **{"payout_batch_max": 10, **over})


@pytest.fixture
async def harness(opened: Open) -> AsyncIterator[PayoutsHarness]:
    async with opened() as harness:
        yield harness


def some(count: int = 3, **more: Any) -> list[RequestWithdrawal]:
    """Withdrawals of different amounts."""
    return [withdrawal(minor=50_00 + number, **more) for number in range(count)]


async def settle(harness: PayoutsHarness, *requests: RequestWithdrawal) -> None:
    """Wait until each has settled with its own amount, and PayPal has paid each once."""
    for request in requests:
        await harness.reach(request.payment_id, "submitted")
    await harness.pass_time(SOON)
    for request in requests:
        told = await harness.reach(request.payment_id, "settled")
        assert told.amount == request.amount
    paid = await harness.paid()
    assert [paid[key(request)] for request in requests] == [1] * len(requests)


def key(request: RequestWithdrawal) -> str:
    return str(attempt_id_of(request.payment_id))


class TestTogether:
    async def test_those_that_wait_travel_in_one_batch(self, harness: PayoutsHarness) -> None:
        requests = some()
        await harness.queue(*requests)
        await settle(harness, *requests)
        assert await harness.batches() == [3]
        for request in requests:
            assert await harness.kinds(request.payment_id) == ["submitted", "settled"]

    async def test_at_most_as_many_as_the_setting(self, opened: Open) -> None:
        async with opened(payout_batch_max=2) as harness:
            requests = some(5)
            await harness.queue(*requests)
            await settle(harness, *requests)
            assert await harness.batches() == [2, 2, 1]

    async def test_each_alone_by_default(self, opened: Open) -> None:
        async with opened(payout_batch_max=1) as harness:
            requests = some()
            await harness.queue(*requests)
            await settle(harness, *requests)
            assert await harness.batches() == [1, 1, 1]

    async def test_one_currency_in_a_batch(self, harness: PayoutsHarness) -> None:
        await harness.set_balance("1000.00", "EUR")
        requests = [*some(2), *some(2, currency="EUR")]
        await harness.queue(*requests)
        await settle(harness, *requests)
        assert await harness.batches() == [2, 2]

    async def test_one_that_comes_alone_has_a_batch_under_its_own_id(
        self, harness: PayoutsHarness
    ) -> None:
        request = withdrawal()
        await harness.send(request)
        await settle(harness, request)
        [batch] = (await harness.objects("batch")).values()
        assert batch["body"]["sender_batch_header"]["sender_batch_id"] == key(request)

    async def test_items_are_in_the_order_of_their_ids(self, harness: PayoutsHarness) -> None:
        requests = some(5)
        await harness.queue(*requests)
        await settle(harness, *requests)
        rows = await harness.pool.fetch(
            "select attempt_id::text from paypal.payout_place order by attempt_id"
        )
        items = (await harness.objects("item")).values()
        sent = [item["body"]["payout_item"]["sender_item_id"] for item in items]
        assert sent == [row["attempt_id"] for row in rows]


class TestEachByItself:
    async def test_the_item_decides(self, harness: PayoutsHarness) -> None:
        good, bad, slow = (
            withdrawal(),
            withdrawal("fails@example.com"),
            withdrawal("onhold@example.com"),
        )
        await harness.queue(good, bad, slow)
        await settle(harness, good)
        told = await harness.reach(bad.payment_id, "declined")
        assert told.failure.code == "recipient_account_locked"
        assert await harness.kinds(slow.payment_id) == ["submitted"]
        await harness.pass_time(LATER)
        await harness.reach(slow.payment_id, "settled")
        assert await harness.batches() == [3]

    async def test_an_unclaimed_one_is_canceled_alone(self, harness: PayoutsHarness) -> None:
        waiting = [withdrawal("unclaimed@example.com") for _ in range(2)]
        good = withdrawal()
        await harness.queue(*waiting, good)
        await settle(harness, good)
        for request in waiting:
            await harness.cancel(request.payment_id)
            await harness.reach(request.payment_id, "canceled")
        assert await harness.paid() == {key(good): 1}

    async def test_a_later_reversal_is_of_one(self, harness: PayoutsHarness) -> None:
        requests = some()
        await harness.queue(*requests)
        await settle(harness, *requests)
        await harness.move_item("REVERSED", of=requests[1].payment_id)
        told = await harness.reach(requests[1].payment_id, "reversed")
        assert told.amount == requests[1].amount
        assert await harness.kinds(requests[0].payment_id) == ["submitted", "settled"]

    async def test_paypal_returns_those_that_nobody_claims(self, harness: PayoutsHarness) -> None:
        requests = [withdrawal("unclaimed@example.com") for _ in range(2)]
        await harness.queue(*requests)
        for request in requests:
            await harness.reach(request.payment_id, "submitted")
        await harness.stop()
        await harness.pass_time(31 * DAY)
        await harness.start()
        for request in requests:
            told = await harness.reach(request.payment_id, "declined")
            assert told.failure.code == "payout_unclaimed"

    async def test_an_event_about_the_batch_is_about_each(self, harness: PayoutsHarness) -> None:
        requests = some()
        await harness.queue(*requests)
        for request in requests:
            await harness.reach(request.payment_id, "submitted")
        [batch] = await harness.objects("batch")
        sent = (await harness.objects("batch"))[batch]["body"]["sender_batch_header"]
        head = {"payout_batch_id": batch, "sender_batch_header": sent}
        event = event_of(
            {
                "id": "WH-1",
                "event_type": "PAYMENT.PAYOUTSBATCH.SUCCESS",
                "resource": {"batch_header": head},
            }
        )
        assert event is not None
        events = EventStore(harness.pool, VAULT, harness.processor.fingerprint)
        found = await events.attempts_of(event)
        assert set(map(str, found)) == {key(request) for request in requests}


class TestRefused:
    async def test_for_one_payout_the_others_are_paid(self, harness: PayoutsHarness) -> None:
        good, bad = some(3), withdrawal(minor=TOO_MUCH)
        await harness.queue(good[0], bad, *good[1:])
        await settle(harness, *good)
        told = await harness.reach(bad.payment_id, "declined")
        assert told.failure.code == "amount_out_of_limits"
        assert await harness.batches() == [1, 1, 1]
        assert await harness.paid() == {key(request): 1 for request in good}

    async def test_for_the_sum_those_are_paid_that_the_balance_covers(
        self, harness: PayoutsHarness
    ) -> None:
        await harness.set_balance("120.00")
        requests = some(3)
        await harness.queue(*requests)

        async def two_are_paid() -> bool:
            await harness.make_due()
            return await harness.batches() == [1, 1]

        await eventually(two_are_paid, "two payouts")
        await harness.pass_time(SOON)
        await harness.set_balance("100000.00")
        await harness.pass_time(LATER)
        await settle(harness, *requests)
        assert await harness.batches() == [1, 1, 1]

    async def test_a_denied_batch_is_sent_again_one_by_one(self, opened: Open) -> None:
        async with opened(paypal_short_balance="denied") as harness:
            await harness.set_balance("120.00")
            requests = some(3)
            await harness.queue(*requests)
            for request in requests:
                await harness.reach(request.payment_id, "submitted")
            await harness.pass_time(SOON)
            for request in requests:
                await harness.step(request.payment_id, "paypal.payout.denied")
            await harness.set_balance("100000.00")
            await harness.pass_time(timedelta(seconds=121))
            await settle(harness, *requests)
            assert await harness.batches() == [3, 1, 1, 1]

    async def test_those_that_were_refused_alone_may_travel_together(
        self, harness: PayoutsHarness
    ) -> None:
        await harness.set_balance("10.00")
        requests = some(3)
        for request in requests:
            await harness.send(request)
            await held(harness, request.payment_id)
        await harness.stop()
        await harness.set_balance("100000.00")
        await harness.make_due()
        await harness.start()
        await settle(harness, *requests)
        assert await harness.batches() == [3]

    async def test_a_held_one_can_be_canceled(self, harness: PayoutsHarness) -> None:
        await harness.set_balance("10.00")
        requests = some(3)
        await harness.queue(*requests)
        for request in requests:
            await held(harness, request.payment_id)
        await harness.cancel(requests[0].payment_id)
        await harness.reach(requests[0].payment_id, "canceled")
        await harness.set_balance("100000.00")
        await harness.pass_time(LATER)
        await settle(harness, *requests[1:])
        assert await harness.paid() == {key(request): 1 for request in requests[1:]}


LOST = ["drop_after_effect", "html_502_after_effect", "reset_mid_body", "drop_before", "html_503",
        "http_429"]  # fmt: skip


class TestLostAnswers:
    @pytest.mark.parametrize("kind", LOST)
    async def test_each_is_paid_once(self, harness: PayoutsHarness, kind: str) -> None:
        await harness.fault("paypal.payouts.post", kind)
        requests = some()
        await harness.queue(*requests)
        await settle(harness, *requests)
        assert await harness.control("GET", "/faults") == {"faults": []}  # it did happen
        assert await harness.batches() == [3]

    async def test_after_30_days_nothing_is_sent_again(self, harness: PayoutsHarness) -> None:
        await harness.fault("paypal.payouts.post", "drop_after_effect")
        requests = some()
        await harness.queue(*requests)
        for request in requests:
            await unknown(harness, request.payment_id)
        await harness.stop()
        await harness.pass_time(31 * DAY)
        await harness.start()
        for request in requests:
            await harness.reach(request.payment_id, "conflicting")
        assert await harness.batches() == [3]

    async def test_one_that_knows_the_batch_tells_the_others(self, harness: PayoutsHarness) -> None:
        """Also when PayPal has forgotten the request, the batch is read and not sent again."""
        requests = some()
        await harness.queue(*requests)
        await harness.reach(requests[0].payment_id, "submitted")
        await harness.stop()
        await harness.pool.execute(
            "update paypal.attempt set memory = '{}', state = 'unknown' where payment_id <> $1",
            requests[0].payment_id,
        )
        await harness.fault("paypal.payouts.post", "html_503", times=100)
        await harness.start()
        for request in requests[1:]:
            await harness.step(request.payment_id, "paypal.payout.duplicate")


DEATHS = ["worker.before_call", "paypal.before_places_commit", "paypal.before_batch",
          "paypal.before_request", "paypal.after_request", "paypal.after_batch",
          "worker.after_call", "worker.after_save"]  # fmt: skip


APART = "paypal.after_batch_apart"
MAYBE_SENT = ["paypal.before_batch", "paypal.before_request", "paypal.after_request"]


class TestDeaths:
    @pytest.mark.parametrize("place", DEATHS)
    async def test_at_any_line_each_is_paid_once(
        self, harness: PayoutsHarness, deaths: Deaths, place: str
    ) -> None:
        deaths.at(place)
        requests = some()
        await harness.queue(*requests)
        await deaths.have_met(place)
        await harness.restart()
        await settle(harness, *requests)

    @pytest.mark.parametrize(
        "place", [*(place for place in DEATHS if place != "paypal.after_batch"), APART]
    )
    async def test_with_a_payout_that_paypal_refuses(
        self, harness: PayoutsHarness, deaths: Deaths, place: str
    ) -> None:
        deaths.at(place)
        good, bad = some(2), withdrawal(minor=TOO_MUCH)
        await harness.queue(*good, bad)
        await deaths.have_met(place)
        await harness.restart()
        if place in MAYBE_SENT:  # a refusal of the repeat proves nothing about the first request
            for request in good:
                await harness.checked(request.payment_id)
            assert await harness.paid() == {}
            return
        await settle(harness, *good)
        assert await harness.paid() == {key(request): 1 for request in good}


class TestPlaces:
    async def test_the_first_to_store_one_wins(self, harness: PayoutsHarness) -> None:
        """Two processes hold the same payout: the lease of one has expired."""
        places, (one, two) = StoredPlaces(harness.pool), await claimed(harness, 2)
        assert await places.join([one], None) == {one.attempt_id: None}
        assert await places.join([one, two], "batch-a") == {
            one.attempt_id: None, two.attempt_id: "batch-a",
        }  # fmt: skip
        assert [member.attempt_id for member in await places.members("batch-a")] == [two.attempt_id]
        assert await places.join([one, two], "batch-b") == {
            one.attempt_id: None, two.attempt_id: "batch-a",
        }  # fmt: skip

    @pytest.mark.parametrize("state", ["ready", "done", "review"])
    async def test_only_a_claimed_open_payout_has_one(
        self, harness: PayoutsHarness, state: str
    ) -> None:
        places, (one, two) = StoredPlaces(harness.pool), await claimed(harness, 2)
        await become(harness, one.attempt_id, state)
        assert await places.join([one, two], "batch-a") == {two.attempt_id: "batch-a"}

    @pytest.mark.parametrize("state", ["ready", "done", "review"])
    async def test_a_batch_with_one_that_is_not_open_is_never_sent(
        self, harness: PayoutsHarness, state: str
    ) -> None:
        places, (one, two) = StoredPlaces(harness.pool), await claimed(harness, 2)
        await places.join([one, two], "batch-a")
        await become(harness, one.attempt_id, state)
        assert await places.begin_send("batch-a") == 0

    @pytest.mark.parametrize("alone", [False, True])
    async def test_only_its_single_request_lets_it_be_taken_apart(
        self, harness: PayoutsHarness, alone: bool
    ) -> None:
        places, attempts = StoredPlaces(harness.pool), await claimed(harness, 2)
        await places.join(attempts, "batch-a")
        assert not await places.take_apart("batch-a", alone=alone)
        assert await places.begin_send("batch-a") == 1
        assert await places.begin_send("batch-a") == 2
        assert not await places.take_apart("batch-a", alone=alone)
        assert len(await places.members("batch-a")) == 2

    @pytest.mark.parametrize(("alone", "next_place"), [(False, "batch-b"), (True, None)])
    async def test_a_batch_that_was_taken_apart_is_never_sent(
        self, harness: PayoutsHarness, alone: bool, next_place: str | None
    ) -> None:
        places, attempts = StoredPlaces(harness.pool), await claimed(harness, 2)
        await places.join(attempts, "batch-a")
        await places.begin_send("batch-a")
        assert await places.take_apart("batch-a", alone=alone)
        assert await places.begin_send("batch-a") == 0
        found = await places.join(attempts, "batch-b")
        assert set(found.values()) == {next_place}

    @pytest.mark.parametrize("is_stored", [True, False])
    async def test_a_closed_round_gets_no_place(
        self, harness: PayoutsHarness, is_stored: bool
    ) -> None:
        attempts = [one, two] = await claimed(harness, 2)
        places = StoredPlaces(harness.pool) if is_stored else MemoryPlaces()
        assert await places.close(one)
        assert await places.close(one)
        assert await places.join(attempts, "batch-a") == {two.attempt_id: "batch-a"}
        assert await places.join([one], None) == {}
        assert not await places.close(two)
        later = replace(one, memory={"round": "1"})
        assert await places.join([later], None) == {one.attempt_id: None}
        assert not await places.close(later)


async def claimed(harness: PayoutsHarness, count: int) -> Any:
    """Attempts of withdrawals as a process holds them, while no worker runs."""
    await harness.stop()
    requests = some(count)
    await harness.send(*requests)
    claims = await harness.store.claim(["ready"], limit=count)
    return sorted((claim.attempt for claim in claims), key=lambda attempt: attempt.attempt_id)


async def become(harness: PayoutsHarness, attempt_id: UUID, state: str) -> None:
    await harness.pool.execute(
        "update paypal.attempt set state = $2 where attempt_id = $1", attempt_id, state
    )


async def held(harness: PayoutsHarness, payment_id: UUID) -> None:
    """Wait until a withdrawal is held because payouts are paused."""

    async def found() -> bool:
        await harness.make_due()
        steps = [step for one in await harness.results(payment_id) for step in one.evidence]
        return any(step.detail.get("code") == "payouts_paused" for step in steps)

    await eventually(found, "a withdrawal that is held")


async def unknown(harness: PayoutsHarness, payment_id: UUID) -> None:
    """Wait until the answer to the first request was lost."""

    async def found() -> bool:
        return (await harness.state(payment_id))["state"] == "unknown"

    await eventually(found, "the lost answer")
