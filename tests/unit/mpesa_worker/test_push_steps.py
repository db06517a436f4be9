"""Each step of a push: what it tells, what it remembers, how long it waits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Attempt
from cift_shared.errors import ProviderUnavailable
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from mpesa_worker.deposits import MATCHING_NOTICE_WAIT_S, QUERY_RETRY_S
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import error, notice, paid_callback, query_answer, stk_callback
from tests.unit.mpesa_worker.test_deposits import HUNDRED, SETTLED, check
from tests.unit.mpesa_worker.test_payout_steps import told

SECOND = timedelta(seconds=1)
MERCHANT_REQUEST = mpesa.MERCHANT_REQUEST


@pytest.fixture
def fresh(clock: FakeClock) -> Attempt:
    return mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)


@pytest.fixture
async def pushed(fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script) -> Attempt:
    script.on("stkpush/", mpesa.PUSH_TAKEN)
    return mpesa.learned(fresh, await processor.process_deposit(fresh))


class TestSending:
    @pytest.mark.parametrize(
        ("minor", "code"),
        [
            (0, "amount_out_of_limits"),
            (1_00, None),
            (250_000_00, None),
            (250_001_00, "amount_out_of_limits"),
            (1_50, "amount_not_whole"),
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
        script.on("stkpush/", mpesa.PUSH_TAKEN)
        request = mpesa.deposit(minor=100_00, phone=mpesa.PHONE)
        request = request.model_copy(update={"amount": Money(minor, "KES")})
        answer = await processor.process_deposit(mpesa.attempt(request, clock))
        assert len(script.sent("stkpush/")) == (code is None)
        if code is not None:
            assert isinstance(answer.outcome, Declined)
            assert answer.outcome.failure.code == code
            assert told(answer) == [("mpesa.stk_push.not_sent", {"reason": code})]

    async def test_a_refusal_is_told(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("stkpush/", error("500.001.1001", "Unable to lock subscriber"))
        answer = await processor.process_deposit(fresh)
        assert told(answer) == [("mpesa.stk_push.refused", {"reason": "payer_busy"})]

    async def test_what_is_taken_is_remembered_and_shown(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN)
        answer = await processor.process_deposit(fresh)
        reference = script.sent("stkpush/")[0]["AccountReference"]
        shown: Any = answer.outcome
        assert dict(shown.next_action) == {
            "type": "confirm_on_phone",
            "message": "Enter your M-Pesa PIN on your phone to pay.",
            "reference": reference,
            "delivered_by": "provider",
        }
        memory = dict(answer.memory)
        assert processor._context.open(memory.pop("checkout"), context="checkout") == mpesa.CHECKOUT
        assert memory == {"adopted": "no", "merchant_request_id": MERCHANT_REQUEST}
        assert told(answer) == [
            (
                "mpesa.stk_push.accepted",
                {"merchant_request_id": MERCHANT_REQUEST, "account_reference": reference},
            )
        ]


class TestAnswers:
    @pytest.mark.parametrize(
        ("code", "kind", "shown"),
        [
            ("0", Settled, "0"),
            ("1032", Declined, "1032"),
            ("1037", Expired, "1037"),
            ("4999", Pending, "4999"),
        ],
    )
    async def test_each_is_told_by_its_code(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        code: str,
        kind: type,
        shown: str,
    ) -> None:
        script.on("query", query_answer(code))
        _, answer = await check(processor, pushed)
        assert isinstance(answer.outcome, kind)
        assert told(answer) == [("mpesa.stk_query.answered", {"code": shown})]

    async def test_about_another_push_is_no_answer(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", {**query_answer("0"), "CheckoutRequestID": "ws_CO_other"})
        _, answer = await check(processor, pushed)
        assert answer.outcome == Pending()
        assert told(answer) == [("mpesa.stk_query.answered", {"code": "no_news"})]

    async def test_without_a_name_is_about_the_push_we_asked_for(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        body: dict[str, Any] = query_answer("0")
        del body["CheckoutRequestID"]
        script.on("query", body)
        _, answer = await check(processor, pushed)
        assert answer.outcome == Settled(HUNDRED)

    @pytest.mark.parametrize(("code", "counted"), [("1032", 0), ("31337", 1), ("4999", 0)])
    async def test_only_codes_of_no_table_are_counted(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        code: str,
        counted: int,
    ) -> None:
        script.on("query", query_answer(code))
        count = UNKNOWN_WORDS.labels("mpesa")._value
        before = count.get()
        await check(processor, pushed)
        assert count.get() == before + counted


class TestNotices:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (notice(b"<html>"), "unreadable"),
            (notice(paid_callback(), purpose=None), None),
            (notice(paid_callback(CheckoutRequestID="ws_CO_other")), "other_ids"),
            (notice(paid_callback(MerchantRequestID="9-9-9")), "other_ids"),
        ],
    )
    async def test_what_is_not_ours_is_set_aside(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        body: Any,
        reason: str | None,
    ) -> None:
        script.on("query", query_answer("4999"))
        after, answer = await check(processor, pushed, body)
        assert answer.outcome == Pending()
        assert after.memory.get("told_code", "") == ""
        if reason:
            assert told(answer)[0] == (
                "mpesa.notice.set_aside",
                {"reason": reason, "source_listed": "true"},
            )

    async def test_a_success_is_told_with_its_figures(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("0"))
        after, answer = await check(
            processor, pushed, replace(notice(paid_callback()), source_listed=False)
        )
        name, detail = told(answer)[0]
        assert name == "mpesa.notice.read"
        assert detail.pop("paid_at").startswith("2026-01-05")
        assert detail == {
            "code": "0",
            "receipt": mpesa.RECEIPT,
            "amount": "100.00",
            "fits": "true",
            "source_listed": "false",
        }
        assert answer.outcome == SETTLED
        kept = {name: after.memory[name] for name in ("told_code", "told_receipt", "told_fits")}
        assert kept == {"told_code": "0", "told_receipt": mpesa.RECEIPT, "told_fits": "yes"}

    async def test_a_failure_is_told_by_its_code_alone(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("4999"))
        after, answer = await check(processor, pushed, stk_callback(1032))
        assert told(answer)[0] == ("mpesa.notice.read", {"code": "1032", "source_listed": "true"})
        assert (after.memory["told_code"], after.memory["told_fits"]) == ("1032", "no")
        assert answer.check_after is None

    @pytest.mark.parametrize("order", [1, -1])
    async def test_a_fitting_success_outweighs_all_that_came_before_or_after(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script, order: int
    ) -> None:
        script.on("query", query_answer("0"))
        bodies = [stk_callback(1032), paid_callback(1100, receipt=mpesa.OTHER_RECEIPT)]
        bodies = [*bodies, paid_callback()][::order]
        _, answer = await check(processor, pushed, *bodies)
        assert answer.outcome == SETTLED


class TestWaiting:
    async def test_a_success_told_is_asked_about_soon(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", query_answer("4999"))
        _, answer = await check(processor, pushed, paid_callback())
        assert QUERY_RETRY_S == 15
        assert (answer.outcome, answer.check_after) == (Pending(), 15 * SECOND)

    @pytest.mark.parametrize("wrong", ["amount", "payer"])
    @pytest.mark.parametrize("age_s", [0, MATCHING_NOTICE_WAIT_S - 1, MATCHING_NOTICE_WAIT_S])
    async def test_a_success_that_does_not_fit_has_a_minute_to_be_corrected(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: FakeClock,
        wrong: str,
        age_s: int,
    ) -> None:
        script.on("query", query_answer("0"))
        body = paid_callback(1100) if wrong == "amount" else paid_callback(phone="254799999999")
        doubtful, first = await check(processor, pushed, body)
        assert (first.outcome, first.check_after) == (Pending(), 60 * SECOND)
        clock.advance(age_s * SECOND)
        _, answer = await check(processor, doubtful)
        if age_s < MATCHING_NOTICE_WAIT_S:
            assert (answer.outcome, answer.check_after) == (Pending(), (60 - age_s) * SECOND)
        else:
            assert answer.outcome == Conflicting(f"paid, but a notice has another {wrong}")

    async def test_a_question_that_failed_is_asked_again_soon(
        self, pushed: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        script.on("query", httpx.ConnectError("refused"))
        with pytest.raises(ProviderUnavailable) as raised:
            await check(processor, pushed)
        after, answer = await check(processor, pushed, paid_callback())
        assert told(answer)[-1] == ("mpesa.stk_query.failed", {"code": raised.value.code})
        assert answer.check_after == 15 * SECOND
        assert after.memory["told_receipt"] == mpesa.RECEIPT

    @pytest.mark.parametrize(("code", "told_code"), [("1032", "1032"), ("1037", "1037")])
    async def test_a_success_told_against_a_no_is_for_people(
        self,
        pushed: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        code: str,
        told_code: str,
    ) -> None:
        script.on("query", query_answer(code))
        _, answer = await check(processor, pushed, paid_callback())
        assert answer.outcome == Conflicting(
            f"a notice reports paid, the query reports {told_code}"
        )
