"""Scenarios of PayPal that end well in sound services. Payers approve by themselves."""

import asyncio

from tests.chaos.mutants.context import ScenarioContext
from tests.chaos.mutants.light import SPEED

DAY_S = 86_400
PAUSE_S = 3.0
"""Longer than payouts pause after a refusal, at the speed of these clusters."""
RETURN_URL = "https://shop.example/paid"
CAPTURE_DECLINED = "61.00"
"""An amount whose order is completed although its capture is declined (`rails/paypal.py`)."""


async def _pay(context: ScenarioContext, kind: str, amount: str, **terms: object) -> str:
    order = {
        "type": kind,
        "method": "paypal",
        "amount": amount,
        "currency": "USD",
        "customer_id": context.merchant.customer(),
        **terms,
    }
    return str((await context.merchant.make("/payments", order))["id"])


async def _deposit(context: ScenarioContext, amount: str, **terms: object) -> str:
    return await _pay(context, "deposit", amount, return_url=RETURN_URL, **terms)


async def _withdrawal(context: ScenarioContext, customer: str) -> str:
    account = {"paypal_account": f"receives+{customer}@example.com"}
    return await _pay(context, "withdrawal", "10.00", customer_id=customer, payment_method=account)


async def _set_balance(context: ScenarioContext, amount: str) -> None:
    """What PayPal can pay out for us."""
    path = "/control/paypal/balances/USD"
    (await context.twin.put(path, json={"amount": amount})).raise_for_status()


async def paypal_capture_answer_lost(context: ScenarioContext) -> None:
    """PayPal captures an order, and its answer is lost."""
    await context.fault("paypal.orders.capture", "drop_after_effect")
    await context.merchant.ends(await _deposit(context, "80.00"), ["completed", "failed"])


async def paypal_capture_declined(context: ScenarioContext) -> None:
    """A completed order holds a capture that was declined."""
    await context.merchant.ends(await _deposit(context, CAPTURE_DECLINED), ["completed", "failed"])


async def paypal_payout_forgotten(context: ScenarioContext) -> None:
    """PayPal pays, its answer is lost, and it can't be asked until it has forgotten the batch."""
    customer = context.merchant.customer()
    await context.merchant.ends(await _deposit(context, "80.00", customer_id=customer))
    await context.fault("paypal.payouts.post", "drop_after_effect")
    await context.fault("paypal.payouts.post", "html_503", times=1_000)
    payment = await _withdrawal(context, customer)
    sent = "select count(*) from paypal.attempt where payment_id = $1 and state = 'unknown'"
    await context.has_rows(sent, payment)
    month = """with aged as (update paypal.attempt set created_at = created_at - interval '31 days'
                              where payment_id = $1 returning true)
               select count(*) from aged"""
    await context.has_rows(month, payment)
    # the twin divides this jump by its speed, but not the month for which PayPal knows a batch id
    await context.skip(31 * DAY_S * SPEED)
    await context.end_faults()
    await context.merchant.reach(f"/payments/{payment}", ["in_review", "completed"])


async def paypal_batch_sender_dies(context: ScenarioContext) -> None:
    """Withdrawals share a batch, and the worker dies when PayPal has it."""
    customers = [context.merchant.customer() for _ in range(3)]
    for customer in customers:
        await context.merchant.ends(await _deposit(context, "80.00", customer_id=customer))
    await _set_balance(context, "0.00")
    # one after the other: a batch that was refused would be taken apart for good
    hold = """with held as (update paypal.attempt set next_check_at = now() + interval '1 hour'
                             where payment_id = $1 and state = 'ready'
                               and submits > 0 and lease_owner is null returning true)
              select count(*) from held"""
    payments = []
    for customer in customers:
        payments.append(await _withdrawal(context, customer))
        await context.has_rows(hold, payments[-1])
    await _set_balance(context, "100000.00")
    context.arm("paypal-worker", "paypal.after_batch")
    due = """with due as (update paypal.attempt set next_check_at = now()
                           where payment_id = any ($1::uuid[]) and state = 'ready' returning true)
             select count(*) = 3 from due"""
    await asyncio.sleep(PAUSE_S)
    await context.has_rows(due, payments)
    await context.died("paypal-worker")
    for payment in payments:
        await context.merchant.ends(payment)


ALL = (
    paypal_capture_answer_lost,
    paypal_capture_declined,
    paypal_batch_sender_dies,
    paypal_payout_forgotten,
)
"""In the order in which they are played; the last one moves the twins' clock."""
