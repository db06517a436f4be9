"""Delete expired rows: idempotency keys, quotes, notices and methods that providers have deleted.

Idempotency keys after 30 days, published notices after 90, quotes a day after they expired, saved
methods 30 days after the provider has deleted them, reports of silent workers and requests to
verify payments after a day.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from cift_shared.clock import Clock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.observability.log import get_logger
from gateway.idempotency.store import IdempotencyStore
from gateway.payment_methods.repository import MethodRepository
from gateway.payment_options.repository import RailStatusRepository
from gateway.payments.repository import PaymentRepository
from gateway.quotes.repository import QuoteRepository
from gateway.webhooks.repository import NoticeRepository

EVERY_S = 60.0
NOTICE_LIFETIME = timedelta(days=90)
EXPIRED_QUOTE_LIFETIME = timedelta(days=1)
"""Until then a payment with the quote is refused as `quote_expired`, not `quote_not_found`."""
DETACHED_LIFETIME = timedelta(days=30)
"""Until then a result that Kafka delivers again still finds its method."""
SILENT_PROCESS_LIFETIME = timedelta(days=1)
"""Until then payment options show since when no process has reported."""
VERIFICATION_LIFETIME = timedelta(days=1)
"""Far longer than `VERIFY_EVERY`, the minimum time between two of one payment."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes a bounded number of old rows once a minute."""

    keys: IdempotencyStore
    notices: NoticeRepository
    quotes: QuoteRepository
    methods: MethodRepository
    statuses: RailStatusRepository
    payments: PaymentRepository
    clock: Clock
    name: str = "gateway-housekeeping"

    async def run(self) -> None:
        """Delete old rows until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.delete_expired()
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("gateway.housekeeping.failed", error=repr(error))

    async def delete_expired(self) -> None:
        """Delete some of the rows that are past their lifetime."""
        now = self.clock.now()
        await self.keys.delete_old(expired_before=now)
        await self.notices.delete_old(received_before=now - NOTICE_LIFETIME)
        await self.quotes.delete_old(expired_before=now - EXPIRED_QUOTE_LIFETIME)
        await self.methods.delete_old(before=now - DETACHED_LIFETIME)
        await self.statuses.delete_old(seen_before=now - SILENT_PROCESS_LIFETIME)
        await self.payments.delete_old_verifications(before=now - VERIFICATION_LIFETIME)
