"""Rules of card payments as pure functions: no network, no clock, no settings."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from cift_shared.attempts.polling_schedule import gaps_s, sped_up
from cift_shared.ids import AttemptId

API_VERSION = "2026-10-28.endive"
"""API version of requests and answers; changes together with the library (stripe==16.1)."""

ATTEMPT_NAME = "cift_attempt"
"""The metadata field with the attempt that created a Stripe object."""

GIVE_UP_AFTER_S = 24 * 60 * 60
"""From this age on an operator must decide an open payment. Time alone never makes one fail."""
REFUND_GIVE_UP_AFTER_S = 30 * GIVE_UP_AFTER_S
"""The same for a refund, which may be pending for weeks. Source: docs.stripe.com/refunds."""

_CHECKS_AT_S = (5, 15, 30, 60, 120)
_CHECK_GAP_S_MAX = 900
_REFUND_GAP_S = 6 * 60 * 60

_HOUR, _DAY = 60 * 60, 24 * 60 * 60
WATCH_FOR_FEE_S = (15 * 60, _HOUR, 6 * _HOUR, _DAY, 3 * _DAY)
"""When a settled payment is read again while Stripe's fee is unknown; ages in seconds."""
WATCH_DEPOSIT_S = (_DAY, 30 * _DAY, 120 * _DAY)
"""When a settled payment is read again, to find disputes whose webhook was lost; in seconds."""
WATCH_REFUND_S = (_HOUR, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY)
"""When a succeeded refund is read again, as it may still fail days later; ages in seconds."""


def idempotency_key(attempt_id: AttemptId, call: str, number: int = 0) -> str:
    """Our idempotency key for one call of one attempt, the same whenever that call is repeated.

    Stripe repeats an error 500 for the same key. So after the worker has queried the outcome of the
    request, the next request uses the next number.
    """
    return f"{attempt_id}-{call}-{number}"


def attempt_in(metadata: object) -> UUID | None:
    """The attempt id in a metadata text; None when the text is not an id."""
    try:
        return UUID(metadata) if isinstance(metadata, str) else None
    except ValueError:
        return None


CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)
"""Seconds before each query: at 5, 15, 30, 60 and 120 s, doubling, then every 15 minutes."""


def check_delay(
    checks: int, age: timedelta | None, kind: Literal["payment", "refund"], *, speed: Decimal
) -> timedelta | None:
    """How long to wait before the next query; None when an operator must decide the payment.

    Args:
        checks: the number of queries so far.
        age: time since the attempt began. Queries end by age and not only by count, so neither
            many notices nor a day of downtime of ours ends them early.
        kind: a refund is queried for a month, every six hours after the first day.
        speed: divides every delay.
    """
    if checks < len(CHECK_GAPS_S):
        return sped_up(CHECK_GAPS_S[checks], speed)
    limit_s = REFUND_GIVE_UP_AFTER_S if kind == "refund" else GIVE_UP_AFTER_S
    if age is None or age >= sped_up(limit_s, speed):
        return None
    return sped_up(_REFUND_GAP_S if kind == "refund" else _CHECK_GAP_S_MAX, speed)


def watch_delay(ages_s: Sequence[int], age: timedelta, *, speed: Decimal) -> timedelta | None:
    """Time from `age` to the next of these ages; None after the last."""
    for age_s in ages_s:
        delay = sped_up(age_s, speed) - age
        if delay > timedelta(0):
            return delay
    return None
