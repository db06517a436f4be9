"""Short stories that end well in sound services, whatever dies in them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from cift_shared.rails.local import FINAL
from tests.chaos.faults import leading
from tests.chaos.history import new_key
from tests.chaos.mutants.stage import LOOK_S, PATIENCE_S, Stage

Schedule = Callable[[Stage], Awaitable[None]]

_REFUSED = 422


async def _deposit(stage: Stage, amount: str = "1000.00", **terms: object) -> tuple[str, str]:
    """A deposit's id, not yet ended, and its customer."""
    customer = str(terms.pop("customer_id", stage.shop.customer()))
    payment = await stage.shop.pay("mpesa", "deposit", amount=amount, customer_id=customer, **terms)
    return payment, customer


async def _funded(stage: Stage, amount: str = "1000.00") -> str:
    """A customer who has paid in so much."""
    payment, customer = await _deposit(stage, amount)
    await stage.shop.ends(payment)
    return customer


async def _ended(stage: Stage, *payments: str) -> None:
    """Wait for the end of payments, whatever it is; a bug may keep some of them from it."""
    for payment in payments:
        try:
            async with asyncio.timeout(6):
                await stage.shop.reach(f"/payments/{payment}", FINAL)
        except TimeoutError:
            return


def _phone(stage: Stage, suffix: str) -> dict[str, str]:
    """A phone with a behaviour of the twin's."""
    return {"phone": stage.shop.phone()[:-3] + suffix}


async def plain_deposit(stage: Stage) -> None:
    """A deposit, read again and again, and once more when it is over."""
    payment, _ = await _deposit(stage)
    await _ended(stage, payment)
    for _ in range(4):
        await stage.shop.show(f"/payments/{payment}")


async def plain_payout(stage: Stage) -> None:
    """A payout."""
    customer = await _funded(stage)
    await _ended(
        stage,
        await stage.shop.pay("mpesa", "withdrawal", amount="100.00", customer_id=customer),
    )


async def same_key_of_two_merchants(stage: Stage) -> None:
    """Two merchants choose the same key for the same words."""
    order = {
        "type": "deposit", "method": "mpesa", "amount": "300.00", "currency": "KES",
        "customer_id": stage.shop.customer(), "payment_method": {"phone": stage.shop.phone()},
    }  # fmt: skip
    key = new_key()
    for shop in (stage.shop, stage.other):
        asked = stage.history.begin("POST /payments", key, order, shop.merchant)
        headers = {"Idempotency-Key": key}
        answer = await shop.http.post("/payments", json=order, headers=headers)
        stage.history.answered(asked, answer.status_code, answer.json())


async def same_key_again(stage: Stage) -> None:
    """A client repeats what it was answered."""
    order = {
        "type": "deposit", "method": "mpesa", "amount": "310.00", "currency": "KES",
        "customer_id": stage.shop.customer(), "payment_method": {"phone": stage.shop.phone()},
    }  # fmt: skip
    key = new_key()
    for _ in range(2):
        asked = stage.history.begin("POST /payments", key, order, stage.shop.merchant)
        headers = {"Idempotency-Key": key}
        answer = await stage.shop.http.post("/payments", json=order, headers=headers)
        stage.history.answered(asked, answer.status_code, answer.json())


async def refused_and_then_funded(stage: Stage) -> None:
    """A payout is refused for want of money; a copy of the request comes once there is enough."""
    customer, key = stage.shop.customer(), new_key()
    order = {
        "type": "withdrawal", "method": "mpesa", "amount": "100.00", "currency": "KES",
        "customer_id": customer, "payment_method": {"phone": stage.shop.phone()},
    }  # fmt: skip
    for funded in (False, True):
        if funded:
            deposit, _ = await _deposit(stage, customer_id=customer)
            await stage.shop.ends(deposit)
        asked = stage.history.begin("POST /payments", key, order, stage.shop.merchant)
        headers = {"Idempotency-Key": key}
        answer = await stage.shop.http.post("/payments", json=order, headers=headers)
        stage.history.answered(asked, answer.status_code, answer.json())


async def command_twice(stage: Stage) -> None:
    """The relay of the gateway dies after it has published: the command comes twice."""
    customer = await _funded(stage)
    stage.arm("gateway", "relay.after_publish")
    payout = await stage.shop.pay("mpesa", "withdrawal", amount="100.00", customer_id=customer)
    await stage.died("gateway")
    await _ended(stage, payout)


async def _deposit_with_a_death(stage: Stage, service: str, point: str) -> None:
    """A deposit to its end; the service dies at the place on its way."""
    stage.arm(service, point)
    payment, _ = await _deposit(stage)
    await stage.died(service)
    await _ended(stage, payment)


async def gateway_dies_after_commit(stage: Stage) -> None:
    """The gateway dies between its commit and its answer; the client asks again."""
    await _deposit_with_a_death(stage, "gateway", "gateway.after_commit")


async def ledger_dies_before_its_offset(stage: Stage) -> None:
    """The ledger dies when it has done its work and not said so to the broker."""
    await _deposit_with_a_death(stage, "ledger", "subscriber.before_commit")


