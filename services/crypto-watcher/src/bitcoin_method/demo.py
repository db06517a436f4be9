"""Bitcoin in the demo: deposits and a withdrawal, confirmed block by block.

A reorganisation undoes a deposit; the withdrawal is left out by miners, so its fee is raised.

The demo's payer has no wallet: the faucet of the regtest node pays, and its miner mines on command.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from cift_shared.rails.local import FINAL, Merchant, Step

DEPOSIT, SECOND, WITHDRAWAL = "0.01000000", "0.00500000", "0.00600000"
PRICE = "50.00"
STUCK_BLOCKS = 2
"""Blocks without the withdrawal, until its fee is raised."""
BLOCKS = 3
WITHIN_S = 60.0
LOOK_EVERY_S = 0.2
SEEN = frozenset({"processing", "requires_action"}) | FINAL


@dataclass
class Payer:
    """A payer with the faucet of the node; learns its address when the stack is made."""

    node: str = ""

    async def pay(self, address: str, amount: str) -> str:
        """Send an amount of BTC to an address; returns the transaction's id."""
        sats = int(amount.replace(".", ""))
        order = {"outputs": [{"address": address, "sats": sats}], "fee_rate": "5"}
        return str((await self._post("/control/pay", order))["txid"])

    async def mine(self, *, nothing: bool = False) -> None:
        """Mine one block: of what waits, or of nothing."""
        await self._post("/control/mine", {"transactions": []} if nothing else {"blocks": 1})

    async def receive(self) -> str:
        """A new address of somebody's wallet."""
        return str((await self._post("/control/addresses", {}))["address"])

    async def waiting(self) -> list[str]:
        """The transactions that wait for a block, oldest first."""
        async with httpx.AsyncClient(base_url=self.node, timeout=30) as http:
            reply = await http.get("/control/mempool")
            reply.raise_for_status()
            return [str(one) for one in reply.json()["txids"]]

    async def reorganise(self, depth: int) -> None:
        """Replace the highest blocks by a longer branch without their transactions."""
        await self._post("/control/reorg", {"depth": depth, "drop_all": True, "forget": True})

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.node, timeout=30) as http:
            reply = await http.post(path, json=dict(body))
            reply.raise_for_status()
            found: dict[str, Any] = reply.json()
            return found


