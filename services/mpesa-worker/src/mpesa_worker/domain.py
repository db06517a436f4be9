"""M-Pesa rules as pure functions: no network, no clock, no settings."""

import base64
import hashlib
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cift_shared.attempts.polling_schedule import gaps_s, sped_up
from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import RequestRefund
from cift_shared.money.amount import Money
from cift_shared.security.field_encryption import Vault

NAIROBI = timezone(timedelta(hours=3), "EAT")
"""East Africa Time, without daylight saving time. Every Daraja timestamp is in this zone."""

CALLBACK_PATH = "/api/v1/callbacks"
"""Contains none of the words that Daraja refuses in a callback address (mpesa, exec, cmd, sql,
query ...)."""

GIVE_UP_AFTER_S = 24 * 60 * 60
"""From this age on an operator must decide the payment. Time alone never makes a payment fail."""

_CHECKS_AT_S = (12, 20, 30, 45, 60, 90, 120)
"""Seconds from submission. Observed: success shows after 17 s, a cancellation after 27 s."""
_CHECK_GAP_S_MAX = 900

_CENTS = 100

_MSISDN = re.compile(r"254[17][0-9]{8}")
_RECEIPT = re.compile(r"[A-Z0-9]{10}")

REFERENCE_CHARS = 12
"""Maximum length of an AccountReference that Daraja accepts."""
_REFERENCE_CONTEXT = "mpesa-account-reference-2"
"""Must never change: with another text, pushes in flight would get other references."""
_OUR_REFERENCE = re.compile(r"[A-Z2-7]{12}")


def account_reference(payment_id: UUID) -> str:
    """The first form of a push's AccountReference: an unkeyed hash of the payment id.

    No new push uses it. It still matches the pushes that earlier releases sent.
    """
    digest = hashlib.blake2b(payment_id.bytes, digest_size=8, person=b"cift-account-ref").digest()
    return base64.b32encode(digest).decode()[:REFERENCE_CHARS]


def keyed_account_reference(vault: Vault, attempt_id: AttemptId, variant: int = 0) -> str:
    """The AccountReference that the payer sees on the prompt: 12 letters and digits.

    It is always the same for one attempt and variant: the first 60 bits of a keyed hash
    (HMAC-SHA-256 under the index key), so nobody else can compute the reference of a payment.

    Args:
        vault: holds the key.
        attempt_id: the attempt of the push.
        variant: above 0 only when the reference of a smaller variant belongs to another push.
    """
    digest = vault.fingerprint(attempt_id.bytes + bytes([variant]), context=_REFERENCE_CONTEXT)
    return base64.b32encode(bytes.fromhex(digest)).decode()[:REFERENCE_CHARS]


def is_our_reference(text: str) -> bool:
    """True when `text` has the form of our references; other account numbers rarely have it."""
    return _OUR_REFERENCE.fullmatch(text) is not None


def timestamp(at: datetime) -> str:
    """A time in Daraja's format: YYYYMMDDHHmmss, Nairobi time."""
    return at.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def stk_password(short_code: str, passkey: str, stamp: str) -> str:
    """`Password` of an STK request: base64 of short code, passkey and the request's timestamp."""
    return base64.b64encode(f"{short_code}{passkey}{stamp}".encode()).decode()


def security_credential(password: str, certificate_pem: bytes) -> str:
    """`SecurityCredential`: the API operator's password, encrypted with Safaricom's key, base64.

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
    """True for the form of an M-Pesa receipt: 10 capital letters and digits.

    A placeholder that ends in six zeros is not a receipt.
    """
    if reference is None or _RECEIPT.fullmatch(reference) is None:
        return False
    return not reference.endswith("000000")


def whole_shillings(amount: Money) -> int:
    """The amount in whole shillings, as Daraja accepts it.

    Raises:
        ValueError: the amount has cents, or is not in shillings.
    """
    shillings, cents = divmod(amount.minor, _CENTS)
    if amount.currency != "KES" or cents:
        raise ValueError("M-Pesa moves whole shillings")
    return shillings


def callback_address(base: str, token: str) -> str:
    """The address to which Daraja posts the result of one request."""
    return f"{base}{CALLBACK_PATH}/{token}"


def refund_route(request: RequestRefund) -> Literal["reversal", "payout"]:
    """How a refund is sent: a whole deposit by reversing its receipt, any other as a payout.

    Daraja does not document partial reversals, and a reversal needs a receipt.
    """
    whole = request.amount == request.original.amount
    return "reversal" if whole and is_receipt(request.original.provider_reference) else "payout"


CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)
"""Seconds to wait before each query: at 12, 20, 30 ... 120 s, doubling, then every 15 minutes."""


def check_delay(checks: int, age: timedelta | None, *, speed: Decimal) -> timedelta | None:
    """How long to wait before the next query; None when an operator must decide the payment.

    Args:
        checks: the number of queries so far.
        age: time since the attempt began. Queries end by age and not only by count, so neither
            many notices nor a day of downtime of ours ends them early.
        speed: divides every delay, also the limit of one day.
    """
    if checks < len(CHECK_GAPS_S):
        return sped_up(CHECK_GAPS_S[checks], speed)
    if age is None or age >= sped_up(GIVE_UP_AFTER_S, speed):
        return None
    return sped_up(_CHECK_GAP_S_MAX, speed)
