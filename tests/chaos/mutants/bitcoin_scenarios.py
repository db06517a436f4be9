"""Scenarios of Bitcoin that end well in sound services."""

from typing import Any

import httpx

from cift_shared.rails.local import local_rails
from tests.chaos.mutants.context import EARLY_S, ScenarioContext

_CONFIRMATIONS = 3


async def _paid(
    context: ScenarioContext, amount: str, sats: int, customer: str | None = None
) -> str:
    """A deposit that is paid with so many satoshi, and completed."""
    payment_id, address, _ = await _asked(context, amount, customer=customer)
    await _pay(context, address, sats, blocks=_CONFIRMATIONS)
    await context.merchant.ends(payment_id)
    return payment_id


async def _asked(
    context: ScenarioContext, amount: str, currency: str = "BTC", *, customer: str | None = None
) -> tuple[str, str, int]:
    """A deposit, with its address and the satoshi to pay there."""
    order = {
        "type": "deposit",
        "method": "bitcoin",
        "amount": amount,
        "currency": currency,
        "customer_id": customer or context.merchant.customer(),
    }
    payment_id = str((await context.merchant.make("/payments", order))["id"])
    payment = await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    action = payment["next_action"]
    return payment_id, action["address"], int(action["amount"].replace(".", ""))


async def _pay(context: ScenarioContext, address: str, sats: int, *, blocks: int) -> None:
    outputs = [{"address": address, "sats": sats}]
    await _node(context, "/control/pay", {"outputs": outputs, "fee_rate": "5"})
    await _node(context, "/control/mine", {"blocks": blocks})


async def _node(context: ScenarioContext, path: str, body: dict[str, Any]) -> Any:
    name = local_rails()["bitcoin"].twin.name
    async with httpx.AsyncClient(base_url=context.cluster.stack.url(name), timeout=30) as node:
        reply = await node.post(path, json=body)
        reply.raise_for_status()
        return reply.json()


async def _ordered(context: ScenarioContext, customer: str, amount: str) -> str:
    """A withdrawal."""
    order = {
        "type": "withdrawal",
        "method": "bitcoin",
        "amount": amount,
        "currency": "BTC",
        "customer_id": customer,
        "payment_method": {
            "bitcoin_address": (await _node(context, "/control/addresses", {}))["address"]
        },
    }
    return str((await context.merchant.make("/payments", order))["id"])


async def _withdrawn(context: ScenarioContext, customer: str) -> str:
    """A withdrawal whose transaction is stored."""
    payment_id = await _ordered(context, customer, "0.005")
    await context.has_rows(_FIRST_SENT, payment_id)
    return payment_id


_FIRST_SENT = """
select count(*) from bitcoin.spend where payment_id = $1 and sent_at is not null
"""
_SECOND_SENT = f"{_FIRST_SENT} and version = 2"


async def bitcoin_paid_out(context: ScenarioContext) -> None:
    """A withdrawal is signed, sent, mined and completed."""
    customer = context.merchant.customer()
    await _paid(context, "0.02", 2_000_000, customer)
    payment_id = await _withdrawn(context, customer)
    await _node(context, "/control/mine", {"blocks": _CONFIRMATIONS})
    await context.merchant.ends(payment_id)


async def bitcoin_left_out(context: ScenarioContext) -> None:
    """Miners leave a withdrawal out, its fee is raised, and everything that waits is mined."""
    customer = context.merchant.customer()
    for _ in range(2):
        await _paid(context, "0.02", 2_000_000, customer)
    payment_id = await _withdrawn(context, customer)
    for _ in range(2):
        await _node(context, "/control/mine", {"transactions": []})
    await context.has_rows(_SECOND_SENT, payment_id)
    await _node(context, "/control/mine", {"blocks": _CONFIRMATIONS})
    await context.merchant.ends(payment_id)


async def bitcoin_gone_for_good(context: ScenarioContext) -> None:
    """A credited deposit is in no block after a reorganisation, and never comes back."""
    payment_id = await _paid(context, "0.02", 2_000_000)
    body = {"depth": _CONFIRMATIONS, "drop_all": True, "forget": True}
    await _node(context, "/control/reorg", body)
    sql = """select count(*) from bitcoin.output
              where deposit_id = $1 and is_reversed and height is null"""
    await context.has_rows(sql, payment_id)


async def bitcoin_not_deep_yet(context: ScenarioContext) -> None:
    """A deposit stays open until it has all its confirmations."""
    payment_id, address, sats = await _asked(context, "0.02")
    await _pay(context, address, sats, blocks=_CONFIRMATIONS - 1)
    if not await context.ends_within(payment_id, EARLY_S):
        await _node(context, "/control/mine", {"blocks": 1})
        await context.merchant.ends(payment_id)


async def bitcoin_priced(context: ScenarioContext) -> None:
    """A deposit is priced in dollars, and its payer pays what it shows."""
    payment_id, address, sats = await _asked(context, "50.00", "USD")
    await _pay(context, address, sats, blocks=_CONFIRMATIONS)
    await context.merchant.ends(payment_id)


async def bitcoin_above_cap(context: ScenarioContext) -> None:
    """A withdrawal is above what the signer may sign."""
    customer = context.merchant.customer()
    await _paid(context, "12", 12 * 10**8, customer)
    payment_id = await _ordered(context, customer, "11")
    if not await context.ends_within(payment_id, EARLY_S):
        await _node(context, "/control/mine", {"blocks": _CONFIRMATIONS})
        await context.merchant.ends(payment_id)


async def bitcoin_odd_amount(context: ScenarioContext) -> None:
    """A deposit is paid to the satoshi."""
    await _paid(context, "0.29000006", 29_000_006)


ALL = (
    bitcoin_odd_amount,
    bitcoin_not_deep_yet,
    bitcoin_priced,
    bitcoin_above_cap,
    bitcoin_gone_for_good,
    bitcoin_paid_out,
    bitcoin_left_out,
)
