"""Scenarios that end well in sound services, whatever dies in them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from cift_shared.rails.local import FINAL
from tests.chaos.clients.history import new_key
from tests.chaos.faults.injection import leading
from tests.chaos.mutants import (
    bitcoin_scenarios,
    ethereum_scenarios,
    momo_scenarios,
    paypal_scenarios,
    tanzania_scenarios,
)
from tests.chaos.mutants.context import LOOK_S, PATIENCE_S, ScenarioContext
from tests.chaos.mutants.light import SPEED

Scenario = Callable[[ScenarioContext], Awaitable[None]]

PIN_S, SLOW_PIN_S = 17, 160
"""Seconds of the provider's until a payer has entered the PIN."""
PULLS_LOST = 10


async def _deposit(
    context: ScenarioContext, amount: str = "1000.00", **terms: object
) -> tuple[str, str]:
    """A deposit's id, not yet ended, and its customer."""
    customer = str(terms.pop("customer_id", context.merchant.customer()))
    payment = await context.merchant.pay(
        "mpesa", "deposit", amount=amount, customer_id=customer, **terms
    )
    return payment, customer


async def _funded(context: ScenarioContext, amount: str = "1000.00") -> str:
    """A customer who has paid in so much."""
    payment, customer = await _deposit(context, amount)
    await context.merchant.ends(payment)
    return customer


async def _ended(context: ScenarioContext, *payments: str) -> None:
    """Wait for the end of payments, whatever it is; a bug may keep some of them from it."""
    for payment in payments:
        try:
            async with asyncio.timeout(6):
                await context.merchant.reach(f"/payments/{payment}", FINAL)
        except TimeoutError:
            return


def _phone(context: ScenarioContext, suffix: str) -> dict[str, str]:
    """A phone with a behaviour of the twin's."""
    return {"phone": context.merchant.phone()[:-3] + suffix}


def _order(context: ScenarioContext, amount: str) -> dict[str, object]:
    """What a client sends for a deposit."""
    return {
        "type": "deposit",
        "method": "mpesa",
        "amount": amount,
        "currency": "KES",
        "customer_id": context.merchant.customer(),
        "payment_method": {"phone": context.merchant.phone()},
    }


async def plain_deposit(context: ScenarioContext) -> None:
    """A deposit, read again and again, and once more when it is over."""
    payment, _ = await _deposit(context)
    await _ended(context, payment)
    for _ in range(4):
        await context.merchant.show(f"/payments/{payment}")


async def plain_payout(context: ScenarioContext) -> None:
    """A payout."""
    customer = await _funded(context)
    await _ended(
        context,
        await context.merchant.pay("mpesa", "withdrawal", amount="100.00", customer_id=customer),
    )


async def same_key_of_two_merchants(context: ScenarioContext) -> None:
    """Two merchants choose the same key for the same words."""
    order = _order(context, "300.00")
    key = new_key()
    for merchant in (context.merchant, context.other):
        asked = context.history.begin("POST /payments", key, order, merchant.name)
        headers = {"Idempotency-Key": key}
        answer = await merchant.http.post("/payments", json=order, headers=headers)
        context.history.answered(asked, answer.status_code, answer.json())


async def same_key_again(context: ScenarioContext) -> None:
    """A client repeats what it was answered."""
    order = _order(context, "310.00")
    key = new_key()
    for _ in range(2):
        asked = context.history.begin("POST /payments", key, order, context.merchant.name)
        headers = {"Idempotency-Key": key}
        answer = await context.merchant.http.post("/payments", json=order, headers=headers)
        context.history.answered(asked, answer.status_code, answer.json())


async def refused_and_then_funded(context: ScenarioContext) -> None:
    """A payout is refused for want of money; a copy of the request comes once there is enough."""
    customer, key = context.merchant.customer(), new_key()
    order = {
        "type": "withdrawal", "method": "mpesa", "amount": "100.00", "currency": "KES",
        "customer_id": customer, "payment_method": {"phone": context.merchant.phone()},
    }  # fmt: skip
    for funded in (False, True):
        if funded:
            deposit, _ = await _deposit(context, customer_id=customer)
            await context.merchant.ends(deposit)
        asked = context.history.begin("POST /payments", key, order, context.merchant.name)
        headers = {"Idempotency-Key": key}
        answer = await context.merchant.http.post("/payments", json=order, headers=headers)
        context.history.answered(asked, answer.status_code, answer.json())


