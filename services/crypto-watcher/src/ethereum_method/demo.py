"""Ethereum in the demo: deposits, by a contract and in a token, too, and withdrawals of both.

Blocks leave the withdrawal of ether out, so its fee is raised.

The demo's payer has no wallet: the faucet of the test node pays, and its miner mines on command.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from cift_shared.rails.local import FINAL, Merchant, Step

DEPOSIT, BY_CONTRACT, IN_TOKENS, WITHDRAWAL = "0.05", "0.02", "25", "0.03"
TOKENS_OUT = "10"
STUCK_BLOCKS = 2
"""Blocks without the withdrawal, until its fee is raised."""
PLACES = {"ETH": 18, "USDC": 6}
FINAL_AFTER = 8
"""Blocks after which the node calls a block final."""
WITHIN_S = 60.0
LOOK_EVERY_S = 0.2
SEEN = frozenset({"processing", "requires_action"}) | FINAL


@dataclass
class Payer:
    """A payer with the faucet of the node; learns its address when the stack is made."""

    node: str = ""

    async def pay(self, address: str, amount: str, *, by_contract: bool = False) -> None:
        """Send an amount of ETH to an address, or let a contract pass it on."""
        units = str(units_of(amount, "ETH"))
        order = {"address": address, "amount": units, "by_contract": by_contract}
        await self._post("/control/pay", order)

    async def pay_token(self, address: str, amount: str, token: str) -> None:
        """Send an amount of a token to an address."""
        order = {"address": address, "amount": str(units_of(amount, token)), "token": token}
        await self._post("/control/pay", order)

    async def mine(self, blocks: int = 1, *, nothing: bool = False) -> None:
        """Add blocks: of what waits, or of nothing."""
        order: dict[str, Any] = {"blocks": blocks}
        await self._post("/control/mine", {**order, "transactions": []} if nothing else order)

    async def receive(self) -> str:
        """A new address of somebody's wallet."""
        return str((await self._post("/control/addresses", {}))["address"])

    async def waiting(self) -> list[str]:
        """The transactions that wait for a block."""
        async with httpx.AsyncClient(base_url=self.node, timeout=30) as http:
            reply = await http.get("/control/pool")
            reply.raise_for_status()
            return [str(one) for one in reply.json()["txids"]]

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.node, timeout=30) as http:
            reply = await http.post(path, json=dict(body))
            reply.raise_for_status()
            found: dict[str, Any] = reply.json()
            return found


def units_of(amount: str, currency: str) -> int:
    """An amount in wei, or in the smallest unit of a token."""
    whole, _, part = amount.partition(".")
    return int(whole + part.ljust(PLACES[currency], "0"))


