"""What is kept of notices between two looks: of pushes, payouts and reversals."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from cift_shared.observability.metrics import UNKNOWN_WORDS
from mpesa_method.purposes import Purpose
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.stk_notices import ReportedResult
from tests.support import mpesa
from tests.support.mpesa import acknowledged, error, notice

HUNDRED = Money(100_00, "KES")


def unknown_words() -> float:
    return UNKNOWN_WORDS.labels("mpesa")._value.get()


async def check(
    processor: MpesaProcessor, attempt: Attempt, *notices: Any
) -> tuple[Attempt, Answer]:
    answer = await processor.get_transaction_status(attempt, notices)
    return mpesa.learned(attempt, answer, checked=True), answer


class TestWhatTellsMost:
    """A success that fits, then any success, then a failure or nothing."""

    FITTING = ReportedResult("0", HUNDRED, mpesa.RECEIPT, matches=True)
    UNFIT = ReportedResult("0", Money(1, "KES"), mpesa.RECEIPT, matches=False)
    FAILURE = ReportedResult("1032")

    def test_in_this_order(self) -> None:
        weights = [
            told.weight for told in (self.FITTING, self.UNFIT, self.FAILURE, ReportedResult())
        ]
        assert weights == [2, 1, 0, 0]
        assert ReportedResult("1032", matches=True).weight == 0

    @pytest.mark.parametrize("told", [FITTING, UNFIT, FAILURE, ReportedResult()])
    def test_a_reported_result_is_read_back(self, told: ReportedResult) -> None:
        assert ReportedResult.from_memory(told.as_memory()) == told
        assert ReportedResult.from_memory({}) == ReportedResult()

    @pytest.mark.parametrize("first", [UNFIT, FITTING])
    async def test_a_failure_does_not_replace_a_success(
        self,
        first: ReportedResult,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN).on("stkpushquery", mpesa.query_answer("4999"))
        fresh = mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)
        pushed = mpesa.learned(fresh, await processor.process_deposit(fresh))
        paid = mpesa.paid_callback(100 if first.matches else 1)
        told, _ = await check(processor, pushed, notice(paid))
        assert ReportedResult.from_memory(told.memory).matches is first.matches
        told, _ = await check(processor, told, notice(mpesa.stk_callback(1032)))
        assert ReportedResult.from_memory(told.memory).paid


class TestPayouts:
    @pytest.fixture
    def fresh(self, clock: mpesa.FakeClock) -> Attempt:
        return mpesa.attempt(mpesa.withdrawal(minor=500_00, phone=mpesa.PHONE), clock)

    async def test_a_refusal_that_the_customer_can_mend_is_a_decline(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", error("400.002.02", "Bad Request - Invalid PartyB", status=400))
        answer = await processor.process_withdrawal(fresh)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "phone_invalid"
        (step,) = answer.evidence
        assert (step.name, dict(step.detail)) == (
            "mpesa.payout.refused", {"reason": "phone_invalid"},
        )  # fmt: skip

    async def test_what_daraja_took_is_remembered(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", acknowledged("AG_9"))
        answer = await processor.process_withdrawal(fresh)
        assert (answer.outcome, answer.memory) == (Submitted(), {"conversation_id": "AG_9"})
        assert answer.fingerprint == mpesa.VAULT.fingerprint(
            str(fresh.attempt_id).encode(), context="provider-request"
        )

    async def test_what_its_result_told_is_recalled_at_the_next_look(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        """The status names no amount and no receipt: those of the payout's own result count."""
        script.on("b2c", acknowledged()).on("status", acknowledged("AG_s"))
        sent = mpesa.learned(fresh, await processor.process_withdrawal(fresh))
        parameters = {"TransactionAmount": 480, "TransactionReceipt": mpesa.RECEIPT}
        own = mpesa.result(
            0, parameters, OriginatorConversationID=str(fresh.attempt_id),
            ConversationID="AG_20260105_1",
        )  # fmt: skip
        told, _ = await check(processor, sent, notice(own, Purpose.PAYOUT))
        assert [told.memory[f"told_{part}"] for part in ("code", "minor", "receipt")] == [
            "0", "48000", mpesa.RECEIPT,
        ]  # fmt: skip
        bare = {
            "TransactionStatus": "Completed",
            "OriginatorConversationID": str(fresh.attempt_id),
        }
        _, answer = await check(processor, told, notice(mpesa.result(0, bare), Purpose.STATUS))
        assert answer.outcome == Settled(Money(480_00, "KES"), mpesa.RECEIPT)

    async def test_a_failure_told_has_neither_amount_nor_receipt(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", acknowledged()).on("status", acknowledged("AG_s"))
        sent = mpesa.learned(fresh, await processor.process_withdrawal(fresh))
        no = mpesa.result(
            17, {"TransactionAmount": 480}, OriginatorConversationID=str(fresh.attempt_id),
            ConversationID="AG_20260105_1", TransactionID=mpesa.RECEIPT,
        )  # fmt: skip
        told, _ = await check(processor, sent, notice(no, Purpose.PAYOUT))
        kept = {name: told.memory[name] for name in ("told_code", "told_minor", "told_receipt")}
        assert kept == {"told_code": "17", "told_minor": "", "told_receipt": ""}

    async def test_a_notice_that_can_not_be_read_is_set_aside(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", acknowledged()).on("status", acknowledged("AG_s"))
        sent = mpesa.learned(fresh, await processor.process_withdrawal(fresh))
        for purpose in (Purpose.PAYOUT, Purpose.STATUS, Purpose.PAYOUT_TIMEOUT, None):
            after, answer = await check(processor, sent, notice(b"<html>", purpose))
            assert answer.outcome == Pending()
            assert answer.evidence[0].name == "mpesa.notice.set_aside"
            assert answer.evidence[0].detail["reason"] == "unreadable"
            assert "told_code" not in after.memory

    @pytest.mark.parametrize("number", [0, 10, 255])
    async def test_a_call_that_only_a_later_release_knows_gives_no_verdict(
        self, number: int, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", acknowledged()).on("status", acknowledged("AG_s"))
        sent = mpesa.learned(fresh, await processor.process_withdrawal(fresh))
        no = mpesa.result(
            17, {"TransactionAmount": 480}, OriginatorConversationID=str(fresh.attempt_id),
            ConversationID="AG_20260105_1", TransactionID=mpesa.RECEIPT,
        )  # fmt: skip
        told, answer = await check(processor, sent, notice(no, number))
        assert answer.outcome == Pending()
        assert "told_code" not in told.memory
        assert answer.evidence[0].detail["reason"] == "other_ids"

    async def test_a_status_word_nobody_knows_is_counted(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", acknowledged())
        sent = mpesa.learned(fresh, await processor.process_withdrawal(fresh))
        for word, counted in (("Pending", 0), ("Authorized", 0), ("SomethingNew", 1)):
            before = unknown_words()
            status = {"TransactionStatus": word, "OriginatorConversationID": str(fresh.attempt_id)}
            await check(processor, sent, notice(mpesa.result(0, status), Purpose.STATUS))
            assert unknown_words() == before + counted


class TestReversals:
    @pytest.fixture
    async def sent(
        self, processor: MpesaProcessor, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> Attempt:
        script.on("reversal", acknowledged("AG_1"))
        fresh = mpesa.attempt(mpesa.refund(100_00), clock)
        return mpesa.learned(fresh, await processor.process_refund(fresh))

    def about(self, code: object, purpose: Purpose = Purpose.REVERSAL, **over: Any) -> Any:
        parameters = {"Amount": 100, "OriginalTransactionID": mpesa.RECEIPT, **over}
        body = mpesa.result(
            code, parameters, ConversationID="AG_1", TransactionID=mpesa.OTHER_RECEIPT
        )
        return notice(body, purpose)

    async def test_a_queue_that_gave_up_is_no_verdict_whatever_its_code(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        """Its own ids, a final code: on the path of the time-out it says nothing all the same."""
        for code in (0, 1, "R000001"):
            after, answer = await check(processor, sent, self.about(code, Purpose.REVERSAL_TIMEOUT))
            assert answer.outcome == Pending()
            assert "failed_code" not in after.memory
            assert dict(answer.evidence[0].detail)["meaning"] == "no verdict"

    async def test_a_refused_operator_rests(
        self, sent: Attempt, processor: MpesaProcessor, clock: mpesa.FakeClock
    ) -> None:
        await check(processor, sent, self.about(2001))
        from cift_shared.errors import ProviderThrottled

        with pytest.raises(ProviderThrottled):
            await processor.process_refund(mpesa.attempt(mpesa.refund(100_00), clock))

    async def test_what_a_notice_said_is_kept_when_it_can_not_be_asked_for_again(
        self,
        sent: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        clock.advance(timedelta(minutes=5))
        script.on("reversal", httpx.ConnectError("refused"))
        from cift_shared.errors import ProviderUnavailable

        with pytest.raises(ProviderUnavailable):
            await check(processor, sent)
        timeout = self.about(1, Purpose.REVERSAL_TIMEOUT)
        _, answer = await check(processor, sent, timeout)
        assert answer.outcome == Pending()
        assert [step.name for step in answer.evidence] == [
            "mpesa.notice.read", "mpesa.reversal.not_repeated",
        ]  # fmt: skip

    @pytest.mark.parametrize("seconds", [119, 120])
    async def test_silence_lasts_two_minutes(
        self, seconds: int, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:  # fmt: skip
        clock.advance(timedelta(seconds=seconds))
        await check(processor, sent)
        assert len(script.sent("reversal")) == (2 if seconds == 120 else 1)

    async def test_the_charge_is_the_providers_fee(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        for charge, fee in ((5, Money(5_00, "KES")), (0, None), ("x", None)):
            _, answer = await check(processor, sent, self.about(0, Charge=charge))
            assert answer.outcome == Settled(HUNDRED, mpesa.OTHER_RECEIPT, fee)

    async def test_without_an_amount_it_is_what_was_asked_for(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, self.about(0, Amount="x"))
        assert answer.outcome == Settled(HUNDRED, mpesa.OTHER_RECEIPT)
        _, answer = await check(processor, sent, self.about(0, Amount=101))
        assert isinstance(answer.outcome, Conflicting)

    async def test_a_code_nobody_knows_is_counted(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        for code, counted in (("15", 0), ("31337", 1)):
            before = unknown_words()
            _, answer = await check(processor, sent, self.about(code))
            assert answer.outcome == Pending()
            assert unknown_words() == before + counted
