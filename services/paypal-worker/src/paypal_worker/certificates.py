"""PayPal's certificates: which one to trust, and where it comes from.

A certificate is trusted when a root of ours vouches for it, for PayPal's name, at the time of the
transmission. It is fetched only from the addresses of our environment, once, and kept until it
expires. Source: the rules of PayPal's SDKs for Java and Python.
"""

import asyncio
import warnings
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self, TypeVar

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from cift_shared.clock import Clock
from cift_shared.errors import PaymentProcessorError, SettingsInvalid
from paypal_method.transmission import Unproven

SUBJECTS = {
    "live": "messageverificationcerts.paypal.com",
    "sandbox": "messageverificationcerts.sandbox.paypal.com",
}
"""The name in PayPal's certificate, by environment. Source: PayPal's SDK for Java."""
PEM_BYTES_MAX = 64 * 1024
KEPT_MAX = 20
"""Certificates in the cache. PayPal has one at a time."""
REFUSED_FOR = timedelta(minutes=10)
"""How long an address whose certificate was refused is not fetched again."""
FETCHES_MAX, FETCHES_WITHIN = 30, timedelta(minutes=10)
"""Anyone can name new addresses at PayPal; this many are fetched in this time."""
_CHAIN_MAX = 10
_END = b"-----END CERTIFICATE-----"

Environment = Literal["sandbox", "live"]
_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Trusted:
    """The key of a certificate that was checked, and when its whole chain is valid."""

    key: rsa.RSAPublicKey
    not_before: datetime
    not_after: datetime

    def is_valid(self, at: datetime) -> bool:
        """True while every certificate of the chain is valid."""
        return self.not_before <= at <= self.not_after


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we trust to vouch for PayPal's certificate."""

    store: Store
    intermediates: tuple[x509.Certificate, ...]
    """Certificates that lead from PayPal's to a root, for a file without them."""
    subject: str

    @classmethod
    def of(cls, environment: Environment, roots: Path | None) -> Self:
        """The public roots that ship with us, or those of a PEM file.

        Raises:
            SettingsInvalid: the file can't be read or has no certificate; or live mode has one.
        """
        if roots is not None and environment == "live":
            raise SettingsInvalid("PAYPAL_WEBHOOK_ROOTS: live mode trusts the public roots only")
        found = _roots_in(Path(certifi.where()) if roots is None else roots)
        shipped = files("paypal_worker").joinpath("data/intermediates.pem").read_bytes()
        between = () if roots is not None else tuple(x509.load_pem_x509_certificates(shipped))
        return cls(Store(found), between, SUBJECTS[environment])

    def check(self, pem: bytes, at: datetime) -> Trusted:
        """The key of the first certificate in a PEM file.

        Raises:
            Unproven: it can't be read, is not PayPal's, is not valid at that time, or no root of
                ours vouches for it.
        """
        leaf, *others = _certificates_in(pem)
        _check_subject(leaf, self.subject)
        if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
            raise Unproven("certificate_time", "PayPal's certificate is not valid at that time.")
        verifier = PolicyBuilder().store(self.store).time(at)
        try:
            chain = verifier.build_server_verifier(x509.DNSName(self.subject)).verify(
                leaf, [*others, *self.intermediates]
            )
        except VerificationError as error:
            text = "No trusted root vouches for PayPal's certificate."
            raise Unproven("certificate_chain", text) from error
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise Unproven("certificate_unreadable", "PayPal's certificate has no RSA key.")
        return Trusted(
            key,
            max(part.not_valid_before_utc for part in chain),
            min(part.not_valid_after_utc for part in chain),
        )


class CertificateUnavailable(Exception):
    """The certificate could not be fetched now; that proves nothing about the transmission."""


Fetch = Callable[[str], Awaitable[bytes]]
"""Fetches a certificate's PEM.

Raises `Unproven` when the address has none, `PaymentProcessorError` when PayPal does not answer.
"""


class Certificates:
    """Fetches, checks and keeps PayPal's certificates."""

    def __init__(self, trust: Trust, fetch: Fetch, clock: Clock) -> None:
        self._trust = trust
        self._fetch = fetch
        self._clock = clock
        self._kept: OrderedDict[str, Trusted] = OrderedDict()
        self._refused: OrderedDict[str, tuple[datetime, Unproven]] = OrderedDict()
        self._fetches: list[datetime] = []
        self._lock = asyncio.Lock()

    async def get(self, address: str, at: datetime) -> Trusted:
        """The checked certificate at an address that was checked (`CertificateAddresses`).

        Raises:
            Unproven: the certificate does not prove anything.
            CertificateUnavailable: it could not be fetched.
        """
        kept = self._valid(address, at)
        if kept is not None:
            return kept
        async with self._lock:  # one fetch at a time: a flood of new addresses waits
            return self._valid(address, at) or await self._fetched(address, at)

    def _valid(self, address: str, at: datetime) -> Trusted | None:
        kept = self._kept.get(address)
        return kept if kept is not None and kept.is_valid(at) else None

    async def _fetched(self, address: str, at: datetime) -> Trusted:
        self._raise_if_refused(address)
        try:
            trusted = self._trust.check(await self._pem(address), at)
        except Unproven as error:
            if error.reason != "certificate_time":  # true only of this transmission
                _keep(self._refused, address, (self._clock.now(), error))
            raise
        _keep(self._kept, address, trusted)
        return trusted

    def _raise_if_refused(self, address: str) -> None:
        since, error = self._refused.get(address, (None, None))
        if since is not None and error is not None and self._clock.now() - since < REFUSED_FOR:
            raise Unproven(error.reason, str(error))

    async def _pem(self, address: str) -> bytes:
        now = self._clock.now()
        self._fetches = [moment for moment in self._fetches if now - moment < FETCHES_WITHIN]
        if len(self._fetches) >= FETCHES_MAX:
            raise CertificateUnavailable("too many new addresses")
        self._fetches.append(now)
        try:
            return await self._fetch(address)
        except PaymentProcessorError as error:
            raise CertificateUnavailable(error.code) from error


def _keep(kept: OrderedDict[str, _Entry], address: str, entry: _Entry) -> None:
    kept[address] = entry
    kept.move_to_end(address)
    if len(kept) > KEPT_MAX:
        kept.popitem(last=False)


def _check_subject(leaf: x509.Certificate, subject: str) -> None:
    try:
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError as error:
        raise Unproven("certificate_unreadable", "The certificate can't be read.") from error
    if [name.value for name in names] != [subject]:
        raise Unproven("certificate_subject", "The certificate is not of PayPal's webhooks.")


def _certificates_in(pem: bytes) -> Sequence[x509.Certificate]:
    if len(pem) > PEM_BYTES_MAX or pem.count(_END) > _CHAIN_MAX:
        raise Unproven("certificate_unreadable", "The certificate is too large.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return x509.load_pem_x509_certificates(pem)
    except (ValueError, Warning) as error:
        raise Unproven("certificate_unreadable", "The certificate can't be read.") from error


def _roots_in(file: Path) -> list[x509.Certificate]:
    """The roots in a PEM file, except those that the library will soon refuse to read."""
    try:
        parts = file.read_bytes().split(_END)[:-1]
    except OSError as error:
        raise SettingsInvalid(f"PAYPAL_WEBHOOK_ROOTS: {file}: {error.strerror}") from error
    found = []
    for part in parts:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found.append(x509.load_pem_x509_certificate(part + _END))
            except (ValueError, Warning):
                continue
    if not found:
        raise SettingsInvalid(f"PAYPAL_WEBHOOK_ROOTS: {file} has no certificate")
    return found
