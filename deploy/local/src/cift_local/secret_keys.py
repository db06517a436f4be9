"""The local stack's keys and provider credentials: made once, kept beside its data, 0600.

Real deployments get theirs from a secret store; see `.env.example.payments`.
"""

import base64
import json
import os
import secrets
from pathlib import Path

FILE = "secrets.json"


def local_secrets(folder: Path) -> dict[str, str]:
    """Answers environment variables with this stack's secrets, the same at every start."""
    file = folder / FILE
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    secret = {**_make(), **kept}  # a stack of an earlier version lacks what came later
    if secret != kept:
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as fresh:
            json.dump(secret, fresh, indent=2)
    return secret


def _make() -> dict[str, str]:
    return {
        "CIFT_DATA_KEYS": f"k1:{_key()}",
        "CIFT_INDEX_KEY": _key(),
        "CIFT_CALLBACK_KEY": _key(),
        "MPESA_CONSUMER_KEY": secrets.token_urlsafe(24),
        "MPESA_CONSUMER_SECRET": secrets.token_urlsafe(24),
        "MPESA_PASSKEY": secrets.token_hex(32),
        "MPESA_INITIATOR_PASSWORD": secrets.token_urlsafe(16),
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(24)}",
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(24)}",
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
