"""What a settled deposit is read for, and what is told of it; each change once."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.messaging.outcomes import Disputed, Pending, Reinstated, Reversed
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from paypal_worker.domain import WATCH_DEPOSIT_S
from tests.support import paypal
from tests.support.commands import CLOCK
from tests.support.paypal import CAPTURE, ORDER, READ, REFUND, REFUND_READ, Script

LIST, SHOW = "GET /v1/customer/disputes", "GET /v1/customer/disputes/PP-D-1"
SETTLED = {"order": ORDER, "capture": CAPTURE, "told": "settled"}
UP = {"rel": "up", "href": f"https://api.paypal.com/v2/payments/captures/{CAPTURE}"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def dispute(**over: Any) -> dict[str, Any]:
    return {
        "dispute_id": "PP-D-1",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "reason": "UNAUTHORISED",
        "dispute_amount": paypal.money(20_00),
        "money_movements": [
            {
                "affected_party": "SELLER",
                "amount": paypal.money(20_00),
                "type": "DEBIT",
                "reason": "DISPUTE_SETTLEMENT",
            }
        ],
        **over,
    }


def quiet(*refunds: dict[str, Any], disputes: bool = False) -> Script:
    script = Script().on(LIST, {"items": [{"dispute_id": "PP-D-1"}]} if disputes else {})
    captured = [paypal.capture_object()]
    return script.on(READ, paypal.order("COMPLETED", captures=captured, refunds=list(refunds)))


def about(kind: str, resource: dict[str, Any] | None = None) -> Notice:
    body = {"id": "WH-1", "event_type": kind, "resource": resource or {}}
    return Notice("n", None, json.dumps(body).encode(), True, CLOCK.now())


def settled(clock: FakeClock, **memory: str) -> Attempt:
    made = paypal.attempt(paypal.deposit(clock=clock), clock)
    return replace(made, memory={**SETTLED, **memory}, checks=3, ended=True)


async def checked(clock: FakeClock, script: Script, attempt: Attempt, *notices: Notice) -> Answer:
    processor = paypal.processor(script, clock)
    return await processor.get_transaction_status(attempt, list(notices))


async def test_without_news_it_is_read_again_after_a_day(clock: FakeClock) -> None:
    answer = await checked(clock, quiet(), settled(clock))
    assert answer.outcome == Pending()
    assert answer.check_after == timedelta(seconds=WATCH_DEPOSIT_S[0])


async def test_after_180_days_it_is_read_no_more(clock: FakeClock) -> None:
    attempt = settled(clock)
    clock.advance(timedelta(days=180))
    assert (await checked(clock, quiet(), attempt)).check_after is None


@pytest.mark.parametrize(
    "kind",
    [
        "CHECKOUT.ORDER.APPROVED",
        "CHECKOUT.ORDER.COMPLETED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.PENDING",
    ],
)
async def test_an_event_that_says_nothing_new_causes_no_call(clock: FakeClock, kind: str) -> None:
    script = quiet()
    answer = await checked(clock, script, settled(clock), about(kind), about(kind))
    assert (answer.outcome, script.requests) == (Pending(), [])


async def test_beside_one_that_does_everything_is_read(clock: FakeClock) -> None:
    script = quiet()
    notices = about("PAYMENT.CAPTURE.COMPLETED"), about("CUSTOMER.DISPUTE.CREATED")
    await checked(clock, script, settled(clock), *notices)
    assert len(script.sent(LIST)) == 1


async def test_an_unreadable_notice_is_a_reason_to_read(clock: FakeClock) -> None:
    script = quiet()
    await checked(clock, script, settled(clock), Notice("n", None, b"\xff", True, clock.now()))
    assert len(script.sent(LIST)) == 1


async def test_a_dispute_is_told_once_for_each_change(clock: FakeClock) -> None:
    script = quiet(disputes=True).on(SHOW, dispute())
    attempt = settled(clock)
    answer = await checked(clock, script, attempt)
    assert isinstance(answer.outcome, Disputed)
    assert answer.outcome.dispute.withdrawn == Money(20_00, "USD")
    assert answer.check_after == timedelta(0)
    attempt = paypal.learned(attempt, answer, checked=True, ended=True)
    assert (await checked(clock, script, attempt)).outcome == Pending()
    script.on(SHOW, dispute(status="UNDER_REVIEW"))
    changed = await checked(clock, script, attempt)
    assert isinstance(changed.outcome, Disputed)
    assert changed.outcome.dispute.status == "UNDER_REVIEW"


async def test_a_dispute_that_can_not_be_read_is_not_told(clock: FakeClock) -> None:
    script = quiet(disputes=True).on(SHOW, dispute(dispute_amount=None))
    assert (await checked(clock, script, settled(clock))).outcome == Pending()


@pytest.mark.parametrize("custom_id", [None, "own"])
async def test_a_refund_that_nobody_asked_for_is_a_reversal(
    clock: FakeClock, custom_id: str | None
) -> None:
    attempt = settled(clock)
    own = {"custom_id": str(attempt.attempt_id)} if custom_id else {}
    script = quiet(paypal.refund_object(amount=paypal.money(5_00), **own))
    answer = await checked(clock, script, attempt)
    assert isinstance(answer.outcome, Reversed)
    told = answer.outcome
    assert (told.amount, told.provider_reference) == (Money(5_00, "USD"), REFUND)
    attempt = paypal.learned(attempt, answer, checked=True, ended=True)
    assert (await checked(clock, script, attempt)).outcome == Pending()


async def test_a_refund_of_another_attempt_is_ours(clock: FakeClock) -> None:
    script = quiet(paypal.refund_object(custom_id="0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a09"))
    assert (await checked(clock, script, settled(clock))).outcome == Pending()


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "CANCELLED", "MOON", None])
async def test_only_a_completed_one_moved_money(clock: FakeClock, status: str | None) -> None:
    script = quiet(paypal.refund_object(status))
    assert (await checked(clock, script, settled(clock))).outcome == Pending()


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
async def test_a_reversal_that_failed_gives_the_money_back_once(
    clock: FakeClock, status: str
) -> None:
    script = quiet(paypal.refund_object(status))
    attempt = settled(clock, **{f"reversal:{REFUND}": "reported"})
    answer = await checked(clock, script, attempt)
    assert isinstance(answer.outcome, Reinstated)
    assert answer.outcome.reversal_reference == REFUND
    attempt = paypal.learned(attempt, answer, checked=True, ended=True)
    assert (await checked(clock, script, attempt)).outcome == Pending()


async def test_a_reversal_of_a_dispute_is_told_as_the_dispute_only(clock: FakeClock) -> None:
    script = quiet(paypal.refund_object(), disputes=True).on(SHOW, dispute())
    attempt, outcomes = settled(clock), []
    for _ in range(4):
        answer = await checked(clock, script, attempt)
        outcomes.append(type(answer.outcome))
        attempt = paypal.learned(attempt, answer, checked=True, ended=True)
    assert outcomes == [Disputed, Pending, Pending, Pending]


async def test_a_reversal_before_its_dispute_is_not_told_again_by_it(clock: FakeClock) -> None:
    script, attempt = quiet(paypal.refund_object()), settled(clock)
    answer = await checked(clock, script, attempt)
    assert isinstance(answer.outcome, Reversed)
    attempt = paypal.learned(attempt, answer, checked=True, ended=True)
    script = quiet(paypal.refund_object(), disputes=True).on(SHOW, dispute())
    told = (await checked(clock, script, attempt)).outcome
    assert isinstance(told, Disputed)
    assert told.dispute.withdrawn is None


class TestNamedReversal:
    """A reversal that the order does not show is read by the id in its event."""

    REVERSED = about("PAYMENT.CAPTURE.REVERSED", {"id": REFUND})

    async def test_of_our_capture(self, clock: FakeClock) -> None:
        script = quiet().on(REFUND_READ, paypal.refund_object(links=[UP]))
        answer = await checked(clock, script, settled(clock), self.REVERSED)
        assert isinstance(answer.outcome, Reversed)

    @pytest.mark.parametrize("links", [[], [{**UP, "href": "https://x/v2/payments/captures/C9"}]])
    async def test_of_another_capture(self, clock: FakeClock, links: list[Any]) -> None:
        script = quiet().on(REFUND_READ, paypal.refund_object(links=links))
        answer = await checked(clock, script, settled(clock), self.REVERSED)
        assert answer.outcome == Pending()

    async def test_that_paypal_does_not_know(self, clock: FakeClock) -> None:
        script = quiet().on(REFUND_READ, paypal.error(404, "INVALID_RESOURCE_ID"))
        answer = await checked(clock, script, settled(clock), self.REVERSED)
        assert answer.outcome == Pending()

    async def test_the_amount_in_the_event_is_not_read(self, clock: FakeClock) -> None:
        event = {"id": REFUND, "amount": paypal.money(999_00), "status": "COMPLETED"}
        read = paypal.refund_object(amount=paypal.money(1_00), links=[UP])
        answer = await checked(
            clock,
            quiet().on(REFUND_READ, read),
            settled(clock),
            about("PAYMENT.CAPTURE.REVERSED", event),
        )
        assert isinstance(answer.outcome, Reversed)
        assert answer.outcome.amount == Money(1_00, "USD")


async def test_no_answer_changes_nothing(clock: FakeClock) -> None:
    script = quiet().on(LIST, httpx.ReadTimeout("late"))
    error = await paypal.failure_of(checked(clock, script, settled(clock)))
    assert error.code == "provider_answer_lost"
