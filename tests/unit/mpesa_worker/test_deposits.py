"""A deposit is settled by the query alone, whatever anybody posts, and is never pushed twice."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import OutcomeUnknown, ProviderRejectedRequest, ProviderUnavailable
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from mpesa_worker import domain
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import error, notice, paid_callback, query_answer, stk_callback

HUNDRED = Money(100_00, "KES")
SETTLED = Settled(HUNDRED, mpesa.RECEIPT)


@pytest.fixture
def fresh(clock: mpesa.FakeClock) -> Attempt:
    return mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)


@pytest.fixture
async def pushed(fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script) -> Attempt:
    """An attempt whose push was taken."""
    script.on("stkpush/", mpesa.PUSH_TAKEN)
    return mpesa.learned(fresh, await processor.process_deposit(fresh))


async def check(
    processor: MpesaProcessor, attempt: Attempt, *bodies: Any
) -> tuple[Attempt, Answer]:
    notices = [body if not isinstance(body, dict) else notice(body) for body in bodies]
    answer = await processor.get_transaction_status(attempt, notices)
    return mpesa.learned(attempt, answer, checked=True), answer


def names(answer: Answer) -> list[str]:
    return [step.name for step in answer.evidence]


class TestSubmit:
    async def test_the_request_says_what_daraja_wants(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN)
        await processor.process_deposit(fresh)
        body = script.sent("stkpush/")[0]
        token = mpesa.TOKENS.make(fresh.attempt_id, Purpose.STK_PUSH)
        assert body == {
            "BusinessShortCode": "174379",
            "Password": domain.stk_password("174379", mpesa.PASSKEY, "20260105120000"),
            "Timestamp": "20260105120000",
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 100,
            "PartyA": mpesa.PHONE,
            "PartyB": "174379",
            "PhoneNumber": mpesa.PHONE,
            "CallBackURL": f"https://pay.example.com/api/v1/callbacks/{token}",
            "AccountReference": domain.keyed_account_reference(mpesa.VAULT, fresh.attempt_id),
            "TransactionDesc": "Deposit",
        }

    async def test_taken(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN)
        answer = await processor.process_deposit(fresh)
        assert isinstance(answer.outcome, ActionRequired)
        assert answer.outcome.next_action["type"] == "confirm_on_phone"
        assert answer.outcome.next_action["delivered_by"] == "provider"
        assert answer.outcome.provider_reference == mpesa.MERCHANT_REQUEST
        assert answer.fingerprint == processor.read_fingerprint(notice(paid_callback()).body)
        assert names(answer) == ["mpesa.stk_push.accepted"]

    async def test_a_busy_phone_is_a_decline(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("stkpush/", error("500.001.1001", "Unable to lock subscriber"))
        answer = await processor.process_deposit(fresh)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "payer_busy"

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            (mpesa.deposit(minor=100_50), "amount_not_whole"),
            (mpesa.deposit(minor=250_001_00), "amount_out_of_limits"),
            (mpesa.deposit(minor=100_00, phone="255708374149"), "phone_invalid"),
        ],
    )
    async def test_what_can_not_be_sent_is_not_sent(
        self,
        request_: Any,
        code: str,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        answer = await processor.process_deposit(mpesa.attempt(request_, clock))
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == code
        assert not script.requests

    async def test_a_phone_that_can_not_be_opened_is_not_an_unknown_outcome(
        self, processor: MpesaProcessor, clock: mpesa.FakeClock
    ) -> None:
        request = mpesa.deposit()
        broken = request.instrument.model_copy(update={"sealed": "k9.AAAA"})
        attempt = mpesa.attempt(request.model_copy(update={"instrument": broken}), clock)
        with pytest.raises(ProviderRejectedRequest):
            await processor.process_deposit(attempt)

    def test_a_push_is_never_sent_twice(self, processor: MpesaProcessor) -> None:
        assert not processor.resend_is_safe("deposit")
        assert processor.resend_is_safe("withdrawal")
        assert processor.resend_is_safe("refund")


class TestQueryDecides:
    async def test_paid_with_a_notice(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        _, answer = await check(processor, pushed, paid_callback())
        assert answer.outcome == SETTLED
        assert names(answer) == ["mpesa.notice.read", "mpesa.stk_query.answered"]

    async def test_paid_without_a_notice_then_the_receipt_comes_late(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        settled, answer = await check(processor, pushed)
        assert answer.outcome == Settled(HUNDRED, None)
        _, late = await check(processor, settled, paid_callback())
        assert late.outcome == SETTLED

    @pytest.mark.parametrize(
        ("code", "kind"),
        [("1", Declined), ("1032", Declined), ("2001", Declined), ("1037", Expired)],
    )
    async def test_not_paid(
        self,
        code: str,
        kind: type,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
    ) -> None:
        script.on("query", query_answer(code))
        _, answer = await check(processor, pushed, stk_callback(int(code)))
        assert isinstance(answer.outcome, kind)

    @pytest.mark.parametrize(
        "end",
        [
            query_answer("4999"),
            query_answer("15"),
            query_answer("31337"),
            error("500.001.1001", "The transaction is being processed"),
            {**query_answer("0"), "CheckoutRequestID": "ws_CO_of_another_payment"},
        ],
        ids=repr,
    )
    async def test_still_open(
        self, end: Any, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", end)
        _, answer = await check(processor, pushed, stk_callback(1032))
        assert answer.outcome == Pending()

    async def test_a_notice_of_failure_is_not_believed_against_the_query(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        _, answer = await check(processor, pushed, stk_callback(1037))
        assert answer.outcome == Settled(HUNDRED, None)

    async def test_a_fitting_notice_of_success_against_a_failed_query_is_for_people(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("1037"))
        _, answer = await check(processor, pushed, paid_callback())
        assert isinstance(answer.outcome, Conflicting)

    async def test_success_told_and_still_in_flight_is_asked_again_soon(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("4999"), query_answer("0"))
        waiting, answer = await check(processor, pushed, paid_callback())
        assert answer.outcome == Pending()
        assert answer.check_after == timedelta(seconds=15)
        _, later = await check(processor, waiting)  # the notice is not handed in again
        assert later.outcome == SETTLED


class TestForgedNotices:
    @pytest.mark.parametrize(
        "forged",
        [
            paid_callback(CheckoutRequestID="ws_CO_01012020000000708374149"),
            paid_callback(MerchantRequestID="9-9-9"),
            b"<html>",
            {"Body": {}},
            notice(paid_callback(), purpose=None),
            notice(paid_callback(), purpose=Purpose.STATUS),
        ],
        ids=lambda value: str(value)[:40],
    )
    async def test_what_is_not_ours_changes_nothing(
        self, forged: Any, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("1032"))
        body = notice(forged) if isinstance(forged, bytes) else forged
        _, answer = await check(processor, pushed, body)
        assert isinstance(answer.outcome, Declined)
        assert names(answer)[0] == "mpesa.notice.set_aside"

    async def test_a_wrong_amount_does_not_stop_a_cancellation(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("4999"), query_answer("1032"))
        waiting, first = await check(processor, pushed, paid_callback(1100))
        assert first.outcome == Pending()
        _, answer = await check(processor, waiting, stk_callback(1032))
        assert isinstance(answer.outcome, Declined)

    async def test_the_true_notice_wins_over_a_forged_one(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        forged = paid_callback(1100, receipt=mpesa.OTHER_RECEIPT)
        waiting, first = await check(processor, pushed, forged)
        assert first.outcome == Pending()
        assert first.check_after == timedelta(seconds=60)
        settled, answer = await check(processor, waiting, paid_callback())
        assert answer.outcome == SETTLED
        _, again = await check(processor, settled, forged)
        assert again.outcome == SETTLED

    async def test_another_amount_that_nobody_corrects_is_for_people_and_not_for_the_books(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        script.on("query", query_answer("0"))
        waiting, _ = await check(processor, pushed, paid_callback(90))
        clock.advance(timedelta(seconds=30))
        waiting, early = await check(processor, waiting)
        assert early.outcome == Pending()
        assert early.check_after == timedelta(seconds=30)
        clock.advance(timedelta(seconds=30))
        _, answer = await check(processor, waiting)
        assert answer.outcome == Conflicting("paid, but a notice has another amount")

    async def test_another_payer_is_for_people(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        script.on("query", query_answer("0"))
        waiting, _ = await check(processor, pushed, paid_callback(phone="254799999999"))
        clock.advance(timedelta(seconds=60))
        _, answer = await check(processor, waiting)
        assert isinstance(answer.outcome, Conflicting)

    async def test_a_success_without_amount_or_payer_still_gives_its_receipt(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        items = {"Item": {"Name": "MpesaReceiptNumber", "Value": mpesa.RECEIPT}}
        _, answer = await check(processor, pushed, stk_callback(0, CallbackMetadata=items))
        assert answer.outcome == SETTLED


class TestLostAnswer:
    @pytest.fixture
    async def lost(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> Attempt:
        script.on("stkpush/", httpx.ReadTimeout("slow"))
        with pytest.raises(OutcomeUnknown):
            await processor.process_deposit(fresh)
        return fresh

    async def test_nothing_to_ask_by(
        self, lost: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        _, answer = await check(processor, lost)
        assert answer.outcome == Pending()
        assert not script.sent("query")

    async def test_the_notice_brings_the_id(
        self, lost: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        _, answer = await check(processor, lost, paid_callback())
        assert answer.outcome == SETTLED
        assert answer.fingerprint is not None
        assert script.sent("query")[0]["CheckoutRequestID"] == mpesa.CHECKOUT

    async def test_a_failure_told_is_confirmed_too(
        self, lost: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("1032"))
        _, answer = await check(processor, lost, stk_callback(1032))
        assert isinstance(answer.outcome, Declined)

    @pytest.mark.parametrize(
        "body",
        [
            notice(paid_callback(), purpose=None),
            paid_callback(1100),
            paid_callback(phone="254799999999"),
            stk_callback(1032, CheckoutRequestID=None),
        ],
        ids=["no_token", "other_amount", "other_payer", "no_id"],
    )
    async def test_ids_of_what_does_not_fit_are_not_taken(
        self, body: Any, lost: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        after, answer = await check(processor, lost, body)
        assert answer.outcome == Pending()
        assert answer.fingerprint is None
        assert "checkout" not in after.memory
        assert not script.sent("query")

    async def test_a_forged_id_gives_way_to_the_true_one(
        self, lost: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", error("500.001.1001", ""), query_answer("0"))
        forged = paid_callback(CheckoutRequestID="ws_CO_forged", MerchantRequestID="9-9-9")
        waiting, first = await check(processor, lost, forged)
        assert first.outcome == Pending()
        assert first.fingerprint is None
        _, answer = await check(processor, waiting, paid_callback())
        assert answer.outcome == SETTLED

    async def test_a_confirmed_id_stays(
        self, lost: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("4999"), query_answer("0"))
        waiting, _ = await check(processor, lost, paid_callback())
        forged = paid_callback(
            CheckoutRequestID="ws_CO_forged", MerchantRequestID="9-9-9", receipt=mpesa.OTHER_RECEIPT
        )
        _, answer = await check(processor, waiting, forged)
        assert answer.outcome == SETTLED


class TestQuestionFails:
    async def test_without_notices_the_error_is_told(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", httpx.ConnectError("refused"))
        with pytest.raises(ProviderUnavailable):
            await check(processor, pushed)

    async def test_what_a_notice_said_is_kept(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", httpx.ReadTimeout("slow"), query_answer("0"))
        waiting, answer = await check(processor, pushed, paid_callback())
        assert answer.outcome == Pending()
        assert names(answer)[-1] == "mpesa.stk_query.failed"
        _, later = await check(processor, waiting)
        assert later.outcome == SETTLED


class TestUnanswered:
    """A push reported as not answered may be paid after all, and its callback be lost."""

    @pytest.fixture
    async def expired(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> Attempt:
        script.on("query", query_answer("1037"))
        after, answer = await check(processor, pushed, stk_callback(1037))
        assert isinstance(answer.outcome, Expired)
        assert answer.check_after == timedelta(minutes=2)
        return after

    async def test_it_is_looked_at_three_times(
        self, expired: Attempt, processor: MpesaProcessor
    ) -> None:
        gaps = []
        after, answer = await check(processor, expired)
        while answer.check_after is not None:
            assert (answer.outcome, answer.evidence) == (Pending(), ())
            gaps.append(answer.check_after)
            after, answer = await check(processor, after)
        assert gaps == [timedelta(minutes=13), timedelta(minutes=45)]
        _, late = await check(processor, after, stk_callback(1037))
        assert (late.outcome, late.check_after) == (Pending(), None)

    @pytest.mark.parametrize("looks", [0, 1, 2])
    async def test_any_look_finds_the_payment(
        self, looks: int, expired: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        for _ in range(looks):
            expired, _ = await check(processor, expired)
        script.on("query", query_answer("0"), query_answer("1037"))
        paid, answer = await check(processor, expired)
        assert (answer.outcome, answer.check_after) == (Settled(HUNDRED), None)
        _, again = await check(processor, paid, stk_callback(1037))
        assert isinstance(again.outcome, Expired)  # it contradicts what is told: people hear of it

    async def test_notices_do_not_use_the_looks_up(
        self, expired: Attempt, processor: MpesaProcessor
    ) -> None:
        for _ in range(5):
            expired, answer = await check(processor, expired, stk_callback(1037))
            assert (answer.outcome, answer.check_after) == (Pending(), timedelta(minutes=2))

    async def test_a_notice_of_success_that_is_ahead_of_the_query(
        self, expired: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        expired, answer = await check(processor, expired, paid_callback())
        assert isinstance(answer.outcome, Conflicting)
        assert answer.check_after == timedelta(minutes=2)
        script.on("query", query_answer("0"))
        _, late = await check(processor, expired)
        assert late.outcome == SETTLED

    async def test_no_news_at_a_look(
        self, expired: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", error("500.001.1001", ""))
        _, answer = await check(processor, expired)
        assert (answer.outcome, answer.check_after) == (Pending(), timedelta(minutes=13))

    async def test_a_forged_amount_hides_nothing(
        self,
        expired: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        script.on("query", query_answer("0"))
        expired, first = await check(processor, expired, paid_callback(1100))
        assert first.check_after == timedelta(minutes=1)
        clock.advance(first.check_after)
        _, answer = await check(processor, expired)
        assert answer.outcome == Settled(HUNDRED)

    @pytest.mark.parametrize("code", ["1032", "1019"])
    async def test_who_said_no_is_not_asked_about_again(
        self, code: str, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer(code))
        _, answer = await check(processor, pushed)
        assert answer.check_after is None
