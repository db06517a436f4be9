"""Deaths and lost answers at every line: no path charges, refunds or reports twice.

The twin's own book is the judge.
"""

from datetime import timedelta

import pytest

from tests.integration.card_worker.harness import CardWorkerHarness
from tests.support import cards
from tests.support.deaths import Deaths
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

DEPOSIT_PLACES = [
    "worker.before_call",
    "card.after_create",
    "worker.after_call",
    "card.before_confirm",
    "card.after_confirm",
    "worker.after_check",
]


async def died(deaths: Deaths, place: str) -> None:
    async def look() -> bool:
        return place in deaths.met

    await eventually(look, f"the death at {place}")


@pytest.mark.parametrize("forgotten", [False, True], ids=["same-day", "key-forgotten"])
@pytest.mark.parametrize("place", DEPOSIT_PLACES)
async def test_a_death_at_any_line_charges_once(
    worker: CardWorkerHarness, deaths, place, forgotten
) -> None:
    deaths.at(place)
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    await died(deaths, place)
    if forgotten:
        await worker.control("POST", "/stripe/keys/expire")
    await worker.restart()
    await worker.reach(command.payment_id, "settled")
    assert (await worker.moved(command.payment_id))["charged"] == 20_00
    assert len(await worker.intents(command.payment_id)) == 1
    assert (await worker.kinds(command.payment_id)).count("settled") == 1


@pytest.mark.parametrize("place", ["card.after_confirm", "card.after_cancel", "worker.after_check"])
async def test_a_death_around_a_decline_keeps_its_reason(
    worker: CardWorkerHarness, deaths, place
) -> None:
    deaths.at(place)
    command = cards.deposit("pm_card_visa_chargeDeclinedInsufficientFunds", clock=worker.clock)
    await worker.send(command)
    await died(deaths, place)
    await worker.restart()
    result = await worker.reach(command.payment_id, "declined")
    assert result.failure.code == "card_funds_insufficient"
    (intent,) = await worker.intents(command.payment_id)
    assert intent["status"] == "canceled"
    assert (await worker.moved(command.payment_id))["charged"] == 0


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (operation, kind)
        for operation in ("stripe.payment_intents.create", "stripe.payment_intents.confirm")
        for kind in (
            "drop_before",
            "drop_after_effect",
            "reset_mid_body",
            "html_502",
            "html_502_after_effect",
            "internal_error",
            "saved_500",
            "saved_500_after_effect",
            "http_429",
            "rate_limit_retry",
        )
    ],
)
async def test_any_fault_of_one_call_charges_once(
    worker: CardWorkerHarness, operation, kind
) -> None:
    await worker.fault(operation, kind)
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    await worker.reach(command.payment_id, "settled")
    assert (await worker.moved(command.payment_id))["charged"] == 20_00
    assert (await worker.kinds(command.payment_id)).count("settled") == 1


