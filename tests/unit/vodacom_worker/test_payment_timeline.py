"""Each step of a payment: what the timeline tells, what is remembered, how long it waits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cift_shared.attempts.processor import Answer
from cift_shared.errors import OutcomeUnknown, ProviderRejectedRequest, ProviderThrottled
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.observability.metrics import UNKNOWN_WORDS
from tests.support import vodacom
from tests.unit.vodacom_worker.test_payment_steps import ACCEPT, NOTHING, SHORT, World, key_of
from vodacom_worker import codes, context
from vodacom_worker.codes import Meaning
from vodacom_worker.context import ACCEPTED, CONVERSATION, FAILED_AT, ROUND, TOLD_CODE, TOLD_RECEIPT
from vodacom_worker.mapping import Reply, Status
from vodacom_worker.requests import kind_of

SECOND = timedelta(seconds=1)
PENDING = Status("Pending", "INS-0")
FAILED = Status("Failed", "INS-0")
ANSWERED = ("request.answered", {"code": "INS-0", "conversation_id": "conv-1"})
SILENT = ("query.answered", {"status": "N/A", "code": "INS-0"})
YES, NO = {ACCEPTED: "yes"}, {ACCEPTED: "no"}


def told(answer: Answer) -> list[tuple[str, dict[str, str]]]:
    return [(step.name.removeprefix("mpesa_tz."), dict(step.detail)) for step in answer.evidence]


def test_the_memory_fields_have_the_same_names_in_every_release() -> None:
    assert (context.ACCEPTED, context.ROUND, context.CONVERSATION) == (
        "accepted",
        "round",
        "conversation_id",
    )
    assert (context.TOLD_CODE, context.TOLD_RECEIPT, context.FAILED_AT) == (
        "told_code",
        "told_receipt",
        "failed_at",
    )


class TestSubmit:
    async def test_a_deposit_that_is_accepted(self) -> None:
        answer = await World(ACCEPT).submit()
        assert answer.outcome == ActionRequired(
            {
                "type": "confirm_on_phone",
                "message": "Enter your M-Pesa PIN on your phone to pay.",
                "delivered_by": "provider",
            }
        )
        assert told(answer) == [ANSWERED]

    async def test_a_deposit_that_we_refuse(self) -> None:
        answer = await World().submit(vodacom.deposit(100_50))
        assert told(answer) == [("request.not_sent", {"reason": "amount_not_whole"})]

    @pytest.mark.parametrize("code", ["INS-6", "INS-15"])
    async def test_a_deposit_that_m_pesa_refuses(self, code: str) -> None:
        answer = await World(Reply(codes.MEANINGS[code], code)).submit()
        assert told(answer) == [("request.answered", {"code": code})]

    async def test_a_duplicate(self) -> None:
        answer = await World(Reply(Meaning.DUPLICATE, "INS-10")).submit()
        assert told(answer) == [("request.answered", {"code": "INS-10"})]

    async def test_a_payout_that_is_paid_at_once_ends_the_pause(self) -> None:
        reply = replace(ACCEPT, transaction_id=vodacom.RECEIPT)
        world = World(reply, flow="synchronous")
        attempt = world.attempt(vodacom.withdrawal(), **NO)
        world.pause.begin()
        world.clock.advance(timedelta(seconds=60))
        answer = await world.payments.check(attempt, [])
        assert isinstance(answer.outcome, Settled)
        assert (answer.memory, told(answer)) == (YES, [("request.repeated", ANSWERED[1])])
        assert world.pause.begin() == timedelta(seconds=60)  # the first pause again

    @pytest.mark.parametrize(("minor", "sent"), [(1_00, 1), (0, 0)])
    async def test_the_smallest_amount(self, minor: int, sent: int) -> None:
        world = World(ACCEPT)
        request = vodacom.deposit()
        amount = replace(request.amount, minor=minor)
        await world.submit(request.model_copy(update={"amount": amount}))
        assert len(world.script.sent) == sent

    async def test_the_largest_amount(self) -> None:
        world = World(ACCEPT)
        await world.submit(vodacom.deposit(10_000_000_00))
        assert len(world.script.sent) == 1

    @pytest.mark.parametrize(
        ("answer", "kind", "code"),
        [
            (Reply(Meaning.UNKNOWN, "INS-1"), OutcomeUnknown, "provider_outcome_unknown"),
            (Reply(Meaning.SETUP_WRONG, "INS-13"), ProviderRejectedRequest, "provider_setup_wrong"),
        ],
    )
    async def test_what_is_raised_has_a_code(self, answer: Reply, kind: Any, code: str) -> None:
        with pytest.raises(kind) as raised:
            await World(answer).submit()
        assert raised.value.code == code

    async def test_a_paused_payout_is_throttled(self) -> None:
        world = World()
        world.pause.begin()
        with pytest.raises(ProviderThrottled) as raised:
            await world.submit(vodacom.withdrawal())
        assert raised.value.code == "payouts_paused"

    async def test_a_number_that_cannot_be_opened(self) -> None:
        sealed = vodacom.instrument().model_copy(update={"sealed": "k9.AAAA"})
        with pytest.raises(ProviderRejectedRequest) as raised:
            await World().submit(vodacom.deposit().model_copy(update={"instrument": sealed}))
        assert raised.value.code == "sealed_data_unreadable"

    @pytest.mark.parametrize(
        ("request_", "kind"),
        [
            (vodacom.deposit(), "c2b"),
            (vodacom.withdrawal(), "b2c"),
            (vodacom.refund(), "reversal"),
            (vodacom.refund(receipt=None), "b2c"),
        ],
        ids=["deposit", "withdrawal", "refund", "refund without a receipt"],
    )
    def test_the_road_of_each_operation(self, request_: Any, kind: str) -> None:
        assert kind_of(vodacom.attempt(request_)) == kind


class TestQueries:
    async def test_an_open_payment_waits_for_the_schedule(self) -> None:
        answer = await World(PENDING).check(**YES)
        assert (answer.outcome, answer.check_after) == (Pending(), None)
        assert told(answer) == [("query.answered", {"status": "Pending", "code": "INS-0"})]

    async def test_an_answer_without_a_status(self) -> None:
        answer = await World(Status("", "INS-1")).check(**YES)
        assert told(answer) == [("query.answered", {"code": "INS-1"})]

    async def test_the_key_of_a_query_is_32_hex_digits(self) -> None:
        world = World(PENDING)
        await world.check(**YES)
        assert len(bytes.fromhex(world.script.sent[0].key)) == 16

    @pytest.mark.parametrize(("word", "counted"), [("Pending", 0), ("Reversed", 1)])
    async def test_words_that_no_table_lists_are_counted(self, word: str, counted: int) -> None:
        before = UNKNOWN_WORDS.labels("vodacom")._value.get()
        await World(Status(word, "INS-0")).check(**YES)
        assert UNKNOWN_WORDS.labels("vodacom")._value.get() == before + counted

    async def test_a_failure_waits_15_seconds_for_its_notice_and_no_longer(self) -> None:
        world = World(FAILED, FAILED)
        attempt = world.attempt(**YES)
        first = await world.payments.check(attempt, [])
        assert told(first) == [("query.answered", {"status": "Failed", "code": "INS-0"})]
        world.clock.advance(5 * SECOND)
        second = await world.payments.check(replace(attempt, memory={**YES, **first.memory}), [])
        assert (second.memory, second.check_after) == (first.memory, 10 * SECOND)

    async def test_a_query_that_fails_after_a_notice_is_tried_again(self) -> None:
        request = vodacom.deposit()
        answer = await World(OutcomeUnknown("lost", "lost")).check(
            request, vodacom.notice(key_of(request), "INS-6")
        )
        assert (answer.outcome, answer.check_after) == (Pending(), 10 * SECOND)
        assert told(answer) == [
            ("notice.read", {"code": "INS-6"}),
            ("query.failed", {"code": "lost"}),
        ]


class TestSendingAgain:
    async def test_a_request_that_arrives(self) -> None:
        answer = await World(NOTHING, ACCEPT).check()
        assert told(answer) == [SILENT, ("request.repeated", ANSWERED[1])]

    async def test_a_repeat_that_is_refused_before_the_wallet(self) -> None:
        answer = await World(NOTHING, Reply(Meaning.REFUSED, "INS-15")).check()
        assert told(answer) == [SILENT, ("request.repeated", {"code": "INS-15"})]

    async def test_a_repeat_that_fails(self) -> None:
        answer = await World(NOTHING, OutcomeUnknown("lost", "lost")).check()
        assert told(answer) == [SILENT, ("request.not_repeated", {"code": "lost"})]

    async def test_a_deposit_that_nobody_expects_any_more(self) -> None:
        world = World(NOTHING)
        attempt = world.attempt()
        world.clock.advance(timedelta(minutes=11))
        answer = await world.payments.check(attempt, [])
        assert (answer.outcome, told(answer)) == (Pending(), [SILENT])


class TestNotices:
    async def test_what_one_says_is_remembered_and_told(self) -> None:
        request = vodacom.deposit()
        answer = await World(PENDING).check(
            request, vodacom.notice(key_of(request)), **{CONVERSATION: "conv-1", **YES}
        )
        assert answer.memory == {TOLD_CODE: "INS-0", TOLD_RECEIPT: vodacom.RECEIPT}
        assert told(answer) == [
            ("notice.read", {"code": "INS-0", "receipt": vodacom.RECEIPT}),
            ("query.answered", {"status": "Pending", "code": "INS-0"}),
        ]

    async def test_a_failure_adds_to_what_a_notice_said(self) -> None:
        """The memory holds both: the notice's code, and what the query led to."""
        request = vodacom.withdrawal()
        answer = await World(NOTHING, Reply(Meaning.DUPLICATE, "INS-10")).check(
            request, vodacom.notice(key_of(request), "INS-6")
        )
        assert answer.memory == {TOLD_CODE: "INS-6", TOLD_RECEIPT: "", **YES}

    @pytest.mark.parametrize(
        ("case", "reason"),
        [
            ("no notice", "unreadable"),
            ("other path", "not_on_the_listeners_path"),
            ("other key", "other_request"),
            ("other conversation", "other_ids"),
        ],
    )
    async def test_why_one_is_set_aside(self, case: str, reason: str) -> None:
        request = vodacom.deposit()
        key = key_of(request)
        body, purpose = {
            "no notice": (b"[]", 20),
            "other path": (vodacom.notice(key), None),
            "other key": (vodacom.notice("0" * 32), 20),
            "other conversation": (vodacom.notice(key, conversation="other"), 20),
        }[case]
        world = World(PENDING)
        attempt = world.attempt(request, **{CONVERSATION: "conv-1", **YES})
        answer = await world.payments.check(attempt, [vodacom.received(body, purpose=purpose)])
        assert told(answer)[0] == (
            "notice.set_aside",
            {"reason": reason, "source_listed": "false"},
        )


