"""DemoPoll in chaos schedules: payments that the provider has can be canceled, or are just paid."""

import random

from tests.chaos.rails.traffic import Drawn, RailTraffic, weighted

_WALLETS = {
    "DP-1000-0001": 4,  # pays
    "DP-1000-0402": 1,  # has no money
    "DP-1000-0903": 7,  # pays after two seconds, and can be canceled until then
}


def wallet(draw: random.Random, block: int, number: int) -> Drawn:
    """A wallet, and how it behaves."""
    return {"account": weighted(_WALLETS, draw)}, {}


TRAFFIC = RailTraffic(
    method="demopay",
    currency="GHS",
    units=(40, 500),
    instrument=wallet,
    afterwards=("withdrawal", "withdrawal", "refund"),
    cancels=0.5,
)
