"""A certificate authority of the tests, and transmissions that it signed as PayPal signs them.

Written from PayPal's documents, without the code of the worker or of the twin.
"""

import base64
import binascii
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from paypal_method.transmission import Transmission

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WEBHOOK_ID = "8PT597110X687430L"
LIVE_NAME = "messageverificationcerts.paypal.com"
SANDBOX_NAME = "messageverificationcerts.sandbox.paypal.com"
ADDRESS = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594"
OURS = "0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a01"
"""Our attempt, as the event names it."""
EVENT: dict[str, Any] = {
    "id": "WH-2WR32451HC0233532-67976317FL4543714",
    "event_type": "PAYMENT.CAPTURE.COMPLETED",
    "resource_type": "capture",
    "resource": {"id": "42311647XV020574X", "custom_id": OURS},
}


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """A key; making one takes a while, so each is made once."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issue(
    name: str,
    *,
    by: Issued | None = None,
    authority: bool = False,
    number: int = 1,
    since: datetime = NOW - timedelta(days=30),
    until: datetime = NOW + timedelta(days=365),
    elliptic: bool = False,
) -> Issued:
    """A certificate; without an issuer it is signed by itself."""
    own = ec.generate_private_key(ec.SECP256R1()) if elliptic else key(number)
    signer = own if by is None else by.key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    if not authority:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    return Issued(builder.sign(signer, hashes.SHA256()), own)


@cache
def root() -> Issued:
    """The authority that the tests trust."""
    return issue("Test root", authority=True, number=0)


@cache
def leaf() -> Issued:
    """PayPal's certificate in the sandbox, from that authority."""
    return issue(SANDBOX_NAME, by=root())


def signed(
    body: bytes | None = None,
    *,
    by: Issued | None = None,
    webhook_id: str = WEBHOOK_ID,
    at: datetime = NOW,
    **over: Any,
) -> Transmission:
    """A transmission signed now; `over` changes fields after the signature was made."""
    raw = json.dumps(EVENT).encode() if body is None else body
    made = Transmission(
        transmission_id="69cd13f0-d67a-11e5-baa3-778b53f4ae55",
        transmission_time=at.isoformat().replace("+00:00", "Z"),
        transmission_sig="",
        cert_url=ADDRESS,
        auth_algo="SHA256withRSA",
        body=raw,
        received_at=at,
    )
    text = "|".join(
        [
            made.transmission_id,
            made.transmission_time,
            webhook_id,
            str(binascii.crc32(raw) & 0xFFFFFFFF),
        ]
    )
    signature = (by or leaf()).key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    made = replace(made, transmission_sig=base64.b64encode(signature).decode())
    return replace(made, **over)
