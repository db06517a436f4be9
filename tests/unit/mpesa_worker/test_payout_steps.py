"""Each step of a payout: what it tells, what it remembers, and both sides of its bounds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import PaymentProcessorError
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from mpesa_method.purposes import Purpose
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import acknowledged, error, notice
from tests.unit.mpesa_worker.test_payouts import (
    DONE,
    FEE,
    FIVE_HUNDRED,
    STATUS_ID,
    check,
    payout_result,
    status_result,
)

SECOND = timedelta(seconds=1)
JOB = "AG_20260105_1"


def told(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    return [(step.name, dict(step.detail)) for step in answer.evidence]


@pytest.fixture
def fresh(clock: FakeClock) -> Attempt:
    return mpesa.attempt(mpesa.withdrawal(minor=500_00, phone=mpesa.PHONE), clock)


@pytest.fixture
async def sent(fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script) -> Attempt:
    script.on("b2c", acknowledged()).on("status", acknowledged(STATUS_ID))
    return mpesa.learned(fresh, await processor.process_withdrawal(fresh))


class TestSending:
    async def test_what_is_taken_is_remembered_under_both_names(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", acknowledged())
        answer = await processor.process_withdrawal(fresh)
        assert (answer.outcome, answer.memory) == (Submitted(), {"conversation_id": JOB})
        assert answer.fingerprint == processor._context.fingerprint(str(fresh.attempt_id))
        assert told(answer) == [("mpesa.payout.accepted", {"conversation_id": JOB})]

    async def test_without_a_name_of_darajas_it_is_taken_all_the_same(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        taken: dict[str, Any] = acknowledged()
        del taken["ConversationID"]
        script.on("b2c", taken)
        answer = await processor.process_withdrawal(fresh)
        assert (answer.outcome, answer.memory) == (Submitted(), {})
        assert told(answer) == [("mpesa.payout.accepted", {})]

    async def test_a_repeat_says_that_the_first_had_arrived(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("b2c", error("500.002.1001", "Duplicate"))
        answer = await processor.process_withdrawal(fresh)
        assert (answer.outcome, answer.memory) == (Submitted(), {})
        assert answer.fingerprint == processor._context.fingerprint(str(fresh.attempt_id))
        assert told(answer) == [
            ("mpesa.payout.duplicate", {"meaning": "the first request had arrived"})
        ]

    @pytest.mark.parametrize(
        ("minor", "code"),
        [
            (9_00, "amount_out_of_limits"),
            (10_00, None),
            (250_000_00, None),
            (250_001_00, "amount_out_of_limits"),
            (10_50, "amount_not_whole"),
        ],
    )
    async def test_only_what_m_pesa_moves_is_sent(
        self,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: FakeClock,
        minor: int,
        code: str | None,
    ) -> None:
        script.on("b2c", acknowledged())
        attempt = mpesa.attempt(mpesa.withdrawal(minor=minor), clock)
        answer = await processor.process_withdrawal(attempt)
        assert len(script.sent("b2c")) == (code is None)
        if code is not None:
            assert isinstance(answer.outcome, Declined)
            assert answer.outcome.failure.code == code
            assert told(answer) == [("mpesa.payout.not_sent", {"reason": code})]

    @pytest.mark.parametrize(("minor", "is_sent"), [(9_00, False), (10_00, True)])
    async def test_a_part_of_a_deposit_is_no_smaller_than_a_payout(
        self,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: FakeClock,
        minor: int,
        is_sent: bool,
    ) -> None:
        script.on("b2c", acknowledged())
        answer = await processor.process_refund(
            mpesa.attempt(mpesa.refund(minor, of=100_00), clock)
        )
        assert len(script.sent("b2c")) == is_sent
        if not is_sent:
            assert told(answer) == [("mpesa.payout.not_sent", {"reason": "refund_below_minimum"})]


class TestHearing:
    async def test_a_result_is_told_in_its_own_words(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        after, answer = await check(processor, sent, payout_result(sent))
        assert told(answer)[0] == (
            "mpesa.notice.read",
            {
                "purpose": "payout",
                "code": "0",
                "source_listed": "true",
                "completed_at": told(answer)[0][1]["completed_at"],
            },
        )
        assert told(answer)[0][1]["completed_at"].startswith("2026-01-05")
        assert after.memory["told_code"] == "0"
        assert after.memory["told_receipt"] == mpesa.RECEIPT

    async def test_a_status_is_told_with_its_word(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, status_result(sent, "Pending"))
        assert told(answer) == [
            (
                "mpesa.notice.read",
                {"purpose": "status", "code": "0", "status": "Pending", "source_listed": "true"},
            )
        ]
        assert answer.check_after is None

    @pytest.mark.parametrize(
        ("about", "detail"),
        [
            (
                lambda _: notice(b"<html>", Purpose.PAYOUT),
                {"reason": "unreadable", "source_listed": "true"},
            ),
            (
                lambda sent: payout_result(sent, 17, OriginatorConversationID="another"),
                {"reason": "other_ids", "source_listed": "true"},
            ),
            (
                lambda sent: payout_result(sent, 17, ConversationID="AG_other"),
                {"reason": "other_ids", "source_listed": "true"},
            ),
            (
                lambda sent: status_result(sent, OriginatorConversationID="another"),
                {"reason": "other_ids", "source_listed": "true"},
            ),
            (
                lambda sent: notice(payout_result(sent).body, Purpose.REVERSAL),
                {"reason": "other_ids", "source_listed": "true"},
            ),
        ],
    )
    async def test_what_is_not_ours_is_set_aside(
        self, sent: Attempt, processor: MpesaProcessor, about: Any, detail: dict[str, str]
    ) -> None:
        after, answer = await check(processor, sent, about(sent))
        assert answer.outcome == Pending()
        assert told(answer)[0] == ("mpesa.notice.set_aside", detail)
        assert "told_code" not in after.memory

    async def test_a_stranger_is_named_as_one(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        stranger = replace(payout_result(sent), source_listed=False)
        _, answer = await check(processor, sent, stranger)
        assert told(answer)[0][1]["source_listed"] == "false"

    async def test_a_queue_that_gave_up_says_so(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        gave_up = notice(payout_result(sent).body, Purpose.PAYOUT_TIMEOUT)
        after, answer = await check(processor, sent, gave_up)
        assert told(answer)[0] == (
            "mpesa.notice.read",
            {"purpose": "payout_timeout", "meaning": "no verdict"},
        )
        assert "told_code" not in after.memory

    @pytest.mark.parametrize("job", [JOB, None])
    async def test_a_result_without_the_job_is_ours_by_our_own_name(
        self, sent: Attempt, processor: MpesaProcessor, job: str | None
    ) -> None:
        after, _ = await check(processor, sent, payout_result(sent, 17, ConversationID=job))
        assert after.memory["told_code"] == "17"

    async def test_while_no_job_is_known_any_is_ours_by_our_own_name(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("status", acknowledged(STATUS_ID))
        after, _ = await check(processor, fresh, payout_result(fresh, 17, ConversationID="AG_7"))
        assert after.memory["told_code"] == "17"

    async def test_a_receipt_and_an_amount_count_of_a_success_only(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        failed = payout_result(sent, 17, TransactionID=mpesa.OTHER_RECEIPT)
        after, _ = await check(processor, sent, failed)
        assert after.memory["told_receipt"] == ""
        assert "told_minor" not in after.memory or after.memory["told_minor"] == ""


class TestJudging:
    @pytest.mark.parametrize(
        ("over", "outcome"),
        [
            ({}, DONE),
            ({"Amount": 400}, Settled(Money(400_00, "KES"), mpesa.RECEIPT, FEE)),
            ({"ReceiptNo": "x"}, Settled(FIVE_HUNDRED, None, FEE)),
            ({"ReceiptNo": None}, Settled(FIVE_HUNDRED, None, FEE)),
            ({"DebitPartyCharges": ""}, Settled(FIVE_HUNDRED, mpesa.RECEIPT, None)),
            ({"Amount": None}, DONE),
        ],
    )
    async def test_a_completed_status_settles_by_its_own_figures(
        self, sent: Attempt, processor: MpesaProcessor, over: Any, outcome: Settled
    ) -> None:
        after, answer = await check(processor, sent, status_result(sent, **over))
        assert answer.outcome == outcome
        _, again = await check(processor, after)
        assert again.outcome == outcome

    async def test_what_the_status_leaves_out_the_result_has_told(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        heard, _ = await check(processor, sent, payout_result(sent))
        bare = status_result(heard, Amount=None, ReceiptNo=None)
        _, answer = await check(processor, heard, bare)
        assert answer.outcome == DONE

    async def test_two_answers_at_once_the_first_that_proves_something_counts(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(
            processor, sent, status_result(sent, "Pending"), status_result(sent)
        )
        assert answer.outcome == DONE

    async def test_failed_against_a_success_told_says_which(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        _, answer = await check(processor, sent, payout_result(sent), status_result(sent, "Failed"))
        assert answer.outcome == Conflicting("a notice reports paid, the status reports Failed")

    @pytest.mark.parametrize(("word", "counted"), [("Pending", 0), ("SomethingNew", 1)])
    async def test_only_words_of_no_table_are_counted(
        self, sent: Attempt, processor: MpesaProcessor, word: str, counted: int
    ) -> None:
        from cift_shared.observability.metrics import UNKNOWN_WORDS

        count = UNKNOWN_WORDS.labels("mpesa")._value
        before = count.get()
        await check(processor, sent, status_result(sent, word))
        assert count.get() == before + counted


class TestAsking:
    async def test_the_whole_question(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script, clock: FakeClock
    ) -> None:
        after, answer = await check(processor, sent)
        assert told(answer) == [("mpesa.status.asked", {"conversation_id": STATUS_ID})]
        assert after.memory["asked_at"] == clock.now().isoformat()
        assert after.memory["status_conversation_id"] == STATUS_ID
        body = script.sent("status")[0]
        made, base = mpesa.TOKENS.make, "https://pay.example.com/api/v1/callbacks/"
        assert body["QueueTimeOutURL"] == base + made(sent.attempt_id, Purpose.STATUS_TIMEOUT)
        assert body["ResultURL"] == base + made(sent.attempt_id, Purpose.STATUS)
        assert (body["Initiator"], body["Remarks"]) == ("testapi", "Payment status")

    @pytest.mark.parametrize(("gap_s", "asked"), [(9, 1), (10, 2)])
    async def test_again_after_ten_seconds(
        self,
        sent: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: FakeClock,
        gap_s: int,
        asked: int,
    ) -> None:
        after, _ = await check(processor, sent)
        clock.advance(gap_s * SECOND)
        _, answer = await check(processor, after)
        assert len(script.sent("status")) == asked
        assert (answer.outcome, answer.check_after) == (Pending(), None)

    async def test_news_waits_for_the_rest_of_the_gap(
        self, sent: Attempt, processor: MpesaProcessor, clock: FakeClock
    ) -> None:
        after, _ = await check(processor, sent)
        clock.advance(3 * SECOND)
        for news in (payout_result(sent, 17), notice(payout_result(sent).body, purpose=None)):
            _, answer = await check(processor, after, news)
            assert answer.check_after == 7 * SECOND

    async def test_a_question_that_could_not_be_asked_is_told_beside_what_was_heard(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("status", httpx.ConnectError("refused"))
        after, answer = await check(processor, sent, payout_result(sent, 17))
        assert [name for name, _ in told(answer)] == [
            "mpesa.notice.read",
            "mpesa.status.not_asked",
        ]
        with pytest.raises(PaymentProcessorError) as raised:
            await check(processor, after)
        assert told(answer)[1][1] == {"code": raised.value.code}
        assert "asked_at" not in after.memory

    async def test_an_answer_without_a_job_forgets_no_earlier_one(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        taken: dict[str, Any] = acknowledged()
        del taken["ConversationID"]
        script.on("status", taken)
        _, answer = await check(processor, sent)
        assert "status_conversation_id" not in answer.memory
        assert "asked_at" in answer.memory
