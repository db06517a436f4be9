"""M-Pesa Tanzania in the local stack: an application at the twin, and the demo's payments."""

import base64
import secrets
from collections.abc import Mapping
from decimal import Decimal

from cift_shared.rails.local import LocalRail, StackContext, TwinBook
from cift_shared.security.callback_token import CallbackTokens
from vodacom_method.demo import PAYS, play
from vodacom_method.webhooks import listener_path

SERVICE_PROVIDER_CODE = "000000"
"""The code of all users of Vodacom's sandbox."""


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the twin."""
    keys = place.secrets
    tokens = CallbackTokens(base64.b64decode(keys["CIFT_CALLBACK_KEY"]))
    return {
        "MPESA_TZ_ENVIRONMENT": "sandbox",
        "MPESA_TZ_SERVICE_PROVIDER_CODE": SERVICE_PROVIDER_CODE,
        # The twin writes its key when it starts.
        "MPESA_TZ_PUBLIC_KEY_FILE": str(place.folder / "sandbox" / "vodacom-public-key.txt"),
        "MPESA_TZ_API_BASE": place.twin,
        "MPESA_TZ_CHECK_SPEED": str(place.speed),
        "CIFT_SANDBOX_VODACOM_API_KEY": keys["MPESA_TZ_API_KEY"],
        "CIFT_SANDBOX_VODACOM_LISTENER_URL": f"{place.gateway}{listener_path(tokens)}",
    }


LOCAL = LocalRail(
    worker="mpesa-worker",
    module="mpesa_worker",
    port=8082,
    secrets={"MPESA_TZ_API_KEY": lambda: secrets.token_hex(16)},
    environment=environment,
    # The twin writes whole shillings.
    book=TwinBook(
        "vodacom",
        places=0,
        incoming=frozenset({"c2b"}),
        operations={
            "c2b": frozenset({"deposit"}),
            "b2c": frozenset({"withdrawal", "refund"}),
            "reversal": frozenset({"refund"}),
        },
    ),
    play=play,
    # 20000 less 2.5 %, less a withdrawal of 5000 and its 2.5 %, 8000 less 2.5 %, less a refund of
    # 3000 with its share of that fee.
    final_balance={"TZS": Decimal("19250.00")},
    sample={
        "type": "deposit",
        "method": "mpesa",
        "amount": "5000.00",
        "currency": "TZS",
        "payment_method": {"phone": PAYS, "country": "TZ"},
    },
)
"""The entry point `cift.local`."""