async def command_twice(context: ScenarioContext) -> None:
    """The relay of the gateway dies after it has published: the command comes twice."""
    customer = await _funded(context)
    context.arm("gateway", "relay.after_publish")
    payout = await context.merchant.pay(
        "mpesa", "withdrawal", amount="100.00", customer_id=customer
    )
    await context.died("gateway")
    await _ended(context, payout)


async def _deposit_with_a_death(context: ScenarioContext, service: str, point: str) -> None:
    """A deposit to its end; the service dies at the place on its way."""
    context.arm(service, point)
    payment, _ = await _deposit(context)
    await context.died(service)
    await _ended(context, payment)


async def gateway_dies_after_commit(context: ScenarioContext) -> None:
    """The gateway dies between its commit and its answer; the client asks again."""
    await _deposit_with_a_death(context, "gateway", "gateway.after_commit")


async def ledger_dies_before_its_offset(context: ScenarioContext) -> None:
    """The ledger dies when it has done its work and not said so to the broker."""
    await _deposit_with_a_death(context, "ledger", "subscriber.before_commit")


async def ledger_sees_a_life_twice(context: ScenarioContext) -> None:
    """All results of a payment come in one batch, and come again after they were applied."""
    context.cluster.stop("ledger")
    payment, _ = await _deposit(context)
    await context.attempts_are_over()
    context.arm("ledger", "subscriber.before_commit")
    context.cluster.kill("ledger")
    await context.died("ledger")
    await _ended(context, payment)
    another, _ = await _deposit(context)  # its results come after those that come again
    await _ended(context, another)


async def ledger_relay_dies(context: ScenarioContext) -> None:
    """The relay of the ledger dies between publishing and deleting."""
    await _deposit_with_a_death(context, "ledger", "relay.after_publish")


async def results_told_twice(context: ScenarioContext) -> None:
    """The relay of the worker dies between publishing and deleting."""
    await _deposit_with_a_death(context, "mpesa-worker", "relay.after_publish")


async def worker_dies_after_a_push(context: ScenarioContext) -> None:
    """The prompt is out, the worker dies before it has stored that, and the payer pays after it is
    back: what is known of the payment would keep it from sending again.
    """
    await context.change_twin(success_s=SLOW_PIN_S)
    context.arm("mpesa-worker", "worker.after_call")
    payment, _ = await _deposit(context)
    await context.died("mpesa-worker")
    await _ended(context, payment)
    await context.change_twin(success_s=PIN_S)


async def push_answer_and_callback_lost(context: ScenarioContext) -> None:
    """The provider takes the push, its answer is lost, and so is the callback: nobody can know.

    The payer takes so long that a worker which sends the push again does so before: a confirmation
    of the payment would keep it from that. The provider's records can't be read for a while: they
    would show a wrong end to be one.
    """
    await context.change_twin(success_s=SLOW_PIN_S)
    await context.fault("daraja.stk", "drop_after_effect")
    await context.fault("daraja.pull", "drop_before", times=PULLS_LOST)
    payment, _ = await _deposit(context, payment_method=_phone(context, "301"))
    await context.merchant.reach(f"/payments/{payment}", {"processing", *FINAL})
    await asyncio.sleep(SLOW_PIN_S / SPEED + 1)  # the payer pays meanwhile
    await context.change_twin(success_s=PIN_S)


