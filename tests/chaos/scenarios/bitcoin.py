"""Bitcoin: customers who pay the shown address and are paid, blocks that come and go again."""

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

_CONFIRMATIONS = 3
_AMOUNT, _SATS = "0.02000000", 2_000_000
_PAID_OUT = "0.01000000"
_SMALL_AMOUNT, _SMALL_SATS, _SMALL_COINS = "0.00050000", 50_000, 3
_CHARGED = """
select count(*) from bitcoin.own_transfer
 where purpose = 'consolidation' and charged_at is not null
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


async def seen(context: ScenarioContext) -> None:
    """A transaction waits in the mempool, whoever dies meanwhile, and is mined then."""
    payment_id, address = await _asked(context)
    context.arm()
    await _send(context, address)
    await context.until(context.has_fired, "the death")
    await _mine(context)
    await context.merchant.ends(payment_id)


async def verification(context: ScenarioContext) -> None:
    """A customer names a foreign transaction; then the own money comes."""
    payment_id, address = await _asked(context)
    context.arm()
    path = f"/payments/{payment_id}/verify"
    answer = await context.merchant.ask("POST", path, {"provider_reference": "ab" * 32})
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
    message = outgoing(topics.commands("bitcoin"), command, source="test", at=command.requested_at)
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
    txid = str(shown["provider_reference"]).partition(":")[0]
    context.arm()
    await _node(context, "/control/reorg", {"depth": _CONFIRMATIONS, "drop": [txid]})

    async def reversed_by(amount: str) -> bool:
        return bool((await context.merchant.show(f"/payments/{payment_id}"))["reversed"] == amount)

    await context.until(lambda: reversed_by(_AMOUNT), "the reversal")
    await _mine(context)
    await context.until(lambda: reversed_by("0.00000000"), "the reinstatement")


async def withdrawal(context: ScenarioContext) -> None:
    """Money is paid out to an address, whoever dies meanwhile."""
    customer = context.merchant.customer()
    await _paid(context, customer)
    address = (await _node(context, "/control/addresses", {}))["address"]
    context.arm()
    order = {
        "type": "withdrawal",
        "method": "bitcoin",
        "amount": _PAID_OUT,
        "currency": "BTC",
        "customer_id": customer,
        "payment_method": {"bitcoin_address": address},
    }
    payment_id = str((await context.merchant.make("/payments", order))["id"])

    async def completed() -> bool:
        await _node(context, "/control/mine", {"blocks": 1})
        shown = await context.merchant.show(f"/payments/{payment_id}")
        return bool(shown["status"] == "completed")

    await context.until(completed, "the end of the withdrawal")


async def consolidated(context: ScenarioContext) -> None:
    """Small coins are put together, whoever dies meanwhile, and the ledger learns the fee."""
    before = await context.query(_CHARGED)
    asked = [await _asked(context, amount=_SMALL_AMOUNT) for _ in range(_SMALL_COINS)]
    context.arm()
    for _, address in asked:
        await _send(context, address, _SMALL_SATS)
    await _mine(context)
    for payment_id, _ in asked:
        await context.merchant.ends(payment_id)

    async def charged() -> bool:
        await _node(context, "/control/mine", {"blocks": 1})
        return int(await context.query(_CHARGED)) > before

    await context.until(charged, "the report of a consolidation")


async def _paid(context: ScenarioContext, customer: str | None = None) -> tuple[str, str]:
    payment_id, address = await _asked(context, customer)
    await _pay(context, address)
    await context.merchant.ends(payment_id)
    return payment_id, address


async def _asked(
    context: ScenarioContext, customer: str | None = None, amount: str = _AMOUNT
) -> tuple[str, str]:
    """An accepted deposit, with the address that it shows."""
    order = {
        "type": "deposit",
        "method": "bitcoin",
        "amount": amount,
        "currency": "BTC",
        "customer_id": customer or context.merchant.customer(),
    }
    payment_id = str((await context.merchant.make("/payments", order))["id"])
    payment = await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    return payment_id, payment["next_action"]["address"]


async def _pay(context: ScenarioContext, address: str) -> None:
    """Pay, and mine until it is deep enough."""
    await _send(context, address)
    await _mine(context)


async def _send(context: ScenarioContext, address: str, sats: int = _SATS) -> None:
    outputs = [{"address": address, "sats": sats}]
    await _node(context, "/control/pay", {"outputs": outputs, "fee_rate": "5"})


async def _mine(context: ScenarioContext) -> None:
    await _node(context, "/control/mine", {"blocks": _CONFIRMATIONS})


async def _node(context: ScenarioContext, path: str, body: dict[str, Any]) -> Any:
    name = local_rails()["bitcoin"].twin.name
    async with httpx.AsyncClient(base_url=context.cluster.stack.url(name), timeout=30) as node:
        reply = await node.post(path, json=body)
        reply.raise_for_status()
        return reply.json()


async def _count(context: ScenarioContext) -> int:
    sql = "select count(*) from ledger.payment where rail = 'bitcoin' and status = 'completed'"
    return int(await context.query(sql))
