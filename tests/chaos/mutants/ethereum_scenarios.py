"""Scenarios of Ethereum that end well in sound services."""

import asyncio
from typing import Any

import httpx

from cift_shared.rails.local import local_rails
from tests.chaos.checks.postings import LONG_DEEP
from tests.chaos.mutants.context import EARLY_S, LOOK_S, PATIENCE_S, ScenarioContext

_FINAL_AFTER = 8
_WEI = 2 * 10**16
_UNITS = 25 * 10**6


async def _asked(
    context: ScenarioContext,
    amount: str = "0.02",
    currency: str = "ETH",
    *,
    customer: str | None = None,
) -> tuple[str, str]:
    """A deposit with its address."""
    order = {
        "type": "deposit",
        "method": "ethereum",
        "amount": amount,
        "currency": currency,
        "customer_id": customer or context.merchant.customer(),
    }
    payment_id = str((await context.merchant.make("/payments", order))["id"])
    payment = await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    return payment_id, payment["next_action"]["address"]


async def _pay(context: ScenarioContext, address: str) -> None:
    """Pay; the payment is in one block."""
    order = {"address": address, "amount": str(_WEI), "confirm": 1}
    await _node(context, "/control/pay", order)


async def _node(context: ScenarioContext, path: str, body: dict[str, Any]) -> Any:
    name = local_rails()["ethereum"].twin.name
    async with httpx.AsyncClient(base_url=context.cluster.stack.url(name), timeout=30) as node:
        reply = await node.post(path, json=body)
        reply.raise_for_status()
        return reply.json()


_FIRST_SENT = """
select count(*) from ethereum.spend where payment_id = $1 and sent_at is not null
"""
_CHARGED = """
select count(*) from ethereum.payout where index is not null and charged_at is not null
"""
_SECOND_SENT = f"{_FIRST_SENT} and version = 2"


async def _withdrawn(context: ScenarioContext) -> str:
    """A withdrawal of a customer who has paid in; its transaction is stored."""
    customer = context.merchant.customer()
    payment_id, address = await _asked(context, customer=customer)
    await _pay(context, address)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER})
    await context.merchant.ends(payment_id)
    return await _sent(context, customer, "0.005", "ETH")


async def _sent(context: ScenarioContext, customer: str, amount: str, currency: str) -> str:
    """A withdrawal whose transaction is at the node."""
    withdrawal_id = await _ordered(context, customer, amount, currency)
    await context.has_rows(_FIRST_SENT, withdrawal_id)
    return withdrawal_id


async def _ordered(context: ScenarioContext, customer: str, amount: str, currency: str) -> str:
    """A withdrawal."""
    order = {
        "type": "withdrawal",
        "method": "ethereum",
        "amount": amount,
        "currency": currency,
        "customer_id": customer,
        "payment_method": {
            "ethereum_address": (await _node(context, "/control/addresses", {}))["address"]
        },
    }
    return str((await context.merchant.make("/payments", order))["id"])


async def ethereum_paid_out(context: ScenarioContext) -> None:
    """A withdrawal is signed, sent, mined and completed."""
    payment_id = await _withdrawn(context)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER + 1})
    await context.merchant.ends(payment_id)


async def ethereum_tokens_paid_out(context: ScenarioContext) -> None:
    """A withdrawal in USDC is signed, sent, mined and completed."""
    customer = await _with_tokens(context, 25)
    payment_id = await _sent(context, customer, "10", "USDC")
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER + 1})
    await context.merchant.ends(payment_id)


async def ethereum_tokens_above_cap(context: ScenarioContext) -> None:
    """A withdrawal in USDC is above what the signer may sign."""
    customer = await _with_tokens(context, 6_000)
    payment_id = await _ordered(context, customer, "5500", "USDC")
    if not await context.ends_within(payment_id, EARLY_S):
        await _node(context, "/control/mine", {"blocks": _FINAL_AFTER + 1})
        await context.merchant.ends(payment_id)


async def _with_tokens(context: ScenarioContext, amount: int) -> str:
    """A customer who has paid in so many USDC."""
    customer = context.merchant.customer()
    payment_id, address = await _asked(context, str(amount), "USDC", customer=customer)
    order = {"address": address, "amount": str(amount * 10**6), "token": "USDC"}
    await _node(context, "/control/pay", order)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER + 1})
    await context.merchant.ends(payment_id)
    return customer


async def ethereum_tokens_consolidated(context: ScenarioContext) -> None:
    """The USDC of a deposit are moved, before them ether for their gas; both fees are reported."""
    before = await context.query(_CHARGED)
    await _with_tokens(context, 25)
    async with asyncio.timeout(PATIENCE_S):
        while await context.query(_CHARGED) < before + 2:
            await _node(context, "/control/mine", {"blocks": 1})
            await asyncio.sleep(LOOK_S)
    await _node(context, "/control/mine", {"blocks": LONG_DEEP})


async def ethereum_left_out(context: ScenarioContext) -> None:
    """Blocks leave a withdrawal out, its fee is raised, and everything that waits is mined."""
    payment_id = await _withdrawn(context)
    for _ in range(2):
        await _node(context, "/control/mine", {"transactions": []})
    await context.has_rows(_SECOND_SENT, payment_id)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER + 1})
    await context.merchant.ends(payment_id)


async def ethereum_paid(context: ScenarioContext) -> None:
    """A deposit is paid by a transaction, whose block becomes final."""
    payment_id, address = await _asked(context)
    await _pay(context, address)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER})
    await context.merchant.ends(payment_id)


async def ethereum_not_final_yet(context: ScenarioContext) -> None:
    """A deposit stays open until its block is final."""
    payment_id, address = await _asked(context)
    await _pay(context, address)
    await _node(context, "/control/mine", {"blocks": _FINAL_AFTER - 1})
    if not await context.ends_within(payment_id, EARLY_S):
        await _node(context, "/control/mine", {"blocks": 1})
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


ALL = (
    ethereum_paid,
    ethereum_not_final_yet,
    ethereum_gone_before_final,
    ethereum_paid_in_tokens,
    ethereum_paid_out,
    ethereum_tokens_paid_out,
    ethereum_tokens_above_cap,
    ethereum_tokens_consolidated,
    ethereum_left_out,
)
