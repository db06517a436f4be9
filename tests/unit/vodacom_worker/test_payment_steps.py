"""What is decided from answers, notices and memory; the client is scripted."""

from collections import deque
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
)
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support import vodacom
from tests.support.commands import VAULT
from vodacom_worker import codes, context, domain, wire
from vodacom_worker.codes import Meaning
from vodacom_worker.context import ACCEPTED, CONVERSATION, FAILED_AT, ROUND, TOLD_CODE, TOLD_RECEIPT
from vodacom_worker.mapping import Reply, Status
from vodacom_worker.payments import Payments
from vodacom_worker.payout_pause import PAYOUTS_PAUSED, PayoutPause

NOTHING = Status("N/A", "INS-0")
ACCEPT = Reply(Meaning.ACCEPTED, "INS-0", None, "conv-1")


class Script:
    """Answers in turn, and keeps what was sent."""

    def __init__(self, *answers: Reply | Status | PaymentProcessorError) -> None:
        self.answers = deque(answers)
        self.sent: list[wire.Request] = []

    async def send(self, request: wire.Request) -> Any:
        self.sent.append(request)
        answer = self.answers.popleft()
        if isinstance(answer, PaymentProcessorError):
            raise answer
        return answer

    query = send


class World:
    """The payments over a script."""

    def __init__(self, *answers: Any, **over: Any) -> None:
        self.clock = FakeClock()
        self.script = Script(*answers)
        config = vodacom.config(**over)
        self.pause = PayoutPause(self.clock, config.check_speed)
        client: Any = self.script
        self.payments = Payments(context.Context(config, client, VAULT, self.clock, self.pause))

    def attempt(self, request: Any = None, **memory: str) -> Attempt:
        return vodacom.attempt(request or vodacom.deposit(), at=self.clock.now(), **memory)

    async def submit(self, request: Any = None, **memory: str) -> Answer:
        return await self.payments.submit(self.attempt(request, **memory))

    async def check(
        self, request: Any = None, *bodies: bytes, ended: bool = False, **memory: str
    ) -> Answer:
        attempt = replace(self.attempt(request, **memory), ended=ended)
        return await self.payments.check(attempt, [vodacom.received(body) for body in bodies])


def key_of(request: Any) -> str:
    return domain.request_key(vodacom.attempt(request).attempt_id)


def names(answer: Answer) -> list[str]:
    return [step.name.removeprefix("mpesa_tz.") for step in answer.evidence]


