"""The platform's RSA key pair: bearers are secrets encrypted with its public key.

The portal shows the public key as base64 of its DER form. The real key has 4096 bits; this one has
fewer, because it is created at the first start.
"""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PUBLIC_FILE = "vodacom-public-key.txt"
_PRIVATE_FILE = "vodacom-private-key.pem"
_BITS = 2048
_CACHE_SIZE = 64


@dataclass(frozen=True, slots=True)
class PlatformKeys:
    """The key pair."""

    private: rsa.RSAPrivateKey
    public_text: str
    """What the portal shows."""
    _opened: dict[str, str | None] = field(default_factory=dict)
    """Callers send the same bearer many times, so a few are kept."""

    def opened(self, authorization: str | None) -> str | None:
        """The secret in an ``Authorization`` header; None when there is none or it is damaged."""
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if encoded not in self._opened:
            if len(self._opened) >= _CACHE_SIZE:
                self._opened.clear()
            self._opened[encoded] = self._open(encoded)
        return self._opened[encoded]

    def _open(self, encoded: str) -> str | None:
        try:
            sealed = base64.b64decode(encoded.strip(), validate=True)
            return self.private.decrypt(sealed, padding.PKCS1v15()).decode()
        except (ValueError, binascii.Error):
            return None


def load_or_create(folder: Path) -> PlatformKeys:
    """The key pair in this folder, created at the first start."""
    folder.mkdir(parents=True, exist_ok=True)
    file, public_file = folder / _PRIVATE_FILE, folder / PUBLIC_FILE
    if not public_file.exists():  # written last
        _create(file, public_file)
    private = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError(f"{file}: not an RSA key")
    return PlatformKeys(private, public_file.read_text())


def _create(file: Path, public_file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    written = public_file.with_suffix(".new")
    written.write_text(base64.b64encode(der).decode())
    written.replace(public_file)
