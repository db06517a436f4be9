"""Rules of M-Pesa Tanzania as pure functions: no network, no clock, no settings."""

import base64
import binascii
import re
from datetime import timedelta, timezone
from decimal import Decimal
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cift_shared.attempts.polling_schedule import gaps_s, sped_up
from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.money.amount import Money
from cift_shared.security.field_encryption import Vault

CURRENCY, COUNTRY = "TZS", "TZN"
"""Vodacom's words for our currency and market."""

DAR_ES_SALAAM = timezone(timedelta(hours=3), "EAT")
"""East Africa Time, without daylight saving time."""

GIVE_UP_AFTER_S = 24 * 60 * 60
"""From this age on an operator must decide the payment. Time alone never makes a payment fail."""

RESEND_DEPOSIT_S = 10 * 60
"""A deposit whose arrival is unknown is sent again only until this age, while its payer expects the
prompt. The key makes sure that it is paid at most once."""

_CHECKS_AT_S = (5, 12, 20, 30, 45, 60, 90, 120)
_CHECK_GAP_S_MAX = 900

_CENTS = 100
_KEY = re.compile(r"([0-9a-f]{32})(?:[0-9]{3})?")
ROUND_MAX = 999
"""The highest round that fits into a key."""

_MSISDN = re.compile(r"255[67][0-9]{8}")
_RECEIPT = re.compile(r"(?!N/A$)[A-Za-z0-9]{6,20}")
_REFERENCE_CONTEXT = "vodacom-transaction-reference"
_REFERENCE_CHARS = 12


def request_key(attempt_id: AttemptId, round_number: int = 0) -> str:
    """`input_ThirdPartyConversationID`: Vodacom acts at most once for each.

    Letters and digits only. A later round is another key: it is used only once M-Pesa has refused
    the payout of the round before for lack of money.
    """
    return attempt_id.hex + (f"{round_number:03d}" if round_number else "")


def attempt_of(key: object) -> AttemptId | None:
    """The attempt of a key of ours; None for any other text."""
    match = _KEY.fullmatch(key) if isinstance(key, str) else None
    return AttemptId(UUID(hex=match.group(1))) if match else None


def transaction_reference(vault: Vault, attempt_id: AttemptId) -> str:
    """`input_TransactionReference`, which the payer may see: 12 capital letters and digits.

    It is the same for every try of an attempt, and shows nothing of our ids.
    """
    digest = vault.fingerprint(attempt_id.bytes, context=_REFERENCE_CONTEXT)
    return base64.b32encode(bytes.fromhex(digest)).decode()[:_REFERENCE_CHARS]


def public_key(text: str) -> rsa.RSAPublicKey:
    """The platform's public key: base64 of a DER SubjectPublicKeyInfo, as the portal shows it.

    Raises:
        SettingsInvalid: it is something else.
    """
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, binascii.Error) as error:
        raise SettingsInvalid("MPESA_TZ_PUBLIC_KEY: not a public key in base64") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise SettingsInvalid("MPESA_TZ_PUBLIC_KEY: not an RSA key")
    return key


def bearer(secret: str, key: rsa.RSAPublicKey) -> str:
    """The bearer that proves we know `secret` (API key or session): encrypted, then base64.

    Source: M-Pesa OpenAPI documentation, "Generate Session Key".

    Raises:
        ValueError: the secret is too long for the key.
    """
    return base64.b64encode(key.encrypt(secret.encode(), padding.PKCS1v15())).decode()


def is_msisdn(number: str) -> bool:
    """True for a Tanzanian mobile number in canonical form, 2556... or 2557..., 12 digits."""
    return _MSISDN.fullmatch(number) is not None


def receipt_in(text: object) -> str | None:
    """`text` if it has the form of a transaction id; Vodacom writes N/A where there is none."""
    return text if isinstance(text, str) and _RECEIPT.fullmatch(text) else None


def whole_shillings(amount: Money) -> int:
    """The amount in whole shillings.

    Raises:
        ValueError: the amount has cents, or is not in shillings.
    """
    shillings, cents = divmod(amount.minor, _CENTS)
    if amount.currency != CURRENCY or cents:
        raise ValueError("M-Pesa moves whole shillings")
    return shillings


CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)
"""Seconds to wait before each query: at 5, 12, 20 ... 120 s, doubling, then every 15 minutes."""


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