class TestSubmit:
    async def test_the_payer_is_asked(self) -> None:
        world = World(ACCEPT)
        answer = await world.submit()
        assert isinstance(answer.outcome, ActionRequired)
        assert answer.memory == {ACCEPTED: "yes", CONVERSATION: "conv-1"}
        [sent] = world.script.sent
        assert isinstance(sent, wire.Payment)
        assert (sent.amount, sent.phone, sent.incoming) == (20_000, vodacom.PHONE, True)

    async def test_a_payout_is_submitted(self) -> None:
        answer = await World(ACCEPT).submit(vodacom.withdrawal())
        assert isinstance(answer.outcome, Submitted)

    async def test_in_asynchronous_use_an_id_in_the_answer_settles_nothing(self) -> None:
        reply = replace(ACCEPT, transaction_id=vodacom.RECEIPT)
        assert not isinstance((await World(reply).submit()).outcome, Settled)

    async def test_in_synchronous_use_it_does(self) -> None:
        reply = replace(ACCEPT, transaction_id=vodacom.RECEIPT)
        answer = await World(reply, flow="synchronous").submit()
        assert answer.outcome == Settled(Money(20_000_00, "TZS"), vodacom.RECEIPT)

    async def test_in_synchronous_use_without_an_id_it_is_asked_about(self) -> None:
        answer = await World(ACCEPT, flow="synchronous").submit()
        assert isinstance(answer.outcome, ActionRequired)

    async def test_a_duplicate_is_no_failure(self) -> None:
        answer = await World(Reply(Meaning.DUPLICATE, "INS-10")).submit()
        assert isinstance(answer.outcome, Submitted)
        assert answer.memory == {ACCEPTED: "yes"}

    @pytest.mark.parametrize("code", ["INS-1", "INS-9", "INS-7777", "no_code"])
    async def test_an_unknown_outcome_is_raised(self, code: str) -> None:
        with pytest.raises(OutcomeUnknown):
            await World(Reply(Meaning.UNKNOWN, code)).submit()

    async def test_a_wrong_set_up_is_raised(self) -> None:
        with pytest.raises(ProviderRejectedRequest) as raised:
            await World(Reply(Meaning.SETUP_WRONG, "INS-13")).submit()
        assert raised.value.code == "provider_setup_wrong"

    @pytest.mark.parametrize("code", sorted(codes.FAILURES))
    async def test_a_refusal_of_the_first_request_is_final(self, code: str) -> None:
        answer = await World(Reply(codes.MEANINGS[code], code)).submit()
        assert answer.outcome == Declined(codes.FAILURES[code])

    @pytest.mark.parametrize(
        ("minor", "code"), [(100_50, "amount_not_whole"), (10_000_001_00, "amount_out_of_limits")]
    )
    async def test_what_m_pesa_does_not_move_is_not_sent(self, minor: int, code: str) -> None:
        world = World()
        answer = await world.submit(vodacom.deposit(minor))
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == code
        assert world.script.sent == []

    async def test_another_countrys_phone_is_not_charged(self) -> None:
        world = World()
        for request in (
            vodacom.deposit(phone="254712345678"),
            vodacom.deposit().model_copy(
                update={"instrument": vodacom.instrument().model_copy(update={"country": "KE"})}
            ),
        ):
            answer = await world.submit(request)
            assert answer.outcome == Declined(codes.PHONE_INVALID)
        assert world.script.sent == []

    async def test_a_number_that_cannot_be_opened_is_not_sent(self) -> None:
        sealed = vodacom.instrument().model_copy(update={"sealed": "k9.AAAA"})
        request = vodacom.deposit().model_copy(update={"instrument": sealed})
        with pytest.raises(ProviderRejectedRequest, match="sealed"):
            await World().submit(request)


class TestRefunds:
    async def test_a_receipt_is_reversed_in_part(self) -> None:
        world = World(ACCEPT)
        await world.submit(vodacom.refund(3_000_00))
        [sent] = world.script.sent
        assert isinstance(sent, wire.Reversal)
        assert (sent.receipt, sent.amount) == (vodacom.RECEIPT, 3_000)

    @pytest.mark.parametrize("receipt", [None, "N/A"])
    async def test_without_a_receipt_it_is_paid_out(self, receipt: str | None) -> None:
        world = World(ACCEPT)
        await world.submit(vodacom.refund(3_000_00, receipt=receipt))
        [sent] = world.script.sent
        assert isinstance(sent, wire.Payment)
        assert not sent.incoming


class TestQueries:
    async def test_completed_is_settled_with_the_receipt(self) -> None:
        status = Status("Completed", "INS-0", vodacom.RECEIPT)
        answer = await World(status).check()
        assert answer.outcome == Settled(Money(20_000_00, "TZS"), vodacom.RECEIPT)

    async def test_a_query_has_a_key_of_its_own_and_ours_as_reference(self) -> None:
        world, request = World(NOTHING, NOTHING), vodacom.deposit()
        for _ in range(2):
            await world.check(request, **{ACCEPTED: "yes"})
        first, second = world.script.sent
        assert isinstance(first, wire.Query)
        assert first.about == key_of(request)
        assert len({first.key, second.key, first.about}) == 3

    @pytest.mark.parametrize(
        ("word", "kind"), [("Cancelled", Declined), ("Expired", Expired), ("Pending", Pending)]
    )
    async def test_other_words(self, word: str, kind: type) -> None:
        assert isinstance((await World(Status(word, "INS-0")).check()).outcome, kind)

    async def test_an_unlisted_word_stays_open(self) -> None:
        answer = await World(Status("Reversed", "INS-0")).check()
        assert isinstance(answer.outcome, Pending)

    async def test_a_failure_waits_for_the_notice_that_says_why(self) -> None:
        world = World(Status("Failed", "INS-0"), Status("Failed", "INS-0"))
        first = await world.check()
        assert isinstance(first.outcome, Pending)
        assert first.check_after == timedelta(seconds=15)
        world.clock.advance(timedelta(seconds=15))
        late = await world.check(**{FAILED_AT: first.memory[FAILED_AT]})
        assert late.outcome == Declined(codes.NOT_CARRIED_OUT)

    async def test_with_the_notice_it_is_final_at_once(self) -> None:
        request = vodacom.deposit()
        body = vodacom.notice(key_of(request), "INS-2006")
        answer = await World(Status("Failed", "INS-0")).check(request, body)
        assert answer.outcome == Declined(codes.PAYER_BALANCE)

    async def test_in_synchronous_use_no_notice_comes(self) -> None:
        world = World(Status("Failed", "INS-0"), flow="synchronous")
        assert isinstance((await world.check()).outcome, Declined)

    async def test_a_failed_query_changes_nothing(self) -> None:
        with pytest.raises(OutcomeUnknown):
            await World(OutcomeUnknown("lost", "lost")).check()

    async def test_a_failed_query_keeps_what_the_notice_said(self) -> None:
        request = vodacom.deposit()
        world = World(ProviderThrottled("busy", "busy", retry_after_s=40))
        answer = await world.check(request, vodacom.notice(key_of(request)))
        assert answer.memory[TOLD_CODE] == "INS-0"
        assert answer.check_after == timedelta(seconds=40)


