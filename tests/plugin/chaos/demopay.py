"""DemoPay in chaos schedules: wallets, and a provider that takes money back and returns it."""

import random
import uuid
from decimal import Decimal

import httpx

from tests.chaos.rails.traffic import Drawn, RailTraffic, Reversals, weighted

_WALLETS = {
    "DP-1000-0001": 9,  # pays
    "DP-1000-0402": 1,  # has no money
}


def wallet(draw: random.Random, block: int, number: int) -> Drawn:
    """A wallet, and how it behaves."""
    return {"account": weighted(_WALLETS, draw)}, {}


async def _reverse(twin: httpx.AsyncClient, receipt: str, amount: str) -> str:
    minor = int(Decimal(amount).scaleb(2))
    name = f"{receipt}/{minor}/{uuid.uuid4().hex[:8]}"
    await _told(twin, {"receipt": receipt, "name": name, "kind": "reversed", "amount": minor})
    return name


async def _reinstate(twin: httpx.AsyncClient, name: str) -> None:
    receipt, minor, _ = name.split("/")
    order = {"receipt": receipt, "name": name, "kind": "reinstated", "amount": int(minor)}
    await _told(twin, order)
    await _told(twin, order)


async def _told(twin: httpx.AsyncClient, order: dict[str, object]) -> None:
    (await twin.post("/control/reversals", json=order)).raise_for_status()


TRAFFIC = RailTraffic(
    method="demopay",
    currency="ZAR",
    units=(40, 500),
    instrument=wallet,
    afterwards=("withdrawal", "withdrawal", "refund"),
    reversals=Reversals(_reverse, _reinstate),
)
