"""Card payments through the real engine, PostgreSQL and the Stripe twin.

Business rule: the twin's own book is the judge; a payment is charged once or not at all.
"""

from datetime import timedelta

import pytest

from cift_shared.money.amount import Money
from tests.integration.card_worker.world import World, eventually
from tests.support import cards
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


async def test_a_card_is_charged_and_its_fee_is_told(world: World) -> None:
    command = cards.deposit(clock=world.clock, description="Order 7")
    await world.send(command)
    result = await world.told(command.payment_id, "settled")
    (intent,) = await world.intents(command.payment_id)
    assert result.amount == Money(20_00, "USD")
    assert result.provider_fee == Money(88, "USD")
    assert result.provider_reference == intent["id"]
    assert (result.public["brand"], result.public["last4"]) == ("visa", "4242")
    assert await world.kinds(command.payment_id) == ["submitted", "settled"]
    assert (await world.moved(command.payment_id))["charged"] == 20_00


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
async def test_a_decline_is_final_at_stripe_before_it_is_told(world: World, token, code) -> None:
    command = cards.deposit(token, clock=world.clock)
    await world.send(command)
    result = await world.told(command.payment_id, "declined")
    (intent,) = await world.intents(command.payment_id)
    assert result.failure.code == code
    assert intent["status"] == "canceled"
    assert (await world.moved(command.payment_id))["charged"] == 0


async def test_a_fee_that_comes_later_fills_in_once(world: World, monkeypatch) -> None:
    monkeypatch.setattr("card_worker.deposits.CAPTURE", "automatic_async")
    command = cards.deposit(clock=world.clock)
    await world.send(command)
    first = await world.told(command.payment_id, "settled")
    assert first.provider_fee is None

    async def told_again():
        return (await world.kinds(command.payment_id)).count("settled") == 2

    await eventually(told_again, "the fee")
    await world.make_due()
    second = (await world.results(command.payment_id))[-1]
    assert (second.amount, second.provider_fee) == (Money(20_00, "USD"), Money(88, "USD"))
    assert await world.kinds(command.payment_id) == ["submitted", "settled", "settled"]


async def test_a_card_nobody_knows_is_declined(world: World) -> None:
    command = cards.deposit("pm_no_such_card", clock=world.clock)
    await world.send(command)
    result = await world.told(command.payment_id, "declined")
    assert result.failure.code == "card_unknown"


@pytest.mark.parametrize(("outcome", "kind"), [("approve", "settled"), ("fail", "declined")])
@pytest.mark.parametrize("deaf", [False, True])
async def test_3ds_ends_by_webhook_or_by_poll(world: World, outcome, kind, deaf) -> None:
    world.deaf = deaf
    command = cards.deposit("pm_card_authenticationRequired", clock=world.clock)
    await world.send(command)
    asked = await world.told(command.payment_id, "action_required")
    assert asked.next_action["type"] == "use_stripe_sdk"
    (intent,) = await world.intents(command.payment_id)
    secret = VAULT.open(asked.next_action["client_secret_sealed"], context="next_action")
    assert secret.decode() == intent["client_secret"]
    await world.control("POST", f"/stripe/challenges/{intent['id']}", {"outcome": outcome})
    await (world.reach if deaf else world.told)(command.payment_id, kind)
    charged = (await world.moved(command.payment_id))["charged"]
    assert charged == (20_00 if kind == "settled" else 0)


async def test_3ds_that_nobody_finishes_expires_and_can_t_be_finished_later(world: World) -> None:
    command = cards.deposit("pm_card_authenticationRequired", clock=world.clock)
    await world.send(command)
    await world.told(command.payment_id, "action_required")
    await world.age(timedelta(minutes=31))
    result = await world.reach(command.payment_id, "expired")
    assert result.failure.code == "action_expired"
    (intent,) = await world.intents(command.payment_id)
    assert intent["status"] == "canceled"


async def test_a_success_that_was_not_heard_before_the_end_still_counts(world: World) -> None:
    """Race: the payer finished 3-D Secure, the webhook is lost, and then the time is over."""
    command = cards.deposit("pm_card_authenticationRequired", clock=world.clock)
    await world.send(command)
    await world.told(command.payment_id, "action_required")
    world.deaf = True
    (intent,) = await world.intents(command.payment_id)
    await world.control("POST", f"/stripe/challenges/{intent['id']}", {"outcome": "approve"})
    await world.age(timedelta(hours=2))
    await world.reach(command.payment_id, "settled")
    assert await world.kinds(command.payment_id) == ["submitted", "action_required", "settled"]


async def test_a_redirect_is_for_the_payer_only(world: World) -> None:
    command = cards.deposit(
        "pm_card_authenticationRequired", clock=world.clock, return_url="https://shop.example/back"
    )
    await world.send(command)
    asked = await world.told(command.payment_id, "action_required")
    assert asked.next_action["type"] == "redirect_to_url"
    url = VAULT.open(asked.next_action["url_sealed"], context="next_action").decode()
    rows = await world.pool.fetch(
        "select coalesce(last_result, '')::text || memory::text as t from card.attempt"
    )
    assert all(url not in row["t"] for row in rows)


async def test_a_repeated_command_is_answered_again_and_charged_once(world: World) -> None:
    command = cards.deposit(clock=world.clock)
    await world.send(command, command)
    settled = await world.told(command.payment_id, "settled")
    await world.control("POST", "/stripe/keys/expire")
    await world.send(command)
    results = await world.results(command.payment_id)
    assert results[-1].result_id == settled.result_id
    assert (await world.moved(command.payment_id))["charged"] == 20_00


async def test_a_withdrawal_that_comes_all_the_same_is_declined(world: World) -> None:
    from cift_shared.messaging.messages import RequestWithdrawal

    fields = cards.deposit().model_dump(
        exclude={"kind", "return_url", "off_session", "description"}
    )
    command = RequestWithdrawal(**fields)
    await world.send(command)
    result = await world.told(command.payment_id, "declined")
    assert result.failure.code == "card_withdrawal_unsupported"


async def test_currencies_travel_as_stripe_counts_them(world: World) -> None:
    for minor, currency, sent in (
        (5000, "UGX", 500000),
        (1000, "JPY", 1000),
        (500_00, "KES", 50000),
    ):
        command = cards.deposit(minor=minor, currency=currency, clock=world.clock)
        await world.send(command)
        result = await world.told(command.payment_id, "settled")
        assert result.amount == Money(minor, currency)
        (intent,) = await world.intents(command.payment_id)
        assert intent["amount"] == sent
