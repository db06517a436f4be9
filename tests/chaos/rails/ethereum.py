"""Ethereum: customers who pay the shown address and are paid, a miner, and reorganisations."""

import random
from decimal import Decimal
from typing import Any

import httpx

from tests.chaos.rails.traffic import Drawn, RailTraffic

_FINAL_AFTER = 8
_REORGANISED_AT = 3
"""After every third payment the highest blocks are replaced by others with the same payments."""
_DEPTH = 2
_CAP = 5_000
"""The largest withdrawal of a token, in whole ones."""


def _payer(draw: random.Random, block: int, number: int) -> Drawn:
    return {}, {}


async def _pay(node: httpx.AsyncClient, action: dict[str, Any]) -> None:
    """Pay the whole amount; it is mined, sometimes in two branches, until it is final."""
    units = int(action["amount"].replace(".", ""))
    order = {"address": action["address"], "amount": str(units), "confirm": 1}
    if action["currency"] != "ETH":
        order["token"] = action["currency"]
    (await node.post("/control/pay", json=order)).raise_for_status()
    if int(100 * Decimal(action["amount"])) % _REORGANISED_AT == 0:
        (await node.post("/control/mine", json={"blocks": _DEPTH})).raise_for_status()
        (await node.post("/control/reorg", json={"depth": _DEPTH + 1})).raise_for_status()
    (await node.post("/control/mine", json={"blocks": _FINAL_AFTER})).raise_for_status()


async def _recipient(node: httpx.AsyncClient) -> dict[str, Any]:
    reply = await node.post("/control/addresses")
    reply.raise_for_status()
    return {"ethereum_address": reply.json()["address"]}


TRAFFIC = RailTraffic(
    method="ethereum",
    currency="ETH",
    units=(2, 3),
    also={"USDC": 1_000, "USDT": 1_001, "USD": 1_002},
    depth=_FINAL_AFTER + 1,
    instrument=_payer,
    afterwards=("withdrawal",),
    cancels=0.0,
    caps={"USDC": _CAP * 10**6, "USDT": _CAP * 10**6},
    settings={
        "CRYPTO_SIGNER_MAX_TOKEN": str(_CAP),
        "CIFT_ETHEREUM_ACTION_TIMEOUT_S": "600",
        "ETHEREUM_RPC_TIMEOUT_S": "3",
        "CRYPTO_ETH_UNDO_FINAL": "true",
        # The ether of nearly every deposit is worth it.
        "CRYPTO_ETH_CONSOLIDATE_WORTH": "10",
        "CRYPTO_ETH_CONSOLIDATE_MIN_TOKEN": "20",
    },
    # Withdrawals are confirmed although nobody pays in, and their fees are raised meanwhile.
    in_schedules={"CIFT_SANDBOX_ETHEREUM_BLOCK_S": "1"},
    pay=_pay,
    recipient=_recipient,
)
"""Ethereum: the operator lets final blocks be undone, so that credited ether can disappear."""
