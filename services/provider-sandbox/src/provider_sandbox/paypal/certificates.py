"""The test certificate authority, and the signature of webhook transmissions.

Source: developer.paypal.com/api/rest/webhooks/rest, "Verify the message": SHA256withRSA over
``transmission id|transmission time|webhook id|crc32 of the raw body``, crc32 as decimal number.
"""

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

COMMON_NAME = "messageverificationcerts.sandbox.paypal.com"
CERTIFICATE, FORGED_CERTIFICATE = "CERT-360caa42-fca2a594-twin", "CERT-360caa42-fca2a594-forged"
"""Names of the two certificates that the twin serves."""
ALGORITHM = "SHA256withRSA"


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys and certificates of one twin."""

    root_pem: bytes
    """The authority that receivers trust."""
    pems: dict[str, bytes]
    """Certificates by name: the true one, and a self-signed one with the same common name."""
    keys: dict[str, rsa.RSAPrivateKey]

    def sign(self, certificate: str, message: bytes) -> str:
        """The signature of a message with the key of a certificate, in base64."""
        made = self.keys[certificate].sign(message, padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(made).decode()

    def verifies(self, signature: str, message: bytes) -> bool:
        """True for a signature that the true key made."""
        key = self.keys[CERTIFICATE].public_key()
        try:
            key.verify(base64.b64decode(signature), message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


def message(transmission_id: str, time: str, webhook_id: str, body: bytes) -> bytes:
    """The signed text of a transmission."""
    return f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()


def load_or_create(folder: Path) -> Signer:
    """The keys in a folder; they are created at the first start."""
    if not (folder / "paypal-root.pem").exists():
        _create(folder)
    pems = {name: (folder / f"paypal-{name}.pem").read_bytes() for name in _FILES}
    keys = {name: _key(folder / f"paypal-{name}-key.pem") for name in _FILES}
    named = {_FILES[name]: name for name in _FILES}
    return Signer(
        root_pem=(folder / "paypal-root.pem").read_bytes(),
        pems={certificate: pems[name] for certificate, name in named.items()},
        keys={certificate: keys[name] for certificate, name in named.items()},
    )


_FILES = {"leaf": CERTIFICATE, "forged": FORGED_CERTIFICATE}


def _create(folder: Path) -> None:
    """Write all files; the root's last: if it exists, the others exist too."""
    root_key, leaf_key, forged_key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)
    )
    root = _certificate("Test authority of the PayPal twin", root_key, None, root_key)
    leaf = _certificate(COMMON_NAME, leaf_key, root, root_key)
    forged = _certificate(COMMON_NAME, forged_key, None, forged_key)
    for name, key, made in (("leaf", leaf_key, leaf), ("forged", forged_key, forged)):
        _write_key(folder / f"paypal-{name}-key.pem", key)
        (folder / f"paypal-{name}.pem").write_bytes(_pem(made))
    written = folder / "paypal-root.new"
    written.write_bytes(_pem(root))
    written.replace(folder / "paypal-root.pem")


def _certificate(
    common_name: str,
    key: rsa.RSAPrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: rsa.RSAPrivateKey,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    is_root = issuer is None and common_name != COMMON_NAME
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(_key_usage(is_root=is_root), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not is_root:
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        names = x509.SubjectAlternativeName([x509.DNSName(common_name)])
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        for extension in (issued_by, names, use):
            builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _key_usage(*, is_root: bool) -> x509.KeyUsage:
    """What a public authority's certificates of this kind say; strict receivers need it."""
    return x509.KeyUsage(
        digital_signature=not is_root,
        content_commitment=False,
        key_encipherment=not is_root,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_root,
        crl_sign=is_root,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(path: Path, key: rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _key(path: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(
        path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key
