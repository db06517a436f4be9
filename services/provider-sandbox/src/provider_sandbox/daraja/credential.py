"""SecurityCredential: the key pair of the twin, and the decryption of operator passwords.

A SecurityCredential is the base64 of the initiator's password, encrypted with RSA PKCS#1 v1.5 and
the public key of an X.509 certificate that Safaricom publishes. Source: Daraja documentation,
"Security Credentials".
"""

import base64
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

_KEY_FILE = "daraja-key.pem"
_CERTIFICATE_FILE = "daraja-certificate.pem"
_CACHE_SIZE = 64


class CredentialKeys:
    """Decrypts credentials; callers send the same value many times, so a few are cached."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate_pem: bytes) -> None:
        self.certificate_pem = certificate_pem
        self._key = key
        self._cache: dict[str, bytes] = {}

    def open(self, credential: str) -> bytes:
        """The decrypted password; empty when decryption fails, which no password equals."""
        if credential not in self._cache:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[credential] = self._decrypt(credential)
        return self._cache[credential]

    def _decrypt(self, credential: str) -> bytes:
        with contextlib.suppress(ValueError):
            return self._key.decrypt(base64.b64decode(credential), padding.PKCS1v15())
        return b""


def load_or_create(folder: Path) -> CredentialKeys:
    """The key pair in a folder; it is created at the first start."""
    key_file, certificate_file = folder / _KEY_FILE, folder / _CERTIFICATE_FILE
    if not certificate_file.exists():
        _create(key_file, certificate_file)
    key = serialization.load_pem_private_key(
        key_file.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{key_file} holds no RSA key")
    return CredentialKeys(key, certificate_file.read_bytes())


def _create(key_file: Path, certificate_file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key_file.touch(mode=0o600)
    key_file.write_bytes(pem)
    written = certificate_file.with_suffix(".new")
    written.write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
    # Renamed last: if the certificate file exists, its key file exists too.
    written.replace(certificate_file)


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Daraja twin")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
