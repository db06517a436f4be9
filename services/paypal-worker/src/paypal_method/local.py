"""PayPal in the local stack: an app at the twin of PayPal, and the demo's payments."""

import secrets
from collections.abc import Mapping
from decimal import Decimal

from cift_shared.rails.local import LocalRail, StackContext, TwinBook
from paypal_method.demo import play


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the twin."""
    keys = place.secrets
    return {
        "PAYPAL_CLIENT_ID": keys["PAYPAL_CLIENT_ID"],
        "PAYPAL_ENVIRONMENT": "sandbox",
        "PAYPAL_API_BASE": place.twin,
        "PAYPAL_RETURN_BASE": place.gateway,
        "PAYPAL_CHECK_SPEED": str(place.speed),
        "PAYPAL_WEBHOOK_ID": keys["PAYPAL_WEBHOOK_ID"],
        # The twin's own authority vouches for its certificate; it is created when the twin starts.
        "PAYPAL_WEBHOOK_ROOTS": str(place.folder / "sandbox" / "paypal-root.pem"),
        "CIFT_SANDBOX_PAYPAL_CLIENT_ID": keys["PAYPAL_CLIENT_ID"],
        "CIFT_SANDBOX_PAYPAL_CLIENT_SECRET": keys["PAYPAL_CLIENT_SECRET"],
        "CIFT_SANDBOX_PAYPAL_PUBLIC_URL": place.twin,
        "CIFT_SANDBOX_PAYPAL_WEBHOOK_ID": keys["PAYPAL_WEBHOOK_ID"],
        "CIFT_SANDBOX_PAYPAL_WEBHOOK_URL": f"{place.gateway}/api/v1/webhooks/paypal",
    }


LOCAL = LocalRail(
    worker="paypal-worker",
    module="paypal_worker",
    port=8084,
    secrets={
        "PAYPAL_CLIENT_ID": lambda: f"A{secrets.token_urlsafe(40)}",
        "PAYPAL_CLIENT_SECRET": lambda: f"E{secrets.token_urlsafe(40)}",
        "PAYPAL_WEBHOOK_ID": lambda: secrets.token_hex(8).upper() + "W",
    },
    environment=environment,
    book=TwinBook(
        "paypal",
        places=0,  # amounts have their decimal point
        incoming=frozenset({"capture", "refund_failed", "payout_returned", "dispute_release"}),
        operations={
            "capture": frozenset({"deposit"}),
            "refund": frozenset({"refund"}),
            "payout": frozenset({"withdrawal"}),
        },
    ),
    play=play,
    # 80 less 2.99 % and 0.49, less a refund of 20 with its share of the fee, less 25 and 0.25.
    final_balance={"USD": Decimal("32.59")},
)
"""The entry point `cift.local`."""
