"""Bitcoin: customers who pay the shown address and are paid, a miner, and reorganisations."""

import random
from typing import Any

import httpx

from tests.chaos.rails.traffic import Drawn, RailTraffic

_CONFIRMATIONS = 3
_CAP = 10 * 10**8
_REORGANISED_AT = 3
"""After every third payment the highest blocks are replaced by others with the same payments."""


def _payer(draw: random.Random, block: int, number: int) -> Drawn:
    return {}, {}


async def _pay(node: httpx.AsyncClient, action: dict[str, Any]) -> None:
    """Pay the whole amount; it is mined, sometimes in two branches, until it is deep enough."""
    sats = int(action["amount"].replace(".", ""))
    order = {"outputs": [{"address": action["address"], "sats": sats}], "fee_rate": "5"}
    (await node.post("/control/pay", json=order)).raise_for_status()
    for _ in range(_CONFIRMATIONS):
        (await node.post("/control/mine", json={"blocks": 1})).raise_for_status()
    if sats % _REORGANISED_AT == 0:
        (await node.post("/control/reorg", json={"depth": 2})).raise_for_status()


async def _recipient(node: httpx.AsyncClient) -> dict[str, Any]:
    reply = await node.post("/control/addresses")
    reply.raise_for_status()
    return {"bitcoin_address": reply.json()["address"]}


TRAFFIC = RailTraffic(
    method="bitcoin",
    currency="BTC",
    units=(2, 3),
    also={"USD": 100},
    depth=_CONFIRMATIONS,
    instrument=_payer,
    afterwards=("withdrawal",),
    cancels=0.0,
    caps={"BTC": _CAP},
    settings={
        "CRYPTO_SIGNER_MAX_SATOSHI": str(_CAP),
        "CIFT_BITCOIN_ACTION_TIMEOUT_S": "600",
        "BITCOIN_RPC_TIMEOUT_S": "3",
        # Three small coins are put together at once.
        "CRYPTO_BTC_CONSOLIDATE_FEE_MAX": "10",
        "CRYPTO_BTC_CONSOLIDATE_COINS": "2",
        "CRYPTO_BTC_CONSOLIDATE_EVERY_S": "1",
        "CRYPTO_SIGNER_TRANSFERS_DAY_MAX": "1000",
    },
    # Withdrawals are confirmed although nobody pays in, and their fees are raised meanwhile.
    in_schedules={"CIFT_SANDBOX_BITCOIN_BLOCK_S": "1"},
    pay=_pay,
    recipient=_recipient,
)
