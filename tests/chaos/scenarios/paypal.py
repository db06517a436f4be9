"""PayPal: orders that a payer approves, refunds, payouts, saved accounts, disputes.

The payers are moved by the twin's control API; the part of their address before the `+` is what
they do.
"""

import asyncio
from collections.abc import Collection
from typing import Any

from tests.chaos.clients.merchant_client import WrongEnd
from tests.chaos.scenarios.context import Scenario, ScenarioContext

RETURN_URL = "https://shop.example/paid"
PAYER = "pays@example.com"
_CONTROL = "/control/paypal"
PAUSE_S = 3.0
"""Longer than payouts pause after a refusal, at the speed of these clusters."""


def deposit(payer: str = PAYER) -> Scenario:
    """A deposit that its payer approves, whoever dies on its way."""

    async def scenario(context: ScenarioContext) -> None:
        context.arm()
        await _pay_in(context, payer)

    return scenario


async def approval(context: ScenarioContext) -> None:
    """An order that waits for its payer, who approves."""
    payment_id = await _asked(context)
    context.arm()
    await _approve(context, payment_id)
    await context.merchant.ends(payment_id)


async def sent_back(context: ScenarioContext) -> None:
    """A payer whose first way of paying is declined, and who chooses another one."""
    payment_id = await _asked(context)
    context.arm()
    await _approve(context, payment_id, "declined-once@example.com")
    returned = "select memory->>'returns' = '1' from paypal.attempt where payment_id = $1"

    async def is_back() -> Any:
        return await context.query(returned, payment_id)

    await context.until(is_back, "the payer sent back")
    await _approve(context, payment_id, "declined-once@example.com")
    await context.merchant.ends(payment_id)


async def new_token(context: ScenarioContext) -> None:
    """A deposit for which PayPal wants a fresh access token."""
    await context.control("POST", f"{_CONTROL}/tokens/expire")
    context.arm()
    await _pay_in(context)


async def verification(context: ScenarioContext) -> None:
    """A customer asks to have PayPal queried now; then the payer approves."""
    other = await _reference(context, await _pay_in(context))
    payment_id = await _asked(context)
    context.arm()
    path = f"/payments/{payment_id}/verify"
    answer = await context.merchant.ask("POST", path, {"provider_reference": other})
    if answer.status_code not in (200, 202):
        raise WrongEnd(f"POST {path}: {answer.status_code}")
    await context.until(context.has_fired, "the death")
    await _approve(context, payment_id)
    await context.merchant.ends(payment_id)


async def after_a_kill(context: ScenarioContext) -> None:
    """The worker dies anyhow, and again while it takes up what it had left."""
    context.arm()
    context.cluster.kill(context.service)
    await _pay_in(context)


async def cancellation(context: ScenarioContext) -> None:
    """An order is canceled while its payer has not approved."""
    payment_id = await _asked(context)
    context.arm()
    await context.merchant.ask("POST", f"/payments/{payment_id}/cancel")
    await context.merchant.ends(payment_id, ["canceled"])
    await context.control(
        "POST", f"{_CONTROL}/orders/{await _order_of(context, payment_id)}/expire"
    )


async def unsent_cancellation(context: ScenarioContext) -> None:
    """A deposit is canceled while PayPal takes no order."""
    async with context.fault("paypal.orders.create", "http_429"):
        customer = context.merchant.customer()
        payment_id = await _order(context, "deposit", customer, return_url=RETURN_URL)
        await _is_put_off(context, payment_id)
        context.arm()
        await context.merchant.ask("POST", f"/payments/{payment_id}/cancel")
        await context.until(context.has_fired, "the death")
        await context.merchant.ends(payment_id, ["canceled"])


async def _is_put_off(context: ScenarioContext, payment_id: str) -> None:
    """Wait until PayPal has refused a request: the next one is a while away."""
    sql = """select state = 'ready' and next_check_at > now() from paypal.attempt
              where payment_id = $1"""

    async def is_put_off() -> Any:
        return await context.query(sql, payment_id)

    await context.until(is_put_off, "PayPal's refusal")


def refund(amount: str | None = None, payer: str = PAYER) -> Scenario:
    """A deposit given back, whole or in part."""

    async def scenario(context: ScenarioContext) -> None:
        paid = await _pay_in(context, payer)
        context.arm()
        await context.merchant.ends(await context.merchant.refund(paid, amount))

    return scenario


