"""Saving, using and forgetting cards, through the engine and the twin."""

import pytest

from cift_shared.messaging.instruments import Instrument
from tests.integration.card_worker.harness import CardWorkerHarness
from tests.support import cards
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


async def saved(worker: CardWorkerHarness, token: str = "pm_card_visa"):
    command = cards.setup(token)
    await worker.send(command)
    return await worker.told(command.payment_method_id, "saved")


def instrument(result) -> Instrument:
    return Instrument(
        kind="card",
        display="card",
        sealed=result.instrument_sealed,
        customer_sealed=result.customer_reference_sealed,
    )


async def test_a_token_is_saved_and_used_without_the_customer(worker: CardWorkerHarness) -> None:
    result = await saved(worker)
    assert (result.public["brand"], result.public["last4"]) == ("visa", "4242")
    command = cards.deposit(clock=worker.clock, off_session=True)
    command = command.model_copy(update={"instrument": instrument(result)})
    await worker.send(command)
    await worker.told(command.payment_id, "settled")
    assert (await worker.moved(command.payment_id))["charged"] == 20_00


async def test_a_card_entered_in_the_browser_is_saved(worker: CardWorkerHarness) -> None:
    command = cards.setup()
    await worker.send(command)
    asked = await worker.told(command.payment_method_id, "action_required")
    assert asked.next_action["type"] == "confirm_setup"
    secret = VAULT.open(asked.next_action["client_secret_sealed"], context="next_action").decode()
    setup_id = secret.split("_secret_")[0]
    answer = await worker.http.post(
        f"/v1/setup_intents/{setup_id}/confirm",
        data={"payment_method": "pm_card_mastercard", "client_secret": secret},
        headers={"Authorization": f"Bearer {cards.PUBLISHABLE_KEY}"},
    )
    assert answer.status_code == 200, answer.text
    result = await worker.told(command.payment_method_id, "saved")
    assert result.public["brand"] == "mastercard"


async def test_a_card_the_bank_refuses_is_not_saved(worker: CardWorkerHarness) -> None:
    command = cards.setup("pm_card_visa_chargeDeclined")
    await worker.send(command)
    result = await worker.told(command.payment_method_id, "failed")
    assert result.failure.code == "card_declined"


async def test_a_saved_card_whose_bank_wants_the_holder_is_declined_off_session(
    worker: CardWorkerHarness,
) -> None:
    command = cards.setup("pm_card_authenticationRequired")
    await worker.send(command)
    asked = await worker.told(command.payment_method_id, "action_required")
    assert asked.next_action["type"] == "use_stripe_sdk"
    secret = VAULT.open(asked.next_action["client_secret_sealed"], context="next_action").decode()
    setup_id = secret.split("_secret_")[0]
    await worker.control("POST", f"/stripe/challenges/{setup_id}", {"outcome": "approve"})
    result = await worker.told(command.payment_method_id, "saved")
    payment = cards.deposit(clock=worker.clock, off_session=True)
    payment = payment.model_copy(update={"instrument": instrument(result)})
    await worker.send(payment)
    declined = await worker.told(payment.payment_id, "declined")
    assert declined.failure.code == "authentication_required"
    assert declined.failure.retryable
    assert (await worker.moved(payment.payment_id))["charged"] == 0


async def test_one_customer_of_ours_is_one_at_stripe(worker: CardWorkerHarness) -> None:
    commands = [cards.setup("pm_card_visa") for _ in range(4)]
    await worker.send(*commands)
    for command in commands:
        await worker.told(command.payment_method_id, "saved")
    rows = await worker.pool.fetch("select * from card.customer")
    assert len(rows) == 1
    headers = {"Authorization": f"Bearer {cards.SECRET_KEY}"}
    answer = await worker.http.get("/v1/customers?limit=100", headers=headers)
    assert [one["id"] for one in answer.json()["data"]] == [rows[0]["stripe_id"]]


async def test_a_forgotten_card_can_t_be_used(worker: CardWorkerHarness) -> None:
    result = await saved(worker)
    card = VAULT.open(result.instrument_sealed, context="card").decode()
    command = cards.detach(card)
    await worker.send(command)
    detached = await worker.told(command.payment_method_id, "detached")
    assert detached.payment_method_id == command.payment_method_id
    payment = cards.deposit(clock=worker.clock)
    payment = payment.model_copy(update={"instrument": instrument(result)})
    await worker.send(payment)
    declined = await worker.told(payment.payment_id, "declined")
    assert declined.failure.code == "card_unknown"


async def test_a_repeated_wish_is_answered_again_on_its_own_topic(
    worker: CardWorkerHarness,
) -> None:
    command = cards.setup("pm_card_visa")
    await worker.send(command)
    first = await worker.told(command.payment_method_id, "saved")
    await worker.send(command)
    results = await worker.results(command.payment_method_id)
    assert results[-1] == first
    assert [one.kind for one in results] == ["pending", "saved", "saved"]
