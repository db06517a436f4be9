"""Rules of PayPal payments as pure functions: no network, no clock, no settings."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from cift_shared.attempts.polling_schedule import gaps_s, sped_up
from cift_shared.ids import AttemptId

_HOUR, _DAY = 60 * 60, 24 * 60 * 60

GIVE_UP_AFTER_S = _DAY
"""From this age on an operator must decide an open payment. Time alone never makes one fail."""
SLOW_GIVE_UP_AFTER_S = 45 * _DAY
"""The same for a pending capture (a review, an eCheck) and for a refund."""

_CHECKS_AT_S = (5, 15, 30, 60, 120)
_CHECK_GAP_S_MAX = 900
_SLOW_GAP_S = 6 * _HOUR

WATCH_REFUND_S = (_HOUR, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY)
"""When a completed refund is read again, as it may still fail days later; ages in seconds."""

WATCH_DEPOSIT_S = (_DAY, 30 * _DAY, 90 * _DAY, 180 * _DAY)
"""When a settled deposit is read again, to find disputes and reversals whose webhook was lost.
Payers have 180 days to open a dispute. Source: paypal.com/us/legalhub, "User Agreement"."""

ORDER_KEY_LASTS = timedelta(hours=5)
"""How long PayPal certainly knows our key of an order. Source: PayPal's description of Orders v2,
`PayPal-Request-Id`: six hours."""

RETURNS_MAX = 1
"""How often a payer is sent back to PayPal's page after a declined payment."""

Pace = Literal["payment", "slow"]


def create_key(attempt_id: AttemptId, number: int = 0) -> str:
    """Our key of the order; `number` grows when PayPal holds another request under the key."""
    return f"{attempt_id}:{number}" if number else str(attempt_id)


def capture_key(attempt_id: AttemptId, approval: int) -> str:
    """Our key of the capture after the first or a later approval of the same order."""
    return f"{attempt_id}:capture:{approval}" if approval else f"{attempt_id}:capture"


CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_CHECK_GAP_S_MAX, until_s=GIVE_UP_AFTER_S)
"""Seconds before each query: at 5, 15, 30, 60 and 120 s, doubling, then every 15 minutes."""


def check_delay(
    checks: int, age: timedelta | None, pace: Pace, *, speed: Decimal
) -> timedelta | None:
    """How long to wait before the next query; None when an operator must decide the payment.

    Args:
        checks: the number of queries so far.
        age: time since the attempt began. Queries end by age and not only by count, so neither
            many notices nor a day of downtime of ours ends them early.
        pace: `slow` for what PayPal may take weeks for: every six hours after the first day.
        speed: divides every delay.
    """
    if checks < len(CHECK_GAPS_S):
        return sped_up(CHECK_GAPS_S[checks], speed)
    limit_s = SLOW_GIVE_UP_AFTER_S if pace == "slow" else GIVE_UP_AFTER_S
    if age is None or age >= sped_up(limit_s, speed):
        return None
    return sped_up(_SLOW_GAP_S if pace == "slow" else _CHECK_GAP_S_MAX, speed)


def watch_delay(ages_s: Sequence[int], age: timedelta, *, speed: Decimal) -> timedelta | None:
    """Time from `age` to the next of these ages; None after the last."""
    for age_s in ages_s:
        delay = sped_up(age_s, speed) - age
        if delay > timedelta(0):
            return delay
    return None
