"""A receipt that the caller brings: verified at the provider, as a confirmation is."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.messaging.outcomes import Pending, Settled
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from mpesa_worker.client import NOT_DARAJA
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import MemoryRecords, completed, confirmation, notice, query_answer

HUNDRED = Money(100_00, "KES")
SETTLED = Settled(HUNDRED, mpesa.RECEIPT)


@pytest.fixture
async def processor(script: mpesa.Script, clock: mpesa.FakeClock, tmp_path: Path) -> Any:
    transport = httpx.MockTransport(script.on("transactionstatus", mpesa.acknowledged("AG_1")))
    built = mpesa.processor(mpesa.config(tmp_path), transport, clock, MemoryRecords())
    yield built
    await built.close()


@pytest.fixture
def lost(clock: mpesa.FakeClock) -> Attempt:
    """An attempt whose push got no readable answer."""
    return mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)


async def check(
    processor: MpesaProcessor,
    attempt: Attempt,
    *heard: tuple[Any, Purpose | None],
    brought: str | None = None,
) -> tuple[Attempt, Answer]:
    notices = [notice(body, purpose) for body, purpose in heard]
    asked = replace(attempt, references=(brought,) if brought else ())
    answer = await processor.get_transaction_status(asked, notices)
    return mpesa.learned(attempt, answer, checked=True), answer


def names(answer: Answer) -> list[str]:
    return [step.name.removeprefix("mpesa.") for step in answer.evidence]


def asked_for(script: mpesa.Script) -> list[str]:
    return [question["TransactionID"] for question in script.sent("transactionstatus")]


async def test_the_provider_is_asked_about_it_before_it_settles(
    processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
) -> None:
    asked, answer = await check(processor, lost, brought=mpesa.RECEIPT)
    assert answer.outcome == Pending()
    assert names(answer) == ["hint.read", "status.asked"]
    assert answer.evidence[0].detail["source"] == "caller"
    assert asked_for(script) == [mpesa.RECEIPT]
    _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
    assert answer.outcome == SETTLED


@pytest.mark.parametrize(
    "over",
    [
        {"CreditPartyName": "600992 - CIFT"},
        {"DebitPartyName": "254711000222 - JANE"},
        {"DebitPartyName": None},
        {"Amount": 99},
        {"TransactionStatus": "Failed"},
    ],
    ids=str,
)
async def test_another_payment_of_the_payer_or_anybody_else_settles_nothing(
    over: dict[str, object], processor: MpesaProcessor, lost: Attempt
) -> None:
    asked, _ = await check(processor, lost, brought=mpesa.RECEIPT)
    refused, answer = await check(processor, asked, (completed(**over), Purpose.STATUS))
    assert answer.outcome == Pending()
    assert "hint.refused" in names(answer)
    assert not refused.memory["hint_receipt"]


@pytest.mark.parametrize("text", ["pi_3Qb1", "0712345678", "TKF7", "x" * 255])
async def test_what_is_no_receipt_is_not_asked_about(
    text: str, processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
) -> None:
    _, answer = await check(processor, lost, brought=text)
    assert "hint.set_aside" in names(answer)
    assert asked_for(script) == []
    assert text not in str(answer.evidence)


async def test_capitals_do_not_matter(
    processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
) -> None:
    await check(processor, lost, brought=mpesa.RECEIPT.lower())
    assert asked_for(script) == [mpesa.RECEIPT]


async def test_a_mistyped_receipt_is_corrected(
    processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
) -> None:
    first, _ = await check(processor, lost, brought=mpesa.OTHER_RECEIPT)
    second, _ = await check(processor, first, brought=mpesa.RECEIPT)
    assert asked_for(script) == [mpesa.OTHER_RECEIPT, mpesa.RECEIPT]
    # the answer about the first says nothing about the second
    third, answer = await check(processor, second, (completed(mpesa.OTHER_RECEIPT), Purpose.STATUS))
    assert answer.outcome == Pending()
    _, answer = await check(processor, third, (completed(), Purpose.STATUS))
    assert answer.outcome == SETTLED


async def test_one_that_the_provider_did_not_know_can_be_brought_again(
    processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
) -> None:
    asked, _ = await check(processor, lost, brought=mpesa.RECEIPT)
    failed, _ = await check(
        processor, asked, (completed(TransactionStatus="Failed"), Purpose.STATUS)
    )
    assert not failed.memory["hint_receipt"]
    again, _ = await check(processor, failed, brought=mpesa.RECEIPT)
    assert asked_for(script) == [mpesa.RECEIPT] * 2
    _, answer = await check(processor, again, (completed(), Purpose.STATUS))
    assert answer.outcome == SETTLED


async def test_a_notice_of_the_provider_has_more_weight(
    processor: MpesaProcessor, lost: Attempt
) -> None:
    asked, _ = await check(processor, lost, brought=mpesa.OTHER_RECEIPT)
    told, _ = await check(processor, asked, (confirmation(), None))
    assert told.memory["hint_receipt"] == mpesa.RECEIPT
    kept, answer = await check(processor, told, brought=mpesa.OTHER_RECEIPT)
    assert kept.memory["hint_receipt"] == mpesa.RECEIPT
    assert "hint.set_aside" in names(answer)


async def test_it_does_not_take_the_place_of_one_that_is_just_confirmed(
    processor: MpesaProcessor, lost: Attempt
) -> None:
    asked, _ = await check(processor, lost, brought=mpesa.RECEIPT)
    _, answer = await check(
        processor, asked, (completed(), Purpose.STATUS), brought=mpesa.OTHER_RECEIPT
    )
    assert answer.outcome == SETTLED


async def test_the_record_of_the_same_receipt_lifts_it(
    processor: MpesaProcessor, lost: Attempt
) -> None:
    """A row of the records proves the payer: the status need not show the phone any more."""
    asked, _ = await check(processor, lost, brought=mpesa.RECEIPT)
    told, _ = await check(processor, asked, (mpesa.ROW, Purpose.RECORD))
    masked = completed(DebitPartyName="25470****149 - JANE")
    _, answer = await check(processor, told, (masked, Purpose.STATUS))
    assert answer.outcome == SETTLED


async def test_after_a_day_it_is_asked_about_once(
    processor: MpesaProcessor, lost: Attempt, script: mpesa.Script, clock: mpesa.FakeClock
) -> None:
    """The push is with people by now: what they get to see is the provider's own answer."""
    clock.advance(timedelta(days=2))
    ended = replace(lost, ended=True)
    _, answer = await check(processor, ended, (confirmation(), None))
    assert asked_for(script) == []
    asked, answer = await check(processor, ended, brought=mpesa.RECEIPT)
    assert (answer.outcome, asked_for(script)) == (Pending(), [mpesa.RECEIPT])
    clock.advance(timedelta(hours=1))
    await check(processor, asked)
    assert asked_for(script) == [mpesa.RECEIPT]
    _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
    assert answer.outcome == SETTLED