async def play(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every Bitcoin payment of the demo in turn."""
    async for step in _block_by_block(payer, merchant, customer):
        yield step
    async for step in _taken_back(payer, merchant, customer):
        yield step
    async for step in _priced(payer, merchant, customer):
        yield step
    async for step in _paid_out(payer, merchant, customer):
        yield step


async def _block_by_block(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    payment, action = await _asked(merchant, customer, DEPOSIT)
    yield Step(
        "bitcoin_asked", "A deposit by Bitcoin",
        f"The payer's wallet opens {action.get('uri', '')}",
        payment["status"], "requires_action", payment,
    )  # fmt: skip
    await payer.pay(action["address"], DEPOSIT)
    seen = await _until(merchant, payment["id"], lambda one: one["status"] == "processing")
    steps = [_confirmations(seen)]
    for number in range(1, BLOCKS + 1):
        await payer.mine()
        seen = await _until(merchant, payment["id"], _shows(number))
        steps.append(_confirmations(seen))
    paid = await merchant.final(payment["id"])
    yield Step(
        "bitcoin_deposit", "The same deposit, confirmed block by block",
        "Each block adds a confirmation; with the last one the deposit is credited.",
        paid["status"], "completed", paid, ("payment 1000000 BTC",),
        {"confirmations": ", ".join(steps)},
    )  # fmt: skip


async def _taken_back(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    payment, action = await _asked(merchant, customer, SECOND)
    await payer.pay(action["address"], SECOND)
    await payer.mine()
    await _until(merchant, payment["id"], _shows(1))
    await payer.reorganise(1)
    gone = await _until(merchant, payment["id"], lambda one: one["status"] == "requires_action")
    yield Step(
        "bitcoin_reorganised", "A deposit that a reorganisation takes back before its depth",
        "Its block is replaced by a longer branch without it: nothing was credited.",
        gone["status"], "requires_action", gone,
    )  # fmt: skip
    await payer.pay(action["address"], SECOND)
    for _ in range(BLOCKS):
        await payer.mine()
    paid = await merchant.final(payment["id"])
    yield Step(
        "bitcoin_paid_again", "The same deposit, paid again in the new branch",
        "The address stays the same, and the new transaction needs its own confirmations.",
        paid["status"], "completed", paid, ("payment 500000 BTC",),
    )  # fmt: skip


async def _priced(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    payment, action = await _asked(merchant, customer, PRICE, "USD")
    yield Step(
        "bitcoin_priced", "A deposit of 50 dollars, paid in bitcoin",
        f"The payer owes {action.get('amount')} BTC, at {action.get('rate')} dollars until "
        f"{action.get('expires_at')}",
        payment["status"], "requires_action", payment,
    )  # fmt: skip
    await payer.pay(action["address"], action["amount"])
    for _ in range(BLOCKS):
        await payer.mine()
    paid = await merchant.final(payment["id"])
    yield Step(
        "bitcoin_priced_paid", "The same deposit, credited in dollars",
        "The rate was locked, so the customer is credited what was quoted.",
        paid["status"], "completed", paid, ("payment 52632 BTC",),
    )  # fmt: skip


async def _paid_out(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    order = {
        "type": "withdrawal",
        "method": "bitcoin",
        "amount": WITHDRAWAL,
        "currency": "BTC",
        "customer_id": customer,
        "payment_method": {"bitcoin_address": await payer.receive()},
    }
    accepted = await _accepted(merchant, order)
    first = await _in_mempool(payer, frozenset())
    for _ in range(STUCK_BLOCKS):
        await payer.mine(nothing=True)
    second = await _in_mempool(payer, frozenset({first}))
    for _ in range(BLOCKS):
        await payer.mine()
    paid = await merchant.final(accepted["id"])
    reference = paid["provider_reference"] or ""
    is_second = reference.startswith(second) if second else False
    yield Step(
        "bitcoin_withdrawal", "A withdrawal to a Bitcoin address, with a raised fee",
        "Two blocks leave it out; the same payment with a higher fee replaces it.",
        paid["status"] if is_second else f"{paid['status']} by {reference}", "completed", paid,
        ("withdrawal 600000 BTC",),
        {"replaced": first[:16], "transaction": second[:16]},
    )  # fmt: skip


async def _in_mempool(payer: Payer, known: frozenset[str]) -> str:
    """The transaction that waits for a block and was not known; empty: none within a minute."""
    for _ in range(int(WITHIN_S / LOOK_EVERY_S)):
        found = [one for one in await payer.waiting() if one not in known]
        if found:
            return found[0]
        await asyncio.sleep(LOOK_EVERY_S)
    return ""


async def _asked(
    merchant: Merchant, customer: str, amount: str, currency: str = "BTC"
) -> tuple[dict[str, Any], dict[str, str]]:
    order = {
        "type": "deposit",
        "method": "bitcoin",
        "amount": amount,
        "currency": currency,
        "customer_id": customer,
    }
    accepted = await _accepted(merchant, order)
    waiting = await merchant.reach(accepted["id"], FINAL | {"requires_action"})
    return waiting, waiting["next_action"] or {}


async def _accepted(merchant: Merchant, order: Mapping[str, Any]) -> dict[str, Any]:
    """The accepted payment; a watcher that has just started is not available yet."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            reply = await merchant.pay(order)
            if reply.is_success:
                found: dict[str, Any] = reply.json()
                return found
            await asyncio.sleep(LOOK_EVERY_S)


async def _until(
    merchant: Merchant, payment_id: str, is_it: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The payment once it is as wanted, or as it is after a minute."""
    payment = await merchant.reach(payment_id, SEEN)
    for _ in range(int(WITHIN_S / LOOK_EVERY_S)):
        if is_it(payment) or payment["status"] in FINAL:
            break
        await asyncio.sleep(LOOK_EVERY_S)
        payment = await merchant.reach(payment_id, SEEN)
    return payment


def _shows(confirmations: int) -> Callable[[dict[str, Any]], bool]:
    def is_it(payment: dict[str, Any]) -> bool:
        return (payment["next_action"] or {}).get("confirmations") == str(confirmations)

    return is_it


def _confirmations(payment: dict[str, Any]) -> str:
    action = payment["next_action"]
    if not action:
        return str(payment["status"])
    return f"{action['confirmations']} of {action['confirmations_required']}"
