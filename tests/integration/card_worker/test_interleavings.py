"""Everything at once: whatever is lost, repeated or killed, told and moved agree in the end."""

import random

import pytest

from tests.integration.card_worker.harness import CardWorkerHarness
from tests.support import cards
from tests.support.deaths import Deaths
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

TOKENS = ["pm_card_visa", "pm_card_mastercard", "pm_card_visa_chargeDeclined"]
FAULTS = [
    "drop_before",
    "drop_after_effect",
    "reset_mid_body",
    "html_502_after_effect",
    "saved_500",
    "saved_500_after_effect",
    "rate_limit_retry",
]
OPERATIONS = ["create", "confirm", "retrieve", "cancel"]
PLACES = [
    "worker.before_call",
    "card.after_create",
    "worker.after_call",
    "card.before_confirm",
    "card.after_confirm",
    "card.after_cancel",
    "worker.after_check",
]
NOTICES = ["callback_lost", "callback_twice", "callback_out_of_order"]
FINAL = {"settled", "declined", "expired"}


@pytest.mark.parametrize("seed", range(4))
async def test_told_and_moved_agree(worker: CardWorkerHarness, deaths: Deaths, seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(6):
        await worker.fault(
            f"stripe.payment_intents.{luck.choice(OPERATIONS)}",
            luck.choice(FAULTS),
            times=luck.randint(1, 2),
        )
    await worker.fault("stripe.event.*", luck.choice(NOTICES), times=6)
    for place in luck.sample(PLACES, 3):
        deaths.at(place, times=luck.randint(1, 2))
    commands = [cards.deposit(luck.choice(TOKENS), clock=worker.clock) for _ in range(5)]
    await worker.send(*commands, luck.choice(commands))
    dead = 0

    async def all_final() -> bool:
        nonlocal dead
        if len(deaths.met) > dead:  # who died comes back, as the same instance
            dead = len(deaths.met)
            await worker.restart()
            if luck.random() < 0.5:
                await worker.control("POST", "/stripe/keys/expire")
        await worker.send(luck.choice(commands))
        await worker.make_due()
        kinds = [set(await worker.kinds(command.payment_id)) for command in commands]
        return all(FINAL & told for told in kinds)

    await eventually(all_final, "the end of every payment")
    for command in commands:
        results = await worker.results(command.payment_id)
        final = {one.result_id: one.kind for one in results if one.kind in FINAL}
        assert len(final) == 1, final
        charged = (await worker.moved(command.payment_id))["charged"]
        assert charged == (20_00 if "settled" in final.values() else 0)
        held = [one["status"] for one in await worker.intents(command.payment_id)]
        assert held.count("succeeded") == (1 if charged else 0)
    assert (await worker.control("GET", "/stripe/violations"))["violations"] == []
