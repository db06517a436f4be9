"""Payouts pause in a currency in which PayPal refused one for lack of money, or in every currency
when PayPal refused our account. Each process pauses by itself, and tries again after the pause.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from prometheus_client import Gauge

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.errors import ProviderThrottled
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger
from paypal_worker import payout_refusals
from paypal_worker.payout_waits import pause_s
from paypal_worker.transport import RequestRefused

PAUSED = "payouts_paused"
ACCOUNT_PAUSE_S = 300
_EVERY_CURRENCY = "all"

PAYOUTS_PAUSED = Gauge(
    "cift_paypal_payouts_paused",
    "1 while this process sends no payouts, by currency: PayPal refused one for lack of money. "
    "`all`: PayPal refused our account.",
    ["currency"],
)

log = get_logger()


class PayoutPause:
    """When payouts may be sent again."""

    def __init__(self, clock: Clock, speed: Decimal) -> None:
        """`speed` divides every pause."""
        self._clock = clock
        self._speed = speed
        self._until: dict[str, float] = {}
        self._short: dict[str, Money] = {}

    def begin(self, amount: Money, *, round_number: int = 0) -> timedelta:
        """Pause the payouts of a currency; an operator must add money. Returns the pause.

        Args:
            amount: what could not be paid out.
            round_number: how often it could not be paid out before; the pause grows with it.
        """
        left = self._begin(amount.currency, pause_s(round_number))
        least = min(self._short.get(amount.currency, amount), amount, key=lambda one: one.minor)
        self._short[amount.currency] = least
        log.error("paypal.payouts.balance_too_low", currency=amount.currency, pause=str(left))
        return left

    def refused(self, error: RequestRefused, amount: Money) -> timedelta | None:
        """Pause payouts if a refusal is about our balance or our account, not about this payout."""
        if payout_refusals.lacks_funds(error.error):
            return self.begin(amount)
        return self.account_refused(error)

    def account_refused(self, error: RequestRefused) -> timedelta | None:
        """Pause every payout if a refusal is about our account."""
        if payout_refusals.is_about_our_account(error.error, error.status):
            return self.begin_all(error.issue)
        return None

    def begin_all(self, issue: str) -> timedelta:
        """Pause every payout: PayPal refused our account, and an operator must act."""
        left = self._begin(_EVERY_CURRENCY, ACCOUNT_PAUSE_S)
        log.error("paypal.payouts.account_refused", issue=issue[:64], pause=str(left))
        return left

    def _begin(self, name: str, seconds: int) -> timedelta:
        left = sped_up(seconds, self._speed)
        self._until[name] = self._clock.monotonic() + left.total_seconds()
        PAYOUTS_PAUSED.labels(name).set(1)
        return left

    def end(self, currency: str) -> None:
        """A payout was accepted: nothing is paused any more."""
        for name in (currency, _EVERY_CURRENCY):
            if self._until.pop(name, None) is not None:
                PAYOUTS_PAUSED.labels(name).set(0)
                log.info("paypal.payouts.resumed", currency=name)
        self._short.pop(currency, None)

    def balances_read(self, balances: Sequence[Money]) -> None:
        """End the pause of each currency that has the money again for the smallest payout."""
        for balance in balances:
            short = self._short.get(balance.currency)
            if short is not None and short < balance:
                self.end(balance.currency)

    def left(self, currency: str) -> timedelta | None:
        """The rest of the pause; None: payouts of this currency may be sent."""
        now = self._clock.monotonic()
        until = max(self._until.get(name, now) for name in (currency, _EVERY_CURRENCY))
        return timedelta(seconds=until - now) if until > now else None

    def check(self, currency: str) -> None:
        """Refuse to send during the pause.

        Raises:
            ProviderThrottled: nothing was sent.
        """
        left = self.left(currency)
        if left is not None:
            raise throttled(left)


def throttled(left: timedelta) -> ProviderThrottled:
    """The error of a payout that was certainly not carried out, and is sent again later."""
    seconds = int(left.total_seconds()) + 1
    return ProviderThrottled(PAUSED, "payouts by PayPal are paused", retry_after_s=seconds)
