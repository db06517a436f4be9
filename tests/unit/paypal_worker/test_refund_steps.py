"""Each step of a refund, with a scripted PayPal."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cift_shared.errors import ProviderRejectedRequest, ProviderThrottled
from cift_shared.messaging.outcomes import Declined, Pending, Reversed, Settled, Submitted
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from paypal_worker import issues
from tests.support import paypal
from tests.support.commands import VAULT
from tests.support.paypal import CAPTURE, LOOK, READ, REFUND, REFUND_MAKE, REFUND_READ, Script

SETTLED = Settled(Money(20_00, "USD"), REFUND)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def submitted(clock: FakeClock, script: Script, request: Any = None) -> Any:
    processor = paypal.processor(script, clock)
    return await processor.process_refund(paypal.attempt(request or paypal.refund(), clock))


async def test_a_refund_always_names_its_amount(clock) -> None:
    script, request = Script().on(REFUND_MAKE, paypal.refund_object()), paypal.refund(minor=5_00)
    await submitted(clock, script, request)
    (sent,) = script.sent(REFUND_MAKE)
    attempt = paypal.attempt(request, clock)
    assert sent.body == {
        "amount": {"currency_code": "USD", "value": "5.00"},
        "custom_id": str(attempt.attempt_id),
    }
    assert sent.key == str(attempt.attempt_id)


async def test_a_completed_refund_is_settled_and_followed(clock) -> None:
    answer = await submitted(clock, Script().on(REFUND_MAKE, paypal.refund_object()))
    assert answer.outcome == SETTLED
    assert answer.memory == {"refund": REFUND, "told": "settled"}
    assert answer.check_after == timedelta(hours=1)
    assert answer.fingerprint == VAULT.fingerprint(REFUND.encode(), context="provider-request")


async def test_the_amount_is_the_one_that_paypal_reports(clock) -> None:
    made = paypal.refund_object(amount=paypal.money(19_00))
    answer = await submitted(clock, Script().on(REFUND_MAKE, made))
    assert answer.outcome.amount == Money(19_00, "USD")


async def test_a_pending_refund_waits_with_its_reason(clock) -> None:
    made = paypal.refund_object("PENDING", status_details={"reason": "ECHECK"})
    answer = await submitted(clock, Script().on(REFUND_MAKE, made))
    assert answer.outcome == Submitted(REFUND)
    (step,) = answer.evidence
    assert step.detail == {"refund": REFUND, "status": "PENDING", "reason": "ECHECK"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("PENDING", Pending()),
        ("WORD_OF_NEXT_YEAR", Pending()),
        ("COMPLETED", SETTLED),
        ("FAILED", Declined(issues.REFUND_FAILED)),
        ("CANCELLED", Declined(issues.REFUND_FAILED)),
    ],
)
async def test_a_refund_is_read_until_it_ends(clock, status, outcome) -> None:
    script = Script().on(REFUND_READ, paypal.refund_object(status))
    attempt = paypal.attempt(paypal.refund(), clock, refund=REFUND)
    answer = await paypal.processor(script, clock).get_transaction_status(attempt)
    assert answer.outcome == outcome
    assert bool(answer.evidence) is (outcome != Pending())


@pytest.mark.parametrize("reference", [None, ""])
async def test_a_deposit_without_a_capture_is_not_refunded(clock, reference) -> None:
    script = Script()
    answer = await submitted(clock, script, paypal.refund(reference))
    assert answer.outcome == Declined(issues.REFUND_PAYMENT_UNKNOWN)
    attempt = paypal.attempt(paypal.refund(reference), clock)
    again = await paypal.processor(script, clock).get_transaction_status(attempt)
    assert again.outcome == Declined(issues.REFUND_PAYMENT_UNKNOWN)
    assert script.requests == []


async def test_an_amount_that_paypal_cant_move_is_not_sent(clock) -> None:
    script = Script()
    answer = await submitted(clock, script, paypal.refund(minor=1_50, of=2_00, currency="TWD"))
    assert answer.outcome == Declined(issues.AMOUNT_REFUSED)
    assert script.requests == []


@pytest.mark.parametrize(
    ("status", "issue", "failure"),
    [
        (422, "CAPTURE_FULLY_REFUNDED", issues.REFUND_EXCEEDS),
        (422, "REFUND_AMOUNT_EXCEEDED", issues.REFUND_EXCEEDS),
        (422, "REFUND_TIME_LIMIT_EXCEEDED", issues.REFUND_TOO_LATE),
        (422, "TRANSACTION_DISPUTED", issues.REFUND_DISPUTED),
        (422, "PARTIAL_REFUND_NOT_ALLOWED", issues.REFUND_REFUSED),
        (404, "INVALID_RESOURCE_ID", issues.REFUND_PAYMENT_UNKNOWN),
    ],
)
async def test_a_refused_refund_is_final(clock, status, issue, failure) -> None:
    answer = await submitted(clock, Script().on(REFUND_MAKE, paypal.error(status, issue)))
    assert answer.outcome == Declined(failure)


async def test_an_unlisted_refusal_decides_nothing(clock) -> None:
    answer = await submitted(clock, Script().on(REFUND_MAKE, paypal.error(422, "NEXT_YEAR")))
    assert answer.outcome == Pending()


async def test_a_balance_that_is_too_low_delays_the_refund(clock) -> None:
    script = Script().on(REFUND_MAKE, paypal.error(422, "REFUND_FAILED_INSUFFICIENT_FUNDS"))
    with pytest.raises(ProviderThrottled) as caught:
        await submitted(clock, script)
    assert (caught.value.code, caught.value.retry_after_s) == ("provider_balance_low", 900)


class TestAfterALostAnswer:
    async def checked(self, clock: FakeClock, script: Script, request: Any = None) -> Any:
        attempt = paypal.attempt(request or paypal.refund(), clock)
        return await paypal.processor(script, clock).get_transaction_status(attempt)

    async def test_our_refund_is_found_among_those_of_the_order(self, clock) -> None:
        request = paypal.refund()
        ours = str(paypal.attempt(request, clock).attempt_id)
        made = [
            paypal.refund_object(id="OTHER", custom_id="another attempt"),
            paypal.refund_object(custom_id=ours),
        ]
        script = Script().on(LOOK, paypal.capture_object("PARTIALLY_REFUNDED"))
        script.on(READ, paypal.order("COMPLETED", refunds=made))
        answer = await self.checked(clock, script, request)
        assert answer.outcome == SETTLED
        assert script.sent(REFUND_MAKE) == []

    async def test_one_that_is_not_there_is_created(self, clock) -> None:
        other = [paypal.refund_object(id="OTHER", custom_id="another attempt")]
        script = Script().on(LOOK, paypal.capture_object())
        script.on(READ, paypal.order("COMPLETED", refunds=other))
        script.on(REFUND_MAKE, paypal.refund_object())
        assert (await self.checked(clock, script)).outcome == SETTLED
        assert len(script.sent(REFUND_MAKE)) == 1

    @pytest.mark.parametrize(
        "looked",
        [paypal.error(404, "INVALID_RESOURCE_ID"), paypal.capture_object(supplementary_data=None)],
        ids=["capture unknown", "order not named"],
    )
    async def test_without_an_order_our_key_decides(self, clock, looked) -> None:
        script = Script().on(LOOK, looked).on(REFUND_MAKE, paypal.refund_object())
        assert (await self.checked(clock, script)).outcome == SETTLED

    async def test_a_refused_look_decides_nothing(self, clock) -> None:
        script = Script().on(LOOK, paypal.error(403, "PERMISSION_DENIED"))
        with pytest.raises(ProviderRejectedRequest):
            await self.checked(clock, script)
        assert script.sent(REFUND_MAKE) == []


class TestEnded:
    async def ended(self, clock: FakeClock, script: Script, **memory: str) -> Any:
        attempt = replace(paypal.attempt(paypal.refund(), clock, **memory), ended=True)
        clock.advance(timedelta(days=2))
        return await paypal.processor(script, clock).get_transaction_status(attempt)

    @pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
    async def test_a_refund_that_fails_later_is_reversed(self, clock, status) -> None:
        script = Script().on(REFUND_READ, paypal.refund_object(status))
        answer = await self.ended(clock, script, refund=REFUND, told="settled")
        assert answer.outcome == Reversed(Money(20_00, "USD"), f"{REFUND}:failed", status)
        assert answer.memory == {"told": "reversed"}

    async def test_one_that_holds_is_read_again_later(self, clock) -> None:
        script = Script().on(REFUND_READ, paypal.refund_object())
        answer = await self.ended(clock, script, refund=REFUND, told="settled")
        assert (answer.outcome, answer.check_after) == (Pending(), timedelta(days=1))

    async def test_without_a_readable_amount_nothing_is_reversed(self, clock) -> None:
        script = Script().on(REFUND_READ, paypal.refund_object("FAILED", amount=None))
        answer = await self.ended(clock, script, refund=REFUND, told="settled")
        assert answer.outcome == Pending()
        assert answer.evidence

    @pytest.mark.parametrize(
        "memory", [{}, {"refund": REFUND}, {"refund": REFUND, "told": "reversed"}]
    )
    async def test_nothing_else_is_followed(self, clock, memory) -> None:
        script = Script()
        assert (await self.ended(clock, script, **memory)).outcome == Pending()
        assert script.requests == []


def test_a_refund_is_followed_for_weeks() -> None:
    clock = FakeClock()
    processor = paypal.processor(Script(), clock)
    attempt = replace(paypal.attempt(paypal.refund(CAPTURE), clock), checks=500)
    clock.advance(timedelta(days=20))
    assert processor.check_delay(attempt) == timedelta(hours=6)