async def test_a_push_with_an_id_is_asked_about_by_it(
    processor: MpesaProcessor, clock: mpesa.FakeClock, script: mpesa.Script
) -> None:
    """The query of the push decides; Transaction Status then gives the receipt its place."""
    script.on("stkpushquery", query_answer("0")).on("processrequest", mpesa.PUSH_TAKEN)
    attempt = mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)
    sent = mpesa.learned(attempt, await processor.process_deposit(attempt))
    paid, answer = await check(processor, sent, brought=mpesa.RECEIPT)
    assert answer.outcome == Settled(HUNDRED)
    asked, _ = await check(processor, paid)
    assert asked_for(script) == [mpesa.RECEIPT]
    _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
    assert answer.outcome == SETTLED


class TestAvailability:
    async def test_five_calls_without_an_answer(
        self, processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
    ) -> None:
        script.on("transactionstatus", httpx.ConnectError("away"))
        attempt = lost
        for number in range(5):
            assert processor.unavailable_reason() is None, number
            attempt = replace(lost, memory={})
            await check(processor, attempt, brought=mpesa.RECEIPT)
        assert processor.unavailable_reason() == "provider_unavailable"
        script.on("transactionstatus", mpesa.acknowledged("AG_1"))
        await check(processor, attempt, brought=mpesa.RECEIPT)
        assert processor.unavailable_reason() is None

    @pytest.mark.parametrize("status", [*sorted(NOT_DARAJA), 500])
    async def test_what_stands_before_daraja_is_no_answer(
        self, status: int, processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
    ) -> None:
        script.on("transactionstatus", httpx.Response(status, text="bad gateway"))
        for _ in range(5):
            await check(processor, lost, brought=mpesa.RECEIPT)
        assert (processor.unavailable_reason() is None) == (status == 500)
