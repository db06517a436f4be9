"""Scenarios of Ethereum that end well in sound services."""

from typing import Any

import httpx

from cift_shared.rails.local import local_rails
from tests.chaos.mutants.context import ScenarioContext

_FINAL_AFTER = 8
_WEI = 2 * 10**16
_UNITS = 25 * 10**6


async def _asked(
    context: ScenarioContext, amount: str = "0.02", currency: str = "ETH"
) -> tuple[str, str]:
    """A deposit with its address."""
    order = {
        "type": "deposit",
        "method": "ethereum",
        "amount": amount,
        "currency": currency,
        "customer_id": context.merchant.customer(),
    }
    payment_id = str((await context.merchant.make("/payments", order))["id"])
    payment = await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    return payment_id, payment["next_action"]["address"]


async def _pay(context: ScenarioContext, address: str) -> None:
    """Pay; the payment is in one block."""
    order = {"address": address, "amount": str(_WEI), "confirm": 1}
    await _node(context, "/control/pay", order)


async def _node(context: ScenarioContext, path: str, body: dict[str, Any]) -> None:
    name = local_rails()["ethereum"].twin.name
    async with httpx.AsyncClient(base_url=context.cluster.stack.url(name), timeout=30) as node:
        (await node.post(path, json=body)).raise_for_status()


async def ethereum_paid(context: ScenarioContext) -> None:
    """A deposit is paid by a transaction, whose block becomes final."""
    payment_id, address = await _asked(context)
    await _pay(context, address)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER})
    await context.merchant.ends(payment_id)


async def ethereum_gone_before_final(context: ScenarioContext) -> None:
    """A payment disappears with its block before that is final; the customer pays once more."""
    payment_id, address = await _asked(context)
    await _pay(context, address)
    await context.merchant.reach(f"/payments/{payment_id}", ["processing"])
    await _node(context, "/control/reorg", {"depth": 1, "drop_all": True, "forget": True})
    sql = "select count(*) from ethereum.block where not is_active and $1::text is not null"
    await context.has_rows(sql, payment_id)
    await _pay(context, address)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER})
    await context.merchant.ends(payment_id)


async def ethereum_paid_in_tokens(context: ScenarioContext) -> None:
    """A deposit in USDC is paid; a foreign contract of the same name pays as well."""
    payment_id, address = await _asked(context, "25", "USDC")
    for more in ({"fake": True}, {"token": "USDC"}):
        order = {"address": address, "amount": str(_UNITS), "confirm": 1, **more}
        await _node(context, "/control/pay", order)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER})
    await context.merchant.ends(payment_id)


ALL = (ethereum_paid, ethereum_gone_before_final, ethereum_paid_in_tokens)
