"""Saving, using and forgetting cards, through the engine and the twin."""

import pytest

from cift_shared.messaging.instruments import Instrument
from tests.integration.card_worker.world import World
from tests.support import cards
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


async def saved(world: World, token: str = "pm_card_visa"):
    command = cards.setup(token)
    await world.send(command)
    return await world.told(command.payment_method_id, "saved")


def instrument(result) -> Instrument:
    return Instrument(
        kind="card",
        display="card",
        sealed=result.instrument_sealed,
        customer_sealed=result.customer_reference_sealed,
    )


async def test_a_token_is_saved_and_used_without_the_customer(world: World) -> None:
    result = await saved(world)
    assert (result.public["brand"], result.public["last4"]) == ("visa", "4242")
    command = cards.deposit(clock=world.clock, off_session=True)
    command = command.model_copy(update={"instrument": instrument(result)})
    await world.send(command)
    await world.told(command.payment_id, "settled")
    assert (await world.moved(command.payment_id))["charged"] == 20_00


async def test_a_card_entered_in_the_browser_is_saved(world: World) -> None:
    command = cards.setup()
    await world.send(command)
    asked = await world.told(command.payment_method_id, "action_required")
    assert asked.next_action["type"] == "confirm_setup"
    secret = VAULT.open(asked.next_action["client_secret_sealed"], context="next_action").decode()
    setup_id = secret.split("_secret_")[0]
    answer = await world.http.post(
        f"/v1/setup_intents/{setup_id}/confirm",
        data={"payment_method": "pm_card_mastercard", "client_secret": secret},
        headers={"Authorization": f"Bearer {cards.PUBLISHABLE_KEY}"},
    )
    assert answer.status_code == 200, answer.text
    result = await world.told(command.payment_method_id, "saved")
    assert result.public["brand"] == "mastercard"


async def test_a_card_the_bank_refuses_is_not_saved(world: World) -> None:
    command = cards.setup("pm_card_visa_chargeDeclined")
    await world.send(command)
    result = await world.told(command.payment_method_id, "failed")
    assert result.failure.code == "card_declined"


async def test_a_saved_card_whose_bank_wants_the_holder_is_declined_off_session(
    world: World,
) -> None:
    command = cards.setup("pm_card_authenticationRequired")
    await world.send(command)
    asked = await world.told(command.payment_method_id, "action_required")
    assert asked.next_action["type"] == "use_stripe_sdk"
    secret = VAULT.open(asked.next_action["client_secret_sealed"], context="next_action").decode()
    setup_id = secret.split("_secret_")[0]
    await world.control("POST", f"/stripe/challenges/{setup_id}", {"outcome": "approve"})
    result = await world.told(command.payment_method_id, "saved")
    payment = cards.deposit(clock=world.clock, off_session=True)
    payment = payment.model_copy(update={"instrument": instrument(result)})
    await world.send(payment)
    declined = await world.told(payment.payment_id, "declined")
    assert declined.failure.code == "authentication_required"
    assert declined.failure.retryable
    assert (await world.moved(payment.payment_id))["charged"] == 0


async def test_one_customer_of_ours_is_one_at_stripe(world: World) -> None:
    commands = [cards.setup("pm_card_visa") for _ in range(4)]
    await world.send(*commands)
    for command in commands:
        await world.told(command.payment_method_id, "saved")
    rows = await world.pool.fetch("select * from card.customer")
    assert len(rows) == 1
    headers = {"Authorization": f"Bearer {cards.SECRET_KEY}"}
    answer = await world.http.get("/v1/customers?limit=100", headers=headers)
    assert [one["id"] for one in answer.json()["data"]] == [rows[0]["stripe_id"]]


async def test_a_forgotten_card_can_t_be_used(world: World) -> None:
    result = await saved(world)
    card = VAULT.open(result.instrument_sealed, context="card").decode()
    command = cards.detach(card)
    await world.send(command)
    detached = await world.told(command.payment_method_id, "detached")
    assert detached.payment_method_id == command.payment_method_id
    payment = cards.deposit(clock=world.clock)
    payment = payment.model_copy(update={"instrument": instrument(result)})
    await world.send(payment)
    declined = await world.told(payment.payment_id, "declined")
    assert declined.failure.code == "card_unknown"


async def test_a_repeated_wish_is_answered_again_on_its_own_topic(world: World) -> None:
    command = cards.setup("pm_card_visa")
    await world.send(command)
    first = await world.told(command.payment_method_id, "saved")
    await world.send(command)
    results = await world.results(command.payment_method_id)
    assert results[-1] == first
    assert [one.kind for one in results] == ["pending", "saved", "saved"]
