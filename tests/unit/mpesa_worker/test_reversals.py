"""A whole deposit goes back by reversal, once, however often it is asked for."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import OutcomeUnknown
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import acknowledged, notice

HUNDRED = Money(100_00, "KES")
JOB = "AG_20260105_1"


@pytest.fixture
def fresh(clock: mpesa.FakeClock) -> Attempt:
    return mpesa.attempt(mpesa.refund(100_00), clock)


@pytest.fixture
async def sent(fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script) -> Attempt:
    """An attempt whose reversal was taken."""
    script.on("reversal", acknowledged(JOB))
    return mpesa.learned(fresh, await processor.process_refund(fresh))


def reversed_(code: object = 0, *, amount: object = 100.00, job: str = JOB, **over: Any) -> Any:
    parameters = {
        "Amount": amount,
        "OriginalTransactionID": mpesa.RECEIPT,
        "Charge": 0.00,
        "CreditPartyPublicName": f"{mpesa.PHONE} - JANE WANJIKU",
        **over,
    }
    shown = parameters if code == 0 else None
    receipt = mpesa.OTHER_RECEIPT if code == 0 else "TKF0000000"
    body = mpesa.result(code, shown, ConversationID=job, TransactionID=receipt)
    return notice(body, Purpose.REVERSAL)


async def check(
    processor: MpesaProcessor, attempt: Attempt, *notices: Any
) -> tuple[Attempt, Answer]:
    answer = await processor.get_transaction_status(attempt, notices)
    return mpesa.learned(attempt, answer, checked=True), answer


class TestSubmit:
    async def test_the_receipt_is_reversed(self, sent: Attempt, script: mpesa.Script) -> None:
        body = script.sent("reversal")[0]
        assert (body["TransactionID"], body["Amount"]) == (mpesa.RECEIPT, 100)
        assert body["ReceiverParty"] == "174379"
        assert body["ResultURL"].endswith(mpesa.TOKENS.make(sent.attempt_id, Purpose.REVERSAL))

    async def test_a_lost_answer_may_be_repeated(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("reversal", httpx.ReadError("reset"), acknowledged(JOB))
        with pytest.raises(OutcomeUnknown):
            await processor.process_refund(fresh)
        assert (await processor.process_refund(fresh)).outcome == Submitted()


class TestResult:
    async def test_done(self, sent: Attempt, processor: MpesaProcessor) -> None:
        _, answer = await check(processor, sent, reversed_())
        assert answer.outcome == Settled(HUNDRED, mpesa.OTHER_RECEIPT)

    async def test_done_before(self, sent: Attempt, processor: MpesaProcessor) -> None:
        _, answer = await check(processor, sent, reversed_("R000001"))
        assert answer.outcome == Settled(HUNDRED)

    @pytest.mark.parametrize(
        ("code", "failure"),
        [
            (1, "provider_float_insufficient"),
            ("R000002", "refund_receipt_unknown"),
            (2001, "provider_credentials_refused"),
        ],
    )
    async def test_refused(
        self, code: object, failure: str, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, reversed_(code))
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == failure

    async def test_a_yes_beats_a_no_of_the_other_request(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, reversed_(1), reversed_())
        assert isinstance(answer.outcome, Settled)

    async def test_another_amount_is_for_people(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, reversed_(amount=40))
        assert isinstance(answer.outcome, Conflicting)

    @pytest.mark.parametrize(
        "foreign",
        [
            reversed_(OriginalTransactionID=mpesa.OTHER_RECEIPT),
            reversed_(1, job="AG_other"),
            reversed_("R000001", job="AG_other"),
            reversed_(31337),
            notice(reversed_().body, purpose=None),
            notice(mpesa.result(100000001), Purpose.REVERSAL_TIMEOUT),
            notice(b"<html>", Purpose.REVERSAL),
        ],
        ids=lambda value: str(value.purpose),
    )
    async def test_what_proves_nothing(
        self, foreign: Any, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, foreign)
        assert answer.outcome == Pending()
        assert answer.evidence


class TestSilence:
    async def test_it_is_asked_for_again_after_a_while(
        self,
        sent: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        await check(processor, sent)
        assert len(script.sent("reversal")) == 1
        clock.advance(timedelta(seconds=120))
        again, answer = await check(processor, sent)
        assert len(script.sent("reversal")) == 2
        assert answer.outcome == Pending()
        _, answer = await check(processor, again, reversed_("R000001"))
        assert answer.outcome == Settled(HUNDRED)

    @pytest.mark.parametrize("end", [reversed_(), reversed_(1)], ids=["done", "refused"])
    async def test_a_reversal_that_has_ended_is_not_asked_for_again(
        self,
        end: Any,
        sent: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        ended, first = await check(processor, sent, end)
        clock.advance(timedelta(hours=1))
        _, answer = await check(
            processor, ended, notice(mpesa.result(100000001), Purpose.REVERSAL_TIMEOUT)
        )
        assert answer.outcome == first.outcome
        assert len(script.sent("reversal")) == 1
