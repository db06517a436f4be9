"""A webhook as PayPal sent it: the raw body with the five headers that prove its sender.

The gateway checks what needs no certificate, seals the whole transmission and stores it; the worker
checks everything. Source: developer.paypal.com/api/rest/webhooks/rest.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

ALGORITHM = "SHA256withRSA"
"""The only accepted algorithm; the header never chooses another one."""
AGE_MAX = timedelta(days=4)
"""PayPal tries to deliver an event for three days."""
AHEAD_MAX = timedelta(minutes=10)
"""How far PayPal's clock may be ahead of ours."""

LIVE_ORIGINS = ("https://api.paypal.com", "https://api-m.paypal.com")
SANDBOX_ORIGINS = ("https://api.sandbox.paypal.com", "https://api-m.sandbox.paypal.com")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_NAMES = {
    "transmission_id": "PAYPAL-TRANSMISSION-ID",
    "transmission_time": "PAYPAL-TRANSMISSION-TIME",
    "transmission_sig": "PAYPAL-TRANSMISSION-SIG",
    "cert_url": "PAYPAL-CERT-URL",
    "auth_algo": "PAYPAL-AUTH-ALGO",
}
"""The headers by the names that PayPal's own verification gives their values."""
HEADERS = tuple(_NAMES.values())

# The separator of the signed text can't be a part of an id.
_ID = re.compile(r"[\x21-\x7b\x7d\x7e]{1,100}")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{1,2000}={0,2}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_ADDRESS = re.compile(
    r"(?P<origin>https?://[a-z0-9.:\[\]-]+)/v1/notifications/certs/[A-Za-z0-9_-]{1,128}", re.ASCII
)

Reason = Literal[
    "headers",
    "algorithm",
    "address",
    "time",
    "certificate_missing",
    "certificate_unreadable",
    "certificate_subject",
    "certificate_time",
    "certificate_chain",
    "signature",
    "postback",
    "unverified",
    "event",
]
"""Why a transmission is refused; also the label of the metric."""


class Unproven(Exception):
    """A transmission does not prove that PayPal sent it.

    Attributes:
        reason: which check refused it.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CertificateAddresses:
    """Where the certificates of one environment are."""

    origins: tuple[str, ...]

    @classmethod
    def of(cls, environment: Literal["sandbox", "live"], api_base: str | None) -> Self:
        """The addresses for an environment.

        A sandbox whose API is on this machine, such as a twin, has its certificates there and
        nowhere else. In live mode the API's address changes nothing.
        """
        if environment == "live":
            return cls(LIVE_ORIGINS)
        base = urlsplit(api_base or "")
        if base.hostname in _LOOPBACK:
            return cls((f"{base.scheme}://{base.netloc}",))
        return cls(SANDBOX_ORIGINS)

    def check(self, address: str) -> None:
        """Refuse any address except those of our environment's certificates.

        Raises:
            Unproven: another scheme, host, port or path, or user info, query or fragment.
        """
        found = _ADDRESS.fullmatch(address)
        origin = found["origin"] if found else ""
        if origin.startswith("https:"):
            origin = origin.removesuffix(":443")
        if origin not in self.origins:
            raise Unproven("address", "PAYPAL-CERT-URL is not an address of PayPal's certificates.")


@dataclass(frozen=True, slots=True)
class Transmission:
    """One delivery of one event."""

    transmission_id: str
    transmission_time: str
    transmission_sig: str
    cert_url: str
    auth_algo: str
    body: bytes
    """The raw bytes; the signature is over their checksum."""
    received_at: datetime
    """When the gateway received it."""

    @property
    def head(self) -> Mapping[str, str]:
        """The five values, by the names of PayPal's own verification."""
        return {name: getattr(self, name) for name in _NAMES}

    def check(self, addresses: CertificateAddresses) -> None:
        """Refuse what no certificate can prove.

        Raises:
            Unproven: a malformed header, another algorithm, a certificate elsewhere, or a
                transmission that is older than PayPal's last try or from the future.
        """
        if not (
            _ID.fullmatch(self.transmission_id) and _SIGNATURE.fullmatch(self.transmission_sig)
        ):
            raise Unproven("headers", "A header of the transmission is malformed.")
        if self.auth_algo != ALGORITHM:
            raise Unproven("algorithm", f"PAYPAL-AUTH-ALGO must be {ALGORITHM}.")
        addresses.check(self.cert_url)
        age = self.received_at - _moment(self.transmission_time)
        if not -AHEAD_MAX <= age <= AGE_MAX:
            raise Unproven("time", "The transmission is too old, or from the future.")

    def packed(self) -> bytes:
        """The transmission as bytes: a line of JSON, then the raw body."""
        line = {**self.head, "received_at": self.received_at.isoformat()}
        return json.dumps(line).encode() + b"\n" + self.body

    @classmethod
    def unpacked(cls, data: bytes) -> Self | None:
        """The transmission in bytes that `packed` made; None for any others."""
        line, separator, body = data.partition(b"\n")
        try:
            told = json.loads(line)
            head = {name: told[name] for name in _NAMES}
            received_at = datetime.fromisoformat(told["received_at"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        texts = all(isinstance(value, str) for value in head.values())
        if not separator or not texts or received_at.tzinfo is None:
            return None
        return cls(**head, body=body, received_at=received_at)


def read_head(header: Callable[[str], Sequence[str]]) -> Mapping[str, str]:
    """The five values of a request; `header` returns all values of a header.

    Raises:
        Unproven: one is missing, or was sent twice.
    """
    values = {name: header(title) for name, title in _NAMES.items()}
    if any(len(found) != 1 or not found[0] for found in values.values()):
        raise Unproven("headers", f"Send each of {', '.join(HEADERS)} once.")
    return {name: found[0] for name, found in values.items()}


def _moment(text: str) -> datetime:
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise Unproven("time", "PAYPAL-TRANSMISSION-TIME is not a time.")
