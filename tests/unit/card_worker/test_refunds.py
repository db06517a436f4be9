"""Refunds: one for each attempt whatever is lost, and what may become of them later."""

from datetime import timedelta

import httpx
import pytest

from card_worker import domain
from cift_shared.errors import OutcomeUnknown
from cift_shared.messaging.outcomes import (
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


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_a_part_is_given_back(clock) -> None:
    script = Script().on(REFUND, cards.refund_object(amount=5_00))
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.refund(minor=5_00), clock)
    answer = await processor.process_refund(attempt)
    assert answer.outcome == Settled(Money(5_00, "USD"), "re_1")
    assert answer.check_after == timedelta(hours=1)  # it may still fail
    sent = script.sent(REFUND)[0]
    assert sent.form["payment_intent"] == INTENT
    assert sent.form["amount"] == "500"
    assert sent.form[f"metadata[{domain.ATTEMPT_NAME}]"] == str(attempt.attempt_id)
    assert sent.headers["idempotency-key"] == f"{attempt.attempt_id}-refund-0"
    await processor.close()


async def test_a_pending_refund_is_asked_about_until_it_succeeds(clock) -> None:
    script = Script().on(REFUND, cards.refund_object("pending"))
    script.on(REFUND_READ, cards.refund_object("pending"), cards.refund_object("succeeded"))
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.refund(), clock)
    answer = await processor.process_refund(attempt)
    assert answer.outcome == Submitted("re_1")
    attempt = cards.learned(attempt, answer)
    assert (await processor.get_transaction_status(attempt)).outcome == Pending()
    settled = await processor.get_transaction_status(attempt)
    assert settled.outcome == Settled(Money(20_00, "USD"), "re_1")
    clock.advance(timedelta(days=5))
    later = cards.learned(attempt, type("A", (), {"memory": {}})(), checked=True)
    assert processor.check_delay(later) is not None  # weeks are normal
    await processor.close()


async def test_a_lost_answer_is_looked_for_before_it_is_asked_for_again(clock) -> None:
    attempt = cards.attempt(cards.refund(), clock)
    mine = cards.refund_object(metadata={domain.ATTEMPT_NAME: str(attempt.attempt_id)})
    foreign = cards.refund_object(id="re_0", metadata={})
    script = Script().on(REFUND, httpx.ReadError("reset"))
    script.on(REFUND_LIST, cards.page(foreign, mine))
    processor = cards.processor(script, clock)
    with pytest.raises(OutcomeUnknown):
        await processor.process_refund(attempt)
    clock.advance(timedelta(days=3))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Settled)
    assert len(script.sent(REFUND)) == 1
    await processor.close()


@pytest.mark.parametrize(
    "error",
    [cards.error(500, kind="api_error"), cards.error(400, kind="idempotency_error")],
    ids=["saved error 500", "key used with other words"],
)
async def test_a_key_that_answers_so_for_ever_is_left_behind_after_a_look(clock, error) -> None:
    script = Script().on(REFUND, error, cards.refund_object())
    script.on(REFUND_LIST, cards.page())
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.refund(), clock)
    first = await processor.process_refund(attempt)
    assert isinstance(first.outcome, Unknown)
    await processor.get_transaction_status(cards.learned(attempt, first))
    keys = [request.headers["idempotency-key"] for request in script.sent(REFUND)]
    assert keys == [f"{attempt.attempt_id}-refund-{number}" for number in (0, 1)]
    await processor.close()


async def test_a_refund_whose_key_was_used_with_other_words_may_have_been_made(clock) -> None:
    """The first call may have succeeded under it, so it is looked for and never called declined."""
    attempt = cards.attempt(cards.refund(), clock)
    made = cards.refund_object(metadata={domain.ATTEMPT_NAME: str(attempt.attempt_id)})
    script = Script().on(REFUND, cards.error(400, kind="idempotency_error"))
    script.on(REFUND_LIST, cards.page(made))
    processor = cards.processor(script, clock)
    first = await processor.process_refund(attempt)
    assert isinstance(first.outcome, Unknown)
    answer = await processor.get_transaction_status(cards.learned(attempt, first))
    assert answer.outcome == Settled(Money(20_00, "USD"), "re_1")
    assert len(script.sent(REFUND)) == 1
    await processor.close()


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_refund_that_fails_after_its_success_is_reversed(clock, status) -> None:
    script = Script().on(REFUND, cards.refund_object())
    script.on(REFUND_READ, cards.refund_object(status, failure_reason="lost_or_stolen_card"))
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.refund(), clock)
    attempt = cards.learned(attempt, await processor.process_refund(attempt), ended=True)
    answer = await processor.get_transaction_status(attempt)
    assert answer.outcome == Reversed(Money(20_00, "USD"), "re_1:failed", "lost_or_stolen_card")
    attempt = cards.learned(attempt, answer)
    assert (await processor.get_transaction_status(attempt)).outcome == Pending()  # told once
    await processor.close()


async def test_a_refund_that_holds_is_looked_at_for_a_month(clock) -> None:
    script = Script().on(REFUND, cards.refund_object()).on(REFUND_READ, cards.refund_object())
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.refund(), clock)
    answer = await processor.process_refund(attempt)
    attempt, looks = cards.learned(attempt, answer, ended=True), 0
    while answer.check_after is not None:
        clock.advance(answer.check_after)
        answer = await processor.get_transaction_status(attempt)
        looks += 1
    assert looks == len(domain.WATCH_REFUND_S)
    await processor.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (cards.error(400, "charge_already_refunded"), "refund_exceeds_payment"),
        (cards.error(400, None, param="amount"), "refund_exceeds_payment"),
        (cards.error(400, "charge_disputed"), "payment_disputed"),
        (cards.error(404, "resource_missing", param="payment_intent"), "refund_payment_unknown"),
        (cards.refund_object("failed"), "refund_failed"),
    ],
)
async def test_a_refund_stripe_does_not_make_is_declined(clock, answer, code) -> None:
    processor = cards.processor(Script().on(REFUND, answer), clock)
    told = await processor.process_refund(cards.attempt(cards.refund(), clock))
    assert isinstance(told.outcome, Declined)
    assert told.outcome.failure.code == code
    await processor.close()


@pytest.mark.parametrize("reference", [None, "NLJ7RT61SV"])
async def test_without_an_intent_there_is_nothing_to_refund(clock, reference) -> None:
    script = Script()
    processor = cards.processor(script, clock)
    told = await processor.process_refund(cards.attempt(cards.refund(reference), clock))
    assert isinstance(told.outcome, Declined)
    assert not script.requests
    await processor.close()


async def test_a_card_is_never_paid_out(clock) -> None:
    script = Script()
    processor = cards.processor(script, clock)
    told = await processor.process_withdrawal(cards.attempt(cards.deposit(), clock))
    assert isinstance(told.outcome, Declined)
    assert told.outcome.failure.code == "card_withdrawal_unsupported"
    assert not script.requests
    await processor.close()
