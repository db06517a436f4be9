"""Encrypt ("seal") stored personal data: AES-256-GCM under rotating data keys.

A sealed text is `<key id>.<base64url(nonce + ciphertext)>`. The context ("phone", "notice") is
bound as associated data, so a sealed phone number can't be used as something else. To find sealed
data again, `fingerprint` computes a keyed hash (HMAC-SHA-256).
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cift_shared.errors import SealBroken, SettingsInvalid

_NONCE_BYTES = 12
_KEY_BYTES = 32


class Vault:
    """Encrypts and decrypts personal data; the first key encrypts, every key decrypts."""

    def __init__(self, keys: Mapping[str, bytes], index_key: bytes) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = next(iter(keys))
        self._index_key = index_key

    @classmethod
    def from_text(cls, data_keys: str, index_key: str) -> "Vault":
        """Build from settings: `k2:<base64>,k1:<base64>` (newest first) and one base64 key.

        Raises:
            SettingsInvalid: no key, a repeated or malformed key, or one that isn't 32 bytes.
        """
        keys: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in data_keys.split(","))):
            key_id, _, text = entry.partition(":")
            if not key_id.isalnum() or key_id in keys:
                raise SettingsInvalid("CIFT_DATA_KEYS: key ids must be letters and digits, once")
            keys[key_id] = _key_from(text, "CIFT_DATA_KEYS")
        if not keys:
            raise SettingsInvalid("CIFT_DATA_KEYS: at least one key is needed")
        return cls(keys, _key_from(index_key, "CIFT_INDEX_KEY"))

    def seal(self, plain: bytes, *, context: str) -> str:
        """Encrypt bytes for a context with the active key."""
        nonce = os.urandom(_NONCE_BYTES)
        box = nonce + self._ciphers[self._active].encrypt(nonce, plain, context.encode())
        return f"{self._active}.{base64.urlsafe_b64encode(box).decode()}"

    def open(self, sealed: str, *, context: str) -> bytes:
        """Decrypt what `seal` made for the same context.

        Raises:
            SealBroken: unknown key, another context, or changed bytes.
        """
        key_id, _, text = sealed.partition(".")
        try:
            box = base64.urlsafe_b64decode(text)
            return self._ciphers[key_id].decrypt(
                box[:_NONCE_BYTES], box[_NONCE_BYTES:], context.encode()
            )
        except (KeyError, InvalidTag, ValueError) as error:
            raise SealBroken(f"sealed {context} can't be opened") from error

    def fingerprint(self, value: bytes, *, context: str) -> str:
        """A keyed hash (64 hex digits) to find the value again without storing it."""
        return hmac.new(
            self._index_key, context.encode() + b"\0" + value, hashlib.sha256
        ).hexdigest()


def _key_from(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:  # not ASCII, or not base64
        raise SettingsInvalid(f"{name}: not base64") from error
    if len(key) != _KEY_BYTES:
        raise SettingsInvalid(f"{name}: a key is {_KEY_BYTES} bytes")
    return key