async def play(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every Ethereum payment of the demo in turn."""
    async for step in _until_final(payer, merchant, customer):
        yield step
    async for step in _passed_on(payer, merchant, customer):
        yield step
    async for step in _in_tokens(payer, merchant, customer):
        yield step
    async for step in _paid_out(payer, merchant, customer):
        yield step
    async for step in _tokens_paid_out(payer, merchant, customer):
        yield step


async def _until_final(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    payment, action = await _asked(merchant, customer, DEPOSIT)
    yield Step(
        "ethereum_asked", "A deposit by Ethereum",
        f"The payer's wallet opens {action.get('uri', '')}",
        payment["status"], "requires_action", payment,
    )  # fmt: skip
    await payer.pay(action["address"], DEPOSIT)
    await payer.mine()
    seen = await _until(merchant, payment["id"], lambda one: one["status"] == "processing")
    shown = seen["next_action"] or {}
    yield Step(
        "ethereum_seen", "The same deposit, in a block that the network may still replace",
        f"{shown.get('confirmations')} confirmation, needed: "
        f"{shown.get('confirmations_required')}",
        seen["status"], "processing", seen,
    )  # fmt: skip
    await payer.mine(FINAL_AFTER)
    paid = await merchant.final(payment["id"])
    yield Step(
        "ethereum_deposit", "The same deposit, once its block is final",
        "Nothing can take it back any more, so it is credited.",
        paid["status"], "completed", paid, (f"payment {units_of(DEPOSIT, 'ETH')} ETH",),
    )  # fmt: skip


async def _passed_on(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    payment, action = await _asked(merchant, customer, BY_CONTRACT)
    await payer.pay(action["address"], BY_CONTRACT, by_contract=True)
    await payer.mine(FINAL_AFTER + 1)
    paid = await merchant.final(payment["id"])
    yield Step(
        "ethereum_by_contract", "A deposit that a contract pays, as exchanges do",
        "No transaction names the address: its balance shows the ether.",
        paid["status"], "completed", paid, (f"payment {units_of(BY_CONTRACT, 'ETH')} ETH",),
    )  # fmt: skip


async def _in_tokens(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    payment, action = await _asked(merchant, customer, IN_TOKENS, "USDC")
    yield Step(
        "ethereum_token_asked", "A deposit in USDC",
        f"The payer's wallet opens {action.get('uri', '')}",
        payment["status"], "requires_action", payment,
    )  # fmt: skip
    await payer.pay_token(action["address"], IN_TOKENS, "USDC")
    await payer.mine(FINAL_AFTER + 1)
    paid = await merchant.final(payment["id"])
    yield Step(
        "ethereum_token", "The same deposit, once its block is final",
        "The log of the token's contract shows it; what moving it later costs is taken in USDC.",
        paid["status"], "completed", paid, (f"payment {units_of(IN_TOKENS, 'USDC')} USDC",),
    )  # fmt: skip


async def _paid_out(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    accepted = await _withdrawn(payer, merchant, customer, WITHDRAWAL, "ETH")
    first = await _at_node(payer, frozenset())
    await payer.mine(STUCK_BLOCKS, nothing=True)
    second = await _at_node(payer, frozenset({first}))
    await payer.mine(FINAL_AFTER + 1)
    paid = await merchant.final(accepted["id"])
    reference = paid["provider_reference"] or ""
    is_second = bool(second) and reference == second
    yield Step(
        "ethereum_withdrawal", "A withdrawal to an Ethereum address, with a raised fee",
        "Two blocks leave it out; the same payment with a higher fee replaces it.",
        paid["status"] if is_second else f"{paid['status']} by {reference}", "completed", paid,
        (f"withdrawal {units_of(WITHDRAWAL, 'ETH')} ETH",),
        {"replaced": first[:18], "transaction": second[:18]},
    )  # fmt: skip


async def _tokens_paid_out(payer: Payer, merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    accepted = await _withdrawn(payer, merchant, customer, TOKENS_OUT, "USDC")
    await _at_node(payer, frozenset())
    await payer.mine(FINAL_AFTER + 1)
    paid = await merchant.final(accepted["id"])
    yield Step(
        "ethereum_token_withdrawal", "A withdrawal in USDC",
        "The token's contract moves it, and reports that; the network's fee is paid in ether.",
        paid["status"], "completed", paid, (f"withdrawal {units_of(TOKENS_OUT, 'USDC')} USDC",),
    )  # fmt: skip


async def _withdrawn(
    payer: Payer, merchant: Merchant, customer: str, amount: str, currency: str
) -> dict[str, Any]:
    """An accepted withdrawal to somebody's wallet."""
    order = {
        "type": "withdrawal",
        "method": "ethereum",
        "amount": amount,
        "currency": currency,
        "customer_id": customer,
        "payment_method": {"ethereum_address": await payer.receive()},
    }
    return await _accepted(merchant, order)


async def _at_node(payer: Payer, known: frozenset[str]) -> str:
    """The transaction that waits for a block and was not known; empty: none within a minute."""
    for _ in range(int(WITHIN_S / LOOK_EVERY_S)):
        found = [one for one in await payer.waiting() if one not in known]
        if found:
            return found[0]
        await asyncio.sleep(LOOK_EVERY_S)
    return ""


async def _asked(
    merchant: Merchant, customer: str, amount: str, currency: str = "ETH"
) -> tuple[dict[str, Any], dict[str, str]]:
    order = {
        "type": "deposit",
        "method": "ethereum",
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
