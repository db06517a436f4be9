"""MTN MoMo: requests to pay, payouts and refunds in Uganda, and what happens on their way.

Both countries are units of one process and run the same code, so one of them dies at each point.
"""

from collections.abc import Collection
from itertools import count
from typing import Any

from tests.chaos.clients.merchant_client import WrongEnd
from tests.chaos.scenarios.context import Scenario, ScenarioContext

APPROVE_S, SLOW_APPROVE_S = 8, 160
"""Seconds of MTN's until a payer approves."""
_NUMBERS = count(1)


async def _pay(context: ScenarioContext, kind: str, amount: str, **terms: Any) -> str:
    number = f"25677{next(_NUMBERS):04d}777"
    order = {
        "type": kind,
        "method": "mpesa",
        "amount": amount,
        "currency": "UGX",
        "customer_id": context.merchant.customer(),
        "payment_method": {"phone": number, "country": "UG"},
        **terms,
    }
    return str((await context.merchant.make("/payments", order))["id"])


async def _paid(context: ScenarioContext, **terms: Any) -> str:
    payment_id = await _pay(context, "deposit", "40000", **terms)
    await context.merchant.ends(payment_id)
    return payment_id


async def deposit(context: ScenarioContext) -> None:
    """A request to pay that is approved, whoever dies on its way."""
    context.arm()
    await _paid(context)


async def prompted(context: ScenarioContext) -> None:
    """A request to pay that is approved a while later."""
    payment_id = await _prompted(context)
    context.arm()
    await context.merchant.ends(payment_id)


async def _prompted(context: ScenarioContext) -> str:
    """A request to pay whose payer takes a while."""
    await context.control("PATCH", "/control/settings", {"momo_approve_s": SLOW_APPROVE_S})
    payment_id = await _pay(context, "deposit", "40000")
    await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    await context.control("PATCH", "/control/settings", {"momo_approve_s": APPROVE_S})
    return payment_id


async def new_token(context: ScenarioContext) -> None:
    """A deposit for which MTN wants a fresh access token."""
    await context.control("POST", "/control/momo/tokens/expire")
    context.arm()
    await _paid(context)


def payout(ends: Collection[str] = ("completed",)) -> Scenario:
    """A withdrawal to a wallet."""

    async def scenario(context: ScenarioContext) -> None:
        customer = context.merchant.customer()
        await _paid(context, customer_id=customer)
        context.arm()
        payment_id = await _pay(context, "withdrawal", "10000", customer_id=customer)
        await context.merchant.ends(payment_id, ends)

    return scenario


def refund(amount: str | None = None) -> Scenario:
    """A deposit given back, whole or in part."""

    async def scenario(context: ScenarioContext) -> None:
        paid = await _paid(context)
        context.arm()
        await context.merchant.ends(await context.merchant.refund(paid, amount))

    return scenario


async def cancellation(context: ScenarioContext) -> None:
    """A deposit that is to be stopped while MTN takes nothing."""
    async with context.fault("momo.collection", "http_429"):
        payment_id = await _pay(context, "deposit", "40000")
        context.arm()
        await context.merchant.ask("POST", f"/payments/{payment_id}/cancel")
        await context.until(context.has_fired, "the death")
    await context.merchant.ends(payment_id, ["canceled", "completed"])


async def after_a_kill(context: ScenarioContext) -> None:
    """The worker dies anyhow, and again while it takes up what it had left."""
    context.arm()
    context.cluster.kill(context.service)
    await _paid(context)


async def verification(context: ScenarioContext) -> None:
    """A customer asks to have MTN queried now; then the payer approves."""
    payment_id = await _prompted(context)
    context.arm()
    path = f"/payments/{payment_id}/verify"
    answer = await context.merchant.ask("POST", path, {"provider_reference": "1503480762"})
    if answer.status_code not in (200, 202):
        raise WrongEnd(f"POST {path}: {answer.status_code}")
    await context.until(context.has_fired, "the death")
    await context.merchant.ends(payment_id)