async def refund_that_fails_later(context: ScenarioContext) -> None:
    """A refund that was completed comes back."""
    refunded = await context.merchant.refund(await _pay_in(context))
    await context.merchant.ends(refunded)
    context.arm()
    made = await _reference(context, refunded)
    await context.control("POST", f"{_CONTROL}/refunds/{made}", {"status": "FAILED"})

    async def back() -> bool:
        return bool((await context.merchant.show(f"/payments/{refunded}"))["reversed"] != "0.00")

    await context.until(back, "the failure of the refund")


def payout(receiver: str, ends: Collection[str] = ("completed",)) -> Scenario:
    """A withdrawal to a PayPal account."""

    async def scenario(context: ScenarioContext) -> None:
        customer = await _customer_with_money(context)
        context.arm()
        await context.merchant.ends(await _pay_out(context, customer, receiver), ends)

    return scenario


async def returned_payout(context: ScenarioContext) -> None:
    """A withdrawal that nobody claims, and that the merchant cancels."""
    customer = await _customer_with_money(context)
    payment_id = await _pay_out(context, customer, "unclaimed")
    unclaimed = "select memory->>'status' = 'UNCLAIMED' from paypal.attempt where payment_id = $1"

    async def is_unclaimed() -> Any:
        return await context.query(unclaimed, payment_id)

    await context.until(is_unclaimed, "the payout unclaimed")
    context.arm()
    await context.merchant.ask("POST", f"/payments/{payment_id}/cancel")
    await context.merchant.ends(payment_id, ["canceled"])


async def payouts_together(context: ScenarioContext) -> None:
    """Withdrawals that wait for money at PayPal, and travel in one batch when it is there."""
    payments = await _waiting_payouts(context)
    await _set_balance(context, "100000.00")
    context.arm()
    await _claim_together(context, payments)
    for payment_id in payments:
        await context.merchant.ends(payment_id)


async def payouts_apart(context: ScenarioContext) -> None:
    """Withdrawals whose batch PayPal refuses, as the balance covers only one of them."""
    payments = await _waiting_payouts(context)
    await _set_balance(context, "15.00")
    context.arm()
    await _claim_together(context, payments)
    await _set_balance(context, "100000.00")
    for payment_id in payments:
        await context.merchant.ends(payment_id)


async def _set_balance(context: ScenarioContext, amount: str) -> None:
    await context.control("PUT", f"{_CONTROL}/balances/USD", {"amount": amount})


async def _waiting_payouts(context: ScenarioContext) -> list[str]:
    """Withdrawals that are held because PayPal has no money of ours."""
    customers = [await _customer_with_money(context) for _ in range(3)]
    await _set_balance(context, "0.00")
    payments = [await _pay_out(context, customer, "receives") for customer in customers]
    hold = """with held as (update paypal.attempt set next_check_at = now() + interval '1 hour'
                             where payment_id = any ($1::uuid[]) and state = 'ready'
                               and submits > 0 and lease_owner is null returning true)
              select count(*) = 3 from held"""

    async def held() -> Any:
        return await context.query(hold, payments)

    await context.until(held, "three withdrawals that are held")
    return payments


async def _claim_together(context: ScenarioContext, payments: list[str]) -> None:
    """Let the withdrawals be due at the same moment, and wait until somebody has died."""
    due = """with due as (update paypal.attempt set next_check_at = now()
                           where payment_id = any ($1::uuid[]) and state = 'ready' returning true)
             select count(*) = 3 from due"""
    await asyncio.sleep(PAUSE_S)
    await context.query(due, payments)
    await context.until(context.has_fired, "the death")


async def saved(context: ScenarioContext) -> None:
    """An account that its owner wants to be kept."""
    context.arm()
    await _save(context, context.merchant.customer())


async def deposit_of_saved(context: ScenarioContext) -> None:
    """A deposit from a saved account, whose owner is absent: creating the order takes the money."""
    customer = context.merchant.customer()
    account = await _save(context, customer)
    context.arm()
    terms = {"payment_method": {"id": account}, "off_session": True}
    await context.merchant.ends(await _order(context, "deposit", customer, **terms))


