"""M-Pesa Kenya through Safaricom Daraja: its operations, limits and typical durations."""

from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Rail

RAIL = Rail(
    name="mpesa",
    method="mpesa",
    provider="mpesa",
    shown="M-Pesa",
    limits={
        # Source: Daraja portal. M-Pesa Express 1 to 250,000 shillings; B2C 10 to 250,000.
        "KES": {
            "deposit": Limits(1_00, 250_000_00),
            "withdrawal": Limits(10_00, 250_000_00),
            "refund": Limits(1_00, 250_000_00),
        },
    },
    steps={"KES": 1_00},
    typical_duration={
        "deposit": timedelta(seconds=30),
        "withdrawal": timedelta(seconds=30),
        "refund": timedelta(minutes=2),
    },
    cancel_after_submit=False,
    is_example=True,
    countries=frozenset({"KE"}),
    example=Example(
        amount=Money(1000_00, "KES"),
        reference="TIB4K2P9QX",
        instrument={
            "kind": "phone",
            "display": "2547****678",
            "country": "KE",
            "public": {"phone": "2547****678", "country": "KE"},
        },
        evidence=("mpesa.stk_query.answered", {"code": "0"}),
        callback=1,
    ),
)
"""The entry point `cift.rails`."""