async def slow_payout(context: ScenarioContext) -> None:
    """The provider pays at once and answers late; with that answer stored, the worker dies."""
    customer = await _funded(context)
    await context.fault("daraja.b2c", "delay", delay_s=2.2)
    payout = await context.merchant.pay(
        "mpesa", "withdrawal", amount="100.00", customer_id=customer
    )
    await _ended(context, payout)
    await context.attempts_are_over()
    context.arm("mpesa-worker", "worker.after_save")
    with contextlib.suppress(TimeoutError):  # with leases that outlive the answer it isn't late
        await context.until(
            lambda: context.cluster.fired("mpesa-worker"), "no late answer", within_s=2
        )
    # dead once more as it begins, so that there is time to see what a late answer left behind
    context.arm("mpesa-worker", "worker.after_release")


async def spend_twice(context: ScenarioContext) -> None:
    """A customer spends the same money twice, the first payout being slow."""
    customer = await _funded(context)
    terms = {"amount": "700.00", "customer_id": customer}
    slow = await context.merchant.pay(
        "mpesa", "withdrawal", **terms, payment_method=_phone(context, "501")
    )
    order = {
        "type": "withdrawal", "method": "mpesa", "currency": "KES", **terms,
        "payment_method": {"phone": context.merchant.phone()},
    }  # fmt: skip
    await context.merchant.ask("POST", "/payments", order, keyed=True)
    await _ended(context, slow)


async def payout_fails_beside_another(context: ScenarioContext) -> None:
    """A payout fails while a larger one is under way."""
    customer = await _funded(context)
    slow = await context.merchant.pay(
        "mpesa", "withdrawal", amount="600.00", customer_id=customer,
        payment_method=_phone(context, "501"),
    )  # fmt: skip
    fails = await context.merchant.pay(
        "mpesa", "withdrawal", amount="200.00", customer_id=customer,
        payment_method=_phone(context, "203"),
    )  # fmt: skip
    await _ended(context, fails, slow)


async def forged_success(context: ScenarioContext) -> None:
    """A forged callback says that more was paid; the payer cancels."""
    payment, _ = await _deposit(context, payment_method=_phone(context, "306"))
    await _ended(context, payment)


async def refunds_of_more(context: ScenarioContext) -> None:
    """Two refunds are asked for that are more than the deposit together."""
    first, customer = await _deposit(context)
    second, _ = await _deposit(context, customer_id=customer)
    await context.merchant.ends(first)
    await context.merchant.ends(second)
    for _ in range(2):
        await context.merchant.ask(
            "POST", f"/payments/{first}/refunds", {"amount": "600.00"}, keyed=True
        )


async def refund_answer_lost(context: ScenarioContext) -> None:
    """Stripe makes the refund, and its answer is lost."""
    deposit = await context.merchant.pay("card", "deposit", amount="100.00")
    await context.merchant.ends(deposit)
    await context.fault("stripe.refunds.create", "drop_after_effect")
    await _ended(context, await context.merchant.refund(deposit, "30.00"))


async def leader_hangs(context: ScenarioContext) -> None:
    """The ledger's process whose relay leads hangs, the other one takes over, and it goes on."""
    hangs = await leading(context.cluster, "ledger")
    context.cluster.stop(hangs)
    payment, _ = await _deposit(context)
    async with asyncio.timeout(PATIENCE_S):
        while await leading(context.cluster, "ledger") == hangs:
            await asyncio.sleep(LOOK_S)
    context.cluster.resume(hangs)
    await context.merchant.ends(payment)


WITH_TWO = {"leader_hangs"}
"""Those that need two processes of each service."""

SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        plain_deposit,
        plain_payout,
        same_key_of_two_merchants,
        same_key_again,
        refused_and_then_funded,
        command_twice,
        gateway_dies_after_commit,
        ledger_dies_before_its_offset,
        ledger_sees_a_life_twice,
        ledger_relay_dies,
        results_told_twice,
        worker_dies_after_a_push,
        slow_payout,
        spend_twice,
        payout_fails_beside_another,
        forged_success,
        refunds_of_more,
        refund_answer_lost,
        push_answer_and_callback_lost,
        leader_hangs,
        *tanzania_scenarios.ALL,
        *momo_scenarios.ALL,
        *bitcoin_scenarios.ALL,
        *ethereum_scenarios.ALL,
        *paypal_scenarios.ALL,
    )
}
"""In the order in which one sound cluster plays them all."""