@pytest.mark.parametrize("place", ["worker.before_call", "card.after_refund", "worker.after_call"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["same-day", "key-forgotten"])
async def test_a_death_at_any_line_refunds_once(
    worker: CardWorkerHarness, deaths, place, forgotten
) -> None:
    intent_id, paid = await paid_deposit(worker)
    deaths.at(place)
    command = cards.refund(intent_id, minor=5_00)
    await worker.send(command)
    await died(deaths, place)
    if forgotten:
        await worker.control("POST", "/stripe/keys/expire")
    await worker.restart()
    await worker.reach(command.payment_id, "settled")
    assert (await worker.moved(paid.payment_id))["refunded"] == 5_00
    assert (await worker.kinds(command.payment_id)).count("settled") == 1


@pytest.mark.parametrize(
    "kind",
    ["drop_after_effect", "reset_mid_body", "saved_500", "saved_500_after_effect", "html_502"],
)
async def test_any_fault_of_the_call_refunds_once(worker: CardWorkerHarness, kind) -> None:
    intent_id, paid = await paid_deposit(worker)
    await worker.fault("stripe.refunds.create", kind)
    command = cards.refund(intent_id, minor=5_00)
    await worker.send(command)
    await worker.reach(command.payment_id, "settled")
    assert (await worker.moved(paid.payment_id))["refunded"] == 5_00


async def paid_deposit(worker: CardWorkerHarness):
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    result = await worker.told(command.payment_id, "settled")
    return result.provider_reference, command


async def test_a_day_of_standstill_charges_nobody_who_has_gone(
    worker: CardWorkerHarness, deaths
) -> None:
    """The intent was made, then everything stood still: the payer is not charged a day later."""
    deaths.at("card.after_create")
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    await died(deaths, "card.after_create")
    await worker.control("POST", "/stripe/keys/expire")
    await worker.stop()
    worker.clock.advance(timedelta(hours=25))
    await worker.start()
    await worker.reach(command.payment_id, "expired")
    (intent,) = await worker.intents(command.payment_id)
    assert intent["status"] == "canceled"
    assert (await worker.moved(command.payment_id))["charged"] == 0


async def test_a_webhook_before_the_answer_changes_nothing(worker: CardWorkerHarness) -> None:
    await worker.fault("stripe.event.payment_intent.succeeded", "callback_before_answer")
    await worker.fault("stripe.event.payment_intent.created", "callback_before_answer")
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    await worker.told(command.payment_id, "settled")
    assert (await worker.moved(command.payment_id))["charged"] == 20_00


async def test_webhooks_twice_late_and_out_of_order_tell_once(worker: CardWorkerHarness) -> None:
    for kind in ("callback_twice", "callback_out_of_order"):
        await worker.fault("stripe.event.*", kind, times=5)
    command = cards.deposit("pm_card_authenticationRequired", clock=worker.clock)
    await worker.send(command)
    await worker.told(command.payment_id, "action_required")
    (intent,) = await worker.intents(command.payment_id)
    await worker.control("POST", f"/stripe/challenges/{intent['id']}", {"outcome": "approve"})
    await worker.told(command.payment_id, "settled")
    for notice in list(worker.events):
        await worker.notices.handle([worker._record(notice)])
    await worker.make_due()
    assert await worker.kinds(command.payment_id) == ["submitted", "action_required", "settled"]


async def test_another_intent_of_a_worker_without_its_lease_is_never_confirmed(
    worker: CardWorkerHarness, deaths
) -> None:
    """Race: a holder that lost its lease stores another intent late; the stored one stays."""
    deaths.at("worker.after_call")
    command = cards.deposit(clock=worker.clock)
    await worker.send(command)
    await died(deaths, "worker.after_call")
    await worker.restart()
    await worker.reach(command.payment_id, "settled")
    row = await worker.state(command.payment_id)
    from cift_shared.attempts.results import Claim
    from cift_shared.attempts.state_machine import Decision

    store = worker.engine._store
    claim = Claim(
        attempt=cards.attempt(command, worker.clock),
        payment_id=str(command.payment_id),
        rail="card",
        state="sending",
        lease=row["lease"] - 1,
        seq=0,
        submits=1,
        maybe_sent=False,
        age=timedelta(0),
        touched_at=worker.clock.now(),
        trace={},
    )
    late = Decision(claim, "waiting", timedelta(0), memory={"intent": "pi_other"}, maybe_sent=True)
    assert await store.save([late], now=worker.clock.now()) == set()
    memory = (await worker.state(command.payment_id))["memory"]
    assert memory["intent"] == row["memory"]["intent"]


async def test_two_commands_at_once_make_one_customer_and_charge_each_once(
    worker: CardWorkerHarness,
) -> None:
    commands = [cards.deposit(clock=worker.clock) for _ in range(8)]
    await worker.send(*commands)
    for command in commands:
        await worker.told(command.payment_id, "settled")
        assert (await worker.moved(command.payment_id))["charged"] == 20_00
