"""Each step of a reversal: what it tells, what it remembers, and both sides of its bounds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Attempt
from cift_shared.errors import InvariantViolated, PaymentProcessorError
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from mpesa_method.purposes import Purpose
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.reversals import REPEAT_AFTER_S
from tests.support import mpesa
from tests.support.mpesa import acknowledged, notice
from tests.unit.mpesa_worker.test_payout_steps import told
from tests.unit.mpesa_worker.test_reversals import HUNDRED, JOB, check, reversed_

SECOND = timedelta(seconds=1)
GAVE_UP = notice(mpesa.result(100000001), Purpose.REVERSAL_TIMEOUT)


@pytest.fixture
def fresh(clock: FakeClock) -> Attempt:
    return mpesa.attempt(mpesa.refund(100_00), clock)


@pytest.fixture
async def sent(fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script) -> Attempt:
    script.on("reversal", acknowledged(JOB))
    return mpesa.learned(fresh, await processor.process_refund(fresh))


class TestAsking:
    async def test_the_whole_request(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script, clock: FakeClock
    ) -> None:
        script.on("reversal", acknowledged(JOB))
        answer = await processor.process_refund(fresh)
        body = script.sent("reversal")[0]
        credential = body.pop("SecurityCredential")
        assert mpesa.open_credential(mpesa.decoded(credential)) == b"Initiator#1"
        made, base = mpesa.TOKENS.make, "https://pay.example.com/api/v1/callbacks/"
        kept = {
            "Initiator": "testapi",
            "TransactionID": mpesa.RECEIPT,
            "Amount": 100,
            "ReceiverParty": "174379",
            "Remarks": "Refund",
            "QueueTimeOutURL": base + made(fresh.attempt_id, Purpose.REVERSAL_TIMEOUT),
            "ResultURL": base + made(fresh.attempt_id, Purpose.REVERSAL),
        }
        assert {name: body[name] for name in kept} == kept
        assert answer.outcome == Submitted()
        assert answer.memory == {"asked_at": clock.now().isoformat(), "conversation_id": JOB}
        assert answer.fingerprint == processor._context.fingerprint("29115-34620561-1")
        assert told(answer) == [("mpesa.reversal.accepted", {"conversation_id": JOB})]

    async def test_without_names_of_darajas(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script
    ) -> None:
        taken: dict[str, Any] = acknowledged(JOB)
        del taken["ConversationID"], taken["OriginatorConversationID"]
        script.on("reversal", taken)
        answer = await processor.process_refund(fresh)
        assert (answer.memory["conversation_id"], answer.fingerprint) == ("", None)
        after = mpesa.learned(fresh, answer)
        _, ended = await check(processor, after, reversed_(1, job="AG_any"))
        assert isinstance(ended.outcome, Declined)

    async def test_only_a_receipt_is_reversed(
        self, fresh: Attempt, processor: MpesaProcessor, clock: FakeClock
    ) -> None:
        bare = mpesa.attempt(mpesa.refund(100_00, receipt=None), clock)
        with pytest.raises(InvariantViolated):
            await processor._reversals.submit(bare)


class TestHearing:
    @pytest.mark.parametrize(
        ("told_by", "step"),
        [
            (
                notice(b"<html>", Purpose.REVERSAL),
                ("notice.set_aside", {"reason": "unreadable", "source_listed": "true"}),
            ),
            (GAVE_UP, ("notice.read", {"meaning": "no verdict", "source_listed": "true"})),
            (
                notice(reversed_().body, purpose=None),
                ("notice.read", {"meaning": "no verdict", "source_listed": "true"}),
            ),
            (
                reversed_(OriginalTransactionID=mpesa.OTHER_RECEIPT),
                ("notice.set_aside", {"reason": "other_ids", "source_listed": "true"}),
            ),
            (
                reversed_(1, job="AG_other"),
                ("notice.set_aside", {"reason": "other_ids", "source_listed": "true"}),
            ),
            (
                replace(reversed_(31337), source_listed=False),
                ("notice.read", {"code": "31337", "source_listed": "false"}),
            ),
        ],
    )
    async def test_what_proves_nothing_is_told_as_what_it_is(
        self, sent: Attempt, processor: MpesaProcessor, told_by: Any, step: Any
    ) -> None:
        _, answer = await check(processor, sent, told_by)
        assert answer.outcome == Pending()
        assert answer.memory == {}
        assert told(answer) == [(f"mpesa.{step[0]}", step[1])]

    async def test_a_success_names_our_receipt_whatever_its_job(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        """An earlier request, whose answer was lost, may be the one that was carried out."""
        _, answer = await check(processor, sent, reversed_(job="AG_other"))
        assert answer.outcome == Settled(HUNDRED, mpesa.OTHER_RECEIPT)

    @pytest.mark.parametrize(("code", "counted"), [(31337, 1), (17, 0), (0, 0)])
    async def test_only_codes_of_no_table_are_counted(
        self, sent: Attempt, processor: MpesaProcessor, code: int, counted: int
    ) -> None:
        count = UNKNOWN_WORDS.labels("mpesa")._value
        before = count.get()
        await check(processor, sent, reversed_(code))
        assert count.get() == before + counted

    @pytest.mark.parametrize(
        ("over", "outcome"),
        [
            ({"Charge": 0}, Settled(HUNDRED, mpesa.OTHER_RECEIPT)),
            ({"Charge": 5.5}, Settled(HUNDRED, mpesa.OTHER_RECEIPT, Money(5_50, "KES"))),
            ({"Charge": None}, Settled(HUNDRED, mpesa.OTHER_RECEIPT)),
            ({"amount": None}, Settled(HUNDRED, mpesa.OTHER_RECEIPT)),
            ({"amount": 99.99}, Conflicting("reversed 99.99 instead of 100.00")),
            ({"amount": 101}, Conflicting("reversed 101.00 instead of 100.00")),
        ],
    )
    async def test_a_success_settles_the_whole_and_nothing_else(
        self, sent: Attempt, processor: MpesaProcessor, over: Any, outcome: object
    ) -> None:
        after, answer = await check(processor, sent, reversed_(**over))
        assert answer.outcome == outcome
        _, again = await check(processor, after)
        assert again.outcome == (outcome if isinstance(outcome, Settled) else Pending())

    async def test_of_many_answers_a_yes_goes_before_a_doubt_before_a_no(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        yes, doubt, no = reversed_(), reversed_(amount=40), reversed_(1)
        for answers, kind in (
            ((no, doubt, yes), Settled),
            ((no, doubt), Conflicting),
            ((GAVE_UP, no), Declined),
        ):
            _, answer = await check(processor, sent, *answers)
            assert isinstance(answer.outcome, kind)

    async def test_a_yes_after_a_no_that_is_remembered(
        self, sent: Attempt, processor: MpesaProcessor
    ) -> None:
        refused, _ = await check(processor, sent, reversed_(1))
        assert refused.memory["failed_code"] == "1"
        _, answer = await check(processor, refused, reversed_())
        assert answer.outcome == Settled(HUNDRED, mpesa.OTHER_RECEIPT)


class TestSilence:
    @pytest.mark.parametrize("before_s", [1, 0])
    async def test_is_long_enough_after_its_time(
        self,
        sent: Attempt,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: FakeClock,
        before_s: int,
    ) -> None:
        clock.advance((REPEAT_AFTER_S - before_s) * SECOND)
        script.on("reversal", acknowledged("AG_second"))
        after, answer = await check(processor, sent)
        assert answer.outcome == Pending()
        assert len(script.sent("reversal")) == 1 + (before_s == 0)
        if before_s == 0:
            assert told(answer) == [("mpesa.reversal.repeated", {"conversation_id": "AG_second"})]
            assert after.memory["conversation_id"] == "AG_second"
            assert after.memory["asked_at"] == clock.now().isoformat()

    async def test_of_what_was_never_asked_for_is_none(
        self, fresh: Attempt, processor: MpesaProcessor, script: mpesa.Script, clock: FakeClock
    ) -> None:
        clock.advance(timedelta(days=1))
        _, answer = await check(processor, fresh)
        assert answer.outcome == Pending()
        assert not script.requests

    async def test_what_was_heard_is_told_when_it_can_t_be_repeated(
        self, sent: Attempt, processor: MpesaProcessor, script: mpesa.Script, clock: FakeClock
    ) -> None:
        clock.advance(REPEAT_AFTER_S * SECOND)
        script.on("reversal", httpx.ConnectError("refused"))
        _, answer = await check(processor, sent, GAVE_UP)
        assert answer.memory == {}
        with pytest.raises(PaymentProcessorError) as raised:
            await check(processor, sent)
        assert told(answer) == [
            ("mpesa.notice.read", {"meaning": "no verdict", "source_listed": "true"}),
            ("mpesa.reversal.not_repeated", {"code": raised.value.code}),
        ]

    async def test_a_repeat_is_told_after_what_was_heard(
        self, sent: Attempt, processor: MpesaProcessor, clock: FakeClock
    ) -> None:
        clock.advance(REPEAT_AFTER_S * SECOND)
        _, answer = await check(processor, sent, GAVE_UP)
        assert [name for name, _ in told(answer)] == [
            "mpesa.notice.read",
            "mpesa.reversal.repeated",
        ]
