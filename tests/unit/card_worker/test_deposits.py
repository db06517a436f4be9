"""A deposit by card, step by step, against a scripted Stripe.

Business rule: only an intent whose id is stored is confirmed, and a no is told only once Stripe
can't turn it into a yes any more.
"""

from datetime import timedelta

import httpx
import pytest

from card_worker import domain
from cift_shared.errors import OutcomeUnknown, ProviderThrottled, ProviderUnavailable
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import CANCEL, CONFIRM, CREATE, INTENT, LIST, READ, Script
from tests.support.commands import VAULT

VISA = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def made(script: Script, clock: FakeClock, request=None, **over):
    """A processor, and an attempt whose intent is stored."""
    script.on(CREATE, cards.intent())
    processor = cards.processor(script, clock, **over)
    attempt = cards.attempt(request or cards.deposit(clock=clock), clock)
    answer = await processor.process_deposit(attempt)
    return processor, cards.learned(attempt, answer), answer


async def test_it_is_made_unconfirmed_and_stored_before_it_is_confirmed(clock) -> None:
    script = Script()
    processor, attempt, answer = await made(script, clock)
    assert answer.outcome == Submitted()
    assert answer.memory == {"intent": INTENT}
    assert answer.check_after == timedelta(0)
    sent = script.sent(CREATE)[0]
    assert "confirm" not in sent.form
    assert sent.form["amount"] == "2000"
    assert sent.form["currency"] == "usd"
    assert sent.form["payment_method"] == "pm_card_visa"
    assert sent.form[f"metadata[{domain.ATTEMPT_NAME}]"] == str(attempt.attempt_id)
    assert sent.headers["idempotency-key"] == f"{attempt.attempt_id}-create-0"
    assert sent.headers["stripe-version"] == domain.API_VERSION
    assert "x-stripe-client-telemetry" not in sent.headers
    await processor.close()


async def test_a_success_settles_what_stripe_received(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.intent("succeeded", amount_received=19_99))
    answer = await processor.get_transaction_status(attempt)
    assert answer.outcome == Settled(Money(19_99, "USD"), INTENT, Money(88, "USD"), VISA)
    assert answer.check_after == timedelta(days=1)  # disputes come later
    sent = script.sent(CONFIRM)[0]
    assert sent.headers["idempotency-key"] == f"{attempt.attempt_id}-confirm-0"
    assert sent.form["expand[0]"] == "latest_charge.balance_transaction"
    await processor.close()


async def test_a_fee_in_another_currency_stays_in_it(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock, cards.deposit(minor=500_00, currency="KES"))
    charge = cards.charge(fee=88, fee_currency="usd")
    script.on(
        CONFIRM,
        cards.intent("succeeded", amount_received=500_00, currency="kes", latest_charge=charge),
    )
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Settled)
    assert (answer.outcome.amount, answer.outcome.provider_fee) == (
        Money(500_00, "KES"),
        Money(88, "USD"),
    )
    await processor.close()


async def test_a_decline_is_told_after_the_intent_is_canceled(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    no = {"code": "card_declined", "decline_code": "insufficient_funds", "type": "card_error"}
    failed = cards.intent("requires_payment_method", last_payment_error=no)
    script.on(CONFIRM, cards.error(402, "card_declined", "card_error", decline_code="lost_card"))
    script.on(READ, failed)
    script.on(CANCEL, {**failed, "status": "canceled", "cancellation_reason": "abandoned"})
    answer = await processor.get_transaction_status(attempt)
    assert [request.path for request in script.requests][-1] == CANCEL.split()[1]
    assert isinstance(answer.outcome, Declined)
    await processor.close()


async def test_a_cancel_that_meets_a_success_settles(clock) -> None:
    """Race: the payer's bank says yes while we give up; what Stripe says now is what counts."""
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.intent("requires_action", next_action={"type": "use_stripe_sdk"}))
    attempt = cards.learned(attempt, await processor.get_transaction_status(attempt), checked=True)
    clock.advance(timedelta(hours=1))
    waiting = cards.intent("requires_action", next_action={"type": "use_stripe_sdk"})
    script.on(READ, waiting, cards.intent("succeeded"))
    script.on(CANCEL, cards.error(400, "payment_intent_unexpected_state"))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Settled)
    await processor.close()


