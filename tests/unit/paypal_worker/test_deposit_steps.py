"""Each step of a deposit, with a scripted PayPal: what is sent, what is stored, what is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cift_shared.errors import ProviderRejectedRequest, ProviderThrottled
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Canceled,
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from paypal_worker import issues
from paypal_worker.context import ACCOUNT_PAUSE_S, NO_WAIT
from tests.support import paypal
from tests.support.commands import VAULT
from tests.support.paypal import CAPTURE, CREATE, LOOK, ORDER, PAGE, READ, TAKE, Script

SETTLED = Settled(Money(20_00, "USD"), CAPTURE, Money(1_19, "USD"))
MADE = {"order": ORDER, "action": "1"}
APPROVED = {**MADE, "approved": "1"}
PENDING = {**APPROVED, "capture": CAPTURE, "reason": "PENDING_REVIEW"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def attempt_of(clock: FakeClock, *, checks: int = 0, **memory: str) -> Any:
    return replace(paypal.attempt(paypal.deposit(clock=clock), clock, **memory), checks=checks)


async def submitted(clock: FakeClock, script: Script, request: Any = None, **over: Any) -> Any:
    processor = paypal.processor(script, clock, **over)
    return await processor.process_deposit(
        paypal.attempt(request or paypal.deposit(clock=clock), clock)
    )


async def checked(clock: FakeClock, script: Script, *, checks: int = 1, **memory: str) -> Any:
    processor = paypal.processor(script, clock)
    return await processor.get_transaction_status(attempt_of(clock, checks=checks, **memory))


def page_of(answer: Any) -> str:
    return VAULT.open(answer.outcome.next_action["url_sealed"], context="next_action").decode()


class TestCreate:
    async def test_the_order_names_our_ids_and_the_addresses_of_the_way_back(self, clock) -> None:
        script = Script().on(CREATE, paypal.order())
        request = paypal.deposit(clock=clock, description="d" * 200)
        await submitted(clock, script, request, brand_name="CIFT")
        (sent,) = script.sent(CREATE)
        attempt = paypal.attempt(request, clock)
        (unit,) = sent.body["purchase_units"]
        assert unit == {
            "custom_id": str(attempt.attempt_id),
            "invoice_id": str(request.payment_id),
            "amount": {"currency_code": "USD", "value": "20.00"},
            "description": "d" * 127,
        }
        assert (sent.body["intent"], sent.key) == ("CAPTURE", str(attempt.attempt_id))
        assert sent.headers["prefer"] == "return=representation"
        page = sent.body["payment_source"]["paypal"]["experience_context"]
        ways = {name: page.pop(name) for name in ("return_url", "cancel_url")}
        assert page == {
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
            "brand_name": "CIFT",
        }
        for name, canceled in (("return_url", False), ("cancel_url", True)):
            base, _, token = ways[name].rpartition("/")
            assert base == "http://127.0.0.1:9/api/v1/returns"
            found = paypal.RETURNS.read(token)
            assert found is not None
            assert (found.payment_id, found.canceled) == (request.payment_id, canceled)

    async def test_the_payer_is_sent_to_paypals_own_address(self, clock) -> None:
        answer = await submitted(clock, Script().on(CREATE, paypal.order()))
        assert isinstance(answer.outcome, ActionRequired)
        assert answer.outcome.next_action["type"] == "redirect_to_url"
        assert page_of(answer) == PAGE
        assert PAGE not in repr(answer)
        assert answer.memory == {"order": ORDER, "action": "1"}
        assert answer.fingerprint == VAULT.fingerprint(ORDER.encode(), context="provider-request")

    async def test_an_older_order_has_another_link(self, clock) -> None:
        links = [{"rel": "approve", "href": PAGE}]
        answer = await submitted(clock, Script().on(CREATE, paypal.order("CREATED", links=links)))
        assert page_of(answer) == PAGE

    @pytest.mark.parametrize("href", ["javascript:alert(1)", "//evil.test", "", "ftp://x", "[::1"])
    async def test_a_payer_is_sent_only_to_a_page(self, clock, href: str) -> None:
        links = [{"rel": "payer-action", "href": href}]
        answer = await submitted(clock, Script().on(CREATE, paypal.order(links=links)))
        assert answer.outcome == Submitted()
        assert answer.memory == {"order": ORDER}

    async def test_with_https_no_page_without_it(self, clock) -> None:
        script = Script().on(CREATE, paypal.order())
        answer = await submitted(clock, script, api_base="https://paypal.example")
        assert answer.outcome == Submitted()

    async def test_a_forint_has_no_decimals(self, clock) -> None:
        script = Script().on(CREATE, paypal.order())
        await submitted(clock, script, paypal.deposit(2500_00, "HUF", clock=clock))
        (sent,) = script.sent(CREATE)
        amount = sent.body["purchase_units"][0]["amount"]
        assert amount == {"currency_code": "HUF", "value": "2500"}

    @pytest.mark.parametrize(("minor", "currency"), [(100, "KES"), (150, "TWD")])
    async def test_an_amount_that_paypal_cant_move_is_not_sent(
        self, clock, minor: int, currency: str
    ) -> None:
        script = Script()
        answer = await submitted(clock, script, paypal.deposit(minor, currency, clock=clock))
        assert answer.outcome == Declined(issues.AMOUNT_REFUSED)
        assert script.requests == []

    @pytest.mark.parametrize(
        ("issue", "failure"),
        [
            ("PAYER_ACCOUNT_RESTRICTED", issues.PAYER_REFUSED),
            ("DECIMAL_PRECISION", issues.REQUEST_REFUSED),
            ("MAX_VALUE_EXCEEDED", issues.AMOUNT_REFUSED),
            ("A_WORD_OF_NEXT_YEAR", issues.REQUEST_REFUSED),  # there is no order
        ],
    )
    async def test_a_refused_order_does_not_exist(self, clock, issue, failure) -> None:
        answer = await submitted(clock, Script().on(CREATE, paypal.error(422, issue)))
        assert answer.outcome == Declined(failure)
        assert answer.memory == {"told": "failed"}

    async def test_no_order_is_created_for_a_while_after_our_account_was_refused(
        self, clock
    ) -> None:
        script = Script().on(CREATE, paypal.error(422, "PAYEE_ACCOUNT_RESTRICTED"))
        processor = paypal.processor(script, clock)
        answer = await processor.process_deposit(attempt_of(clock))
        assert answer.outcome == Declined(issues.RECEIVING_REFUSED)
        assert processor.unavailable_reason() == "provider_account_restricted"
        with pytest.raises(ProviderThrottled) as caught:
            await processor.process_deposit(attempt_of(clock))
        assert caught.value.retry_after_s > ACCOUNT_PAUSE_S - 1
        assert len(script.sent(CREATE)) == 1
        clock.advance(timedelta(seconds=ACCOUNT_PAUSE_S))
        assert processor.unavailable_reason() is None
        script.on(CREATE, paypal.order())
        assert isinstance(
            (await processor.process_deposit(attempt_of(clock))).outcome, ActionRequired
        )

    async def test_after_a_lost_answer_the_same_request_is_sent_again(self, clock) -> None:
        script = Script().on(CREATE, paypal.order())
        processor = paypal.processor(script, clock)
        attempt = attempt_of(clock)
        await processor.process_deposit(attempt)
        answer = await processor.get_transaction_status(attempt)
        first, second = script.sent(CREATE)
        assert (first.body, first.key) == (second.body, second.key)
        assert answer.memory["order"] == ORDER

    async def test_a_key_that_holds_another_request_is_left(self, clock) -> None:
        script = Script().on(CREATE, paypal.error(422, "DUPLICATE_REQUEST_ID"), paypal.order())
        processor = paypal.processor(script, clock)
        attempt = attempt_of(clock)
        answer = await processor.process_deposit(attempt)
        assert (answer.outcome, answer.memory) == (Pending(), {"creates": "1"})
        assert answer.check_after == timedelta(seconds=3)
        attempt = paypal.learned(attempt, answer)
        assert (await processor.get_transaction_status(attempt)).memory["order"] == ORDER
        keys = [sent.key for sent in script.sent(CREATE)]
        assert keys == [str(attempt.attempt_id), f"{attempt.attempt_id}:1"]

    async def test_no_order_is_created_after_the_payers_time(self, clock) -> None:
        script, attempt = Script(), attempt_of(clock)
        clock.advance(timedelta(seconds=9900))
        answer = await paypal.processor(script, clock).get_transaction_status(attempt)
        assert answer.outcome == Expired(issues.ACTION_EXPIRED)
        assert script.requests == []


class TestApproval:
    async def test_while_the_payer_has_not_approved_nothing_is_told(self, clock) -> None:
        script = Script().on(READ, paypal.order())
        answer = await checked(clock, script, **MADE)
        assert (answer.outcome, answer.memory, answer.evidence) == (Pending(), {}, ())

    async def test_an_approval_is_stored_before_the_order_is_captured(self, clock) -> None:
        script = Script().on(READ, paypal.order("APPROVED"))
        answer = await checked(clock, script, checks=4, **MADE)
        assert (answer.outcome, answer.memory) == (Submitted(), {"approved": "5"})
        assert answer.check_after == NO_WAIT
        assert script.sent(TAKE) == []

    async def test_then_it_is_captured_at_once(self, clock) -> None:
        script = Script().on(TAKE, paypal.paid())
        answer = await checked(clock, script, checks=5, **{**MADE, "approved": "5"})
        assert answer.outcome == SETTLED
        (sent,) = script.sent(TAKE)
        assert sent.body == {}
        assert sent.headers["content-type"] == "application/json"
        assert sent.key is not None
        assert sent.key.endswith(":capture")
        assert script.sent(READ) == []

    async def test_later_it_is_read_first(self, clock) -> None:
        script = Script().on(READ, paypal.paid())
        answer = await checked(clock, script, checks=6, **{**MADE, "approved": "5"})
        assert answer.outcome == SETTLED
        assert script.sent(TAKE) == []

    async def test_an_approved_order_whose_capture_was_lost_is_captured_with_the_same_key(
        self, clock
    ) -> None:
        script = Script().on(READ, paypal.order("APPROVED")).on(TAKE, paypal.paid())
        processor, attempt = paypal.processor(script, clock), attempt_of(clock, checks=1)
        for checks in (1, 2):
            now = replace(attempt, checks=checks, memory=APPROVED)
            assert (await processor.get_transaction_status(now)).outcome == SETTLED
        first, second = script.sent(TAKE)
        assert first.key == second.key == f"{attempt.attempt_id}:capture"

    @pytest.mark.parametrize("status", ["PAYER_ACTION_REQUIRED", "CREATED", "SAVED"])
    async def test_a_payer_who_never_returns_expires(self, clock, status: str) -> None:
        script, attempt = Script().on(READ, paypal.order(status)), attempt_of(clock, **MADE)
        clock.advance(timedelta(seconds=9899))
        processor = paypal.processor(script, clock)
        assert isinstance((await processor.get_transaction_status(attempt)).outcome, Pending)
        assert processor.check_delay(attempt) == timedelta(seconds=1)
        clock.advance(timedelta(seconds=1))
        answer = await processor.get_transaction_status(attempt)
        assert answer.outcome == Expired(issues.ACTION_EXPIRED)
        assert answer.memory == {"told": "expired"}

    async def test_an_approval_of_the_last_second_counts(self, clock) -> None:
        script, attempt = Script().on(READ, paypal.order("APPROVED")), attempt_of(clock, **MADE)
        clock.advance(timedelta(hours=5))
        answer = await paypal.processor(script, clock).get_transaction_status(attempt)
        assert answer.outcome == Submitted()

    async def test_an_order_that_paypal_ended_expires(self, clock) -> None:
        answer = await checked(clock, Script().on(READ, paypal.order("VOIDED")), **MADE)
        assert answer.outcome == Expired(issues.ACTION_EXPIRED)

    async def test_an_order_that_paypal_forgot_expires_if_it_was_not_captured(self, clock) -> None:
        gone = Script().on(READ, paypal.error(404, "INVALID_RESOURCE_ID"))
        assert (await checked(clock, gone, **MADE)).outcome == Expired(issues.ACTION_EXPIRED)

    async def test_one_that_may_be_captured_is_for_an_operator(self, clock) -> None:
        gone = Script().on(READ, paypal.error(404, "INVALID_RESOURCE_ID"))
        answer = await checked(clock, gone, checks=9, **APPROVED)
        assert isinstance(answer.outcome, Conflicting)

    async def test_a_refused_read_decides_nothing(self, clock) -> None:
        refused = Script().on(READ, paypal.error(403, "PERMISSION_DENIED"))
        with pytest.raises(ProviderRejectedRequest):
            await checked(clock, refused, **MADE)

    @pytest.mark.parametrize("status", ["COMPLETED", "WORD_OF_NEXT_YEAR", None])
    async def test_the_status_of_an_order_alone_pays_nothing(self, clock, status) -> None:
        answer = await checked(clock, Script().on(READ, paypal.order(status)), **MADE)
        assert answer.outcome == Pending()
        assert answer.check_after is None


class TestCapture:
    async def taken(self, clock: FakeClock, answer: Any, **over: str) -> Any:
        script = Script().on(TAKE, answer).on(READ, paypal.paid())
        return await checked(clock, script, **{**APPROVED, **over})

    async def test_the_capture_pays_with_its_own_amount_and_fee(self, clock) -> None:
        answer = await self.taken(clock, paypal.paid(amount=paypal.money(19_00)))
        assert answer.outcome == replace(SETTLED, amount=Money(19_00, "USD"))
        assert answer.memory == {"capture": CAPTURE, "reason": "", "told": "settled"}
        assert answer.fingerprint == VAULT.fingerprint(CAPTURE.encode(), context="provider-request")
        steps = {step.name: step.detail for step in answer.evidence}
        assert steps == {
            "paypal.capture.read": {"capture": CAPTURE, "status": "COMPLETED"},
            "paypal.fee.known": {"fee": "1.19", "currency": "USD"},
        }

    @pytest.mark.parametrize("status", ["DECLINED", "FAILED"])
    async def test_a_declined_capture_in_a_completed_order_pays_nothing(
        self, clock, status
    ) -> None:
        answer = await self.taken(clock, paypal.paid(status))
        assert answer.outcome == Declined(issues.CAPTURE_DECLINED)
        assert answer.memory["told"] == "failed"

    async def test_a_pending_capture_waits_with_its_reason(self, clock) -> None:
        waits = paypal.paid("PENDING", status_details={"reason": "PENDING_REVIEW"})
        answer = await self.taken(clock, waits)
        assert answer.outcome == Submitted(CAPTURE)
        assert answer.memory == {"capture": CAPTURE, "reason": "PENDING_REVIEW"}
        (step,) = answer.evidence
        assert step.detail["reason"] == "PENDING_REVIEW"

    async def test_the_same_reason_is_told_once(self, clock) -> None:
        waits = paypal.capture_object("PENDING", status_details={"reason": "PENDING_REVIEW"})
        answer = await checked(clock, Script().on(LOOK, waits), checks=9, **PENDING)
        assert (answer.outcome, answer.evidence) == (Pending(), ())

    async def test_a_new_reason_is_told(self, clock) -> None:
        waits = paypal.capture_object("PENDING", status_details={"reason": "ECHECK"})
        answer = await checked(clock, Script().on(LOOK, waits), checks=9, **PENDING)
        assert answer.outcome == Submitted(CAPTURE)
        assert answer.memory["reason"] == "ECHECK"

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [("COMPLETED", SETTLED), ("DECLINED", Declined(issues.CAPTURE_DECLINED))],
    )
    async def test_a_pending_capture_ends_by_its_own_status(self, clock, status, outcome) -> None:
        script = Script().on(LOOK, paypal.capture_object(status))
        answer = await checked(clock, script, checks=9, **PENDING)
        assert answer.outcome == outcome
        assert script.sent(TAKE) == script.sent(READ) == []

    async def test_an_order_that_was_captured_is_read(self, clock) -> None:
        answer = await self.taken(clock, paypal.error(422, "ORDER_ALREADY_CAPTURED"))
        assert answer.outcome == SETTLED

    async def test_an_order_that_is_not_approved_waits(self, clock) -> None:
        answer = await self.taken(clock, paypal.error(422, "ORDER_NOT_APPROVED"))
        assert (answer.outcome, answer.memory) == (Pending(), {"approved": ""})

    async def test_a_capture_in_progress_is_repeated_later(self, clock) -> None:
        with pytest.raises(ProviderThrottled) as caught:
            await self.taken(clock, paypal.error(422, "ORDER_COMPLETION_IN_PROGRESS"))
        assert caught.value.retry_after_s == 3

    async def test_an_answer_without_a_capture_is_read_again(self, clock) -> None:
        answer = await self.taken(clock, paypal.order("APPROVED"))
        assert (answer.outcome, answer.check_after) == (Pending(), timedelta(seconds=3))

    @pytest.mark.parametrize(
        "issue",
        ["INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"],
    )
    async def test_a_declined_instrument_sends_the_payer_back_once(self, clock, issue) -> None:
        refused = paypal.error(422, issue, links=paypal.SENT_BACK)
        answer = await self.taken(clock, refused)
        assert isinstance(answer.outcome, ActionRequired)
        assert page_of(answer) == PAGE
        assert answer.memory == {"returns": "1", "approved": "", "action": "1"}
        again = await self.taken(clock, refused, returns="1")
        assert again.outcome == Declined(issues.INSTRUMENT_DECLINED)

    async def test_the_capture_after_the_second_approval_has_its_own_key(self, clock) -> None:
        script = Script().on(TAKE, paypal.paid())
        await checked(clock, script, **APPROVED, returns="1")
        (sent,) = script.sent(TAKE)
        assert sent.key is not None
        assert sent.key.endswith(":capture:1")

    async def test_a_refusal_whose_answer_was_lost_sends_the_payer_back_too(self, clock) -> None:
        script = Script().on(READ, paypal.order())
        answer = await checked(clock, script, checks=9, **APPROVED)
        assert isinstance(answer.outcome, ActionRequired)
        assert answer.memory["returns"] == "1"

    @pytest.mark.parametrize("links", [[], [{"rel": "redirect", "href": "javascript:x"}]])
    async def test_without_a_page_there_is_no_way_back(self, clock, links) -> None:
        answer = await self.taken(clock, paypal.error(422, "INSTRUMENT_DECLINED", links=links))
        assert answer.outcome == Declined(issues.INSTRUMENT_DECLINED)

    async def test_after_the_payers_time_there_is_no_way_back(self, clock) -> None:
        script = Script().on(TAKE, paypal.error(422, "INSTRUMENT_DECLINED", links=paypal.SENT_BACK))
        attempt = attempt_of(clock, checks=1, **APPROVED)
        clock.advance(timedelta(seconds=9900))
        answer = await paypal.processor(script, clock).get_transaction_status(attempt)
        assert answer.outcome == Declined(issues.INSTRUMENT_DECLINED)

    @pytest.mark.parametrize(
        ("issue", "failure"),
        [
            ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", issues.PAYER_REFUSED),
            ("TRANSACTION_LIMIT_EXCEEDED", issues.PAYER_LIMIT),
            ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", issues.INSTRUMENT_DECLINED),
            ("TRANSACTION_RECEIVING_LIMIT_EXCEEDED", issues.RECEIVING_REFUSED),
        ],
    )
    async def test_other_refusals_are_final(self, clock, issue, failure) -> None:
        answer = await self.taken(clock, paypal.error(422, issue))
        assert answer.outcome == Declined(failure)
        (step,) = answer.evidence
        assert step.detail == {"reason": failure.code, "issue": issue}

    async def test_an_unlisted_refusal_decides_nothing(self, clock) -> None:
        answer = await self.taken(clock, paypal.error(422, "WORD_OF_NEXT_YEAR"))
        assert (answer.outcome, answer.memory) == (Pending(), {})

    async def test_an_expired_approval_expires_the_payment(self, clock) -> None:
        answer = await self.taken(clock, paypal.error(422, "ORDER_EXPIRED"))
        assert answer.outcome == Expired(issues.ACTION_EXPIRED)

    @pytest.mark.parametrize(
        "refused",
        [paypal.error(422, "DUPLICATE_INVOICE_ID"), paypal.error(404, "INVALID_RESOURCE_ID")],
        ids=["paid by another order", "order unknown"],
    )
    async def test_a_payment_that_may_be_paid_elsewhere_is_for_an_operator(
        self, clock, refused
    ) -> None:
        assert isinstance((await self.taken(clock, refused)).outcome, Conflicting)

    async def test_a_refused_account_stops_new_orders(self, clock) -> None:
        script = Script().on(TAKE, paypal.error(422, "PAYEE_ACCOUNT_RESTRICTED"))
        processor = paypal.processor(script, clock)
        attempt = attempt_of(clock, checks=1, **APPROVED)
        answer = await processor.get_transaction_status(attempt)
        assert answer.outcome == Declined(issues.RECEIVING_REFUSED)
        assert processor.unavailable_reason() == "provider_account_restricted"


class TestCancel:
    async def canceled(self, clock: FakeClock, script: Script, **memory: str) -> Any:
        processor = paypal.processor(script, clock)
        return await processor.process_cancel(attempt_of(clock, checks=1, **memory))

    @pytest.mark.parametrize("status", ["PAYER_ACTION_REQUIRED", "APPROVED", "VOIDED"])
    async def test_an_order_that_we_never_captured_is_canceled(self, clock, status) -> None:
        script = Script().on(READ, paypal.order(status))
        answer = await self.canceled(clock, script, **MADE)
        assert (answer.outcome, answer.memory) == (Canceled(), {"told": "canceled"})
        assert script.sent(TAKE) == []

    async def test_a_captured_one_is_paid(self, clock) -> None:
        script = Script().on(READ, paypal.paid())
        assert (await self.canceled(clock, script, **MADE)).outcome == SETTLED

    async def test_after_the_approval_was_stored_it_is_too_late(self, clock) -> None:
        """A capture may be on its way, so only its result can end the payment."""
        script = Script().on(TAKE, paypal.paid())
        assert (await self.canceled(clock, script, **APPROVED)).outcome == SETTLED

    async def test_a_pending_capture_is_not_canceled(self, clock) -> None:
        waits = paypal.capture_object("PENDING", status_details={"reason": "PENDING_REVIEW"})
        answer = await self.canceled(clock, Script().on(LOOK, waits), **PENDING)
        assert answer.outcome == Pending()

    async def test_a_refund_cant_be_canceled(self, clock) -> None:
        processor = paypal.processor(Script(), clock)
        with pytest.raises(ProviderRejectedRequest):
            await processor.process_cancel(paypal.attempt(paypal.refund(), clock))


class TestEnded:
    async def ended(self, clock: FakeClock, script: Script, notices: Any, **memory: str) -> Any:
        attempt = replace(attempt_of(clock, checks=3, **memory), ended=True)
        return await paypal.processor(script, clock).get_transaction_status(attempt, notices)

    async def test_a_payment_reported_as_failed_that_was_paid_is_told(self, clock) -> None:
        script = Script().on(READ, paypal.paid())
        answer = await self.ended(clock, script, ["notice"], **MADE, told="expired")
        assert answer.outcome == SETTLED

    @pytest.mark.parametrize("status", ["PENDING", "DECLINED"])
    async def test_one_that_was_not_paid_stays_as_it_is(self, clock, status) -> None:
        script = Script().on(READ, paypal.paid(status))
        answer = await self.ended(clock, script, ["notice"], **MADE, told="failed")
        assert answer.outcome == Pending()

    @pytest.mark.parametrize(
        ("notices", "memory"),
        [
            ([], {**MADE, "told": "expired"}),
            (["notice"], {**MADE, "told": "settled"}),
            (["notice"], {"told": "expired"}),
        ],
    )
    async def test_nothing_new_is_started(self, clock, notices, memory) -> None:
        script = Script()
        answer = await self.ended(clock, script, notices, **memory)
        assert answer.outcome == Pending()
        assert script.requests == []


def test_a_pending_capture_is_followed_for_weeks() -> None:
    clock = FakeClock()
    processor = paypal.processor(Script(), clock)
    waits, open_ = attempt_of(clock, checks=500, **PENDING), attempt_of(clock, checks=500, **MADE)
    clock.advance(timedelta(days=2))
    assert processor.check_delay(waits) == timedelta(hours=6)
    assert processor.check_delay(open_) is None
    clock.advance(timedelta(days=43))
    assert processor.check_delay(waits) is None
