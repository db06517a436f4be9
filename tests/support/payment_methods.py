"""Saved payment methods: what a worker reports about one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cift_shared.messaging.messages import MethodResult
from cift_shared.security.field_encryption import Vault

CARD_TOKEN = "pm_1QaBcDeFgHiJkLmN"
CARD_DETAILS = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}


def method_result(
    vault: Vault, method_id: str, kind: str, seq: int = 1, **fields: Any
) -> MethodResult:
    """What the card worker says about a saved card; secrets are given in clear."""
    attempt_id = fields.pop("attempt_id", UUID(method_id))
    sealed = {
        name: vault.seal(fields.pop(plain).encode(), context=context)
        for plain, name, context in (
            ("token", "instrument_sealed", "card"),
            ("owner", "customer_reference_sealed", "card"),
        )
        if plain in fields
    }
    if secret := fields.pop("client_secret", None):
        sealed_secret = vault.seal(secret.encode(), context="next_action")
        fields["next_action"] = {"type": "confirm_setup", "client_secret_sealed": sealed_secret}
    if kind == "saved":
        sealed.setdefault("instrument_sealed", vault.seal(CARD_TOKEN.encode(), context="card"))
        fields.setdefault("public", CARD_DETAILS)
    return MethodResult(
        kind=kind,
        result_id=f"{attempt_id}.{seq}",
        attempt_id=attempt_id,
        seq=seq,
        payment_method_id=UUID(method_id),
        method="card",
        occurred_at=datetime.now(UTC),
        **sealed,
        **fields,
    )
