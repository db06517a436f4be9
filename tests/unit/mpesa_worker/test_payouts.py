"""A payout is settled by its status alone; a queue time-out or a forged notice settles nothing."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import (
    OutcomeUnknown,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
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
from tests.support.mpesa import acknowledged, error, notice

FIVE_HUNDRED = Money(500_00, "KES")
FEE = Money(22_40, "KES")
DONE = Settled(FIVE_HUNDRED, mpesa.RECEIPT, FEE)
STATUS_ID = "AG_20260105_status"


@pytest.fixture
def fresh(clock: mpesa.FakeClock) -> Attempt:
    return mpesa.attempt(mpesa.withdrawal(minor=500_00, phone=mpesa.PHONE), clock)


@pytest.fixture
async def sent(fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script) -> Attempt:
    """An attempt whose payout was taken."""
    script.on("b2c", acknowledged()).on("status", acknowledged(STATUS_ID))
    return mpesa.learned(fresh, await processor.process_withdrawal(fresh))


def payout_result(attempt: Attempt, code: object = 0, **over: Any) -> Any:
    parameters = {
        "TransactionAmount": 500,
        "TransactionReceipt": mpesa.RECEIPT,
        "ReceiverPartyPublicName": f"{mpesa.PHONE} - JANE WANJIKU",
        "TransactionCompletedDateTime": "05.01.2026 12:00:06",
    }
    ids = {"OriginatorConversationID": str(attempt.attempt_id), "ConversationID": "AG_20260105_1"}
    shown = parameters if code in (0, "0") else None
    return notice(mpesa.result(code, shown, **{**ids, **over}), Purpose.PAYOUT)


def status_result(attempt: Attempt, word: str = "Completed", **over: Any) -> Any:
    parameters = {
        "ReceiptNo": mpesa.RECEIPT,
        "TransactionStatus": word,
        "Amount": 500.00,
        "DebitPartyCharges": "Fee For B2C Payment|KES|22.40",
        "OriginatorConversationID": str(attempt.attempt_id),
        **over,
    }
    return notice(mpesa.result(0, parameters), Purpose.STATUS)


async def check(
    processor: MpesaProcessor, attempt: Attempt, *notices: Any
) -> tuple[Attempt, Answer]:
    answer = await processor.get_transaction_status(attempt, notices)
    return mpesa.learned(attempt, answer, checked=True), answer


def names(answer: Answer) -> list[str]:
    return [step.name for step in answer.evidence]


class TestSubmit:
    async def test_the_request_says_what_daraja_wants(
        self, sent: Attempt, script: mpesa.Script
    ) -> None:
        body = script.sent("b2c")[0]
        credential = body.pop("SecurityCredential")
        assert mpesa.open_credential(mpesa.decoded(credential)) == b"Initiator#1"
        made = mpesa.TOKENS.make
        base = "https://pay.example.com/api/v1/callbacks/"
        assert body == {
            "OriginatorConversationID": str(sent.attempt_id),
            "InitiatorName": "testapi",
            "CommandID": "BusinessPayment",
            "Amount": 500,
            "PartyA": "600992",
            "PartyB": mpesa.PHONE,
            "Remarks": "Withdrawal",
            "QueueTimeOutURL": base + made(sent.attempt_id, Purpose.PAYOUT_TIMEOUT),
            "ResultURL": base + made(sent.attempt_id, Purpose.PAYOUT),
        }

    async def test_a_repeat_has_the_same_key_and_counts_as_sent(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", httpx.ReadTimeout("slow"), error("500.002.1001", "Duplicate"))
        with pytest.raises(OutcomeUnknown):
            await processor.process_withdrawal(fresh)
        answer = await processor.process_withdrawal(fresh)
        assert answer.outcome == Submitted()
        keys = [body["OriginatorConversationID"] for body in script.sent("b2c")]
        assert keys == [str(fresh.attempt_id)] * 2

    async def test_below_the_minimum_is_not_sent(
        self, processor: MpesaProcessor, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        attempt = mpesa.attempt(mpesa.withdrawal(minor=9_00), clock)
        answer = await processor.process_withdrawal(attempt)
        assert isinstance(answer.outcome, Declined)
        assert not script.requests

    async def test_without_an_operator_nothing_is_sent(
        self, fresh: Attempt, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        bare = mpesa.processor(mpesa.config(), httpx.MockTransport(script), clock)
        with pytest.raises(ProviderRejectedRequest) as told:
            await bare.process_withdrawal(fresh)
        assert told.value.code == "payouts_not_set_up"
        await bare.close()

    async def test_part_of_a_deposit_goes_back_as_a_payout(
        self, processor: MpesaProcessor, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        script.on("b2c", acknowledged())
        attempt = mpesa.attempt(mpesa.refund(60_00, of=100_00), clock)
        assert (await processor.process_refund(attempt)).outcome == Submitted()
        assert script.sent("b2c")[0]["Amount"] == 60
        assert script.sent("b2c")[0]["Remarks"] == "Refund"

    async def test_a_part_too_small_for_a_payout_is_declined(
        self, processor: MpesaProcessor, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        attempt = mpesa.attempt(mpesa.refund(5_00, of=100_00), clock)
        answer = await processor.process_refund(attempt)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "refund_below_minimum"
        assert not script.requests


class TestStatusDecides:
    async def test_a_success_told_is_confirmed_first(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        asked, answer = await check(processor, sent, payout_result(sent))
        assert answer.outcome == Pending()
        body = script.sent("status")[0]
        assert body["OriginalConversationID"] == str(sent.attempt_id)
        assert (body["CommandID"], body["IdentifierType"], body["PartyA"]) == (
            "TransactionStatusQuery",
            "4",
            "600992",
        )
        _, answer = await check(processor, asked, status_result(sent))
        assert answer.outcome == DONE

    async def test_silence_is_asked_about(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        asked, answer = await check(processor, sent)
        assert names(answer) == ["mpesa.status.asked"]
        _, answer = await check(processor, asked, status_result(sent))
        assert answer.outcome == DONE

    async def test_the_amount_is_what_the_status_says(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, status_result(sent, Amount=400))
        assert isinstance(answer.outcome, Settled)
        assert answer.outcome.amount == Money(400_00, "KES")

    @pytest.mark.parametrize("word", ["Failed", "Declined", "Cancelled"])
    async def test_failed(self, word: str, sent: Attempt, processor: MpesaProcessor) -> None:
        told, _ = await check(processor, sent, payout_result(sent, 2040))
        _, answer = await check(processor, told, status_result(sent, word))
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "recipient_not_registered"

    async def test_failed_without_a_result_of_its_own(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, status_result(sent, "Failed"))
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "payout_failed"

    @pytest.mark.parametrize("word", ["Pending", "Authorized", "SomethingNew", ""])
    async def test_open(self, word: str, sent: Attempt, processor: MpesaProcessor) -> None:
        told, _ = await check(processor, sent, payout_result(sent, 17))
        _, answer = await check(processor, told, status_result(sent, word))
        assert answer.outcome == Pending()

    async def test_not_found_proves_a_failure_only_if_one_was_told(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        missing = notice(mpesa.result(25, ConversationID=STATUS_ID), Purpose.STATUS)
        asked, _ = await check(processor, sent)
        still, answer = await check(processor, asked, missing)
        assert answer.outcome == Pending()
        told, _ = await check(processor, still, payout_result(sent, "SFC_IC0003"))
        _, answer = await check(processor, told, missing)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "recipient_unknown"

    async def test_failed_against_a_success_told_is_for_people(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        told, _ = await check(processor, sent, payout_result(sent))
        _, answer = await check(processor, told, status_result(sent, "Failed"))
        assert isinstance(answer.outcome, Conflicting)

    async def test_a_failure_told_falls_to_a_completed_status(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        told, _ = await check(processor, sent, payout_result(sent, 17))
        _, answer = await check(processor, told, status_result(sent))
        assert answer.outcome == DONE

    async def test_settled_stays_settled_and_asks_no_more(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        settled, _ = await check(processor, sent, status_result(sent))
        _, answer = await check(processor, settled, payout_result(sent, 17))
        assert answer.outcome == DONE
        assert not script.sent("status")


class TestHints:
    @pytest.mark.parametrize("purpose", [Purpose.PAYOUT_TIMEOUT, Purpose.STATUS_TIMEOUT])
    async def test_a_queue_that_gave_up_is_no_verdict(
        self, purpose: Purpose, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, notice(mpesa.result(100000001), purpose))
        assert answer.outcome == Pending()
        assert names(answer) == ["mpesa.notice.read", "mpesa.status.asked"]

    async def test_results_of_others_are_set_aside(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        foreign = payout_result(sent, 17, OriginatorConversationID="another")
        foreign_status = status_result(sent, OriginatorConversationID="another")
        unknown_job = notice(mpesa.result(25, ConversationID="AG_other"), Purpose.STATUS)
        after, answer = await check(processor, sent, foreign, foreign_status, unknown_job)
        assert answer.outcome == Pending()
        assert names(answer)[:3] == ["mpesa.notice.set_aside"] * 3
        assert "told_code" not in after.memory

    async def test_the_general_address_is_a_reason_to_ask_and_no_more(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        hint = payout_result(sent, 2001)
        general = notice(hint.body, purpose=None)
        after, _ = await check(processor, sent, general)
        assert len(script.sent("status")) == 1
        assert "told_code" not in after.memory

    async def test_questions_keep_their_distance(
        self,
        sent: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        asked, _ = await check(processor, sent)
        clock.advance(timedelta(seconds=4))
        asked, answer = await check(processor, asked, payout_result(sent))
        assert len(script.sent("status")) == 1
        assert answer.check_after == timedelta(seconds=6)
        clock.advance(timedelta(seconds=6))
        await check(processor, asked)
        assert len(script.sent("status")) == 2

    async def test_an_answer_is_not_followed_by_a_question_at_once(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        await check(processor, sent, status_result(sent, "Pending"))
        assert not script.sent("status")

    async def test_what_was_told_is_kept_when_the_question_fails(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("status", httpx.ConnectError("refused"))
        told, answer = await check(processor, sent, payout_result(sent, 17))
        assert answer.outcome == Pending()
        assert told.memory["told_code"] == "17"
        with pytest.raises(ProviderUnavailable):
            await check(processor, told)


class TestOperator:
    async def test_a_refused_operator_rests(
        self,
        sent: Attempt,
        fresh: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        await check(processor, sent, payout_result(sent, 2001))
        before = len(script.requests)
        with pytest.raises(ProviderThrottled) as told:
            await processor.process_withdrawal(fresh)
        assert told.value.retry_after_s > 200
        assert len(script.requests) == before
        clock.advance(timedelta(seconds=301))
        assert (await processor.process_withdrawal(fresh)).outcome == Submitted()
