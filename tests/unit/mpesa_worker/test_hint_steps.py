"""Each step of a hint: what the timeline shows, what is remembered, when the next query is sent."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.messaging.outcomes import Pending, Settled
from cift_shared.money.amount import Money
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from mpesa_method.purposes import Purpose
from mpesa_worker import codes
from mpesa_worker.context import OPERATOR_PAUSE_S
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import MemoryRecords, completed, confirmation, notice
from tests.unit.mpesa_worker.test_payout_steps import told
from tests.unit.mpesa_worker.test_unresolved_pushes import check

RECEIPT, OTHER = mpesa.RECEIPT, mpesa.OTHER_RECEIPT
ASKED = ("mpesa.status.asked", {"receipt": RECEIPT, "conversation_id": "AG_1"})
HOUR = timedelta(hours=1)


@pytest.fixture
async def processor(script: mpesa.Script, clock: FakeClock, tmp_path: Path) -> Any:
    transport = httpx.MockTransport(script.on("transactionstatus", mpesa.acknowledged("AG_1")))
    built = mpesa.processor(mpesa.config(tmp_path), transport, clock, MemoryRecords())
    yield built
    await built.close()


@pytest.fixture
def lost(clock: FakeClock) -> Attempt:
    """An attempt whose push got no readable answer."""
    return mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)


@pytest.fixture
async def asked(processor: MpesaProcessor, lost: Attempt) -> Attempt:
    """One whose receipt a confirmation has named, and that was queried."""
    attempt, _ = await check(processor, lost, (confirmation(), None))
    return attempt


@pytest.fixture
async def recorded(processor: MpesaProcessor, lost: Attempt) -> Attempt:
    """One whose receipt the records have named, and that was queried."""
    attempt, _ = await check(processor, lost, (mpesa.ROW, Purpose.RECORD))
    return attempt


def read(source: str, receipt: str = RECEIPT) -> tuple[str, dict[str, Any]]:
    return "mpesa.hint.read", {"receipt": receipt, "source": source}


def aside(reason: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "mpesa.hint.set_aside", {"reason": reason, **more}


def status(
    code: str, status: str | None = None, listed: str = "true"
) -> tuple[str, dict[str, Any]]:
    """The step of a status answer about the receipt."""
    shown = {"purpose": "status", "code": code, "receipt": RECEIPT, "source_listed": listed}
    return "mpesa.notice.read", {**shown, **({"status": status} if status else {})}


async def bring(
    processor: MpesaProcessor, attempt: Attempt, receipt: str
) -> tuple[Attempt, Answer]:
    """The caller names a receipt."""
    return await check(processor, replace(attempt, references=(receipt,)))


class TestWhatIsRead:
    @pytest.mark.parametrize(
        ("body", "purpose", "source", "recorded"),
        [
            (mpesa.ROW, Purpose.RECORD, "records", "yes"),
            (confirmation(), None, "confirmation", "no"),
            (confirmation(), Purpose.CONFIRMATION, "confirmation", "no"),
        ],
    )
    async def test_the_receipt_and_the_query_are_shown_and_remembered(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        clock: FakeClock,
        body: Any,
        purpose: Purpose | None,
        source: str,
        recorded: str,
    ) -> None:
        _, answer = await check(processor, lost, (body, purpose))
        assert told(answer) == [read(source), ASKED]
        assert dict(answer.memory) == {
            "hint_receipt": RECEIPT,
            "hint_recorded": recorded,
            "hint_refused": "",
            "hint_asked_at": clock.now().isoformat(),
            "hint_asks": "1",
            "status_conversation_id": "AG_1",
        }

    async def test_a_reference_of_the_caller_is_remembered_as_such(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        attempt, answer = await bring(processor, lost, RECEIPT)
        assert told(answer) == [read("caller"), ASKED]
        assert attempt.memory["hint_recorded"] == "brought"

    async def test_a_confirmation_of_a_receipt_of_the_records_takes_nothing_from_it(
        self, processor: MpesaProcessor, recorded: Attempt
    ) -> None:
        attempt, answer = await check(processor, recorded, (confirmation(), None))
        assert told(answer) == [read("confirmation")]
        assert attempt.memory["hint_recorded"] == "yes"

    async def test_a_caller_who_corrects_a_receipt_of_theirs_proves_nothing(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        first, _ = await bring(processor, lost, OTHER)
        second, answer = await bring(processor, first, RECEIPT)
        assert told(answer) == [read("caller"), ASKED]
        assert second.memory["hint_recorded"] == "brought"

    async def test_a_row_of_another_receipt_is_of_the_records(
        self, processor: MpesaProcessor, asked: Attempt
    ) -> None:
        row = {**mpesa.ROW, "transactionId": OTHER}
        attempt, answer = await check(processor, asked, (row, Purpose.RECORD))
        assert told(answer)[0] == read("records", OTHER)
        assert attempt.memory["hint_recorded"] == "yes"

    async def test_no_answer_of_a_status_query_says_nothing(
        self, processor: MpesaProcessor, asked: Attempt
    ) -> None:
        _, answer = await check(processor, asked, (b"{}", Purpose.STATUS_TIMEOUT))
        assert told(answer) == [
            ("mpesa.notice.read", {"purpose": "status_timeout", "meaning": "no verdict"})
        ]
        assert answer.outcome == Pending()


class TestWhatIsSetAside:
    @pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
    async def test_a_confirmation_that_is_none(
        self, processor: MpesaProcessor, lost: Attempt, body: bytes
    ) -> None:
        _, answer = await check(processor, lost, (body, Purpose.CONFIRMATION))
        assert told(answer)[0] == aside("unreadable")

    async def test_a_row_without_a_receipt(self, processor: MpesaProcessor, lost: Attempt) -> None:
        row = {**mpesa.ROW, "transactionId": "none"}
        _, answer = await check(processor, lost, (row, Purpose.RECORD))
        assert told(answer)[0] == aside("no_receipt")

    async def test_another_receipt_after_the_end(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        settled = replace(lost, ended=True, memory={"told_receipt": OTHER})
        _, answer = await check(processor, settled, (mpesa.ROW, Purpose.RECORD))
        assert told(answer) == [aside("another_receipt", receipt=RECEIPT)]

    async def test_another_receipt_before_the_end(
        self, processor: MpesaProcessor, recorded: Attempt
    ) -> None:
        _, answer = await check(processor, recorded, (confirmation(OTHER), None))
        assert told(answer) == [aside("another_receipt", receipt=OTHER)]

    async def test_a_receipt_that_was_refused(
        self, processor: MpesaProcessor, asked: Attempt
    ) -> None:
        denied = (completed(TransactionStatus="Failed"), Purpose.STATUS)
        refused, _ = await check(processor, asked, denied)
        _, answer = await check(processor, refused, (confirmation(TransTime="1"), None))
        assert told(answer)[0] == aside("refused_before", receipt=RECEIPT)

    @pytest.mark.parametrize("listed", [True, False])
    @pytest.mark.parametrize(
        ("body", "reason"), [(b"{", "unreadable"), (completed(OTHER), "other_ids")], ids=str
    )
    async def test_a_status_that_is_not_about_it(
        self,
        processor: MpesaProcessor,
        asked: Attempt,
        body: Any,
        reason: str,
        listed: bool,
    ) -> None:
        told_it = replace(notice(body, Purpose.STATUS), source_listed=listed)
        answer = await processor.get_transaction_status(asked, [told_it])
        assert told(answer) == [
            (
                "mpesa.notice.set_aside",
                {"reason": reason, "source_listed": str(listed).lower()},
            )
        ]


class TestStatusAnswers:
    async def test_what_is_confirmed_is_remembered_as_a_callback_is(
        self, processor: MpesaProcessor, asked: Attempt
    ) -> None:
        _, answer = await check(processor, asked, (completed(), Purpose.STATUS))
        assert answer.outcome == Settled(Money(100_00, "KES"), RECEIPT)
        assert told(answer) == [status("0", "Completed")]
        assert dict(answer.memory) == {
            "hint_receipt": RECEIPT,
            "hint_recorded": "no",
            "hint_refused": "",
            "told_code": "0",
            "told_receipt": RECEIPT,
            "told_fits": "yes",
            "told_minor": "10000",
        }

    @pytest.mark.parametrize(
        ("answer_of", "shown", "reason"),
        [
            (completed(TransactionStatus="Failed"), status("0", "Failed"), "it did not complete"),
            (completed(Amount=99), status("0", "Completed"), "its amount is another"),
            (
                completed(CreditPartyName="999999 - X"),
                status("0", "Completed"),
                "it was paid to another short code",
            ),
            (
                completed(DebitPartyName="254711000222 - X"),
                status("0", "Completed"),
                "the answer does not confirm our payer",
            ),
            (
                mpesa.result(codes.NO_SUCH_TRANSACTION, ConversationID="AG_1"),
                status(codes.NO_SUCH_TRANSACTION),
                "there is no such receipt",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_a_refused_receipt_says_why_and_counts_no_more(
        self,
        processor: MpesaProcessor,
        asked: Attempt,
        answer_of: Any,
        shown: Any,
        reason: str,
    ) -> None:
        _, answer = await check(processor, asked, (answer_of, Purpose.STATUS))
        refused = ("mpesa.hint.refused", {"receipt": RECEIPT, "reason": reason})
        assert told(answer)[:2] == [shown, refused]
        hints = {name: answer.memory[name] for name in answer.memory if name.startswith("hint_")}
        assert hints == {"hint_receipt": "", "hint_recorded": "no", "hint_refused": RECEIPT}

    async def test_a_receipt_of_the_records_that_is_refused_is_of_the_records_no_more(
        self, processor: MpesaProcessor, recorded: Attempt
    ) -> None:
        denied = (completed(TransactionStatus="Failed"), Purpose.STATUS)
        refused, _ = await check(processor, recorded, denied)
        assert refused.memory["hint_recorded"] == "no"

    async def test_the_records_know_a_receipt_that_the_status_does_not(
        self, processor: MpesaProcessor, recorded: Attempt
    ) -> None:
        unknown = (mpesa.result(codes.NO_SUCH_TRANSACTION, ConversationID="AG_1"), Purpose.STATUS)
        attempt, answer = await check(processor, recorded, unknown)
        assert told(answer) == [status(codes.NO_SUCH_TRANSACTION)]
        assert attempt.memory["hint_receipt"] == RECEIPT

    @pytest.mark.parametrize("code", ["1", "2001", "17"])
    async def test_another_error_of_our_query_refuses_nothing(
        self, processor: MpesaProcessor, asked: Attempt, code: str
    ) -> None:
        failed = (mpesa.result(code, ConversationID="AG_1"), Purpose.STATUS)
        attempt, answer = await check(processor, asked, failed)
        assert told(answer) == [status(code)]
        assert attempt.memory["hint_receipt"] == RECEIPT

    @pytest.mark.parametrize("over", [{"ConversationID": "AG_2"}, {}], ids=str)
    async def test_an_error_of_another_query_is_not_about_it(
        self, processor: MpesaProcessor, asked: Attempt, over: dict[str, str]
    ) -> None:
        _, answer = await check(
            processor, asked, (mpesa.result(codes.NO_SUCH_TRANSACTION, **over), Purpose.STATUS)
        )
        assert told(answer)[0][1]["reason"] == "other_ids"

    async def test_a_success_without_a_receipt_is_not_about_it(
        self, processor: MpesaProcessor, asked: Attempt
    ) -> None:
        body = mpesa.result("0", {"TransactionStatus": "Completed"}, ConversationID="AG_1")
        _, answer = await check(processor, asked, (body, Purpose.STATUS))
        assert told(answer)[0][1]["reason"] == "other_ids"

    @pytest.mark.parametrize(
        ("word", "counted"), [("Pending", 0), ("Authorized", 0), ("Celebrated", 1), (None, 0)]
    )
    async def test_a_status_that_nobody_knows_is_counted(
        self, processor: MpesaProcessor, asked: Attempt, word: str | None, counted: int
    ) -> None:
        count = UNKNOWN_WORDS.labels("mpesa")._value
        before = count.get()
        attempt, answer = await check(
            processor, asked, (completed(TransactionStatus=word), Purpose.STATUS)
        )
        assert told(answer) == [status("0", word)]
        assert attempt.memory["hint_receipt"] == RECEIPT
        assert count.get() - before == counted

    async def test_a_wrong_credential_stops_further_queries(
        self, processor: MpesaProcessor, asked: Attempt, script: mpesa.Script, clock: FakeClock
    ) -> None:
        """Each query with a refused credential brings the operator nearer to being locked."""
        wrong = (mpesa.result("2001", ConversationID="AG_1"), Purpose.STATUS)
        await check(processor, asked, wrong)
        clock.advance(timedelta(seconds=OPERATOR_PAUSE_S - 1))
        attempt, answer = await check(processor, asked)
        assert told(answer) == [
            ("mpesa.status.not_asked", {"code": "provider_credentials_refused"})
        ]
        assert len(script.sent("transactionstatus")) == 1
        clock.advance(timedelta(seconds=answer.check_after.total_seconds()))  # type: ignore[union-attr]
        await check(processor, attempt)
        assert len(script.sent("transactionstatus")) == 2


class TestQueries:
    async def test_the_waits_between_queries(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        script: mpesa.Script,
        clock: FakeClock,
    ) -> None:
        attempt, answer = await check(processor, lost, (mpesa.ROW, Purpose.RECORD))
        waits = []
        for number in range(2, 10):
            assert answer.check_after is not None
            waits.append(answer.check_after.total_seconds())
            clock.advance(answer.check_after)
            attempt, answer = await check(processor, attempt)
            assert attempt.memory["hint_asks"] == str(number)
        assert waits == [15, 30, 60, 120, 300, 900, 900, 900]
        assert len(script.sent("transactionstatus")) == 9

    async def test_after_the_end_twelve_queries_are_enough(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        script: mpesa.Script,
        clock: FakeClock,
    ) -> None:
        attempt, _ = await check(processor, replace(lost, ended=True), (mpesa.ROW, Purpose.RECORD))
        for _ in range(20):
            clock.advance(timedelta(minutes=15))
            attempt, answer = await check(processor, attempt)
        assert len(script.sent("transactionstatus")) == 12
        assert answer.check_after is None

    @pytest.mark.parametrize("ended", [False, True])
    async def test_a_query_without_an_answer_is_sent_again(
        self,
        processor: MpesaProcessor,
        lost: Attempt,
        script: mpesa.Script,
        clock: FakeClock,
        ended: bool,
    ) -> None:
        script.on("transactionstatus", httpx.ConnectError("away"), mpesa.acknowledged("AG_1"))
        attempt, answer = await check(
            processor, replace(lost, ended=ended), (mpesa.ROW, Purpose.RECORD)
        )
        assert told(answer) == [
            read("records"),
            ("mpesa.status.not_asked", {"code": "provider_unreachable"}),
        ]
        assert answer.check_after == timedelta(seconds=15)
        assert dict(answer.memory) == {
            "hint_receipt": RECEIPT,
            "hint_recorded": "yes",
            "hint_refused": "",
            "hint_asked_at": clock.now().isoformat(),
            "hint_asks": "1",
        }
        clock.advance(timedelta(seconds=15))
        _, answer = await check(processor, attempt)
        assert told(answer) == [ASKED]

    async def test_a_row_and_a_query_keep_what_the_callbacks_left(
        self, processor: MpesaProcessor, lost: Attempt
    ) -> None:
        """What the push's own steps remember is not lost by a query."""
        callback = (mpesa.paid_callback(phone="254711000222"), Purpose.STK_PUSH)
        _, answer = await check(processor, lost, callback, (mpesa.ROW, Purpose.RECORD))
        assert json.dumps(dict(answer.memory)).count("hint_") == 5
