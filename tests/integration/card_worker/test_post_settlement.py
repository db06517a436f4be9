"""Refunds, their late failure, and disputes, through the engine and the twin."""

import pytest

from cift_shared.money.amount import Money
from tests.integration.card_worker.harness import CardWorkerHarness
from tests.support import cards
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


async def paid(worker: CardWorkerHarness, token: str = "pm_card_visa"):
    command = cards.deposit(token, clock=worker.clock)
    await worker.send(command)
    result = await worker.told(command.payment_id, "settled")
    return result.provider_reference, command


async def test_parts_are_refunded_until_nothing_is_left(worker: CardWorkerHarness) -> None:
    intent_id, deposit = await paid(worker)
    for minor in (5_00, 15_00):
        command = cards.refund(intent_id, minor=minor)
        await worker.send(command)
        result = await worker.told(command.payment_id, "settled")
        assert result.amount == Money(minor, "USD")
        assert result.provider_reference.startswith("re_")
    assert (await worker.moved(deposit.payment_id))["refunded"] == 20_00
    command = cards.refund(intent_id, minor=1)
    await worker.send(command)
    result = await worker.told(command.payment_id, "declined")
    assert result.failure.code == "refund_exceeds_payment"


async def test_a_pending_refund_settles_when_it_succeeds(worker: CardWorkerHarness) -> None:
    intent_id, _ = await paid(worker, "pm_card_pendingRefund")
    command = cards.refund(intent_id)
    await worker.send(command)
    await worker.told(command.payment_id, "submitted")
    await worker.told(command.payment_id, "settled")
    assert (await worker.kinds(command.payment_id))[0] == "submitted"


@pytest.mark.parametrize("webhooks_lost", [False, True])
async def test_a_refund_that_fails_after_its_success_is_reversed_once(
    worker: CardWorkerHarness, webhooks_lost
) -> None:
    intent_id, deposit = await paid(worker, "pm_card_refundFail")
    worker.webhooks_lost = webhooks_lost
    command = cards.refund(intent_id)
    await worker.send(command)
    settled = await worker.told(command.payment_id, "settled")

    result = await worker.reach(command.payment_id, "reversed")
    assert result.amount == Money(20_00, "USD")
    assert result.provider_reference == settled.provider_reference + ":failed"
    assert (await worker.moved(deposit.payment_id))["refunded"] == 0
    await worker.make_due()
    assert await worker.kinds(command.payment_id) == ["settled", "reversed"]


async def disputes(worker: CardWorkerHarness, deposit) -> list:
    return [one.dispute for one in await worker.results(deposit.payment_id) if one.dispute]


@pytest.mark.parametrize(("verdict", "returned"), [("won", False), ("won", True), ("lost", False)])
async def test_a_dispute_is_told_as_totals_whatever_webhooks_come(
    worker: CardWorkerHarness, verdict, returned
) -> None:
    _, deposit = await paid(worker, "pm_card_createDispute")
    first = (await worker.told(deposit.payment_id, "disputed")).dispute
    assert first.withdrawn == Money(20_00, "USD")
    assert first.fee == Money(15_00, "USD")
    assert (first.reinstated, first.closed) == (None, None)
    await worker.control(
        "POST",
        f"/stripe/disputes/{first.reference}",
        {"verdict": verdict, "fee_returned": returned},
    )

    async def closed():
        told = await disputes(worker, deposit)
        return told[-1] if told[-1].closed == verdict else None

    last = await eventually(closed, "the verdict")
    assert last.withdrawn == Money(20_00, "USD")
    assert last.reinstated == (Money(20_00, "USD") if verdict == "won" else None)
    assert last.fee_reinstated == (Money(15_00, "USD") if returned else None)
    before = len(await disputes(worker, deposit))
    for notice in list(worker.events):
        await worker.notices.handle([worker._record(notice)])
    await worker.make_due()
    assert len(await disputes(worker, deposit)) == before
    kinds = await worker.kinds(deposit.payment_id)
    assert kinds[:2] == ["submitted", "settled"]
    assert set(kinds[2:]) == {"disputed"}
    assert (await worker.state(deposit.payment_id))["state"] == "done"


async def test_a_repeated_command_is_answered_with_the_verdict_not_its_aftermath(
    worker: CardWorkerHarness,
) -> None:
    _, deposit = await paid(worker, "pm_card_createDispute")
    await worker.told(deposit.payment_id, "disputed")
    await worker.send(deposit)
    assert (await worker.results(deposit.payment_id))[-1].kind == "settled"


async def test_an_inquiry_moves_no_money(worker: CardWorkerHarness) -> None:
    _, deposit = await paid(worker, "pm_card_createDisputeInquiry")
    told = (await worker.told(deposit.payment_id, "disputed")).dispute
    assert (told.withdrawn, told.fee) == (None, None)


async def test_a_dispute_nobody_told_us_of_is_found_by_looking(worker: CardWorkerHarness) -> None:
    intent_id, deposit = await paid(worker)
    worker.webhooks_lost = True
    await worker.control("POST", f"/stripe/charges/{intent_id}/disputes", {"reason": "duplicate"})
    assert (await worker.state(deposit.payment_id))["next_check_at"] is not None

    told = (await worker.reach(deposit.payment_id, "disputed")).dispute
    assert told.reason == "duplicate"
