"""Each step of a refund by card: what Stripe is told, what we keep, what the timeline says."""

from typing import ClassVar

import pytest

from cift_shared.attempts.processor import Answer
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Pending,
    Reversed,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import INTENT, REFUND, REFUND_LIST, REFUND_READ, Script
from tests.unit.card_worker.test_deposit_steps import PAUSE, told, words_told


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def submit(script: Script, clock: FakeClock, request=None, **memory):
    processor = cards.processor(script, clock)
    attempt = cards.attempt(request or cards.refund(), clock, **memory)
    answer = await processor.process_refund(attempt)
    await processor.close()
    return answer, attempt


async def check(script: Script, clock: FakeClock, request=None, *, ended: bool = False, **memory):
    processor = cards.processor(script, clock)
    attempt = cards.attempt(request or cards.refund(), clock, **memory)
    attempt = cards.learned(attempt, Answer(Pending()), ended=ended)
    answer = await processor.get_transaction_status(attempt)
    await processor.close()
    return answer


class TestMaking:
    async def test_everything_stripe_is_told(self, clock) -> None:
        script = Script().on(REFUND, cards.refund_object())
        request = cards.refund(minor=12_34)
        answer, attempt = await submit(script, clock, request)
        form = script.sent(REFUND)[0].form
        assert {name: text for name, text in form.items() if "expand" not in name} == {
            "payment_intent": INTENT,
            "amount": "1234",
            "metadata[cift_attempt]": str(attempt.attempt_id),
            "metadata[cift_payment]": str(request.payment_id),
        }
        assert answer.memory == {"refund": "re_1", "told": "settled"}
        assert answer.fingerprint == cards.processor(script, clock)._context.fingerprint("re_1")
        assert told(answer) == [("stripe.refund.read", {"refund": "re_1", "status": "succeeded"})]

    @pytest.mark.parametrize("minor", [999_999_99, 1_000_000_00])
    async def test_an_amount_too_long_for_stripe_is_not_sent(self, clock, minor) -> None:
        script = Script().on(REFUND, cards.refund_object("pending"))
        answer, _ = await submit(script, clock, cards.refund(minor=minor))
        fits = minor < 1_000_000_00
        assert len(script.requests) == fits
        if not fits:
            assert isinstance(answer.outcome, Declined)
            assert answer.outcome.failure.code == "amount_out_of_limits"
            assert told(answer) == [("stripe.refund.refused", {"reason": "amount_out_of_limits"})]

    async def test_a_failed_key_is_counted_on(self, clock) -> None:
        script = Script().on(REFUND, cards.error(500, kind="api_error"))
        answer, attempt = await submit(script, clock, creates="4")
        key = script.sent(REFUND)[0].headers["idempotency-key"]
        assert key == f"{attempt.attempt_id}-refund-4"
        assert isinstance(answer.outcome, Unknown)
        assert (answer.memory, answer.check_after) == ({"creates": "5"}, PAUSE)
        assert told(answer) == [("stripe.refund.failed", {"number": "4"})]

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            # a refusal with a code of its own is read by it, whatever field it names
            (cards.error(400, "amount_too_small", param="amount"), "amount_out_of_limits"),
            (cards.error(400, None, param="amount"), "refund_exceeds_payment"),
            (cards.error(400, None, param="reason"), "provider_request_refused"),
            (
                cards.error(402, "card_declined", "card_error", decline_code="lost_card"),
                "card_refused",
            ),
        ],
    )
    async def test_a_refusal_is_declined(self, clock, error, code) -> None:
        answer, _ = await submit(Script().on(REFUND, error), clock)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == code
        assert told(answer) == [("stripe.refund.refused", {"reason": code})]

    @pytest.mark.parametrize("reference", [None, "", "NLJ7RT61SV", "ch_1"])
    @pytest.mark.parametrize("work", [submit, check])
    async def test_of_what_is_no_intent_there_is_nothing_to_refund(
        self, clock, reference, work
    ) -> None:
        script = Script()
        answer = await work(script, clock, cards.refund(reference))
        answer = answer[0] if isinstance(answer, tuple) else answer
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "refund_payment_unknown"
        assert not script.requests


