"""Ethereum: customers whose wallets pay the shown address, blocks that come and go again."""

from datetime import UTC, datetime
from typing import Any

import httpx

from cift_shared.kafka.producer import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.messages import CancelPayment
from cift_shared.rails.local import local_rails
from cift_shared.security.kafka import Brokers
from tests.chaos.clients.merchant_client import WrongEnd
from tests.chaos.scenarios.context import ScenarioContext

_FINAL = 9
"""Blocks until a payment's block is final: its own, and eight above it."""
_AMOUNT, _WEI = "0.020000000000000000", 2 * 10**16
_PAID_OUT = "0.005"
_UNITS = 25 * 10**6
_CHARGED = """
select count(*) from ethereum.payout where index is not null and charged_at is not null
"""


async def asked(context: ScenarioContext) -> None:
    """A deposit gets its address, whoever dies meanwhile, and is paid."""
    context.arm()
    await _paid(context)


async def deposit(context: ScenarioContext) -> None:
    """The money of a deposit is read from the chain, whoever dies meanwhile."""
    payment_id, address = await _asked(context)
    context.arm()
    await _pay(context, address)
    await context.merchant.ends(payment_id)


async def verification(context: ScenarioContext) -> None:
    """A customer names a foreign transaction; then the own money comes."""
    payment_id, address = await _asked(context)
    context.arm()
    path = f"/payments/{payment_id}/verify"
    answer = await context.merchant.ask("POST", path, {"provider_reference": f"0x{'ab' * 32}"})
    if answer.status_code not in (200, 202):
        raise WrongEnd(f"POST {path}: {answer.status_code}")
    await context.until(context.has_fired, "the death")
    await _pay(context, address)
    await context.merchant.ends(payment_id)


async def after_a_kill(context: ScenarioContext) -> None:
    """The watcher dies anyhow, and again while it takes up what it had left."""
    context.arm()
    context.cluster.kill(context.service)
    await _paid(context)


async def late_cancellation(context: ScenarioContext) -> None:
    """A cancellation comes when the address is shown already: the money is credited."""
    payment_id, address = await _asked(context)
    context.arm()
    command = CancelPayment.model_validate(
        {"payment_id": payment_id, "requested_at": datetime.now(UTC)}
    )
    message = outgoing(topics.commands("ethereum"), command, source="test", at=command.requested_at)
    producer = Producer(Brokers(context.cluster.kafka), name="late-cancellation")
    try:
        await producer.publish([message])
    finally:
        await producer.close()
    await context.until(context.has_fired, "the death")
    await _pay(context, address)
    await context.merchant.ends(payment_id)


async def paid_twice(context: ScenarioContext) -> None:
    """A second payment to the address of a deposit that is settled."""
    payment_id, address = await _paid(context)
    before = await _count(context)
    context.arm()
    await _pay(context, address)

    async def reported() -> bool:
        return await _count(context) > before

    await context.until(reported, f"the second payment to the address of {payment_id}")


async def reorganised(context: ScenarioContext) -> None:
    """Credited money disappears in a reorganisation, and is mined again later."""
    payment_id, _ = await _paid(context)
    shown = await context.merchant.show(f"/payments/{payment_id}")
    transaction = str(shown["provider_reference"])
    context.arm()
    await _node(context, "/control/reorg", {"depth": _FINAL, "drop": [transaction]})

    async def reversed_by(amount: str) -> bool:
        return bool((await context.merchant.show(f"/payments/{payment_id}"))["reversed"] == amount)

    await context.until(lambda: reversed_by(_AMOUNT), "the reversal")
    await _mine(context)
    await context.until(lambda: reversed_by("0.000000000000000000"), "the reinstatement")


async def withdrawal(context: ScenarioContext) -> None:
    """Ether is paid out to an address, whoever dies meanwhile."""
    customer = context.merchant.customer()
    await _paid(context, customer)
    await _paid_out(context, customer, _PAID_OUT, "ETH")


async def token_withdrawal(context: ScenarioContext) -> None:
    """A token is paid out to an address, whoever dies meanwhile."""
    customer = context.merchant.customer()
    await _paid_in_tokens(context, customer)
    await _paid_out(context, customer, "10", "USDC")


async def consolidated(context: ScenarioContext) -> None:
    """The ether of a deposit is moved, whoever dies meanwhile, and the ledger learns the fee."""
    before = await context.query(_CHARGED)
    context.arm()
    await _paid(context)
    await _charged(context, int(before) + 1)


async def token_consolidated(context: ScenarioContext) -> None:
    """The tokens of a deposit are moved, and before them ether for their gas."""
    before = await context.query(_CHARGED)
    context.arm()
    await _paid_in_tokens(context, context.merchant.customer())
    await _charged(context, int(before) + 2)


async def _charged(context: ScenarioContext, count: int) -> None:
    async def charged() -> bool:
        await _node(context, "/control/mine", {"blocks": 1})
        return int(await context.query(_CHARGED)) >= count

    await context.until(charged, "the report of a consolidation")


async def _paid_in_tokens(context: ScenarioContext, customer: str) -> None:
    payment_id, address = await _asked(context, customer, "25", "USDC")
    order = {"address": address, "amount": str(_UNITS), "token": "USDC"}
    await _node(context, "/control/pay", order)
    await _mine(context)
    await context.merchant.ends(payment_id)


async def _paid_out(context: ScenarioContext, customer: str, amount: str, currency: str) -> None:
    address = (await _node(context, "/control/addresses", {}))["address"]
    context.arm()
    order = {
        "type": "withdrawal",
        "method": "ethereum",
        "amount": amount,
        "currency": currency,
        "customer_id": customer,
        "payment_method": {"ethereum_address": address},
    }
    payment_id = str((await context.merchant.make("/payments", order))["id"])

    async def completed() -> bool:
        await _node(context, "/control/mine", {"blocks": 1})
        shown = await context.merchant.show(f"/payments/{payment_id}")
        return bool(shown["status"] == "completed")

    await context.until(completed, "the end of the withdrawal")


async def _paid(context: ScenarioContext, customer: str | None = None) -> tuple[str, str]:
    payment_id, address = await _asked(context, customer)
    await _pay(context, address)
    await context.merchant.ends(payment_id)
    return payment_id, address


async def _asked(
    context: ScenarioContext,
    customer: str | None = None,
    amount: str = _AMOUNT,
    currency: str = "ETH",
) -> tuple[str, str]:
    """An accepted deposit, with the address that it shows."""
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
    """Pay, and mine until it is final."""
    await _send(context, address)
    await _mine(context)


async def _send(context: ScenarioContext, address: str) -> None:
    await _node(context, "/control/pay", _order(address))


def _order(address: str) -> dict[str, Any]:
    return {"address": address, "amount": str(_WEI)}


async def _mine(context: ScenarioContext) -> None:
    await _node(context, "/control/mine", {"blocks": _FINAL})


async def _node(context: ScenarioContext, path: str, body: dict[str, Any]) -> Any:
    name = local_rails()["ethereum"].twin.name
    async with httpx.AsyncClient(base_url=context.cluster.stack.url(name), timeout=30) as node:
        reply = await node.post(path, json=body)
        reply.raise_for_status()
        return reply.json()


async def _count(context: ScenarioContext) -> int:
    sql = "select count(*) from ledger.payment where rail = 'ethereum' and status = 'completed'"
    return int(await context.query(sql))