class TestSendingAgain:
    async def test_what_never_arrived_is_sent_again_under_its_key(self) -> None:
        world, request = World(NOTHING, ACCEPT), vodacom.deposit()
        answer = await world.check(request)
        assert isinstance(answer.outcome, ActionRequired)
        assert world.script.sent[1].key == key_of(request)

    @pytest.mark.parametrize("word", ["Pending", "Reversed", "Expired", "Failed"])
    async def test_what_vodacom_has_is_not_sent_again(self, word: str) -> None:
        world = World(Status(word, "INS-0"))
        await world.check()
        assert len(world.script.sent) == 1

    async def test_what_was_accepted_is_not_sent_again(self) -> None:
        world = World(NOTHING)
        assert isinstance((await world.check(**{ACCEPTED: "yes"})).outcome, Pending)
        assert len(world.script.sent) == 1

    async def test_what_has_ended_is_not_sent_again(self) -> None:
        world = World(NOTHING)
        await world.check(ended=True)
        assert len(world.script.sent) == 1

    @pytest.mark.parametrize(("age_s", "times"), [(600, 2), (601, 1)])
    async def test_a_deposit_only_while_its_payer_waits(self, age_s: int, times: int) -> None:
        world = World(NOTHING, ACCEPT)
        attempt = world.attempt()
        world.clock.advance(timedelta(seconds=age_s))
        await world.payments.check(attempt, [])
        assert len(world.script.sent) == times

    async def test_a_payout_for_as_long_as_it_is_open(self) -> None:
        world = World(NOTHING, ACCEPT)
        attempt = world.attempt(vodacom.withdrawal())
        world.clock.advance(timedelta(hours=20))
        await world.payments.check(attempt, [])
        assert len(world.script.sent) == 2

    @pytest.mark.parametrize("code", sorted(codes.FAILURES))
    async def test_only_the_wallets_refusal_of_a_repeat_is_final(self, code: str) -> None:
        meaning = codes.MEANINGS[code]
        answer = await World(NOTHING, Reply(meaning, code)).check()
        assert isinstance(answer.outcome, Declined) is (meaning is Meaning.DECLINED)

    async def test_a_repeat_that_fails_leaves_it_open(self) -> None:
        answer = await World(NOTHING, OutcomeUnknown("lost", "lost")).check()
        assert isinstance(answer.outcome, Pending)
        assert names(answer) == ["query.answered", "request.not_repeated"]

    async def test_a_duplicate_is_asked_about(self) -> None:
        answer = await World(NOTHING, Reply(Meaning.DUPLICATE, "INS-10")).check()
        assert isinstance(answer.outcome, Submitted)
        assert answer.memory == {ACCEPTED: "yes"}


