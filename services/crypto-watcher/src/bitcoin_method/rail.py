"""Bitcoin: its operations, limits and typical durations."""

from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Rail, Refusal

DUST_SATOSHI = 1_000
"""Outputs below this are recorded and credited to nobody: moving one costs more than it is worth.
Every node relays them from 294 satoshi on, and some are sent only to link addresses."""

_LIMITS = Limits(10_000, 21_000_000 * 10**8)
_IN_DOLLARS = Limits(10_00, 10_000_000_00)

RAIL = Rail(
    name="bitcoin",
    method="bitcoin",
    provider="bitcoin",
    limits={"BTC": {"deposit": _LIMITS, "withdrawal": _LIMITS}, "USD": {"deposit": _IN_DOLLARS}},
    exchanged={"USD": "BTC"},
    # Three blocks, which come every ten minutes on average.
    typical_duration={
        "deposit": timedelta(minutes=30),
        "withdrawal": timedelta(minutes=30),
        "refund": timedelta(0),
    },
    example=Example(
        amount=Money(1_000_000, "BTC"),
        reference="4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b:0",
        instrument={"kind": "bitcoin", "display": "bitcoin", "public": {"network": "bitcoin"}},
        evidence=("bitcoin.arrival.confirmed", {"confirmations": "3"}),
    ),
    cancel_after_submit=False,
    has_notices=False,
    amount_policy="as_received",
    estimates_network_fee=True,
    refusals={
        "refund": Refusal(
            "Bitcoin deposits can't be refunded",
            "A transaction does not name an address that may be refunded to: withdraw to an "
            "address of the customer.",
        ),
    },
)
"""The entry point `cift.rails`."""
