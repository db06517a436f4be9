"""DemoPay in the gateway: settings, instruments, and its signed webhook."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import partial

from pydantic import Field, SecretStr

from cift_shared.rails.gateway import GatewayRail, RailSettings
from cift_shared.rails.webhooks import (
    BodyReader,
    Evidence,
    WebhookContext,
    WebhookHead,
    WebhookRefused,
    WebhookRoute,
)
from demopay_method.instruments import WALLETS

HEADER = "X-DemoPay-Signature"


class DemoPaySettings(RailSettings):
    """What the gateway needs to take DemoPay's notices."""

    webhook_secret: SecretStr = Field(validation_alias="DEMOPAY_WEBHOOK_SECRET")


def signature(secret: str, body: bytes) -> str:
    """What DemoPay sends in the signature header."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class SignedNotices:
    """Reads signed notices of DemoPay."""

    secret: str

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a request without exactly one signature header."""
        given = head.header(HEADER)
        if len(given) != 1:
            raise WebhookRefused("signature_invalid", f"Send one {HEADER} header.")
        return partial(self._read, given[0])

    def _read(self, given: str, body: bytes) -> Evidence:
        if not hmac.compare_digest(given, signature(self.secret, body)):
            raise WebhookRefused("signature_invalid")
        return Evidence(dedupe=hashlib.sha256(body).digest(), source_listed=True,
                        subject=str(json.loads(body)["id"]))  # fmt: skip


def _open(settings: DemoPaySettings, _context: WebhookContext) -> SignedNotices:
    return SignedNotices(settings.webhook_secret.get_secret_value())


NOTICES = WebhookRoute(
    path="/webhooks/demopay",
    operation="receiveDemoPayWebhook",
    about="A signed notice of DemoPay.",
    stored="The notice is stored.",
    example=("notice", "A notice of DemoPay", {"id": "t1", "state": "done"}),
    acknowledgement={"received": True},
    refusals=("signature_invalid",),
    open=_open,
)

GATEWAY = GatewayRail(
    settings=DemoPaySettings,
    instruments={"deposit": WALLETS, "withdrawal": WALLETS},
    webhooks=(NOTICES,),
    payments={
        "walletDeposit": (
            "Deposit from a wallet",
            {
                "type": "deposit",
                "method": "demopay",
                "amount": "80.00",
                "currency": "ZAR",
                "customer_id": "c_42",
                "payment_method": {"account": "DP-1000-0001"},
            },
        )
    },
)
"""The entry point `cift.gateway`."""
