"""Ethereum: its operations, limits and typical durations."""

from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Rail, Refusal
from ethereum_method.tokens import CONTRACTS

ETHER = 10**18
"""Wei in one ether."""
DUST_WEI = ETHER // 10_000
"""Less is recorded and credited to nobody: moving it costs more than it is worth."""

DUST_TOKEN = 100_000
"""The same for a token that is worth a dollar and has six places: less than 0.10."""

_LIMITS = Limits(ETHER // 1_000, 10_000_000 * ETHER)
_IN_DOLLARS = Limits(10_00, 10_000_000_00)
_OF_TOKEN = Limits(10**6, 10_000_000 * 10**6)

RAIL = Rail(
    name="ethereum",
    method="ethereum",
    provider="ethereum",
    limits={
        "ETH": {"deposit": _LIMITS, "withdrawal": _LIMITS},
        **{currency: {"deposit": _OF_TOKEN, "withdrawal": _OF_TOKEN} for currency in CONTRACTS},
        "USD": {"deposit": _IN_DOLLARS},
    },
    exchanged={"USD": "ETH"},
    # A block is final after two to three epochs of 6.4 minutes.
    typical_duration={
        "deposit": timedelta(minutes=16),
        "withdrawal": timedelta(minutes=16),
        "refund": timedelta(0),
    },
    example=Example(
        amount=Money(ETHER // 20, "ETH"),
        reference="0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
        instrument={"kind": "ethereum", "display": "ethereum", "public": {"network": "ethereum"}},
        evidence=("ethereum.arrival.confirmed", {"confirmations": "66"}),
    ),
    cancel_after_submit=False,
    has_notices=False,
    amount_policy="as_received",
    estimates_network_fee=True,
    refusals={
        "refund": Refusal(
            "Ethereum deposits can't be refunded",
            "The sender of a transaction may be an exchange or a contract that can't be refunded "
            "to: withdraw by another method.",
        ),
    },
)
"""The entry point `cift.rails`."""