class TestNotices:
    async def test_a_success_proves_nothing(self) -> None:
        request = vodacom.deposit()
        world = World(Status("Pending", "INS-0"))
        body = vodacom.notice(key_of(request))
        answer = await world.check(request, body, **{CONVERSATION: "conv-1", ACCEPTED: "yes"})
        assert isinstance(answer.outcome, Pending)
        assert answer.check_after == timedelta(seconds=10)

    async def test_it_brings_the_receipt_that_the_query_lacks(self) -> None:
        request = vodacom.deposit()
        body = vodacom.notice(key_of(request))
        answer = await World(Status("Completed", "INS-0")).check(
            request, body, **{CONVERSATION: "conv-1"}
        )
        assert isinstance(answer.outcome, Settled)
        assert answer.outcome.provider_reference == vodacom.RECEIPT

    async def test_without_vodacoms_id_of_the_request_it_brings_none(self) -> None:
        request = vodacom.deposit()
        answer = await World(Status("Completed", "INS-0")).check(
            request, vodacom.notice(key_of(request))
        )
        assert isinstance(answer.outcome, Settled)
        assert answer.outcome.provider_reference is None

    async def test_a_success_that_the_query_denies_is_for_an_operator(self) -> None:
        request = vodacom.deposit()
        answer = await World(Status("Cancelled", "INS-0")).check(
            request, vodacom.notice(key_of(request)), **{CONVERSATION: "conv-1"}
        )
        assert isinstance(answer.outcome, Conflicting)

    @pytest.mark.parametrize("name", ["other key", "other conversation", "no notice", "other path"])
    async def test_one_that_is_not_ours_is_set_aside(self, name: str) -> None:
        request = vodacom.deposit()
        key = key_of(request)
        body, purpose = {
            "other key": (vodacom.notice("0" * 32), 20),
            "other conversation": (vodacom.notice(key, conversation="other"), 20),
            "no notice": (b"[]", 20),
            "other path": (vodacom.notice(key), None),
        }[name]
        world = World(Status("Cancelled", "INS-0"))
        attempt = world.attempt(request, **{CONVERSATION: "conv-1"})
        answer = await world.payments.check(attempt, [vodacom.received(body, purpose=purpose)])
        assert isinstance(answer.outcome, Declined)
        assert names(answer) == ["notice.set_aside", "query.answered"]
        assert not answer.memory.get(TOLD_RECEIPT)

    async def test_a_late_failure_of_an_ended_payment_changes_nothing(self) -> None:
        answer = await World(Status("Failed", "INS-0")).check(ended=True, **{TOLD_CODE: "INS-6"})
        assert isinstance(answer.outcome, Pending)

    async def test_a_late_success_of_an_ended_payment_is_told(self) -> None:
        answer = await World(Status("Completed", "INS-0", vodacom.RECEIPT)).check(ended=True)
        assert isinstance(answer.outcome, Settled)


SHORT = Reply(Meaning.DECLINED, "INS-2006")


