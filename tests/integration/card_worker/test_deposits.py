"""Card payments through the real engine, PostgreSQL and the Stripe twin.

Business rule: the twin's own book is the judge; a payment is charged once or not at all.
"""

from datetime import timedelta

import pytest

from cift_shared.money.amount import Money
from tests.integration.card_worker.harness import CardWorkerHarness
from tests.support import cards
from tests.support.commands import VAULT
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


async def test_a_card_is_charged_and_its_fee_is_told(worker: CardWorkerHarness) -> None:
    command = cards.deposit(clock=worker.clock, description="Order 7")
    await worker.send(command)
    result = await worker.told(command.payment_id, "settled")
    (intent,) = await worker.intents(command.payment_id)
    assert result.amount == Money(20_00, "USD")
    assert result.provider_fee == Money(88, "USD")
    assert result.provider_reference == intent["id"]
    assert (result.public["brand"], result.public["last4"]) == ("visa", "4242")
    assert await worker.kinds(command.payment_id) == ["submitted", "settled"]
    assert (await worker.moved(command.payment_id))["charged"] == 20_00


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_funds_insufficient"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_refused"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_refused"),
        ("pm_card_chargeDeclinedExpiredCard", "card_expired"),
        ("pm_card_chargeDeclinedIncorrectCvc", "card_cvc_wrong"),
        ("pm_card_chargeDeclinedProcessingError", "card_try_again"),
        ("pm_card_radarBlock", "card_refused"),
    ],
)
async def test_a_decline_is_final_at_stripe_before_it_is_told(
    worker: CardWorkerHarness, token, code
) -> None:
    command = cards.deposit(token, clock=worker.clock)
    await worker.send(command)
    result = await worker.told(command.payment_id, "declined")
    (intent,) = await worker.intents(command.payment_id)
    assert result.failure.code == code
    assert intent["status"] == "canceled"
    assert (await worker.moved(command.payment_id))["charged"] == 0


async def test_a_fee_that_comes_later_fills_in_once(worker: CardWorkerHarness, monkeypatch) -> None:
    monkeypatch.setattr("card_worker.deposits.CAPTURE", "automatic_async")
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    first = await worker.told(command.payment_id, "settled")
    assert first.provider_fee is None

    async def told_again():
        return (await worker.kinds(command.payment_id)).count("settled") == 2

    await eventually(told_again, "the fee")
    await worker.make_due()
    second = (await worker.results(command.payment_id))[-1]
    assert (second.amount, second.provider_fee) == (Money(20_00, "USD"), Money(88, "USD"))
    assert await worker.kinds(command.payment_id) == ["submitted", "settled", "settled"]


async def test_a_card_nobody_knows_is_declined(worker: CardWorkerHarness) -> None:
    command = cards.deposit("pm_no_such_card", clock=worker.clock)
    await worker.send(command)
    result = await worker.told(command.payment_id, "declined")
    assert result.failure.code == "card_unknown"


@pytest.mark.parametrize(("outcome", "kind"), [("approve", "settled"), ("fail", "declined")])
@pytest.mark.parametrize("webhooks_lost", [False, True])
async def test_3ds_ends_by_webhook_or_by_poll(
    worker: CardWorkerHarness, outcome, kind, webhooks_lost
) -> None:
    worker.webhooks_lost = webhooks_lost
    command = cards.deposit("pm_card_authenticationRequired", clock=worker.clock)
    await worker.send(command)
    asked = await worker.told(command.payment_id, "action_required")
    assert asked.next_action["type"] == "use_stripe_sdk"
    (intent,) = await worker.intents(command.payment_id)
    secret = VAULT.open(asked.next_action["client_secret_sealed"], context="next_action")
    assert secret.decode() == intent["client_secret"]
    await worker.control("POST", f"/stripe/challenges/{intent['id']}", {"outcome": outcome})
    await (worker.reach if webhooks_lost else worker.told)(command.payment_id, kind)
    charged = (await worker.moved(command.payment_id))["charged"]
    assert charged == (20_00 if kind == "settled" else 0)


async def test_3ds_that_nobody_finishes_expires_and_can_t_be_finished_later(
    worker: CardWorkerHarness,
) -> None:
    command = cards.deposit("pm_card_authenticationRequired", clock=worker.clock)
    await worker.send(command)
    await worker.told(command.payment_id, "action_required")
    await worker.age(timedelta(minutes=31))
    result = await worker.reach(command.payment_id, "expired")
    assert result.failure.code == "action_expired"
    (intent,) = await worker.intents(command.payment_id)
    assert intent["status"] == "canceled"


async def test_a_success_that_was_not_heard_before_the_end_still_counts(
    worker: CardWorkerHarness,
) -> None:
    """Race: the payer finished 3-D Secure, the webhook is lost, and then the time is over."""
    command = cards.deposit("pm_card_authenticationRequired", clock=worker.clock)
    await worker.send(command)
    await worker.told(command.payment_id, "action_required")
    worker.webhooks_lost = True
    (intent,) = await worker.intents(command.payment_id)
    await worker.control("POST", f"/stripe/challenges/{intent['id']}", {"outcome": "approve"})
    await worker.age(timedelta(hours=2))
    await worker.reach(command.payment_id, "settled")
    assert await worker.kinds(command.payment_id) == ["submitted", "action_required", "settled"]


async def test_a_redirect_is_for_the_payer_only(worker: CardWorkerHarness) -> None:
    command = cards.deposit(
        "pm_card_authenticationRequired", clock=worker.clock, return_url="https://shop.example/back"
    )
    await worker.send(command)
    asked = await worker.told(command.payment_id, "action_required")
    assert asked.next_action["type"] == "redirect_to_url"
    url = VAULT.open(asked.next_action["url_sealed"], context="next_action").decode()
    rows = await worker.pool.fetch(
        "select coalesce(last_result, '')::text || memory::text as t from card.attempt"
    )
    assert all(url not in row["t"] for row in rows)


async def test_a_repeated_command_is_answered_again_and_charged_once(
    worker: CardWorkerHarness,
) -> None:
    command = cards.deposit(clock=worker.clock)
    await worker.send(command, command)
    settled = await worker.told(command.payment_id, "settled")
    await worker.control("POST", "/stripe/keys/expire")
    await worker.send(command)
    results = await worker.results(command.payment_id)
    assert results[-1].result_id == settled.result_id
    assert (await worker.moved(command.payment_id))["charged"] == 20_00


async def test_a_withdrawal_that_comes_all_the_same_is_declined(worker: CardWorkerHarness) -> None:
    from cift_shared.messaging.messages import RequestWithdrawal

    fields = cards.deposit().model_dump(
        exclude={"kind", "return_url", "off_session", "description"}
    )
    command = RequestWithdrawal(**fields)
    await worker.send(command)
    result = await worker.told(command.payment_id, "declined")
    assert result.failure.code == "card_withdrawal_unsupported"


async def test_currencies_travel_as_stripe_counts_them(worker: CardWorkerHarness) -> None:
    for minor, currency, sent in (
        (5000, "UGX", 500000),
        (1000, "JPY", 1000),
        (500_00, "KES", 50000),
    ):
        command = cards.deposit(minor=minor, currency=currency, clock=worker.clock)
        await worker.send(command)
        result = await worker.told(command.payment_id, "settled")
        assert result.amount == Money(minor, currency)
        (intent,) = await worker.intents(command.payment_id)
        assert intent["amount"] == sent
