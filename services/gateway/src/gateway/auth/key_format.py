"""The format of an API key: `cift_<mode>_<id>_<secret>_<checksum>`.

Secret scanners find a key by its prefix, the gateway finds it in the database by its id, the secret
is 32 random bytes, and the checksum detects a mistyped key without a database query.
"""

import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Literal

from cift_shared.security.field_encryption import Vault

Mode = Literal["test", "live"]

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 12
SECRET_BYTES = 32
SECRET_LENGTH = 43
CHECK_LENGTH = 6


@dataclass(frozen=True, slots=True)
class ApiKeyText:
    """The parts of an API key."""

    mode: Mode
    key_id: str
    secret: str

    def __str__(self) -> str:
        body = f"cift_{self.mode}_{self.key_id}_{self.secret}"
        return f"{body}_{_checksum(body)}"

    def digest(self, vault: Vault) -> str:
        """The keyed hash that is stored instead of the key; 256 random bits need no slow hash."""
        return vault.fingerprint(str(self).encode(), context="api-key")


def new_key(mode: Mode) -> ApiKeyText:
    """A new random key."""
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    secret = _base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_LENGTH)
    return ApiKeyText(mode, key_id, secret)


def read_key(text: str) -> ApiKeyText | None:
    """The parts of a key; None when it is malformed or its checksum is wrong."""
    parts = text.split("_")
    if len(parts) != 5 or parts[0] != "cift":
        return None
    _, mode, key_id, secret, check = parts
    if (len(key_id), len(secret)) != (ID_LENGTH, SECRET_LENGTH):
        return None
    if not (key_id + secret).isalnum() or not text.isascii():
        return None
    if check != _checksum(text.rpartition("_")[0]) or mode not in ("test", "live"):
        return None
    return ApiKeyText("live" if mode == "live" else "test", key_id, secret)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
