"""M-Pesa in the local stack: credentials of the twin of Daraja, and the demo's payments."""

import secrets
from collections.abc import Mapping
from decimal import Decimal

from cift_shared.rails.local import LocalRail, StackContext, TwinBook
from mpesa_method.demo import PAYS, play

SHORT_CODE, PAYOUT_SHORT_CODE = "174379", "600992"
NOMINATED_NUMBER = "254708374149"
"""Safaricom's public test number."""


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the twin."""
    keys = place.secrets
    return {
        "MPESA_ENVIRONMENT": "sandbox",
        "MPESA_BUSINESS_SHORT_CODE": SHORT_CODE,
        "MPESA_B2C_SHORT_CODE": PAYOUT_SHORT_CODE,
        "MPESA_INITIATOR_NAME": "testapi",
        "MPESA_CERTIFICATE_FILE": str(place.folder / "sandbox" / "daraja-certificate.pem"),
        "MPESA_API_BASE": place.twin,
        "MPESA_CALLBACK_URL": f"{place.gateway}/api/v1/webhooks/mpesa",
        "MPESA_CHECK_SPEED": str(place.speed),
        "MPESA_PULL_NOMINATED_NUMBER": NOMINATED_NUMBER,
        "CIFT_SANDBOX_CONSUMER_KEY": keys["MPESA_CONSUMER_KEY"],
        "CIFT_SANDBOX_CONSUMER_SECRET": keys["MPESA_CONSUMER_SECRET"],
        "CIFT_SANDBOX_PASSKEY": keys["MPESA_PASSKEY"],
        "CIFT_SANDBOX_INITIATOR_PASSWORD": keys["MPESA_INITIATOR_PASSWORD"],
    }


LOCAL = LocalRail(
    worker="mpesa-worker",
    module="mpesa_worker",
    port=8082,
    secrets={
        "MPESA_CONSUMER_KEY": lambda: secrets.token_urlsafe(24),
        "MPESA_CONSUMER_SECRET": lambda: secrets.token_urlsafe(24),
        "MPESA_PASSKEY": lambda: secrets.token_hex(32),
        "MPESA_INITIATOR_PASSWORD": lambda: secrets.token_urlsafe(16),
    },
    environment=environment,
    # Daraja amounts are whole shillings.
    book=TwinBook(
        "daraja",
        places=0,
        incoming=frozenset({"stk"}),
        operations={
            "stk": frozenset({"deposit"}),
            "b2c": frozenset({"withdrawal", "refund"}),
            "reversal": frozenset({"refund"}),
        },
    ),
    play=play,
    # 1000 less 2.5 %, less a withdrawal of 400 and its 2.5 %; the refunded deposit leaves nothing.
    final_balance={"KES": Decimal("565.00")},
    sample={
        "type": "deposit",
        "method": "mpesa",
        "amount": "50.00",
        "currency": "KES",
        "payment_method": {"phone": PAYS, "country": "KE"},
    },
)
"""The entry point `cift.local`."""
