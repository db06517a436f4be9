"""Scenarios of what only the plugin's rails can do; they end well in sound services."""

import asyncio
from collections.abc import Mapping

from cift_shared.rails.local import FINAL
from tests.chaos.mutants.context import PATIENCE_S, ScenarioContext
from tests.chaos.mutants.scenarios import Scenario

PAYS, HANGS, PAYS_ALL_THE_SAME = "DP-1000-0001", "DP-1000-0999", "DP-1000-0901"
WORKER, TWIN = "demopay-worker", "demopay-twin"
_NOTICES = """
select count(*) from demopoll.notice
  join demopoll.attempt using (attempt_id)
 where payment_id = $1::text::uuid and purpose = -2
"""
"""Requests to cancel that the worker has stored."""


async def _pay(context: ScenarioContext, kind: str, currency: str, **terms: str) -> str:
    order = {
        "type": kind, "method": "demopay", "amount": terms["amount"], "currency": currency,
        "customer_id": terms["customer"], "payment_method": {"account": terms["account"]},
    }  # fmt: skip
    return str((await context.merchant.make("/payments", order))["id"])


async def _funded(context: ScenarioContext, currency: str) -> tuple[str, str]:
    """A customer who has paid in 100.00, and the payment."""
    customer = context.merchant.customer()
    paid = await _pay(
        context, "deposit", currency, amount="100.00", customer=customer, account=PAYS
    )
    await context.merchant.ends(paid)
    return customer, paid


async def _moved_back(context: ScenarioContext, payment: str, *orders: dict[str, object]) -> None:
    """The provider takes back, and returns, parts of a payment."""
    receipt = (await context.merchant.show(f"/payments/{payment}"))["provider_reference"]
    for order in orders:
        url = f"{context.cluster.stack.url(TWIN)}/control/reversals"
        reply = await context.twin.post(url, json={"receipt": receipt, **order})
        reply.raise_for_status()


async def _shows_reversed(context: ScenarioContext, payment: str, amount: str) -> None:
    """Wait until a payment shows this amount as reversed; a bug may keep it from that."""
    try:
        async with asyncio.timeout(6):
            path = f"/payments/{payment}"
            while (await context.merchant.show(path))["reversed"] != amount:
                await asyncio.sleep(0.1)
    except TimeoutError:
        return


async def reversed_in_parts(context: ScenarioContext) -> None:
    """The provider takes two parts of a deposit back, returns the first, and says so twice."""
    _, paid = await _funded(context, "ZAR")
    first: dict[str, object] = {"name": "r1", "kind": "reversed", "amount": 20_00}
    second: dict[str, object] = {"name": "r2", "kind": "reversed", "amount": 30_00}
    back = {**first, "kind": "reinstated"}
    await _moved_back(context, paid, first, second)
    await _shows_reversed(context, paid, "50.00")
    await _moved_back(context, paid, back, {**back, "again": True})
    await _shows_reversed(context, paid, "30.00")


async def canceled_too_late(context: ScenarioContext) -> None:
    """A payout is canceled while the provider has it, and the provider has paid."""
    customer, _ = await _funded(context, "GHS")
    payout = await _pay(
        context, "withdrawal", "GHS", amount="40.00", customer=customer, account=PAYS_ALL_THE_SAME
    )
    await context.merchant.reach(f"/payments/{payout}", {"processing"})
    await context.merchant.ask("POST", f"/payments/{payout}/cancel")
    await context.merchant.reach(f"/payments/{payout}", FINAL)


async def canceled_while_sending(context: ScenarioContext) -> None:
    """A payout is canceled while its request is at the provider, and the worker dies meanwhile."""
    customer, _ = await _funded(context, "GHS")
    payout = await _pay(
        context, "withdrawal", "GHS", amount="30.00", customer=customer, account=HANGS
    )
    await context.has_rows("select count(*) from demopoll.attempt where payment_id = $1::text::uuid"
                           " and state = 'sending'", payout)  # fmt: skip
    await context.merchant.ask("POST", f"/payments/{payout}/cancel")
    await context.has_rows(_NOTICES, payout)
    context.cluster.kill(WORKER)
    await asyncio.sleep(0.5)
    await context.cluster.stack.wait_ready(WORKER, PATIENCE_S)
    (
        await context.twin.post(f"{context.cluster.stack.url(TWIN)}/control/release")
    ).raise_for_status()
    await context.merchant.reach(f"/payments/{payout}", FINAL)


WITH_TWO: set[str] = set()
SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (reversed_in_parts, canceled_too_late, canceled_while_sending)
}
"""The last one lets the twin answer every account from then on."""
