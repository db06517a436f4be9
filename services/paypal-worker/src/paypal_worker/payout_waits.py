"""How long to wait for a payout, and how long its id protects it; pure.

Sources: developer.paypal.com/payouts/use-payouts/handle-unclaimed-payouts (30 days), and PayPal's
description of Payouts v1: a `sender_batch_id` and a `PayPal-Request-Id` are remembered for 30 days.
"""

from datetime import timedelta
from decimal import Decimal

from cift_shared.attempts.polling_schedule import gaps_s, sped_up

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400

RESEND_FOR = timedelta(days=20)
"""After this age a payout that may have been sent is not sent again: PayPal forgets its id after
30 days, and would pay once more. PayPal's memory does not run faster with a faster twin."""
RESEND_ROUNDS_FOR = timedelta(hours=24)
"""How long a payout that PayPal denied for lack of money is tried again."""
CANCEL_UNCLAIMED_AT_S = 29 * _DAY_S
"""From when an unclaimed payout is canceled by us; PayPal itself returns it after 30 days."""
GIVE_UP_AFTER_S = 45 * _DAY_S
"""From this age on an operator must decide a payout that is still open."""

_CHECKS_AT_S = (5, 10, 20, 40, 60, 120, 300, 600)
_GAP_S_MAX = _HOUR_S
CHECK_GAPS_S = gaps_s(_CHECKS_AT_S, gap_max_s=_GAP_S_MAX, until_s=_DAY_S)
"""Seconds before each query; notices cause earlier ones."""

_WATCH_AT_S = (
    _HOUR_S, _DAY_S, 3 * _DAY_S, 7 * _DAY_S, 14 * _DAY_S, 30 * _DAY_S, 60 * _DAY_S, 180 * _DAY_S,
)  # fmt: skip
"""Ages at which a paid payout is read again: PayPal posts no event when it reverses one."""

_PAUSE_S, _PAUSE_S_MAX = 60, _HOUR_S


def check_delay(checks: int, age: timedelta, *, speed: Decimal) -> timedelta | None:
    """How long to wait before the next query; None when an operator must decide.

    Args:
        checks: the number of queries so far.
        age: time since the payout began. Queries end by age, not by count.
        speed: divides every delay.
    """
    if age >= sped_up(GIVE_UP_AFTER_S, speed):
        return None
    gap_s = CHECK_GAPS_S[checks] if checks < len(CHECK_GAPS_S) else _GAP_S_MAX
    return sped_up(gap_s, speed)


def watch_delay(age: timedelta, *, speed: Decimal) -> timedelta | None:
    """How long to wait before a paid payout is read again; None: never again."""
    moments = (sped_up(at_s, speed) for at_s in _WATCH_AT_S)
    return next((moment - age for moment in moments if moment > age), None)


def may_resend(age: timedelta) -> bool:
    """True while PayPal certainly knows the id of a payout that may have been sent."""
    return age < RESEND_FOR


def is_unclaimed_too_long(unclaimed_for: timedelta, *, speed: Decimal) -> bool:
    """True when we must cancel a payout that nobody claims."""
    return unclaimed_for >= sped_up(CANCEL_UNCLAIMED_AT_S, speed)


def pause_s(round_number: int) -> int:
    """Seconds without payouts after PayPal refused one for lack of money; longer each time."""
    return int(min(_PAUSE_S * 2 ** min(round_number, 10), _PAUSE_S_MAX))
