"""The local stack's keys and provider credentials: created once, in a file with mode 0600.

The file is in the stack's folder. Real deployments use a secret store; see
`.env.example.payments`.
"""

import base64
import json
import os
import secrets
from pathlib import Path

from cift_shared.rails.local import local_rails

FILE = "secrets.json"


def local_secrets(folder: Path) -> dict[str, str]:
    """Return environment variables with this stack's secrets, the same at every start."""
    file = folder / FILE
    stored: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    values = {**_make(), **stored}  # adds secrets that an earlier version did not have
    if values != stored:
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(values, out, indent=2)
    return values


def _make() -> dict[str, str]:
    return {
        "CIFT_DATA_KEYS": f"k1:{_key()}",
        "CIFT_INDEX_KEY": _key(),
        "CIFT_CALLBACK_KEY": _key(),
        **{name: make() for rail in local_rails().values() for name, make in rail.secrets.items()},
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
