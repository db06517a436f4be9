"""M-Pesa Tanzania through Vodacom's M-Pesa OpenAPI: its operations, limits, typical durations."""

from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Rail

COUNTRY = "TZ"
# The largest transfer of a fully registered customer (tier 3); smaller tiers are refused by M-Pesa.
# Source: NALA help page on Tanzanian mobile wallets, read in 2026.
_LIMITS = Limits(1_00, 10_000_000_00)

RAIL = Rail(
    name="mpesa_tz",
    method="mpesa",
    provider="vodacom",
    shown="M-Pesa (Vodacom)",
    limits={"TZS": {"deposit": _LIMITS, "withdrawal": _LIMITS, "refund": _LIMITS}},
    # Wallets hold whole shillings.
    steps={"TZS": 1_00},
    typical_duration={
        "deposit": timedelta(seconds=30),
        "withdrawal": timedelta(seconds=30),
        "refund": timedelta(minutes=1),
    },
    cancel_after_submit=False,
    countries=frozenset({COUNTRY}),
    example=Example(
        amount=Money(20_000_00, "TZS"),
        reference="9KE71HX0QTR",
        instrument={
            "kind": "phone",
            "display": "2557****678",
            "country": COUNTRY,
            "public": {"phone": "2557****678", "country": COUNTRY},
        },
        evidence=("mpesa_tz.query.answered", {"status": "Completed"}),
        callback=20,
    ),
)
"""The entry point `cift.rails`."""
