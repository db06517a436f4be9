"""Keys that encrypt and decrypt, and never leave: in memory, a new version with each rotation.

Source: developer.hashicorp.com/vault/docs/secrets/transit, .../vault/api-docs/secret/transit.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_CIPHERTEXT = re.compile(r"vault:v([1-9][0-9]{0,5}):([A-Za-z0-9+/=]+)")
_KEY_BYTES, _NONCE_BYTES = 32, 12


class Refused(Exception):
    """The engine refuses a request.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Mode(StrEnum):
    """How the engine answers."""

    NORMAL = "normal"
    SEALED = "sealed"
    FORBIDDEN = "forbidden"
    """As with a token whose policy does not allow it."""
    STANDBY = "standby"
    """A redirect to the node that is active."""
    HTML = "html"
    """HTTP 200 with an HTML page."""
    HANG = "hang"
    """No answer for as long as the mode lasts."""
    TRUNCATED = "truncated"
    """The first half of the JSON."""
    ENDLESS = "endless"
    """A body that does not end."""
    WRONG_TYPES = "wrong_types"
    """Numbers instead of text."""
    HUGE = "huge"
    """A text of 10,000 letters."""
    SHORT = "short"
    """A plaintext of 31 bytes."""
    OTHER_KEY = "other_key"
    """A plaintext that was never encrypted."""
    EMPTY = "empty"
    """An object without content."""


@dataclass(slots=True)
class Engine:
    """The transit engine of a Vault."""

    token: str
    names: Iterable[str] = ("cift-wallet",)
    mode: Mode = Mode.NORMAL
    asked: int = 0
    _keys: dict[str, list[AESGCM]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            self.rotate(name)

    def rotate(self, name: str) -> int:
        """Add a version to a key; returns its number. Older ones still decrypt."""
        versions = self._keys.setdefault(name, [])
        versions.append(AESGCM(os.urandom(_KEY_BYTES)))
        return len(versions)

    def encrypt(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        """The data of the answer.

        Raises:
            Refused: there is no such key, or the order is none.
        """
        versions = self._versions(name)
        plain, bound = _decoded(order, "plaintext"), _decoded(order, "associated_data", default="")
        nonce = os.urandom(_NONCE_BYTES)
        box = nonce + versions[-1].encrypt(nonce, plain, bound)
        text = base64.b64encode(box).decode()
        return {"ciphertext": f"vault:v{len(versions)}:{text}", "key_version": len(versions)}

    def decrypt(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        """The data of the answer; raises as `encrypt`, and for a ciphertext of another key."""
        versions = self._versions(name)
        bound = _decoded(order, "associated_data", default="")
        text = order.get("ciphertext")
        if not isinstance(text, str) or not text:
            raise Refused(400, "missing ciphertext to decrypt")
        found = _CIPHERTEXT.fullmatch(text)
        if found is None:
            raise Refused(400, "invalid ciphertext: no prefix")
        version = int(found[1])
        if version > len(versions):
            raise Refused(400, "invalid ciphertext: version is too new")
        try:
            box = base64.b64decode(found[2], validate=True)
            plain = versions[version - 1].decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], bound)
        except binascii.Error:
            raise Refused(400, "invalid ciphertext: could not decode base64") from None
        except (InvalidTag, ValueError):
            raise Refused(400, "cipher: message authentication failed") from None
        return {"plaintext": base64.b64encode(plain).decode()}

    def _versions(self, name: str) -> list[AESGCM]:
        if name not in self._keys:
            raise Refused(400, "encryption key not found")
        return self._keys[name]


def _decoded(order: dict[str, Any], name: str, *, default: str | None = None) -> bytes:
    text = order.get(name, default)
    if not isinstance(text, str):
        raise Refused(400, f"missing {name} to encrypt")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, f"failed to base64-decode {name}") from None
