"""Rules of MTN MoMo payments as pure functions: no network, no clock, no settings."""

import re
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from cift_shared.attempts.polling_schedule import gaps_s, sped_up
from cift_shared.ids import AttemptId
from cift_shared.money.amount import Money
from cift_shared.security.field_encryption import Vault

GIVE_UP_AFTER_S = 24 * 60 * 60
"""From this age on an operator must decide the payment. Time alone never makes a payment fail."""
_CHECKS_AT_S = (5, 10, 20, 30, 60, 120, 300)
"""Seconds from submission; a payer has five minutes. Source: momodeveloper.mtn.com, "Collections".
"""
_CHECK_GAP_S_MAX = 900
CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)

RESEND_AFTER_S = 120
"""MTN may need a moment to show a request. One that it does not know after this time is sent again,
under the same X-Reference-Id."""
PROMPT_AGAIN_S_MAX = 60 * 60
"""A request to pay is not sent again to a payer who asked for it longer ago."""

_REFERENCE_CONTEXT = "momo-reference-id"
"""Must never change: with another text, requests in flight would get other ids."""
_BALANCE = re.compile(r"(-?[0-9]{1,15})(?:\.[0-9]{1,10})?")
_RECEIPT = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""MTN's ids have about ten digits; it promises no form."""
_WHOLE = re.compile(r"(0|[1-9][0-9]*)(?:\.0+)?")


def reference_id(vault: Vault, attempt_id: AttemptId) -> UUID:
    """The X-Reference-Id of an attempt, always the same: a keyed hash in the form of a uuid4.

    MTN accepts only version 4. The id names the transaction in later requests, so it can't be
    computed without the key.
    """
    digest = vault.fingerprint(attempt_id.bytes, context=_REFERENCE_CONTEXT)
    return UUID(bytes=bytes.fromhex(digest)[:16], version=4)


def whole_text(amount: Money) -> str:
    """The amount as MTN reads it: whole units, because its currencies here have no decimals."""
    return str(amount.minor)


def whole_units(text: str | None) -> int | None:
    """The whole units in an amount of MTN, "5000" or "5000.00"; None when it is not whole."""
    match = _WHOLE.fullmatch(text or "") if len(text or "") <= 40 else None
    return int(match[1]) if match else None


def balance_units(text: str) -> int | None:
    """The whole units in a balance of MTN, "1000" or "1000.25"; None when it is no amount."""
    match = _BALANCE.fullmatch(text)
    return int(match[1]) if match else None


def receipt_in(text: str | None) -> str | None:
    """`text` if it has the form of MTN's transaction ids; else None: the payment has no receipt."""
    return text if text and _RECEIPT.fullmatch(text) else None


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