async def test_nobody_finishes_3ds_so_it_is_canceled_and_expires(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    waiting = cards.intent("requires_action", next_action={"type": "use_stripe_sdk"})
    script.on(CONFIRM, waiting)
    script.on(READ, waiting)
    script.on(CANCEL, cards.intent("canceled", cancellation_reason="abandoned"))
    first = await processor.get_transaction_status(attempt)
    assert isinstance(first.outcome, ActionRequired)
    attempt = cards.learned(attempt, first, checked=True)
    again = await processor.get_transaction_status(attempt)
    assert again.outcome == Pending()  # told once
    delay = processor.check_delay(attempt)
    assert delay is not None
    clock.advance(timedelta(minutes=30))
    over = await processor.get_transaction_status(attempt)
    assert isinstance(over.outcome, Expired)
    assert over.outcome.failure.code == "action_expired"
    await processor.close()


async def test_the_check_comes_no_later_than_the_end_of_the_payers_time(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    clock.advance(timedelta(minutes=29))
    late = cards.learned(attempt, type("A", (), {"memory": {}})())
    for _ in range(8):
        late = cards.learned(late, type("A", (), {"memory": {}})(), checked=True)
    assert processor.check_delay(late) == timedelta(minutes=1)
    await processor.close()


async def test_what_only_the_payer_may_see_is_sealed(clock) -> None:
    script = Script()
    request = cards.deposit(return_url="https://shop.example/back")
    processor, attempt, _ = await made(script, clock, request)
    url = "https://hooks.stripe.com/redirect/authenticate/src_1?client_secret=src_secret"
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url}}
    script.on(CONFIRM, cards.intent("requires_action", next_action=action))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, ActionRequired)
    shown = answer.outcome.next_action
    assert VAULT.open(shown["url_sealed"], context="next_action").decode() == url
    assert "src_secret" not in str(answer)
    assert script.sent(CONFIRM)[0].form["return_url"] == "https://shop.example/back"
    await processor.close()


async def test_the_browsers_library_gets_the_client_secret(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.intent("requires_action", next_action={"type": "use_stripe_sdk"}))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, ActionRequired)
    shown = answer.outcome.next_action
    sealed = shown["client_secret_sealed"]
    assert VAULT.open(sealed, context="next_action").decode() == cards.CLIENT_SECRET
    assert shown["publishable_key"] == cards.PUBLISHABLE_KEY
    assert cards.CLIENT_SECRET not in str(answer)
    await processor.close()


async def test_a_saved_card_without_the_customer_is_confirmed_off_session(clock) -> None:
    script = Script()
    request = cards.deposit("pm_saved", owner="cus_9", off_session=True)
    processor, attempt, _ = await made(script, clock, request)
    assert script.sent(CREATE)[0].form["customer"] == "cus_9"
    no = {"code": "authentication_required", "decline_code": "authentication_required"}
    failed = cards.intent("requires_payment_method", last_payment_error=no)
    script.on(CONFIRM, cards.error(402, "authentication_required", "card_error"))
    script.on(READ, failed)
    script.on(CANCEL, {**failed, "status": "canceled"})
    answer = await processor.get_transaction_status(attempt)
    assert script.sent(CONFIRM)[0].form["off_session"] == "true"
    assert isinstance(answer.outcome, Declined)
    failure = answer.outcome.failure
    assert (failure.code, failure.retryable) == ("authentication_required", True)
    await processor.close()


async def test_after_a_doubt_the_intent_is_looked_for_by_listing(clock) -> None:
    script = Script()
    attempt = cards.attempt(cards.deposit(), clock)
    mine = cards.intent(metadata={domain.ATTEMPT_NAME: str(attempt.attempt_id)})
    other = cards.intent(id="pi_other", metadata={domain.ATTEMPT_NAME: "another"})
    script.on(LIST, cards.page(other, has_more=True), cards.page(mine))
    processor = cards.processor(script, clock)
    clock.advance(timedelta(days=2))  # Stripe has forgotten our key by now
    answer = await processor.get_transaction_status(attempt)
    assert answer.memory == {"intent": INTENT}
    assert not script.sent(CREATE)
    assert script.sent(LIST)[1].form["starting_after"] == "pi_other"
    await processor.close()


async def test_a_lost_answer_and_nothing_to_find_is_asked_for_again_under_the_same_key(clock):
    script = Script().on(CREATE, httpx.ReadTimeout("slow"), cards.intent()).on(LIST, cards.page())
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.deposit(clock=clock), clock)
    with pytest.raises(OutcomeUnknown):
        await processor.process_deposit(attempt)
    answer = await processor.get_transaction_status(attempt)
    keys = [request.headers["idempotency-key"] for request in script.sent(CREATE)]
    assert keys == [f"{attempt.attempt_id}-create-0"] * 2
    assert answer.memory == {"intent": INTENT}
    await processor.close()


@pytest.mark.parametrize(
    "error",
    [cards.error(500, kind="api_error"), cards.error(400, kind="idempotency_error")],
    ids=["saved error 500", "key used with other words"],
)
async def test_a_key_that_answers_so_for_ever_is_left_behind_after_a_look(clock, error) -> None:
    script = Script().on(CREATE, error, cards.intent())
    script.on(LIST, cards.page())
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.deposit(clock=clock), clock)
    first = await processor.process_deposit(attempt)
    assert isinstance(first.outcome, Unknown)
    attempt = cards.learned(attempt, first)
    await processor.get_transaction_status(attempt)
    keys = [request.headers["idempotency-key"] for request in script.sent(CREATE)]
    assert keys == [f"{attempt.attempt_id}-create-{number}" for number in (0, 1)]
    assert len(script.sent(LIST)) == 1
    await processor.close()


