"""Payouts pause after M-Pesa refused one because our balance is too low.

M-Pesa OpenAPI can't be asked for the balance. Each process pauses by itself and reports it, so the
gateway refuses new withdrawals (`float_low`); after the pause one payout is tried again.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from prometheus_client import Gauge

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.observability.log import get_logger
from vodacom_worker.domain import CURRENCY

PAUSES_S = (60, 120, 300, 600)
"""Seconds of the first, second ... pause in a row."""

PAYOUTS_PAUSED = Gauge(
    "cift_mpesa_tz_payouts_paused",
    "1 while this process sends no payouts: M-Pesa refused one because our balance is too low.",
)

log = get_logger()


class PayoutPause:
    """When payouts may be sent again."""

    def __init__(self, clock: Clock, speed: Decimal) -> None:
        """`speed` divides every pause."""
        self._clock = clock
        self._speed = speed
        self._until: float | None = None
        self._refusals = 0
        PAYOUTS_PAUSED.set(0)

    def begin(self) -> timedelta:
        """Pause: an operator must add money. Returns the pause."""
        left = self.left()
        if left is not None:  # payouts that were sent together make one pause
            return left
        pause = sped_up(PAUSES_S[min(self._refusals, len(PAUSES_S) - 1)], self._speed)
        self._refusals += 1
        self._until = self._clock.monotonic() + pause.total_seconds()
        PAYOUTS_PAUSED.set(1)
        log.error("mpesa_tz.payouts.balance_too_low", pause=str(pause))
        return pause

    def end(self) -> None:
        """A payout was paid: there is money again."""
        if self._until is not None:
            log.info("mpesa_tz.payouts.resumed")
        self._until, self._refusals = None, 0
        PAYOUTS_PAUSED.set(0)

    def left(self) -> timedelta | None:
        """The rest of the pause; None: payouts may be sent."""
        now = self._clock.monotonic()
        if self._until is not None and self._until > now:
            return timedelta(seconds=self._until - now)
        PAYOUTS_PAUSED.set(0)
        return None

    def low(self) -> Sequence[str]:
        """The currency while payouts are paused."""
        return () if self.left() is None else (CURRENCY,)