class TestOurBalance:
    async def test_a_payout_forgets_the_round_that_was_refused(self) -> None:
        answer = await World(SHORT).submit(vodacom.withdrawal())
        forgotten = dict.fromkeys((TOLD_CODE, TOLD_RECEIPT, FAILED_AT, CONVERSATION), "")
        assert answer.memory == {ROUND: "1", **NO, **forgotten}
        assert told(answer) == [("request.answered", {"code": "INS-2006"})]

    @pytest.mark.parametrize(("number", "kind"), [(998, Submitted), (999, Conflicting)])
    async def test_the_last_round_is_the_999th(self, number: int, kind: type) -> None:
        answer = await World(SHORT).check(vodacom.withdrawal(), **{**NO, ROUND: str(number)})
        assert isinstance(answer.outcome, kind)
        assert told(answer) == [("request.repeated", {"code": "INS-2006"})]

    async def test_a_refusal_before_the_wallet_in_a_later_round_is_not_final(self) -> None:
        """A crash may hide that the round was sent before."""
        answer = await World(Reply(Meaning.REFUSED, "INS-15")).check(
            vodacom.withdrawal(), **{**NO, ROUND: "1"}
        )
        assert (answer.outcome, dict(answer.memory)) == (Pending(), {})

    async def test_a_refusal_by_the_wallet_in_a_later_round_is_final(self) -> None:
        answer = await World(Reply(Meaning.DECLINED, "INS-6")).check(
            vodacom.withdrawal(), **{**NO, ROUND: "1"}
        )
        assert answer.outcome == Declined(codes.NOT_CARRIED_OUT)
