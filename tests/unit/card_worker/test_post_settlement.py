"""What comes after a deposit: disputes as totals, a late fee, notices that say nothing new."""

from datetime import timedelta

import pytest

from cift_shared.attempts.processor import Answer
from cift_shared.messaging.outcomes import Dispute, Disputed, Pending, Settled
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import CONFIRM, CREATE, DISPUTES, READ, Script


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def settled(script: Script, clock: FakeClock, **charge):
    """A processor and an attempt whose deposit has settled."""
    script.on(CREATE, cards.intent())
    paid = cards.intent("succeeded", latest_charge=cards.charge(**charge))
    script.on(CONFIRM, paid).on(READ, paid)
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.deposit(clock=clock), clock)
    attempt = cards.learned(attempt, await processor.process_deposit(attempt))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Settled)
    return processor, cards.learned(attempt, answer, checked=True, ended=True), answer


def contested(script: Script, *disputes) -> None:
    script.on(READ, cards.intent("succeeded", latest_charge=cards.charge(disputed=True)))
    script.on(DISPUTES, cards.page(*disputes))


def about(kind: str):
    return cards.notice(cards.event(kind, cards.dispute_object()))


async def test_a_dispute_is_told_with_everything_that_moved(clock) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    contested(script, cards.dispute_object("needs_response", (-20_00, 15_00)))
    answer = await processor.get_transaction_status(
        attempt, [about("charge.dispute.funds_withdrawn")]
    )
    assert isinstance(answer.outcome, Disputed)
    told = answer.outcome.dispute
    assert (told.reference, told.status, told.reason) == ("du_1", "needs_response", "fraudulent")
    assert (told.amount, told.withdrawn, told.fee) == (
        Money(20_00, "USD"),
        Money(20_00, "USD"),
        Money(15_00, "USD"),
    )
    assert (told.reinstated, told.fee_reinstated, told.closed) == (None, None, None)
    assert told.evidence_due_by is not None
    await processor.close()


async def test_the_same_truth_is_told_once(clock) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    contested(script, cards.dispute_object("needs_response", (-20_00, 15_00)))
    attempt = cards.learned(attempt, await processor.get_transaction_status(attempt))
    for kind in ("charge.dispute.created", "charge.dispute.updated"):
        answer = await processor.get_transaction_status(attempt, [about(kind)])
        assert answer.outcome == Pending()
        assert answer.check_after is not None
    await processor.close()


async def test_a_dispute_won_gives_everything_back(clock) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    contested(script, cards.dispute_object("won", (-20_00, 15_00), (20_00, -15_00)))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Disputed)
    told = answer.outcome.dispute
    assert told.closed == "won"
    assert (told.withdrawn, told.reinstated) == (Money(20_00, "USD"), Money(20_00, "USD"))
    assert (told.fee, told.fee_reinstated) == (Money(15_00, "USD"), Money(15_00, "USD"))
    await processor.close()


@pytest.mark.parametrize(
    ("status", "closed"),
    [("lost", "lost"), ("warning_closed", "canceled"), ("under_review", None), ("new_word", None)],
)
async def test_how_a_dispute_ended(clock, status, closed) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    contested(script, cards.dispute_object(status))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Disputed)
    assert answer.outcome.dispute.closed == closed
    assert answer.outcome.dispute.withdrawn is None  # nothing moved, so nothing is said to have
    await processor.close()


async def test_a_dispute_in_our_balances_currency_is_told_in_the_payments(clock) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    dispute = cards.dispute_object("needs_response", (-17_12, 15_00))
    for movement in dispute["balance_transactions"]:
        movement["currency"] = "eur"
    contested(script, dispute)
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Disputed)
    told: Dispute = answer.outcome.dispute
    assert (told.withdrawn, told.fee) == (Money(20_00, "USD"), Money(15_00, "EUR"))
    await processor.close()


async def test_two_disputes_are_told_one_after_the_other(clock) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    second = {**cards.dispute_object("lost"), "id": "du_2"}
    contested(script, cards.dispute_object(), second)
    first = await processor.get_transaction_status(attempt)
    assert first.check_after == timedelta(0)
    attempt = cards.learned(attempt, first)
    then = await processor.get_transaction_status(attempt)
    references = [
        answer.outcome.dispute.reference
        for answer in (first, then)
        if isinstance(answer.outcome, Disputed)
    ]
    assert references == ["du_1", "du_2"]
    await processor.close()


async def test_a_fee_that_comes_later_is_told_once(clock) -> None:
    script = Script()
    processor, attempt, answer = await settled(script, clock, fee=None)
    assert answer.outcome.provider_fee is None
    assert answer.check_after == timedelta(minutes=15)
    script.on(READ, cards.intent("succeeded"))
    body = cards.notice(cards.event("charge.updated", cards.charge()))
    told = await processor.get_transaction_status(attempt, [body])
    assert isinstance(told.outcome, Settled)
    assert told.outcome.provider_fee == Money(88, "USD")
    attempt = cards.learned(attempt, told)
    assert (await processor.get_transaction_status(attempt, [body])).outcome == Pending()
    await processor.close()


async def test_events_about_what_is_known_cost_no_request(clock) -> None:
    script = Script()
    processor, attempt, _ = await settled(script, clock)
    before = len(script.requests)
    for kind in ("payment_intent.created", "payment_intent.succeeded", "charge.succeeded"):
        body = cards.event(kind, cards.intent("succeeded"))
        answer = await processor.get_transaction_status(attempt, [cards.notice(body)])
        assert answer == Answer(Pending(), check_after=timedelta(days=1))
    assert len(script.requests) == before
    await processor.close()


async def test_a_settled_deposit_is_looked_at_for_months_without_any_webhook(clock) -> None:
    script = Script()
    processor, attempt, answer = await settled(script, clock)
    seen = 0
    while answer.check_after is not None:
        clock.advance(answer.check_after)
        answer = await processor.get_transaction_status(attempt)
        seen += 1
    assert seen == 3
    assert clock.now() - attempt.created_at == timedelta(days=120)
    await processor.close()


async def test_a_failed_deposit_whose_intent_succeeds_after_all_is_shown(clock) -> None:
    script = Script().on(READ, cards.intent("succeeded"))
    processor = cards.processor(script, clock)
    attempt = cards.learned(
        cards.attempt(cards.deposit(), clock, intent=cards.INTENT),
        Answer(Pending()),
        ended=True,
    )
    quiet = cards.notice(cards.event("payment_intent.canceled", cards.intent("canceled")))
    assert (await processor.get_transaction_status(attempt, [quiet])).outcome == Pending()
    assert not script.requests
    loud = cards.notice(cards.event("payment_intent.succeeded", cards.intent("succeeded")))
    answer = await processor.get_transaction_status(attempt, [loud])
    assert isinstance(answer.outcome, Settled)
    await processor.close()