async def ledger_sees_a_life_twice(stage: Stage) -> None:
    """All results of a payment come in one batch, and come again after they were applied."""
    stage.world.stop("ledger")
    payment, _ = await _deposit(stage)
    await stage.attempts_are_over()
    stage.arm("ledger", "subscriber.before_commit")
    stage.world.kill("ledger")
    await stage.died("ledger")
    await _ended(stage, payment)


async def ledger_relay_dies(stage: Stage) -> None:
    """The relay of the ledger dies between publishing and deleting."""
    await _deposit_with_a_death(stage, "ledger", "relay.after_publish")


async def results_told_twice(stage: Stage) -> None:
    """The relay of the worker dies between publishing and deleting."""
    await _deposit_with_a_death(stage, "mpesa-worker", "relay.after_publish")


async def worker_dies_after_a_push(stage: Stage) -> None:
    """The prompt is out, and the worker dies before it has stored that."""
    stage.arm("mpesa-worker", "worker.after_call")
    payment, _ = await _deposit(stage)
    await stage.died("mpesa-worker")
    await _ended(stage, payment)


async def push_answer_and_callback_lost(stage: Stage) -> None:
    """The provider takes the push, its answer is lost, and so is the callback: nobody can know."""
    await stage.fault("daraja.stk", "drop_after_effect")
    payment, _ = await _deposit(stage, payment_method=_phone(stage, "301"))
    await stage.shop.reach(f"/payments/{payment}", {"processing", *FINAL})
    await asyncio.sleep(1)  # the payer pays meanwhile


async def slow_payout(stage: Stage) -> None:
    """The provider pays at once and answers late; with that answer stored, the worker dies."""
    customer = await _funded(stage)
    await stage.fault("daraja.b2c", "delay", delay_s=2.2)
    payout = await stage.shop.pay("mpesa", "withdrawal", amount="100.00", customer_id=customer)
    await _ended(stage, payout)
    await stage.attempts_are_over()
    stage.arm("mpesa-worker", "worker.after_save")
    with contextlib.suppress(TimeoutError):  # with leases that outlive the answer it isn't late
        await stage.until(lambda: stage.world.fired("mpesa-worker"), "no late answer", within_s=2)
    # dead once more as it begins, so that there is time to see what a late answer left behind
    stage.arm("mpesa-worker", "worker.after_release")


async def spend_twice(stage: Stage) -> None:
    """A customer spends the same money twice, the first payout being slow."""
    customer = await _funded(stage)
    terms = {"amount": "700.00", "customer_id": customer}
    slow = await stage.shop.pay("mpesa", "withdrawal", **terms, payment_method=_phone(stage, "501"))
    order = {
        "type": "withdrawal", "method": "mpesa", "currency": "KES", **terms,
        "payment_method": {"phone": stage.shop.phone()},
    }  # fmt: skip
    await stage.shop.ask("POST", "/payments", order, keyed=True)
    await _ended(stage, slow)


async def payout_fails_beside_another(stage: Stage) -> None:
    """A payout fails while a larger one is under way."""
    customer = await _funded(stage)
    slow = await stage.shop.pay(
        "mpesa", "withdrawal", amount="600.00", customer_id=customer,
        payment_method=_phone(stage, "501"),
    )  # fmt: skip
    fails = await stage.shop.pay(
        "mpesa", "withdrawal", amount="200.00", customer_id=customer,
        payment_method=_phone(stage, "203"),
    )  # fmt: skip
    await _ended(stage, fails, slow)


async def forged_success(stage: Stage) -> None:
    """A forged callback says that more was paid; the payer cancels."""
    payment, _ = await _deposit(stage, payment_method=_phone(stage, "306"))
    await _ended(stage, payment)


async def refunds_of_more(stage: Stage) -> None:
    """Two refunds are asked for that are more than the deposit together."""
    first, customer = await _deposit(stage)
    second, _ = await _deposit(stage, customer_id=customer)
    await stage.shop.ends(first)
    await stage.shop.ends(second)
    for _ in range(2):
        await stage.shop.ask("POST", f"/payments/{first}/refunds", {"amount": "600.00"}, keyed=True)


async def refund_answer_lost(stage: Stage) -> None:
    """Stripe makes the refund, and its answer is lost."""
    deposit = await stage.shop.pay("card", "deposit", amount="100.00")
    await stage.shop.ends(deposit)
    await stage.fault("stripe.refunds.create", "drop_after_effect")
    await _ended(stage, await stage.shop.refund(deposit, "30.00"))


async def leader_hangs(stage: Stage) -> None:
    """The ledger's process whose relay leads hangs, the other one takes over, and it goes on."""
    hangs = await leading(stage.world, "ledger")
    stage.world.stop(hangs)
    payment, _ = await _deposit(stage)
    async with asyncio.timeout(PATIENCE_S):
        while await leading(stage.world, "ledger") == hangs:
            await asyncio.sleep(LOOK_S)
    stage.world.resume(hangs)
    await stage.shop.ends(payment)


WITH_TWO = {"leader_hangs"}
"""Those that need two processes of each service."""

SCHEDULES: Mapping[str, Schedule] = {
    schedule.__name__: schedule
    for schedule in (
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
    )
}
"""In the order in which one sound world plays them all."""