async def forgotten(context: ScenarioContext) -> None:
    """A saved account is forgotten, by us and by PayPal."""
    account = await _save(context, context.merchant.customer())
    context.arm()
    path = f"/payment-methods/{account}"
    answer = await context.merchant.ask("DELETE", path)
    # a repeat finds nothing: the first one had its effect
    if answer.status_code not in (204, 404) or await context.merchant.show(path):
        raise WrongEnd(f"DELETE {path}: {answer.status_code}, or still there")
    sql = "select forgotten_at from gateway.payment_method where payment_method_id = $1"

    async def gone() -> Any:
        return await context.query(sql, account)

    await context.until(gone, "the account forgotten at PayPal")


async def dispute(context: ScenarioContext) -> None:
    """A payer objects to a deposit."""
    capture = await _reference(context, paid := await _pay_in(context))
    context.arm()
    await _object_to(context, capture)
    await _dispute_is_known(context, paid)


async def dispute_without_webhook(context: ScenarioContext) -> None:
    """A payer objects, and no webhook tells it: PayPal's list of events does."""
    capture = await _reference(context, paid := await _pay_in(context))
    async with context.fault("paypal.event.CUSTOMER.*", "callback_lost"):
        await _object_to(context, capture)
        context.arm()
        await context.until(context.has_fired, "the death")
        await _dispute_is_known(context, paid)


async def _object_to(context: ScenarioContext, capture: str) -> None:
    await context.control("POST", f"{_CONTROL}/captures/{capture}/disputes", {})


async def _dispute_is_known(context: ScenarioContext, payment_id: str) -> None:
    async def known() -> Any:
        disputes = await context.merchant.show(f"/disputes?payment_id={payment_id}")
        return any(found["withdrawn"] != "0.00" for found in disputes.get("data", []))

    await context.until(known, "the dispute")


async def _pay_in(context: ScenarioContext, payer: str = PAYER, customer: str | None = None) -> str:
    """A deposit that its payer approves, once it has arrived."""
    payment_id = await _asked(context, customer)
    await _approve(context, payment_id, payer)
    await context.merchant.ends(payment_id)
    return payment_id


async def _asked(context: ScenarioContext, customer: str | None = None) -> str:
    """A deposit that waits for its payer."""
    customer = customer or context.merchant.customer()
    payment_id = await _order(context, "deposit", customer, return_url=RETURN_URL)
    await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    return payment_id


async def _order(context: ScenarioContext, kind: str, customer: str, **terms: Any) -> str:
    order = {
        "type": kind, "method": "paypal", "amount": "20.00", "currency": "USD",
        "customer_id": customer, **terms,
    }  # fmt: skip
    return str((await context.merchant.make("/payments", order))["id"])


async def _approve(context: ScenarioContext, payment_id: str, payer: str = PAYER) -> None:
    order = await _order_of(context, payment_id)
    decision = {"outcome": "approve", "email": payer}
    await context.control("POST", f"{_CONTROL}/orders/{order}", decision)


async def _order_of(context: ScenarioContext, payment_id: str) -> str:
    """PayPal's name for the order of a deposit."""
    sql = "select memory->>'order' from paypal.attempt where payment_id = $1"
    return str(await context.query(sql, payment_id))


async def _reference(context: ScenarioContext, payment_id: str) -> str:
    """PayPal's name for a payment, once it is known."""

    async def name() -> Any:
        return (await context.merchant.show(f"/payments/{payment_id}"))["provider_reference"]

    return str(await context.until(name, "the provider's reference of a payment"))


async def _customer_with_money(context: ScenarioContext) -> str:
    customer = context.merchant.customer()
    await _pay_in(context, customer=customer)
    return customer


async def _pay_out(context: ScenarioContext, customer: str, receiver: str) -> str:
    account = {"paypal_account": f"{receiver}+{customer}@example.com"}
    return await _order(context, "withdrawal", customer, amount="10.00", payment_method=account)


async def _save(context: ScenarioContext, customer: str) -> str:
    """An account whose owner has approved that deposits are taken from it."""
    wish = {"method": "paypal", "customer_id": customer, "return_url": RETURN_URL}
    account = str((await context.merchant.make("/payment-methods", wish))["id"])
    await context.merchant.reach(f"/payment-methods/{account}", ["requires_action"])
    sql = "select memory->>'setup' from paypal.attempt where payment_id = $1"
    setup = await context.query(sql, account)
    await context.control("POST", f"{_CONTROL}/setup-tokens/{setup}", {"email": PAYER})
    await context.merchant.reach(f"/payment-methods/{account}", ["active"])
    return account
