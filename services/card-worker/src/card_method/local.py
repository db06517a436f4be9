"""Cards in the local stack: keys of the twin of Stripe, and the demo's payments."""

import secrets
from collections.abc import Mapping
from decimal import Decimal

from card_method.demo import play
from cift_shared.rails.local import LocalRail, StackContext, TwinBook


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the twin."""
    keys = place.secrets
    return {
        "STRIPE_API_BASE": place.twin,
        "STRIPE_CHECK_SPEED": str(place.speed),
        "CIFT_SANDBOX_STRIPE_SECRET_KEY": keys["STRIPE_SECRET_KEY"],
        "CIFT_SANDBOX_STRIPE_PUBLISHABLE_KEY": keys["STRIPE_PUBLISHABLE_KEY"],
        "CIFT_SANDBOX_STRIPE_WEBHOOK_SECRET": keys["STRIPE_WEBHOOK_SECRET"],
        "CIFT_SANDBOX_STRIPE_WEBHOOK_URL": f"{place.gateway}/api/v1/webhooks/stripe",
    }


LOCAL = LocalRail(
    worker="card-worker",
    module="card_worker",
    port=8083,
    secrets={
        "STRIPE_SECRET_KEY": lambda: f"sk_test_{secrets.token_hex(24)}",
        "STRIPE_PUBLISHABLE_KEY": lambda: f"pk_test_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRET": lambda: f"whsec_{secrets.token_hex(24)}",
    },
    environment=environment,
    # Stripe amounts are in cents.
    book=TwinBook(
        "stripe",
        places=2,
        incoming=frozenset({"charge", "refund_failed", "dispute_reinstated"}),
        operations={"charge": frozenset({"deposit"}), "refund": frozenset({"refund"})},
    ),
    play=play,
    # 100, 60 and 20 less 2.9 % and 0.30 each, less a refund of 25 with its share of the fee.
    final_balance={"USD": Decimal("149.68")},
)
"""The entry point `cift.local`."""
