"""The rules of card payments that need neither network nor clock nor settings."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from cift_shared.check_schedule import gaps_s, sped_up
from cift_shared.ids import AttemptId

API_VERSION = "2026-10-28.endive"
"""Of requests and answers; moves together with the library (stripe==16.1)."""

ATTEMPT_NAME = "cift_attempt"
"""The metadata field that says which attempt made an object of Stripe's."""

GIVE_UP_AFTER_S = 24 * 60 * 60
"""From here on people look at an open payment; time alone never fails one."""
REFUND_GIVE_UP_AFTER_S = 30 * GIVE_UP_AFTER_S
"""A refund may be pending for weeks (docs.stripe.com/refunds)."""

_CHECKS_AT_S = (5, 15, 30, 60, 120)
_CHECK_GAP_S_MAX = 900
_LATE_GAP_S = 6 * 60 * 60

_HOUR, _DAY = 60 * 60, 24 * 60 * 60
WATCH_FOR_FEE_S = (15 * 60, _HOUR, 6 * _HOUR, _DAY, 3 * _DAY)
"""When a settled payment is looked at again while Stripe's fee for it is not known."""
WATCH_DEPOSIT_S = (_DAY, 30 * _DAY, 120 * _DAY)
"""When a settled payment is looked at again for disputes whose webhook was lost."""
WATCH_REFUND_S = (_HOUR, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY)
"""When a refund that succeeded is looked at again: it may still fail days later."""


def idempotency_key(attempt_id: AttemptId, call: str, number: int = 0) -> str:
    """Our key for one call of one attempt, the same whenever that call is repeated.

    A key that met an error 500 answers so for ever, so after looking what became of the request
    the next one carries the next number.
    """
    return f"{attempt_id}-{call}-{number}"


def attempt_in(metadata: object) -> UUID | None:
    """The attempt that a metadata text names; None when it is not an id of ours."""
    try:
        return UUID(metadata) if isinstance(metadata, str) else None
    except ValueError:
        return None


CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)
"""Seconds before each question: at 5, 15, 30, 60 and 120 s, doubling, then each 15 minutes."""


def check_delay(
    checks: int, age: timedelta | None, kind: Literal["payment", "refund"], *, speed: Decimal
) -> timedelta | None:
    """How long to wait before the next question; None when it is time for people to look.

    Args:
        checks: questions asked so far.
        age: time since the attempt began; with it, neither a flood of notices nor a day's
            standstill of ours ends the asking early.
        kind: a refund is asked about for a month, each six hours after the first day.
        speed: divides every delay.
    """
    if checks < len(CHECK_GAPS_S):
        return sped_up(CHECK_GAPS_S[checks], speed)
    limit_s = REFUND_GIVE_UP_AFTER_S if kind == "refund" else GIVE_UP_AFTER_S
    if age is None or age >= sped_up(limit_s, speed):
        return None
    return sped_up(_LATE_GAP_S if kind == "refund" else _CHECK_GAP_S_MAX, speed)


def watch_delay(moments_s: Sequence[int], age: timedelta, *, speed: Decimal) -> timedelta | None:
    """Time from `age` to the next of these moments after the beginning; None after the last."""
    for moment_s in moments_s:
        left = sped_up(moment_s, speed) - age
        if left > timedelta(0):
            return left
    return None
