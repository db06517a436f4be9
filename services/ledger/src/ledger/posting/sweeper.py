"""The sweeper: publish commands again for payments whose worker has sent no result in time.

It publishes the command of such a payment again and again, at growing intervals, so no accepted
payment is lost; a worker that has stored the command already recognises its id and ignores it.
Payments that stay silent, and payments in review, are counted in a metric. The sweeper also ends
operators' holds whose expiry time has passed.
"""

import asyncio
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from cift_shared.clock import Clock
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from ledger.posting.store import LedgerStore

SWEEP_ROWS_MAX = 200

STUCK = Gauge(
    "cift_payments_stuck", "Payments overdue or in review, by state.", ["method", "status"]
)
SWEPT = Counter("cift_payments_swept_total", "Commands published again.")

log = get_logger()


class Sweeper:
    """Looks for overdue payments and expired holds at a fixed interval."""

    name = "sweeper"

    def __init__(
        self,
        store: LedgerStore,
        clock: Clock,
        *,
        interval_s: int,
        wake_relay: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._interval_s = interval_s
        self._wake_relay = wake_relay

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep_once()
            await asyncio.sleep(self._interval_s)

    async def sweep_once(self) -> int:
        """Sweep all that is due now; returns the number of commands published again."""
        now, total = self._clock.now(), 0
        while swept := await self._store.sweep(now=now, limit=SWEEP_ROWS_MAX):
            failpoint("ledger.after_sweep")
            total += swept
            self._wake_relay()
        if total:
            SWEPT.inc(total)
            log.warning("ledger.payments.swept", payments=total)
        await self._expire_holds()
        await self._count_stuck()
        return total

    async def _expire_holds(self) -> None:
        now = self._clock.now()
        while expired := await self._store.expire_holds(now=now, limit=SWEEP_ROWS_MAX):
            failpoint("ledger.after_expiry")
            log.info("ledger.holds.expired", holds=expired)

    async def _count_stuck(self) -> None:
        stuck = await self._store.stuck(now=self._clock.now())
        STUCK.clear()
        for group in stuck:
            STUCK.labels(group.method, group.status).set(group.payments)
