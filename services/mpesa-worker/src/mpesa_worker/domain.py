"""The rules of M-Pesa that need neither network nor clock nor settings."""

import base64
import hashlib
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cift_shared.check_schedule import gaps_s, sped_up
from cift_shared.errors import SettingsInvalid
from cift_shared.messages import RequestRefund
from cift_shared.money import Money

NAIROBI = timezone(timedelta(hours=3), "EAT")
"""East Africa Time, without daylight saving: every Daraja timestamp is in it."""

CALLBACK_PATH = "/api/v1/callbacks"
"""Free of the words Daraja refuses in a callback address (mpesa, exec, cmd, sql, query ...)."""

GIVE_UP_AFTER_S = 24 * 60 * 60
"""From here on people look; time alone never fails a payment."""

_CHECKS_AT_S = (12, 20, 30, 45, 60, 90, 120)
"""Seconds from submission. Observed: success shows after 17 s, a cancellation after 27 s."""
_CHECK_GAP_S_MAX = 900

_CENTS = 100

_MSISDN = re.compile(r"254[17][0-9]{8}")
_RECEIPT = re.compile(r"[A-Z0-9]{10}")


def account_reference(payment_id: UUID) -> str:
    """The code the payer sees on the prompt: 12 letters and digits, the same for a payment always.

    A hash, so that it tells nothing about our ids; 60 bits, so that two payments share none.
    """
    digest = hashlib.blake2b(payment_id.bytes, digest_size=8, person=b"cift-account-ref").digest()
    return base64.b32encode(digest).decode()[:12]


def timestamp(at: datetime) -> str:
    """A moment as Daraja wants it: YYYYMMDDHHmmss in Nairobi."""
    return at.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def stk_password(short_code: str, passkey: str, stamp: str) -> str:
    """`Password` of an STK request: base64 of short code, passkey and its own timestamp."""
    return base64.b64encode(f"{short_code}{passkey}{stamp}".encode()).decode()


def security_credential(password: str, certificate_pem: bytes) -> str:
    """`SecurityCredential`: the operator's password for Safaricom's eyes only, base64.

    Raises:
        SettingsInvalid: the file is not an X.509 certificate with an RSA key.
    """
    try:
        key = x509.load_pem_x509_certificate(certificate_pem).public_key()
    except ValueError as error:
        raise SettingsInvalid("MPESA_CERTIFICATE_FILE: not an X.509 certificate in PEM") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise SettingsInvalid("MPESA_CERTIFICATE_FILE: its key is not RSA")
    return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()


def is_msisdn(number: str) -> bool:
    """True for a Kenyan mobile number in canonical form, 2547... or 2541..., 12 digits."""
    return _MSISDN.fullmatch(number) is not None


def is_receipt(reference: str | None) -> bool:
    """True for the shape of an M-Pesa receipt: 10 capitals and digits, not a filler of zeros."""
    if reference is None or _RECEIPT.fullmatch(reference) is None:
        return False
    return not reference.endswith("000000")


def whole_shillings(amount: Money) -> int:
    """The amount as Daraja takes it.

    Raises:
        ValueError: it has cents, or is not in shillings.
    """
    shillings, cents = divmod(amount.minor, _CENTS)
    if amount.currency != "KES" or cents:
        raise ValueError("M-Pesa moves whole shillings")
    return shillings


def callback_address(base: str, token: str) -> str:
    """Where Daraja shall tell how one request ended."""
    return f"{base}{CALLBACK_PATH}/{token}"


def refund_road(request: RequestRefund) -> Literal["reversal", "payout"]:
    """How a refund travels: a whole deposit by reversing its receipt, anything else as a payout.

    Partial reversals are not documented by Daraja, and without a receipt nothing can be reversed.
    """
    whole = request.amount == request.original.amount
    return "reversal" if whole and is_receipt(request.original.provider_reference) else "payout"


CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)
"""Seconds to wait before each question: at 12, 20, 30 ... 120 s, doubling, then each 15 minutes."""


def check_delay(checks: int, age: timedelta | None, *, speed: Decimal) -> timedelta | None:
    """How long to wait before the next question; None when it is time for people to look.

    Args:
        checks: questions asked so far.
        age: time since the attempt began; with it, neither a flood of notices nor a day's
            standstill of ours ends the asking early.
        speed: divides every delay, the day included.
    """
    if checks < len(CHECK_GAPS_S):
        return sped_up(CHECK_GAPS_S[checks], speed)
    if age is None or age >= sped_up(GIVE_UP_AFTER_S, speed):
        return None
    return sped_up(_CHECK_GAP_S_MAX, speed)
