"""A push of unknown outcome is paid by its receipt and expired by the records, by nothing else."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import ProviderUnavailable
from cift_shared.messaging.outcomes import Conflicting, Expired, Pending, Settled
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.unpaid_check import PushFacts
from tests.support import mpesa
from tests.support.mpesa import MemoryRecords, completed, confirmation, notice, query_answer

HUNDRED = Money(100_00, "KES")
SETTLED = Settled(HUNDRED, mpesa.RECEIPT)
RECORD = mpesa.ROW
UNCLEAR = "the records are not read"


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords()


@pytest.fixture
async def processor(
    script: mpesa.Script, clock: mpesa.FakeClock, tmp_path: Path, records: MemoryRecords
) -> Any:
    transport = httpx.MockTransport(script.on("transactionstatus", mpesa.acknowledged("AG_1")))
    built = mpesa.processor(mpesa.config(tmp_path), transport, clock, records)
    yield built
    await built.close()


@pytest.fixture
def lost(clock: mpesa.FakeClock) -> Attempt:
    """An attempt whose push got no readable answer."""
    return mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)


def proven(clock: mpesa.FakeClock) -> PushFacts:
    now, day = clock.now(), timedelta(days=1)
    return PushFacts("ABCDEFGHIJKL", now, now, False, now - day, now - day, now + day, now)


async def check(
    processor: MpesaProcessor, attempt: Attempt, *heard: tuple[Any, Purpose | None]
) -> tuple[Attempt, Answer]:
    notices = [notice(body, purpose) for body, purpose in heard]
    answer = await processor.get_transaction_status(attempt, notices)
    return mpesa.learned(attempt, answer, checked=True), answer


def names(answer: Answer) -> list[str]:
    return [step.name.removeprefix("mpesa.") for step in answer.evidence]


class TestReceipts:
    async def test_a_row_is_confirmed_before_it_settles(
        self, processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
    ) -> None:
        asked, answer = await check(processor, lost, (RECORD, Purpose.RECORD))
        assert answer.outcome == Pending()
        assert names(answer) == ["hint.read", "status.asked"]
        [question] = script.sent("transactionstatus")
        assert question["TransactionID"] == mpesa.RECEIPT
        assert question["PartyA"] == "174379"
        assert "OriginalConversationID" not in question
        _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
        assert answer.outcome == SETTLED
        assert len(script.sent("transactionstatus")) == 1

    async def test_a_row_and_its_confirmation_at_once(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        both = [(RECORD, Purpose.RECORD), (completed(), Purpose.STATUS)]
        _, answer = await check(processor, lost, *both)
        assert answer.outcome == SETTLED

    @pytest.mark.parametrize("purpose", [None, Purpose.CONFIRMATION])
    async def test_a_confirmation_needs_its_payer_as_well(
        self, purpose: int | None, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, answer = await check(processor, lost, (confirmation(), purpose))
        assert (answer.outcome, names(answer)) == (Pending(), ["hint.read", "status.asked"])
        _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
        assert answer.outcome == SETTLED

    @pytest.mark.parametrize(
        "over",
        [
            {"CreditPartyName": "600992 - CIFT"},
            {"CreditPartyName": None},
            {"DebitPartyName": "254711000222 - JANE"},
            {"DebitPartyName": "25470****149 - JANE"},
            {"DebitPartyName": None},
            {"Amount": 99},
            {"Amount": None},
            {"TransactionStatus": "Failed"},
        ],
        ids=str,
    )
    async def test_what_a_confirmation_claims_and_the_status_denies_moves_nothing(
        self, over: dict[str, object], processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, _ = await check(processor, lost, (confirmation(), None))
        refused, answer = await check(processor, asked, (completed(**over), Purpose.STATUS))
        assert answer.outcome == Pending()
        assert "hint.refused" in names(answer)
        _, again = await check(processor, refused, (confirmation(TransTime="1"), None))
        assert again.outcome == Pending()
        assert names(again) == ["hint.set_aside", "stk_query.impossible"]

    @pytest.mark.parametrize(
        "over",
        [{"CreditPartyName": "999999 - X"}, {"TransactionStatus": "Failed"}, {"Amount": None}],
        ids=str,
    )
    async def test_a_row_that_the_status_denies_moves_nothing(
        self, over: dict[str, object], processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, _ = await check(processor, lost, (RECORD, Purpose.RECORD))
        _, answer = await check(processor, asked, (completed(**over), Purpose.STATUS))
        assert answer.outcome == Pending()

    async def test_a_payer_of_another_phone_counts_where_the_records_name_our_reference(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, _ = await check(processor, lost, (RECORD, Purpose.RECORD))
        told = completed(DebitPartyName="254711000222 - JOHN")
        _, answer = await check(processor, asked, (told, Purpose.STATUS))
        assert answer.outcome == SETTLED

    async def test_another_amount_is_for_people(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, _ = await check(processor, lost, (RECORD, Purpose.RECORD))
        _, answer = await check(processor, asked, (completed(Amount=70), Purpose.STATUS))
        assert isinstance(answer.outcome, Conflicting)
        assert answer.outcome.reason == "the records show 70.00 instead of 100.00"

    @pytest.mark.parametrize(
        "told",
        [
            completed("TKF7AB12CD"),
            mpesa.result("25"),
            mpesa.result("0", {"TransactionStatus": "Completed", "Amount": 100}),
            completed(TransactionStatus="Pending"),
            b"{",
        ],
        ids=lambda value: str(value)[:50],
    )
    async def test_a_status_that_is_about_something_else_or_open_changes_nothing(
        self, told: Any, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, _ = await check(processor, lost, (RECORD, Purpose.RECORD))
        _, answer = await check(processor, asked, (told, Purpose.STATUS))
        assert answer.outcome == Pending()

    async def test_a_status_without_a_hint_settles_nothing(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        _, answer = await check(processor, lost, (completed(), Purpose.STATUS))
        assert answer.outcome == Pending()

    async def test_a_row_takes_the_place_of_a_confirmation_and_not_the_reverse(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        first, _ = await check(processor, lost, (confirmation("TKF7AB12CD"), None))
        second, _ = await check(processor, first, (RECORD, Purpose.RECORD))
        assert second.memory["hint_receipt"] == mpesa.RECEIPT
        third, _ = await check(processor, second, (confirmation("TKF7AB12CD"), None))
        assert third.memory["hint_receipt"] == mpesa.RECEIPT

    async def test_asked_again_when_the_answer_does_not_come(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
    ) -> None:
        attempt, answer = await check(processor, lost, (RECORD, Purpose.RECORD))
        for waits_s in (15, 30, 60):
            assert answer.check_after == timedelta(seconds=waits_s)
            attempt, early = await check(processor, attempt)
            assert early.check_after == answer.check_after
            clock.advance(timedelta(seconds=waits_s))
            attempt, answer = await check(processor, attempt)
        assert len(script.sent("transactionstatus")) == 4

    async def test_after_a_day_it_goes_to_people(
        self, processor: MpesaProcessor, lost: Attempt, clock: mpesa.FakeClock
    ) -> None:
        attempt, _ = await check(processor, lost, (RECORD, Purpose.RECORD))
        clock.advance(timedelta(days=1))
        _, answer = await check(processor, attempt)
        assert (answer.outcome, answer.check_after) == (Pending(), None)

    async def test_without_an_operator_people_must_look(
        self, script: mpesa.Script, clock: mpesa.FakeClock, lost: Attempt
    ) -> None:
        processor = mpesa.processor(mpesa.config(), httpx.MockTransport(script), clock)
        attempt, answer = await check(processor, lost, (RECORD, Purpose.RECORD))
        assert (answer.outcome, answer.check_after) == (Pending(), None)
        assert names(answer) == ["hint.read", "status.not_asked"]
        _, again = await check(processor, attempt)
        assert names(again) == ["status.not_asked"]


class TestEnded:
    async def test_a_late_row_of_an_expired_push_brings_its_money(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        expired = replace(lost, ended=True)
        asked, answer = await check(processor, expired, (RECORD, Purpose.RECORD))
        assert answer.check_after is not None
        _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
        assert answer.outcome == SETTLED

    async def test_a_late_row_of_another_amount_brings_what_came(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        asked, _ = await check(processor, replace(lost, ended=True), (RECORD, Purpose.RECORD))
        _, answer = await check(processor, asked, (completed(Amount=70), Purpose.STATUS))
        assert answer.outcome == Settled(Money(70_00, "KES"), mpesa.RECEIPT)

    async def test_a_receipt_that_is_known_is_no_news(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        settled = replace(lost, ended=True, memory={"told_receipt": mpesa.RECEIPT})
        _, answer = await check(processor, settled, (RECORD, Purpose.RECORD))
        assert names(answer) == []

    async def test_a_second_payment_under_the_reference_settles_nothing(
        self, processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
    ) -> None:
        settled = replace(lost, ended=True, memory={"told_receipt": "TKF7AB12CD"})
        _, answer = await check(processor, settled, (RECORD, Purpose.RECORD))
        assert names(answer) == ["hint.set_aside"]
        assert not script.sent("transactionstatus")

    async def test_a_push_settled_by_the_query_gets_its_receipt(
        self, processor: MpesaProcessor, lost: Attempt, script: mpesa.Script
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN).on("stkpushquery", query_answer("0"))
        pushed = mpesa.learned(lost, await processor.process_deposit(lost))
        paid, answer = await check(processor, pushed, (RECORD, Purpose.RECORD))
        assert answer.outcome == Settled(HUNDRED)
        assert answer.check_after == timedelta(0)
        asked, answer = await check(processor, paid)
        assert names(answer) == ["status.asked"]
        told, answer = await check(processor, asked, (completed(), Purpose.STATUS))
        assert answer.outcome == SETTLED
        _, answer = await check(processor, told, (RECORD, Purpose.RECORD))
        assert names(answer) == []


class TestProof:
    async def test_proven_unpaid_is_expired_with_its_proof(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        records: MemoryRecords,
        clock: mpesa.FakeClock,
    ) -> None:
        records.known = proven(clock)
        expired, answer = await check(processor, lost)
        assert isinstance(answer.outcome, Expired)
        assert answer.outcome.failure.code == "prompt_expired"
        [step] = answer.evidence
        assert step.name == "mpesa.push.proven_unpaid"
        assert step.detail["reference"] == "ABCDEFGHIJKL"
        assert expired.memory["proof_read_until"] == str(records.known.covered_until)

    async def test_not_while_there_is_something_to_hear(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        records: MemoryRecords,
        clock: mpesa.FakeClock,
    ) -> None:
        records.known = proven(clock)
        _, answer = await check(processor, lost, (RECORD, Purpose.RECORD))
        assert answer.outcome == Pending()

    async def test_what_is_lacking_is_told_and_looked_at_again(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        records: MemoryRecords,
        clock: mpesa.FakeClock,
    ) -> None:
        records.known = replace(proven(clock), covered_until=clock.now())
        _, answer = await check(processor, lost)
        assert answer.outcome == Pending()
        assert answer.check_after == timedelta(seconds=180)
        assert answer.evidence[0].detail["records"].endswith("to the end of its lifetime")

    async def test_what_can_not_be_proven_keeps_the_schedule(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        records: MemoryRecords,
        clock: mpesa.FakeClock,
    ) -> None:
        records.known = replace(proven(clock), registered_at=None)
        _, answer = await check(processor, lost)
        assert (answer.outcome, answer.check_after) == (Pending(), None)

    async def test_nobody_reads_the_records(self, processor: MpesaProcessor, lost: Attempt) -> None:
        _, answer = await check(processor, lost)
        assert (answer.outcome, answer.check_after) == (Pending(), None)
        assert answer.evidence[0].detail["records"] == UNCLEAR

    async def test_the_database_can_not_say(
        self, processor: MpesaProcessor, lost: Attempt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(_: object, __: object) -> None:
            raise ProviderUnavailable("records_unreachable", "x")

        monkeypatch.setattr(MemoryRecords, "facts", away)
        with pytest.raises(ProviderUnavailable):
            await check(processor, lost)
        _, answer = await check(processor, lost, (b"x", Purpose.STK_PUSH))
        assert names(answer) == ["notice.set_aside"]