async def test_a_saved_error_500_of_a_confirmation_is_read_then_confirmed_anew(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.error(500, kind="api_error"), cards.intent("succeeded"))
    script.on(READ, cards.intent("requires_confirmation"))
    with pytest.raises(OutcomeUnknown):
        await processor.get_transaction_status(attempt)
    attempt = cards.learned(attempt, type("A", (), {"memory": {}})(), checked=True)
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Settled)
    keys = [request.headers["idempotency-key"] for request in script.sent(CONFIRM)]
    assert keys == [f"{attempt.attempt_id}-confirm-{number}" for number in (0, 1)]
    await processor.close()


async def test_a_refused_confirmation_is_not_tried_for_ever(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.error(400, "parameter_invalid", param="return_url"))
    script.on(READ, cards.intent("requires_confirmation"))
    script.on(CANCEL, cards.intent("canceled", cancellation_reason="abandoned"))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Declined)
    assert answer.outcome.failure.code == "provider_request_refused"
    assert len(script.sent(CONFIRM)) == 1
    await processor.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (cards.error(404, "resource_missing", param="payment_method"), "card_unknown"),
        (cards.error(400, "amount_too_small", param="amount"), "amount_out_of_limits"),
        (cards.error(400, "parameter_unknown", param="x"), "provider_request_refused"),
        (
            cards.error(402, "card_declined", "card_error", decline_code="stolen_card"),
            "card_refused",
        ),
    ],
)
async def test_what_stripe_refuses_to_make_is_declined(clock, answer, code) -> None:
    processor = cards.processor(Script().on(CREATE, answer), clock)
    told = await processor.process_deposit(cards.attempt(cards.deposit(), clock))
    assert isinstance(told.outcome, Declined)
    assert told.outcome.failure.code == code
    await processor.close()


async def test_an_unreachable_stripe_got_nothing(clock) -> None:
    processor = cards.processor(Script().on(CREATE, httpx.ConnectError("refused")), clock)
    with pytest.raises(ProviderUnavailable):
        await processor.process_deposit(cards.attempt(cards.deposit(), clock))
    await processor.close()


async def test_an_earlier_try_that_may_have_arrived_is_not_forgotten(clock) -> None:
    """The library's own second try could not connect; the first one may have done its work."""
    script = Script().on(CREATE, httpx.ReadTimeout("slow"), httpx.ConnectError("refused"))
    processor = cards.processor(script, clock, max_network_retries=1)
    with pytest.raises(OutcomeUnknown):
        await processor.process_deposit(cards.attempt(cards.deposit(), clock))
    assert len(script.sent(CREATE)) == 2
    await processor.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_fail_no_payment_and_pause_everything(clock, status) -> None:
    script = Script().on(CREATE, cards.error(status))
    processor = cards.processor(script, clock)
    for _ in range(3):
        with pytest.raises(ProviderThrottled):
            await processor.process_deposit(cards.attempt(cards.deposit(), clock))
    assert len(script.sent(CREATE)) == 1
    await processor.close()


async def test_a_429_waits_as_long_as_it_says(clock) -> None:
    slow = cards.error(429, "rate_limit")
    slow.headers["retry-after"] = "7"
    processor = cards.processor(Script().on(CREATE, slow), clock)
    with pytest.raises(ProviderThrottled) as caught:
        await processor.process_deposit(cards.attempt(cards.deposit(), clock))
    assert caught.value.retry_after_s == 7
    await processor.close()


@pytest.mark.parametrize("status", ["requires_capture", "processing", "a_new_word"])
async def test_a_word_that_settles_nothing_leaves_it_open(clock, status) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.intent(status))
    assert (await processor.get_transaction_status(attempt)).outcome == Pending()
    await processor.close()


async def test_an_amount_in_no_currency_of_ours_is_for_people(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CONFIRM, cards.intent("succeeded", currency="xxx"))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Conflicting)
    await processor.close()


async def test_a_deposit_that_ended_before_it_was_made_is_not_made_later(clock) -> None:
    """A canceled payment, and an event that names its attempt: nothing may begin now."""
    script = Script()
    processor = cards.processor(script, clock)
    attempt = cards.learned(
        cards.attempt(cards.deposit(), clock), type("A", (), {"memory": {}})(), ended=True
    )
    body = cards.event("payment_intent.created", cards.intent())
    answer = await processor.get_transaction_status(attempt, [cards.notice(body)])
    assert answer.outcome == Pending()
    assert not script.requests
    await processor.close()


async def test_an_unconfirmed_intent_older_than_the_payers_time_is_not_confirmed(clock) -> None:
    script = Script()
    processor, attempt, _ = await made(script, clock)
    script.on(CANCEL, cards.intent("canceled", cancellation_reason="abandoned"))
    clock.advance(timedelta(hours=2))
    answer = await processor.get_transaction_status(attempt)
    assert isinstance(answer.outcome, Expired)
    assert not script.sent(CONFIRM)
    await processor.close()
