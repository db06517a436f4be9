"""Saved cards against a scripted Stripe: brand, last4, expiry and sealed ids, nothing more."""

from datetime import timedelta

import pytest

from cift_shared.attempts.processor import Answer, SavedMethodProvider
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Declined,
    Detached,
    Expired,
    Pending,
    Saved,
    Submitted,
)
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import Script
from tests.support.commands import VAULT

CUSTOMER, SETUP = "POST /v1/customers", "POST /v1/setup_intents"
READ, CONFIRM = "GET /v1/setup_intents/seti_1", "POST /v1/setup_intents/seti_1/confirm"
CANCEL = "POST /v1/setup_intents/seti_1/cancel"
DETACH, METHOD = "POST /v1/payment_methods/pm_1/detach", "GET /v1/payment_methods/pm_1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def setup_object(status: str, **over):
    method = {
        "id": "pm_1",
        "object": "payment_method",
        "customer": "cus_S",
        "card": {
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2030,
            "fingerprint": "Xt5EWLLDS7FJjR1c",
        },
    }
    return {
        "id": "seti_1",
        "object": "setup_intent",
        "status": status,
        "client_secret": "seti_1_secret_x",
        "payment_method": method if status == "succeeded" else None,
        "next_action": None,
        "last_setup_error": None,
        "metadata": {},
        **over,
    }


def stripe() -> Script:
    script = Script().on(CUSTOMER, {"id": "cus_S", "object": "customer"})
    return script.on(SETUP, setup_object("requires_payment_method"))


async def begun(script: Script, clock: FakeClock, token: str | None = None):
    processor = cards.processor(script, clock)
    attempt = cards.method_attempt(cards.setup(token), clock)
    answer = await processor.process_setup(attempt)
    assert answer.outcome == Submitted()
    return processor, cards.learned(attempt, answer)


async def test_the_processor_keeps_instruments(clock) -> None:
    processor = cards.processor(Script(), clock)
    assert isinstance(processor, SavedMethodProvider)
    await processor.close()


async def test_a_card_entered_in_the_browser_is_saved(clock) -> None:
    script = stripe().on(READ, setup_object("requires_payment_method"), setup_object("succeeded"))
    processor, attempt = await begun(script, clock)
    asked = await processor.get_method_status(attempt)
    assert isinstance(asked.outcome, ActionRequired)
    action = asked.outcome.next_action
    assert action["type"] == "confirm_setup"
    assert action["publishable_key"] == cards.PUBLISHABLE_KEY
    sealed = action["client_secret_sealed"]
    assert VAULT.open(sealed, context="next_action") == b"seti_1_secret_x"
    attempt = cards.learned(attempt, asked, checked=True)
    saved = (await processor.get_method_status(attempt)).outcome
    assert isinstance(saved, Saved)
    assert saved.public == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    assert VAULT.open(saved.instrument_sealed, context="card") == b"pm_1"
    assert saved.customer_reference_sealed is not None
    assert VAULT.open(saved.customer_reference_sealed, context="card") == b"cus_S"
    assert "pm_1" not in str(saved)
    assert "Xt5EWLLDS7FJjR1c" not in str(saved)
    await processor.close()


async def test_a_token_is_confirmed_at_once(clock) -> None:
    script = stripe().on(READ, setup_object("requires_payment_method"))
    script.on(CONFIRM, setup_object("succeeded"))
    processor, attempt = await begun(script, clock, "pm_1")
    answer = await processor.get_method_status(attempt)
    assert isinstance(answer.outcome, Saved)
    assert script.sent(CONFIRM)[0].form["payment_method"] == "pm_1"
    await processor.close()


async def test_a_refused_token_is_canceled_then_told(clock) -> None:
    script = stripe().on(READ, setup_object("requires_payment_method"))
    no = cards.error(402, "card_declined", "card_error", decline_code="insufficient_funds")
    script.on(CONFIRM, no).on(CANCEL, setup_object("canceled"))
    processor, attempt = await begun(script, clock, "pm_1")
    answer = await processor.get_method_status(attempt)
    assert isinstance(answer.outcome, Declined)
    assert answer.outcome.failure.code == "card_funds_insufficient"
    assert script.sent(CANCEL)
    await processor.close()


async def test_a_token_that_needs_the_bank_goes_to_the_browser(clock) -> None:
    action = {"type": "use_stripe_sdk"}
    script = stripe().on(READ, setup_object("requires_payment_method"))
    script.on(CONFIRM, setup_object("requires_action", next_action=action))
    processor, attempt = await begun(script, clock, "pm_1")
    answer = await processor.get_method_status(attempt)
    assert isinstance(answer.outcome, ActionRequired)
    assert answer.outcome.next_action["type"] == "use_stripe_sdk"
    await processor.close()


async def test_a_card_nobody_enters_expires(clock) -> None:
    script = stripe().on(READ, setup_object("requires_payment_method"))
    script.on(CANCEL, setup_object("canceled"))
    processor, attempt = await begun(script, clock)
    clock.advance(timedelta(minutes=31))
    answer = await processor.get_method_status(attempt)
    assert isinstance(answer.outcome, Expired)
    await processor.close()


async def test_one_customer_of_ours_is_one_at_stripe(clock) -> None:
    script = stripe()
    processor = cards.processor(script, clock)
    for _ in range(3):
        await processor.process_setup(cards.method_attempt(cards.setup(), clock))
    assert len(script.sent(CUSTOMER)) == 1
    sent = script.sent(CUSTOMER)[0]
    assert sent.form["metadata[cift_merchant]"] == "m_test"
    assert "cus_1" not in sent.form.values()  # our customer's name is nobody else's business
    assert {request.form["customer"] for request in script.sent(SETUP)} == {"cus_S"}
    await processor.close()


async def test_a_card_is_forgotten(clock) -> None:
    script = Script().on(DETACH, {"id": "pm_1", "object": "payment_method", "customer": None})
    processor = cards.processor(script, clock)
    answer = await processor.process_detach(cards.method_attempt(cards.detach("pm_1"), clock))
    assert answer.outcome == Detached()
    await processor.close()


@pytest.mark.parametrize(
    ("refusal", "owner", "outcome"),
    [
        (cards.error(404, "resource_missing"), None, Detached),
        (cards.error(400), None, Detached),
        (cards.error(400), "cus_S", Declined),
    ],
)
async def test_a_card_that_is_gone_already_is_forgotten(clock, refusal, owner, outcome) -> None:
    script = Script().on(DETACH, refusal)
    script.on(METHOD, {"id": "pm_1", "object": "payment_method", "customer": owner})
    processor = cards.processor(script, clock)
    answer = await processor.process_detach(cards.method_attempt(cards.detach("pm_1"), clock))
    assert isinstance(answer.outcome, outcome)
    await processor.close()


async def test_what_is_saved_is_not_asked_about_again(clock) -> None:
    script = Script()
    processor = cards.processor(script, clock)
    attempt = cards.learned(
        cards.method_attempt(cards.setup(), clock, setup="seti_1"), Answer(Pending()), ended=True
    )
    assert (await processor.get_method_status(attempt)).outcome == Pending()
    assert not script.requests
    await processor.close()