class TestReading:
    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("pending", []),
            ("requires_action", []),
            ("a_new_word", [("refund", "a_new_word")]),
            (None, [("refund", "")]),
        ],
    )
    async def test_only_words_of_no_table_are_counted(self, clock, status, words) -> None:
        script = Script().on(REFUND_READ, cards.refund_object(status))
        with words_told(*words):
            answer = await check(script, clock, refund="re_1")
        assert answer.outcome == Pending()

    async def test_a_known_refund_without_news_adds_nothing_to_the_timeline(self, clock) -> None:
        script = Script().on(REFUND_READ, cards.refund_object("pending"))
        answer = await check(script, clock, refund="re_1")
        assert (answer.outcome, answer.evidence) == (Pending(), [])
        assert not script.sent(REFUND_LIST)

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [("succeeded", Settled), ("failed", Declined), ("canceled", Declined)],
    )
    async def test_a_verdict_is_told_with_its_step(self, clock, status, outcome) -> None:
        script = Script().on(REFUND_READ, cards.refund_object(status))
        answer = await check(script, clock, refund="re_1")
        assert isinstance(answer.outcome, outcome)
        assert told(answer) == [("stripe.refund.read", {"refund": "re_1", "status": status})]
        assert answer.memory.get("told") == ("settled" if outcome is Settled else None)
        assert (answer.check_after is not None) == (outcome is Settled)

    async def test_one_that_is_found_open_is_new(self, clock) -> None:
        attempt = cards.attempt(cards.refund(), clock)
        mine = cards.refund_object("pending", metadata={"cift_attempt": str(attempt.attempt_id)})
        script = Script().on(REFUND_LIST, cards.page(mine))
        processor = cards.processor(script, clock)
        answer = await processor.get_transaction_status(attempt)
        await processor.close()
        assert answer.outcome == Submitted("re_1")
        assert answer.memory == {"refund": "re_1"}
        assert told(answer) == [("stripe.refund.read", {"refund": "re_1", "status": "pending"})]


class TestAfterTheEnd:
    @pytest.mark.parametrize(
        "memory",
        [{}, {"refund": "re_1"}, {"refund": "re_1", "told": "reversed"}, {"told": "settled"}],
    )
    async def test_only_a_refund_that_was_told_as_settled_is_looked_at(self, clock, memory) -> None:
        script = Script()
        assert await check(script, clock, ended=True, **memory) == Answer(Pending())
        assert not script.requests

    SETTLED: ClassVar[dict[str, str]] = {"refund": "re_1", "told": "settled"}

    @pytest.mark.parametrize("status", ["succeeded", "pending", "a_new_word"])
    async def test_one_that_has_not_failed_is_looked_at_again(self, clock, status) -> None:
        script = Script().on(REFUND_READ, cards.refund_object(status))
        answer = await check(script, clock, ended=True, **self.SETTLED)
        assert answer.outcome == Pending()
        assert answer.check_after is not None
        assert answer.check_after.total_seconds() == 3600

    @pytest.mark.parametrize(("reason", "told_reason"), [("expired", "expired"), (None, "failed")])
    async def test_one_that_failed_came_back(self, clock, reason, told_reason) -> None:
        failed = cards.refund_object("failed", failure_reason=reason, amount=7_00)
        script = Script().on(REFUND_READ, failed)
        answer = await check(script, clock, ended=True, **self.SETTLED)
        assert answer.outcome == Reversed(Money(7_00, "USD"), "re_1:failed", told_reason)
        assert (answer.memory, answer.check_after) == ({"told": "reversed"}, None)
        assert told(answer) == [
            ("stripe.refund.went_back", {"refund": "re_1", "reason": told_reason})
        ]

    async def test_one_whose_amount_nobody_can_read_is_shown_and_not_booked(self, clock) -> None:
        failed = cards.refund_object("failed", currency="xxx")
        script = Script().on(REFUND_READ, failed)
        answer = await check(script, clock, ended=True, **self.SETTLED)
        assert not isinstance(answer.outcome, Reversed | Conflicting)
        assert told(answer) == [("stripe.refund.went_back", {"refund": "re_1", "reason": "failed"})]