class TestOurBalance:
    @pytest.mark.parametrize("request_of", [vodacom.withdrawal, vodacom.refund])
    async def test_too_low_is_no_failure(self, request_of: Any) -> None:
        world = World(SHORT)
        answer = await world.submit(request_of())
        assert isinstance(answer.outcome, Submitted)
        assert answer.memory[ROUND] == "1"
        assert answer.memory[ACCEPTED] == "no"
        assert answer.check_after == timedelta(seconds=60)
        assert world.pause.low() == ("TZS",)

    async def test_the_payers_balance_is_the_payers(self) -> None:
        world = World(SHORT)
        answer = await world.submit()
        assert answer.outcome == Declined(codes.PAYER_BALANCE)
        assert world.pause.low() == ()

    async def test_nothing_is_sent_during_the_pause(self) -> None:
        world = World()
        world.pause.begin()
        with pytest.raises(ProviderThrottled) as raised:
            await world.submit(vodacom.withdrawal())
        assert raised.value.retry_after_s == 61
        waits = await world.check(vodacom.withdrawal(), **{ACCEPTED: "no", ROUND: "1"})
        assert waits.check_after == timedelta(seconds=60)
        assert world.script.sent == []

    async def test_deposits_go_on(self) -> None:
        world = World(ACCEPT)
        world.pause.begin()
        assert isinstance((await world.submit()).outcome, ActionRequired)

    async def test_the_next_round_has_another_key(self) -> None:
        world, request = World(ACCEPT), vodacom.withdrawal()
        answer = await world.check(request, **{ACCEPTED: "no", ROUND: "3"})
        assert isinstance(answer.outcome, Submitted)
        assert world.script.sent[0].key == key_of(request) + "003"

    async def test_a_round_that_may_have_been_sent_is_asked_about(self) -> None:
        world = World(Reply(Meaning.UNKNOWN, "INS-1"))
        answer = await world.check(vodacom.withdrawal(), **{ACCEPTED: "no", ROUND: "1"})
        assert answer.memory == {ACCEPTED: ""}

    async def test_learnt_from_a_notice_and_confirmed_by_the_query(self) -> None:
        world, request = World(Status("Failed", "INS-0")), vodacom.withdrawal()
        body = vodacom.notice(key_of(request), "INS-2006")
        answer = await world.check(request, body, **{ACCEPTED: "yes"})
        assert isinstance(answer.outcome, Submitted)
        assert answer.memory[ROUND] == "1"
        assert answer.memory[TOLD_CODE] == ""

    async def test_a_forged_one_pauses_nothing(self) -> None:
        world, request = World(Status("Pending", "INS-0")), vodacom.withdrawal()
        body = vodacom.notice(key_of(request), "INS-2006")
        await world.check(request, body, **{ACCEPTED: "yes"})
        assert world.pause.low() == ()

    async def test_after_a_day_an_operator_decides(self) -> None:
        world = World()
        attempt = world.attempt(vodacom.withdrawal(), **{ACCEPTED: "no", ROUND: "1"})
        world.clock.advance(timedelta(days=1))
        answer = await world.payments.check(attempt, [])
        assert isinstance(answer.outcome, Pending)
        assert answer.check_after is None

    async def test_too_many_rounds_are_for_an_operator(self) -> None:
        memory = {ACCEPTED: "no", ROUND: str(domain.ROUND_MAX)}
        answer = await World(SHORT).check(vodacom.withdrawal(), **memory)
        assert isinstance(answer.outcome, Conflicting)

    async def test_a_paid_payout_ends_the_pause(self) -> None:
        world = World(Status("Completed", "INS-0"))
        world.pause.begin()
        await world.check(vodacom.withdrawal(), **{ACCEPTED: "yes"})
        assert world.pause.low() == ()


def paused() -> float | None:
    """The metric that alerts read."""
    return REGISTRY.get_sample_value("cift_mpesa_tz_payouts_paused")


class TestPause:
    def test_grows_with_each_refusal_in_a_row(self) -> None:
        clock = FakeClock()
        pause = PayoutPause(clock, vodacom.config().check_speed)
        found = []
        for _ in range(6):
            found.append(pause.begin())
            clock.advance(found[-1])
        assert [one.total_seconds() for one in found] == [60, 120, 300, 600, 600, 600]
        pause.end()
        assert pause.begin() == timedelta(seconds=60)

    def test_payouts_refused_together_make_one_pause(self) -> None:
        pause = PayoutPause(FakeClock(), vodacom.config().check_speed)
        assert pause.begin() == pause.begin() == pause.left() == timedelta(seconds=60)

    def test_ends_to_the_second(self) -> None:
        clock = FakeClock()
        pause = PayoutPause(clock, vodacom.config().check_speed)
        pause.begin()
        clock.advance(timedelta(seconds=59))
        assert pause.left() == timedelta(seconds=1)
        clock.advance(timedelta(seconds=1))
        assert pause.left() is None

    def test_the_metric_follows_it(self) -> None:
        clock = FakeClock()
        PAYOUTS_PAUSED.set(7)  # of a process that has ended
        pause = PayoutPause(clock, vodacom.config().check_speed)
        seen = [paused()]
        for change in (pause.begin, pause.end, pause.begin):
            change()
            seen.append(paused())
        clock.advance(timedelta(seconds=60))
        pause.left()
        assert [*seen, paused()] == [0, 1, 0, 1, 0]

    def test_only_the_end_of_a_pause_is_logged(self) -> None:
        pause = PayoutPause(FakeClock(), vodacom.config().check_speed)
        with capture_logs() as lines:
            pause.end()
            pause.begin()
            pause.end()
        assert [line["event"] for line in lines] == [
            "mpesa_tz.payouts.balance_too_low",
            "mpesa_tz.payouts.resumed",
        ]
