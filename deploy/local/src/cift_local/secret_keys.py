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
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as fresh:
            json.dump(_make(), fresh, indent=2)
    kept: dict[str, str] = json.loads(file.read_text())
    return kept


def _make() -> dict[str, str]:
    return {
        "CIFT_DATA_KEYS": f"k1:{_key()}",
        "CIFT_INDEX_KEY": _key(),
        "CIFT_CALLBACK_KEY": _key(),
        "MPESA_CONSUMER_KEY": secrets.token_urlsafe(24),
        "MPESA_CONSUMER_SECRET": secrets.token_urlsafe(24),
        "MPESA_PASSKEY": secrets.token_hex(32),
        "MPESA_INITIATOR_PASSWORD": secrets.token_urlsafe(16),
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
