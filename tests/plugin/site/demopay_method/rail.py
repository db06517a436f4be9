"""DemoPay: its operations, limits and typical durations."""

from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Rail

ACCOUNT, SHOWN = "DP-1000-0001", "DP-****-0001"
_LIMITS = Limits(1_00, 5_000_00)

RAIL = Rail(
    name="demopay",
    method="demopay",
    provider="demopay",
    limits={"ZAR": {"deposit": _LIMITS, "withdrawal": _LIMITS, "refund": _LIMITS}},
    typical_duration=dict.fromkeys(("deposit", "withdrawal", "refund"), timedelta(seconds=2)),
    example=Example(
        amount=Money(80_00, "ZAR"),
        reference="DPR-1",
        instrument={"kind": "wallet", "display": SHOWN, "public": {"account": SHOWN}},
        evidence=("demopay.transfer.read", {"state": "done"}),
    ),
    cancel_after_submit=False,
    countries=frozenset({"ZA"}),
)
"""The entry point `cift.rails`."""
